// What is playing: below the picture, in the window's title, and where the system shows media.

import { part, tell } from "../common/dom.js";

/** @import { Player } from "../player/player.js" */
/** @import { Song as Played } from "../types.d.ts" */

/** @param {string} text which anyone who sends may have told: a browser throws at one that is none. */
function isURL(text) {
  try {
    return Boolean(new URL(text));
  } catch {
    return false;
  }
}

/** The song of the stream of a page, if any is known. */
export class Song {
  #player;
  #element;
  #title = document.title;
  #shown = "";

  /**
   * @param {HTMLElement} root
   * @param {Player} player
   */
  constructor(root, player) {
    this.#player = player;
    this.#element = part(root, "song", HTMLElement);
  }

  /** Show what is playing at this moment. */
  draw() {
    const { status } = this.#player;
    if (!status) return;
    const song = status.now;
    const text = song ? [song.artist, song.title].filter(Boolean).join(" - ") : "";
    if (text === this.#shown) return;
    this.#shown = text;
    tell(this.#element, text);
    document.title = text ? `${text} · ${this.#title}` : this.#title;
    this.#announce(song);
  }

  /** @param {Played | null} song */
  #announce(song) {
    if (!("mediaSession" in navigator)) return;
    navigator.mediaSession.metadata = song && new MediaMetadata({
      title: song.title,
      artist: song.artist ?? "",
      album: this.#title,
      artwork: song.artwork && isURL(song.artwork) ? [{ src: song.artwork }] : [],
    });
  }
}
