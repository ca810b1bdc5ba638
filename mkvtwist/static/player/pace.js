// The distance to the live edge: measured, and kept small by the speed of the video.

import { now } from "./events.js";

/** @import { StreamStatus } from "../types.d.ts" */

/** Seconds in hand, and so behind the live edge: decoders want a few pictures. */
const CUSHION = 0.4;
/** Seconds that the cushion may grow to when media arrive in bursts. */
const CUSHION_MOST = 4;
/** Seconds by which the cushion grows each time the media run dry. */
const CUSHION_STEP = 0.2;
/** The part of the cushion that is left after each tick: back to normal in a minute or two. */
const CUSHION_DECAY = 0.9995;
/** Pictures in hand that Firefox wants: it decodes 10 ahead, and those that wait to be reordered. */
const AHEAD = 16;
/** Seconds beside the cushion before the speed is changed. */
const SLACK = 0.15;
/** Seconds beyond the cushion that are skipped rather than caught up with. */
const HURRY = 2;
/** Seconds on the way from the server from which a connection is too slow. */
const SLOW = 2;

/**
 * Whether this is Firefox: when it runs out of pictures it decodes again from the keyframe on, and
 * shows half of them.
 */
export const IS_FIREFOX = "mozDecodedFrames" in HTMLVideoElement.prototype;

/** The place of a video in a live stream. */
export class Pace {
  /** When the newest media that can be played became another one. */
  moved = 0;
  #edge = 0; // the newest media time that can be played; 0 while it is not known
  #present = -Infinity; // the media time of the live edge at the server, less the time here
  #late = 0; // answers of the server in a row at which media were late
  #least = CUSHION;
  #cushion = CUSHION;
  #jumped = 0; // when the video began to seek

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.video = video;
    video.addEventListener("seeking", () => { this.#jumped = now(); });
    // The next picture may take as long to be there as this one did.
    video.addEventListener("seeked", () => this.#want(now() - this.#jumped));
  }

  /** Forget the stream before: another source is loaded. */
  reset() {
    this.#edge = 0;
    this.moved = now();
  }

  /**
   * Have enough in hand for a picture of this rate.
   *
   * @param {number} rate pictures a second.
   */
  prepare(rate) {
    this.#least = IS_FIREFOX ? Math.min(CUSHION_MOST, Math.max(CUSHION, AHEAD / rate)) : CUSHION;
    this.#cushion = Math.max(this.#cushion, this.#least);
  }

  /**
   * Compare with what the server says.
   *
   * @param {StreamStatus} status
   * @param {number} asked when it was requested.
   * @param {number} heard when media came last.
   * @param {boolean} whole whether media of all tracks are due.
   */
  compare({ live_edge: edge }, asked, heard, whole) {
    this.#present = edge ? edge.media + edge.age - (asked + now()) / 2 : -Infinity;
    const isBehind = Boolean(this.#edge) && this.#present + now() - this.#edge > SLOW;
    const isLate = isBehind && whole && now() - heard < SLOW;
    this.#late = isLate ? this.#late + 1 : 0;
  }

  /**
   * The seconds from what is seen to the live edge, NaN if they are not known: by what has come, and
   * how long ago, or by what the server says, which also knows what is still on its way.
   */
  get latency() {
    if (!this.#edge) return NaN;
    return Math.max(this.#edge + now() - this.moved, this.#present + now()) - this.video.currentTime;
  }

  /**
   * Whether the connection is too slow. It has to be seen twice: a track that has just fallen silent
   * looks the same until the server calls it quiet.
   */
  get isSlow() {
    return this.#late > 1;
  }

  /**
   * Stay near the live edge: skip to it from afar, else play a little faster or slower.
   *
   * @param {TimeRanges} buffered
   */
  follow(buffered) {
    const { video } = this;
    const last = buffered.length - 1;
    const [start, edge] = [buffered.start(last), buffered.end(last)];
    if (edge > this.#edge) [this.#edge, this.moved] = [edge, now()];
    const extra = edge - video.currentTime - this.#cushion;
    if (video.currentTime < start || extra > HURRY) {
      if (!video.seeking) video.currentTime = Math.max(start, edge - this.#cushion);
    } else if (Math.abs(extra) > SLACK) {
      this.#speed(extra > 4 * SLACK ? 1.25 : extra > 0 ? 1.05 : extra > -SLACK * 2 ? 0.95 : 0.8);
    } else if (extra * (video.playbackRate - 1) <= 0) {
      this.#speed(1); // it has arrived
    }
  }

  /** Have more in hand if the media ran dry. */
  stutter() {
    const { video } = this;
    if (!video.seeking && video.currentTime > 0) this.#want(this.#cushion + CUSHION_STEP);
  }

  /** Come back to the usual cushion, a little at a time. */
  tick() {
    this.#cushion = Math.max(this.#least, this.#cushion * CUSHION_DECAY);
  }

  /** @param {number} seconds to have in hand. */
  #want(seconds) {
    this.#cushion = Math.max(this.#cushion, Math.min(CUSHION_MOST, seconds));
  }

  /** @param {number} rate */
  #speed(rate) {
    if (this.video.playbackRate !== rate) this.video.playbackRate = rate;
  }
}
