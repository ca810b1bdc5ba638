// The buttons and lists on a player's picture.

import { part } from "../common/dom.js";

/** @import { Player } from "../player/player.js" */

/** The volume of a video that is unmuted at volume 0. */
const AUDIBLE = 0.5;

/**
 * Show a button's state, to the eye and to the ear.
 *
 * @param {HTMLElement} button
 * @param {boolean} isOn
 * @param {string} label
 */
function mark(button, isOn, label) {
  button.dataset.on = String(isOn);
  if (button.ariaLabel !== label) button.ariaLabel = button.title = label;
}

/**
 * Fill a list, which is shown if there is a choice.
 *
 * @param {HTMLSelectElement} select
 * @param {string[]} values
 * @param {string[]} names the words for the values.
 * @param {string} [chosen]
 */
function offer(select, values, names, chosen = "") {
  select.hidden = values.length < 2;
  const items = JSON.stringify([values, names]);
  if (select.dataset.items !== items) {
    select.dataset.items = items;
    select.replaceChildren(...values.map((value, n) => new Option(names[n], value)));
  }
  const at = Math.max(0, values.indexOf(chosen));
  if (select.selectedIndex !== at) select.selectedIndex = at;
}

/**
 * Let a picture fill the screen, with its controls; on iPhones only a video can, with their own.
 *
 * @param {HTMLElement} screen
 * @param {HTMLVideoElement & { webkitEnterFullscreen?: () => void }} video
 */
function fill(screen, video) {
  if (document.fullscreenEnabled || !video.webkitEnterFullscreen) screen.requestFullscreen();
  else video.webkitEnterFullscreen();
}

/** The controls of a player. */
export class Controls {
  #pause;
  #mute;
  #volume;
  #sound;
  #text;
  #float;
  #full;

  /**
   * @param {HTMLElement} screen the element that has the picture and the controls.
   * @param {Player} player
   * @param {() => void} toggle pauses and resumes.
   */
  constructor(screen, player, toggle) {
    const { video } = player.screen;
    this.player = player;
    this.#pause = part(screen, "pause", HTMLButtonElement);
    this.#mute = part(screen, "mute", HTMLButtonElement);
    this.#volume = part(screen, "volume", HTMLInputElement);
    this.#sound = part(screen, "sound", HTMLSelectElement);
    this.#text = part(screen, "text", HTMLSelectElement);
    this.#float = part(screen, "float", HTMLButtonElement);
    this.#full = part(screen, "full", HTMLButtonElement);
    this.#pause.addEventListener("click", toggle);
    this.#mute.addEventListener("click", () => {
      video.muted = !video.muted;
      video.volume ||= AUDIBLE;
    });
    this.#volume.addEventListener("input", () => {
      video.volume = this.#volume.valueAsNumber / 100;
      video.muted = video.volume === 0;
    });
    this.#sound.addEventListener("change", () => player.listen(this.#sound.value));
    this.#text.addEventListener("change", () => player.read(this.#text.value));
    this.#float.addEventListener("click", () => {
      if (document.pictureInPictureElement) document.exitPictureInPicture();
      else video.requestPictureInPicture().catch(() => {}); // there is no picture yet
    });
    this.#full.addEventListener("click", () => {
      if (document.fullscreenElement) document.exitFullscreen();
      else fill(screen, video);
    });
  }

  /** @param {boolean} isStill whether the button starts the video rather than pauses it. */
  draw(isStill) {
    const { selection, screen: { video } } = this.player;
    const isFull = Boolean(document.fullscreenElement);
    mark(this.#pause, isStill, isStill ? "Play" : "Pause");
    mark(this.#mute, video.muted, video.muted ? "Unmute" : "Mute");
    mark(this.#full, isFull, isFull ? "Leave full screen" : "Full screen");
    this.#volume.valueAsNumber = video.muted ? 0 : video.volume * 100;
    this.#float.hidden = !document.pictureInPictureEnabled;
    const { sounds, heard, texts, text } = selection;
    offer(this.#sound, sounds, sounds, heard);
    offer(this.#text, ["", ...texts], ["No subtitles", ...texts], text);
  }
}
