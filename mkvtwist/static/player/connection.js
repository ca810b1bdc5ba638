// One connection: ask what there is, request it, play what comes until the response ends.
//
// Media Source Extensions come first: only with them can a player stay near the live edge, with a
// picture and one sound out of all that there are.

import { Appending } from "./appending.js";
import { now, sleep, undecodable } from "./events.js";
import { IS_FIREFOX } from "./pace.js";
import { read, request, Trouble } from "./server.js";
import { asleep, choose, lacking, lively, undecoded } from "./tracks.js";
import { LongClusters } from "./webm.js";

/** @import { StreamStatus } from "../types.d.ts" */
/** @import { Condition, Player } from "./player.js" */
/** @import { Choice } from "./tracks.js" */
/** @import { Cause } from "./server.js" */

/** Seconds without data from a live stream, before another connection is tried. */
const SILENCE = 6;
/** Seconds without data after which viewers are told. */
const SILENCE_TOLD = 2;
/** Seconds behind the live edge at which the server is to skip ahead. */
const LAG = 5;
/** Seconds between two questions whether there is something to play. */
const ASK = 2;
/** Seconds in which data comes and nothing more can be played: a track is missing. */
const STALLED = 1;
/** Pictures a second of a track that does not tell its rate. */
const RATE = 25;

/** A connection of a player. */
export class Connection {
  /** Whether this browser can play nothing of the stream. */
  isUnplayable = false;
  /** When data came; 0 before any did. */
  arrived = 0;
  #isPlaying = false;
  #asked = 0; // when the server was asked which track is missing
  #asleep = ""; // the tracks of which nothing came when the connection began
  /** The first type of tracks that is not played. @type {"video" | "audio" | undefined} */
  #missing = undefined;
  #ending = new AbortController();

  /** @param {Player} player what plays. */
  constructor(player) {
    this.player = player;
  }

  /**
   * End the connection.
   *
   * @param {Cause} cause
   */
  end(cause) {
    this.#ending.abort(new Trouble(cause));
  }

  /**
   * Play until the connection ends.
   *
   * @returns {Promise<void>} rejected with a Trouble, unless the response has ended by itself.
   */
  async run() {
    const { native, selection } = this.player;
    const status = await this.#findTracks();
    const choice = choose(status, selection.sound);
    const missing = lacking(status, choice);
    const isWhole = choice.tracks.length > 0 && !missing.length;
    const ending = native.pick(status.formats);
    this.#asleep = asleep(status);
    this.#missing = ending ? undefined : missing[0];
    if (ending && !isWhole) return this.#load(ending, status.formats[ending] ?? "");
    if (choice.tracks.length) return this.#append(status, choice);
    return this.#waitForOthers(status);
  }

