// A stream in a video element. The page around it is in page/.
//
// A player is a loop, and one turn of the loop is one connection: play until the connection ends, say
// why, wait a little, connect again. Whatever happens (new tracks, a restarted server, a lost
// network) ends the connection, so this loop is all there is to recovering. The last picture stays
// until the next connection has brought something.

import { Captions } from "./captions.js";
import { Connection } from "./connection.js";
import { now } from "./events.js";
import { Native } from "./native.js";
import { Pace } from "./pace.js";
import { Retries } from "./retries.js";
import { Screen } from "./screen.js";
import { Selection } from "./selection.js";
import { request, Trouble } from "./server.js";
import { asleep } from "./tracks.js";

/** @import { StreamStatus } from "../types.d.ts" */
/** @import { Choice } from "./tracks.js" */

/**
 * What a player is doing, for page/words.js to say: missing are tracks that this browser does not
 * decode, and slow is the bitrate that the connection does not carry.
 *
 * @typedef {{ kind: "paused" | "connecting" | "blocked" }
 *   | { kind: "unplayable", codecs: string[] }
 *   | { kind: "retrying", seconds: number, trouble: Trouble }
 *   | { kind: "waiting", reason: string }
 *   | { kind: "silent", seconds: number }
 *   | { kind: "playing", missing: "video" | "audio" | undefined, codecs: string[], latency: number,
 *       slow: number | undefined }} Condition
 */

/** The player of a stream. */
export class Player {
  /** Whether anybody sees or hears the stream; see want(). */
  wanted = false;
  /** What the server said last. @type {StreamStatus | null} */
  status = null;
  selection = new Selection();
  /** @type {Connection | null} */
  #connection = null;
  #retries = new Retries();
  /** Why the last connection has ended, until the next one begins. @type {Trouble | null} */
  #trouble = null;
  #wake = () => {};

  /**
   * @param {string} name the stream's.
   * @param {HTMLVideoElement} video
   * @param {HTMLCanvasElement} canvas lies over the video.
   */
  constructor(name, video, canvas) {
    this.name = name;
    this.screen = new Screen(video, canvas);
    this.captions = new Captions(video);
    this.pace = new Pace(video);
    this.native = new Native(video);
    this.#run();
  }

  /**
   * Play, or leave the server alone.
   *
   * @param {boolean} wanted
   */
  want(wanted) {
    if (this.wanted === wanted) return;
    this.wanted = wanted;
    if (!wanted) {
      this.#connection?.end("paused");
      this.screen.video.pause();
    }
    this.#wake();
  }

  /** Begin the next connection at once, if one is due. */
  hurry() {
    if (this.#trouble) this.#wake();
  }

  /**
   * Play another one of the sounds.
   *
   * @param {string} name
   */
  listen(name) {
    this.selection.sound = name;
    this.#renew("sound chosen");
    this.hurry();
  }

  /**
   * Show the subtitles with this name, and no others.
   *
   * @param {string} name
   */
  read(name) {
    this.selection.text = name;
    const track = this.selection.subtitles;
    this.captions.show(track && `${this.name}.vtt?tracks=${track.number}`);
  }

  /**
   * Let viewers choose from what there is beside what plays.
   *
   * @param {StreamStatus} status
   * @param {Choice} choice what plays.
   */
  offer(status, choice) {
    this.selection.offer(status, choice);
    this.read(this.selection.text);
  }

  /** @returns {Condition} */
  get condition() {
    if (!this.wanted) return { kind: "paused" };
    const trouble = this.#trouble;
    if (trouble) return { kind: "retrying", seconds: this.#retries.left, trouble };
    return this.#connection?.condition ?? { kind: "connecting" };
  }

  /**
   * Ask the server how the stream is.
   *
   * @param {AbortSignal} signal
   */
  async look(signal) {
    const asked = now();
    /** @type {StreamStatus} */
    const status = await (await request(`${this.name}/status`, signal)).json();
    this.status = status;
    this.pace.compare(status, asked, this.#connection?.arrived ?? 0, !asleep(status));
    return status;
  }

  /** Notice what no event tells; some times a second are early enough. */
  tick() {
    this.pace.tick();
    const cause = this.status && this.#connection?.check(this.status);
    if (cause === "tracks changed") this.#renew(cause);
    else if (cause) this.#connection?.end(cause);
  }

  /**
   * End the connection for another one, which begins at once.
   *
   * @param {"tracks changed" | "sound chosen"} cause
   */
  #renew(cause) {
    this.#retries.forgive();
    this.#connection?.end(cause);
  }

  async #run() {
    for (;;) {
      while (!this.wanted) await this.#sleep();
      const began = now();
      const connection = this.#connection = new Connection(this);
      const error = await connection.run().catch((reason) => reason);
      connection.end("interrupted"); // whatever is left of it
      this.#connection = null;
      this.captions.show();
      if (!this.wanted || connection.isUnplayable) continue;
      if (error && !(error instanceof Trouble)) console.warn(error);
      this.#trouble = error instanceof Trouble ? error
        : new Trouble(error ? "unexpected" : "interrupted", error?.message);
      await this.#sleep(this.#retries.after(this.#trouble, connection.arrived - began));
      this.#trouble = null;
    }
  }

  /**
   * Sleep until #wake() is called.
   *
   * @param {number} [seconds] at most so long.
   * @returns {Promise<void>}
   */
  #sleep(seconds) {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (seconds !== undefined) setTimeout(resolve, seconds * 1000);
    });
  }
}
