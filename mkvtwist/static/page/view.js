// One stream on a page: its player, whether anybody attends to it, and what the page says of it.

import { find, part, tell } from "../common/dom.js";
import { Player } from "../player/player.js";
import { Controls } from "./controls.js";
import { Song } from "./song.js";
import { Statistics } from "./statistics.js";
import { describe, describeIdle } from "./words.js";

/** Milliseconds after which an answer of the server is too late to be shown. */
const LATE = 3000;

/** A stream on a page. */
export class View {
  /** Whether it is on the screen, as far as one has scrolled. */
  isVisible = false;
  #isStopped = false; // by hand
  #controls;
  #statistics;
  /** @type {HTMLElement | null} */
  #invitation;
  #song;

  /** @param {HTMLElement} root has the stream's name in data-stream; a link in a wall of streams. */
  constructor(root) {
    const screen = find(root, ".screen", HTMLElement);
    const video = find(screen, "video", HTMLVideoElement);
    const name = root.dataset.stream ?? "";
    this.root = root;
    this.isTile = root.matches("a");
    this.player = new Player(name, video, find(screen, "canvas", HTMLCanvasElement));
    const has = (/** @type {string} */ selector) => root.querySelector(selector) !== null;
    this.#controls = has(".controls") ? new Controls(screen, this.player, () => this.#toggle()) : null;
    this.#statistics = has(".figures") ? new Statistics(root, this.player) : null;
    this.#invitation = root.querySelector("[data-part=publish]");
    this.#song = has("[data-part=song]") ? new Song(root, this.player) : null;
    // Keys for media, and the buttons of a picture in picture.
    video.addEventListener("play", () => { this.#isStopped = false; });
    video.addEventListener("pause", () => {
      const isByHand = !video.ended && !video.error && !document.hidden;
      if (this.player.wanted && isByHand) this.#isStopped = true;
    });
    for (const image of root.querySelectorAll("img")) {
      const hide = () => { image.hidden = true; };
      if (image.complete && !image.naturalWidth) hide();
      image.addEventListener("error", hide);
    }
  }

  /** Whether it should play. A tile neither waits for a stream nor opens its input. */
  get isAttended() {
    const { screen: { video }, status } = this.player;
    if (this.isTile && status?.state !== "live") return false;
    const isElsewhere = !video.muted || document.pictureInPictureElement === video;
    return !this.#isStopped && ((this.isVisible && !document.hidden) || isElsewhere);
  }

  #toggle() {
    if (this.player.screen.isBlocked) this.player.screen.play();
    else this.#isStopped = !this.#isStopped;
  }

  /** Get the figures while somebody sees them. The player notices, and says, what is wrong. */
  look() {
    const { player } = this;
    const isAsking = player.wanted && !player.status;
    if (!this.isVisible || document.hidden || isAsking) return;
    player.look(AbortSignal.timeout(LATE)).catch(() => {});
  }

  /** Show how everything is at this moment. */
  draw() {
    const { player, root } = this;
    player.tick();
    const isPlayers = player.wanted || this.#isStopped;
    const [state, detail] = isPlayers ? describe(player.condition) : describeIdle(player.status);
    if (root.dataset.state !== state) {
      root.dataset.state = state;
      this.look();
    }
    tell(part(root, "state", HTMLElement), state);
    tell(part(root, "detail", HTMLElement), detail);
    if (this.#invitation) this.#invitation.hidden = player.status?.state !== "waiting for a sender";
    this.#controls?.draw(this.#isStopped || player.screen.isBlocked);
    this.#statistics?.draw();
    this.#song?.draw();
  }
}
