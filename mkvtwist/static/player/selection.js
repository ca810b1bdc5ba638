// What viewers can choose from: sounds and subtitles, by their names.

import { labels } from "./tracks.js";

/** @import { StreamStatus, Track } from "../types.d.ts" */
/** @import { Choice } from "./tracks.js" */

/** What was offered, and what was chosen; names outlast the tracks of one connection. */
export class Selection {
  /** Names of sounds to choose from. @type {string[]} */
  sounds = [];
  /** The name of the sound that plays. @type {string | undefined} */
  heard = undefined;
  /** The name of the sound that was chosen, if one was. */
  sound = "";
  /** Names of subtitles to choose from. @type {string[]} */
  texts = [];
  /** The name of the subtitles that were chosen, if any were. */
  text = "";
  /** @type {Track[]} */
  #subtitles = [];

  /**
   * Offer what there is beside what plays.
   *
   * @param {StreamStatus} status
   * @param {Choice} choice what plays.
   */
  offer({ tracks }, { sounds, sound }) {
    this.sounds = labels(sounds);
    this.heard = sound && this.sounds[sounds.indexOf(sound)];
    this.#subtitles = tracks.filter(({ formats }) => formats.includes("vtt"));
    this.texts = labels(this.#subtitles);
  }

  /** Offer nothing: the browser chooses by itself. */
  clear() {
    this.sounds = this.texts = [];
  }

  /** The track of the subtitles that were chosen, if there is one. */
  get subtitles() {
    return this.#subtitles[this.texts.indexOf(this.text)];
  }
}
