// Subtitles: a response beside the picture, WebVTT that does not end.

import { sleep } from "./events.js";
import { read, request, Trouble } from "./server.js";

/** Seconds that are requested at once, so that what is to be seen now is among them. */
const RECENT = 60;
/** Seconds before subtitles are requested once more. */
const AGAIN = 2;

/**
 * Return the seconds of what WebVTT writes as hours, minutes and seconds.
 *
 * @param {string} text
 */
const time = (text) => text.split(":").reduce((sum, unit) => 60 * sum + Number(unit), 0);

/**
 * Return a cue as the server writes it, which is not all that WebVTT could be; undefined for a
 * block that is no cue.
 *
 * @param {string} block
 */
function cue(block) {
  const found = /^(\S+) --> (\S+)(.*)\n([^]*)/.exec(block);
  if (!found) return undefined;
  const [, start = "", end = "", settings = "", text = ""] = found;
  const made = new VTTCue(time(start), time(end), text);
  for (const [, name, value = ""] of settings.matchAll(/(line|position|size|align):(\S+)/g)) {
    if (name === "line") {
      made.snapToLines = !value.endsWith("%");
      made.line = parseFloat(value);
    }
    if (name === "position") made.position = parseFloat(value);
    if (name === "size") made.size = parseFloat(value);
    if (name === "align") made.align = /** @type {AlignSetting} */ (value);
  }
  return made;
}

/** The subtitles of a video. */
export class Captions {
  #track;
  #reading = new AbortController();

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.#track = video.addTextTrack("subtitles");
  }

  /**
   * Show what a path has, and what comes there; without a path nothing.
   *
   * @param {string} [path]
   */
  show(path) {
    this.#reading.abort();
    this.#reading = new AbortController();
    this.#track.mode = path ? "showing" : "hidden"; // a track that is disabled has no list of cues
    this.forget(Infinity);
    if (path) this.#keep(path, this.#reading.signal);
  }

  /**
   * Remove what is over before a time.
   *
   * @param {number} before
   */
  forget(before) {
    for (const old of [...(this.#track.cues ?? [])]) {
      if (old.endTime < before) this.#track.removeCue(old);
    }
  }

  /**
   * Request subtitles again and again.
   *
   * @param {string} path
   * @param {AbortSignal} signal
   */
  async #keep(path, signal) {
    while (!signal.aborted) {
      await this.#load(path, signal).catch((error) => {
        if (!signal.aborted && !(error instanceof Trouble)) console.warn(error);
      });
      await sleep(AGAIN, signal).catch(() => {}); // the loop ends
    }
  }

  /**
   * Add the cues of one response, until it ends.
   *
   * @param {string} path
   * @param {AbortSignal} signal
   */
  async #load(path, signal) {
    const response = await request(`${path}&burst=${RECENT}`, signal);
    this.forget(Infinity);
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of read(response, signal)) {
      if (signal.aborted) return;
      const blocks = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const made = cue(block);
        if (made) this.#track.addCue(made);
      }
    }
  }
}
