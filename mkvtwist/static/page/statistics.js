// The figures of a stream below its picture.

import { part, tell } from "../common/dom.js";
import { describeTrack, megabits, pixels, seconds } from "./words.js";

/** @import { Player } from "../player/player.js" */

const UNKNOWN = "–";

/** The figures of a player and of its stream. */
export class Statistics {
  #latency;
  #size;
  #bitrate;
  #viewers;
  #tracks;

  /**
   * @param {HTMLElement} root
   * @param {Player} player
   */
  constructor(root, player) {
    this.player = player;
    this.#latency = part(root, "latency", HTMLElement);
    this.#size = part(root, "size", HTMLElement);
    this.#bitrate = part(root, "bitrate", HTMLElement);
    this.#viewers = part(root, "viewers", HTMLElement);
    this.#tracks = part(root, "tracks", HTMLElement);
  }

  /** Show how everything is at this moment. */
  draw() {
    const { condition, screen: { video }, status } = this.player;
    const latency = condition.kind === "playing" && condition.missing !== "video" && condition.latency;
    tell(this.#latency, latency ? seconds(latency) : UNKNOWN);
    const { videoWidth: width, videoHeight: height } = video;
    tell(this.#size, width ? pixels({ width, height }) : UNKNOWN);
    if (!status) return;
    tell(this.#bitrate, megabits(status.bitrate, 2));
    tell(this.#viewers, String(status.clients + status.hls_viewers));
    const lines = status.tracks.map(describeTrack);
    if (this.#tracks.childElementCount === lines.length && this.#tracks.innerText === lines.join("\n")) return;
    this.#tracks.replaceChildren(...lines.map((text) =>
      Object.assign(document.createElement("li"), { textContent: text })));
  }
}
