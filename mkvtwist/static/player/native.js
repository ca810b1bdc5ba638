// Responses that a video element loads by itself, for browsers and codecs that have nothing else.
// Such a video does not stay near the live edge, and plays the tracks that the browser likes.

import { happens } from "./events.js";
import { address, Trouble } from "./server.js";
import { Source, spelled } from "./tracks.js";

/** Formats by the ending of their address, the best first. */
const LOADED = ["mp4", "webm", "mkv"];
if (!Source) LOADED.unshift("m3u8"); // Apple's browsers load HLS, seconds behind the others

/** Seconds until a browser has to show something. */
const START = 15;

/** What a video element has been found to load. */
export class Native {
  #useless = new Set(); // MIME types that this browser says it plays, and does not
  #proven = new Set(); // and those that it has played

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.video = video;
  }

  /**
   * Return the ending of the best format that the browser may be able to load.
   *
   * @param {Record<string, string>} formats the MIME types of the stream by ending.
   */
  pick(formats) {
    return LOADED.find((ending) => {
      const type = formats[ending];
      return type && this.video.canPlayType(spelled(type)) && !this.#useless.has(type);
    });
  }

  /**
   * Play until the media end, or the browser gives up.
   *
   * @param {string} path
   * @param {string} type its MIME type.
   * @param {AbortSignal} signal
   * @param {(url: string) => void} load has the video load its source.
   */
  async play(path, type, signal, load) {
    load(address(path));
    const waiting = new AbortController();
    signal.addEventListener("abort", () => waiting.abort(signal.reason), { signal: waiting.signal });
    const late = setTimeout(() => waiting.abort(new Trouble("not starting")), START * 1000);
    try {
      await happens(this.video, "playing", waiting.signal);
    } catch (error) {
      if (!signal.aborted) await this.#doubt(path, type);
      throw error;
    } finally {
      clearTimeout(late);
    }
    this.#proven.add(type);
    await happens(this.video, "ended", signal);
  }

  /**
   * Never try a type again that did not play although the server has it.
   *
   * @param {string} path
   * @param {string} type
   */
  async #doubt(path, type) {
    const { ok } = await fetch(address(path), { method: "HEAD" }).catch(() => ({ ok: false }));
    if (ok && !this.#proven.has(type)) this.#useless.add(type);
  }
}
