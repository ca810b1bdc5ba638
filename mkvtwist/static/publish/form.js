// What a person chooses: source, devices, quality.

import { find } from "../common/dom.js";
import { DEFAULT, NONE, SHARED, devices } from "./capture.js";

/** @import { Kind, Wish } from "./capture.js" */

/** @type {Kind[]} */
const KINDS = ["camera", "screen", "microphone"];

/** @param {unknown} text @returns {Kind} */
const kindOf = (text) => KINDS.find((kind) => kind === text) ?? "camera";

/**
 * Fill a list, and keep what is chosen if it is still there.
 *
 * @param {HTMLSelectElement} select
 * @param {[value: string, name: string][]} options
 */
function fill(select, options) {
  const chosen = select.value;
  select.replaceChildren(...options.map(([value, name]) => new Option(name, value)));
  if (options.some(([value]) => value === chosen)) select.value = chosen;
}

/**
 * @param {MediaDeviceInfo[]} known
 * @param {[value: string, name: string]} unknown is there as long as none is known.
 * @returns {[value: string, name: string][]}
 */
const offered = (known, unknown) =>
  (known.length ? known.map(({ deviceId, label }) => [deviceId, label || unknown[1]]) : [unknown]);

/** The form of the page. */
export class Form {
  #root;
  #camera;
  #sound;
  #quality;

  /**
   * @param {HTMLFormElement} root
   * @param {(isDevice: boolean) => void} onChange called when something else was chosen: another
   *   device, or another source.
   */
  constructor(root, onChange) {
    this.#root = root;
    this.#camera = find(root, "[name=camera]", HTMLSelectElement);
    this.#sound = find(root, "[name=sound]", HTMLSelectElement);
    this.#quality = find(root, "[name=quality]", HTMLSelectElement);
    if (!("getDisplayMedia" in (navigator.mediaDevices ?? {}))) {
      find(root, "label:has([value=screen])", HTMLElement).hidden = true; // phones
    }
    const wanted = find(root, `[value=${kindOf(location.hash.slice(1))}]`, HTMLInputElement);
    wanted.checked = true;
    root.addEventListener("change", async ({ target }) => {
      const isDevice = target instanceof HTMLSelectElement;
      if (!isDevice) await this.list();
      onChange(isDevice);
    });
    navigator.mediaDevices?.addEventListener("devicechange", () => this.list());
  }

  /** @returns {Wish} */
  get wish() {
    const kind = kindOf(new FormData(this.#root).get("kind") ?? this.#kind);
    return { kind, camera: this.#camera.value, sound: this.#sound.value, height: this.#numbers[0] };
  }

  /** Bits a second of the picture. */
  get bitrate() {
    return this.#numbers[1];
  }

  /** The kind while the choice is locked. @type {Kind} */
  #kind = "camera";

  /** @returns {[height: number, bitrate: number]} */
  get #numbers() {
    const [height = 720, bitrate = 2_000_000] = this.#quality.value.split(" ").map(Number);
    return [height, bitrate];
  }

  /** Offer the devices that the browser tells of, which is more after it has given one. */
  async list() {
    const { kind } = this.wish;
    this.#kind = kind;
    const [cameras, microphones] = await Promise.all([devices("videoinput"), devices("audioinput")]);
    fill(this.#camera, offered(cameras, ["", "Camera"]));
    const sounds = offered(microphones, [DEFAULT, "Microphone"]);
    if (kind === "screen") sounds.unshift([SHARED, "Sound of what is shared"]);
    if (kind !== "microphone") sounds.push([NONE, "No sound"]);
    fill(this.#sound, sounds);
    for (const select of [this.#camera, this.#quality]) {
      const label = select.closest("label");
      if (label) label.hidden = kind === "microphone" || (select === this.#camera && kind === "screen");
    }
  }

  /**
   * Let nothing be chosen that cannot be changed now.
   *
   * @param {boolean} isPublishing
   * @param {boolean} isShared whether a screen was chosen, which only a click may ask for again.
   */
  lock(isPublishing, isShared) {
    find(this.#root, "fieldset", HTMLFieldSetElement).disabled = isPublishing;
    this.#camera.disabled = this.#sound.disabled = isShared;
    this.#quality.disabled = isPublishing || isShared;
  }
}
