// Media Source Extensions: bytes of a response, appended to what a video plays.

import { happens } from "./events.js";
import { Source, spelled } from "./tracks.js";

/** Seconds that were played and stay in memory: whole GOPs are removed. */
const KEEP = 10;

/** What a video plays, while it comes. */
export class Appending {
  #buffer;

  /**
   * Use open().
   *
   * @param {HTMLVideoElement} video
   * @param {SourceBuffer} buffer
   * @param {AbortSignal} signal
   */
  constructor(video, buffer, signal) {
    this.video = video;
    this.signal = signal;
    this.#buffer = buffer;
  }

  /**
   * Give a video a source that can be appended to.
   *
   * @param {HTMLVideoElement} video
   * @param {string} type the MIME type of what will be appended.
   * @param {AbortSignal} signal
   * @param {(url: string) => void} load has the video load its source.
   */
  static async open(video, type, signal, load) {
    if (!Source) throw new Error("this browser has no Media Source Extensions");
    const source = new Source();
    const opened = happens(source, "sourceopen", signal);
    video.disableRemotePlayback = true; // otherwise an iPhone does not open the source
    const url = URL.createObjectURL(source);
    load(url);
    await opened.finally(() => URL.revokeObjectURL(url));
    return new Appending(video, source.addSourceBuffer(spelled(type)), signal);
  }

  /** What can be played. */
  get buffered() {
    return this.#buffer.buffered;
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes */
  async append(bytes) {
    this.#buffer.appendBuffer(bytes);
    await happens(this.#buffer, "updateend", this.signal);
  }

  /**
   * Remove what was played long ago. A removal reaches to the next keyframe, and one has to be left
   * before what is shown.
   *
   * @param {number} gop the seconds from one keyframe to the next.
   * @returns {Promise<number | undefined>} the media time before which nothing is left, if anything
   *   was removed.
   */
  async forget(gop) {
    const old = this.video.currentTime - Math.max(KEEP, 2 * gop);
    if (old <= this.buffered.start(0) + KEEP) return undefined;
    this.#buffer.remove(0, old);
    await happens(this.#buffer, "updateend", this.signal);
    return old;
  }
}