  /** @returns {Condition} */
  get condition() {
    const { screen: { isBlocked, video }, pace, status } = this.player;
    const reason = status && status.state !== "live" ? status.reason : "";
    if (this.isUnplayable) return { kind: "unplayable", codecs: status ? undecoded(status) : [] };
    if (!this.#isPlaying || !status) return reason ? { kind: "waiting", reason } : { kind: "connecting" };
    if (isBlocked) return { kind: "blocked" };
    const seconds = Math.floor(now() - this.arrived);
    if (seconds > SILENCE_TOLD) return reason ? { kind: "waiting", reason } : { kind: "silent", seconds };
    const isEmpty = video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA && !video.currentTime;
    if (isEmpty) return { kind: "connecting" };
    const lacks = this.#missing ?? (video.videoWidth ? undefined : "video");
    const codecs = lacks ? undecoded(status, [lacks]) : [];
    const missing = this.#missing || codecs.length ? lacks : undefined; // or there is no picture at all
    const slow = pace.isSlow ? status.bitrate : undefined;
    return { kind: "playing", missing, codecs, latency: pace.latency, slow };
  }

  /**
   * Notice what no event tells; some times a second are early enough.
   *
   * @param {StreamStatus} status
   * @returns {Cause | undefined} why the connection has to end, if it has to.
   */
  check(status) {
    if (!this.#isPlaying) return undefined;
    if (status.tracks.length && this.#asleep !== asleep(status)) return "tracks changed";
    return now() - this.arrived > SILENCE && status.state === "live" ? "silent" : undefined;
  }

  /** @param {string} url what the video is to load. */
  #start = (url) => {
    const { pace, screen } = this.player;
    screen.load(url);
    pace.reset();
    screen.video.addEventListener("waiting", () => pace.stutter(), { signal: this.#ending.signal });
    this.arrived = this.#asked = now();
    this.#isPlaying = true;
  };

  /** Ask the server until there is something to play. */
  async #findTracks() {
    const { player } = this;
    const { signal } = this.#ending;
    let status = await player.look(signal);
    while (!status.tracks.length) {
      if (status.state === "waiting for a client") {
        // The input opens for a request, and Matroska holds whatever will come.
        const { body } = await request(`${player.name}.mkv?burst=0`, signal);
        body?.cancel();
      } else {
        await sleep(ASK, signal);
      }
      status = await player.look(signal);
    }
    return status;
  }

  /**
   * Ask the server until there are other tracks.
   *
   * @param {StreamStatus} status
   */
  async #waitForOthers(status) {
    this.isUnplayable = true;
    const before = JSON.stringify(lively(status));
    const { signal } = this.#ending;
    do await sleep(ASK, signal);
    while (JSON.stringify(lively(await this.player.look(signal))) === before);
  }

  /**
   * Play a response by appending what comes, until it ends.
   *
   * @param {StreamStatus} status
   * @param {Choice} choice
   */
  async #append(status, choice) {
    const { captions, name, pace, screen: { video } } = this.player;
    const { ending, picture, tracks } = choice;
    const { signal } = this.#ending;
    const others = status.tracks.filter(({ type }) => type !== "subtitle").length - tracks.length;
    const only = others ? `&tracks=${tracks.map(({ number }) => number)}` : "";
    const response = await request(`${name}.${ending}?burst=0&lag=${LAG}${only}`, signal);
    pace.prepare(picture?.frame_rate ?? RATE);
    video.addEventListener("error", () => this.#ending.abort(undecodable()), { signal });
    const type = response.headers.get("Content-Type") ?? "";
    const longer = IS_FIREFOX && ending === "webm" && picture ? new LongClusters(picture.number) : null;
    let appending;
    for await (const bytes of read(response, signal)) {
      if (!appending) { // the last picture stays until there is another one
        appending = await Appending.open(video, type, signal, this.#start);
        this.player.offer(status, choice);
      }
      this.arrived = now();
      await appending.append(longer ? longer.push(bytes) : bytes);
      this.#askIfStalled();
      if (!appending.buffered.length) continue;
      pace.follow(appending.buffered);
      const forgotten = await appending.forget(this.player.status?.segment_seconds ?? 0);
      if (forgotten !== undefined) captions.forget(forgotten);
    }
  }

  /** Ask the server which track is missing, if data comes and nothing more can be played. */
  #askIfStalled() {
    const { pace, status } = this.player;
    if (!status || now() - Math.max(pace.moved, this.#asked) <= STALLED) return;
    this.#asked = now();
    this.player.look(this.#ending.signal).catch(() => {}); // check() sees the answer
  }

  /**
   * Let the browser load by itself, until it ends or gives up.
   *
   * @param {string} ending
   * @param {string} type the MIME type.
   */
  async #load(ending, type) {
    const { name, native, screen, selection } = this.player;
    const { signal } = this.#ending;
    screen.video.addEventListener("progress", () => { this.arrived = now(); }, { signal });
    selection.clear();
    const path = ending === "m3u8" ? `${name}/index.m3u8` : `${name}.${ending}`;
    try {
      await native.play(path, type, signal, this.#start);
    } finally {
      screen.unload(); // otherwise the browser goes on loading
    }
  }
}
