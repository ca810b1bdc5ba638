// Publishing, from Start to Stop: one connection after the other.

import { shrink } from "./capture.js";
import { Connection } from "./connection.js";

/** @import { Ending } from "./connection.js" */

/** Seconds before a try, by the number of tries in a row that came to nothing. */
const PAUSES = [0, 1, 2, 4, 8];
/** Milliseconds after which a connection has come to something. */
const LASTING = 10_000;
/** Bits a second of a picture, below which it is worth nothing; the link has to carry that. */
const LEAST = 150_000;
/** The share of what a thin link carries that the picture may have, beside sound and bursts. */
const SHARE = 0.6;

/** Statuses to which another try gets no other answer. */
const FINAL = new Set([401, 403, 404, 501]);
/** Codes of ends for good: another sender is connected, or has taken over. */
export const OCCUPIED = 4409;
export const REPLACED = 4410;
const UNREADABLE = 4415;

/**
 * @typedef {{ kind: "idle" }
 *   | { kind: "connecting" }
 *   | { kind: "open", connection: Connection }
 *   | { kind: "pausing", seconds: number, ending: Ending }
 *   | { kind: "stopped", ending: Ending }} Condition
 */

/** The address of the WebSocket: the page's own, with the token that is in it. */
function socketURL() {
  const url = new URL(location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.hash = "";
  url.searchParams.set("page", PAGE);
  return url.href;
}

/** Lets the server tell that a connection replaces the one before. */
const PAGE = crypto.getRandomValues(new Uint32Array(4)).join("-");

/**
 * Find out why a WebSocket does not open, which a browser does not say.
 *
 * @returns {Promise<{ isFinal: boolean, text: string }>}
 */
async function explain() {
  try {
    // A token in the address needs no password, and a browser would ask for one.
    const credentials = new URLSearchParams(location.search).has("token") ? "omit" : "same-origin";
    const response = await fetch(location.href, { cache: "no-store", credentials });
    if (response.ok) return { isFinal: false, text: "No WebSocket comes through: a proxy has to pass on Upgrade, and Host as it was." };
    const isOurs = response.headers.get("Content-Type")?.startsWith("text/plain");
    const text = isOurs ? (await response.text()).trim() : `Error ${response.status}.`;
    return { isFinal: FINAL.has(response.status), text };
  } catch {
    return { isFinal: false, text: "" };
  }
}

/** A stream that is published. */
export class Publisher {
  /** @type {Condition} */
  condition = { kind: "idle" };
  isPublishing = false;
  /** Bits a second that were asked for. */
  wished = 0;
  /** Bits a second that the picture is encoded with: fewer on a thin link. */
  bitrate = 0;
  #run = 0; // counts the starts: what a run before still awaits concerns nobody
  /** @type {Connection | null} */
  #connection = null;
  #hurry = () => {};

  /** @param {() => void} onChange called when the condition, or a report, is new. */
  constructor(onChange) {
    this.onChange = onChange;
    window.addEventListener("online", () => this.#hurry());
  }

  /**
   * Publish a stream, until stop.
   *
   * @param {MediaStream} stream
   * @param {number} bitrate of the picture.
   */
  start(stream, bitrate) {
    this.isPublishing = true;
    this.wished = this.bitrate = bitrate;
    this.#publish(stream, ++this.#run);
  }

  /** @param {Ending} [ending] why, if not by hand. */
  stop(ending = { kind: "stopped", text: "" }) {
    if (!this.isPublishing) return;
    this.isPublishing = false;
    this.#run++;
    this.#connection?.stop();
    this.#hurry();
    this.#become({ kind: "stopped", ending });
  }

  /** @param {Condition} condition */
  #become(condition) {
    this.condition = condition;
    this.onChange();
  }

  /** @param {MediaStream} stream @param {number} run it connects again and again until this is over. */
  async #publish(stream, run) {
    let failures = 0;
    while (run === this.#run) {
      this.#become({ kind: "connecting" });
      const connection = new Connection(stream, this.bitrate, socketURL(), () => {
        if (run === this.#run) this.#become({ kind: "open", connection });
      });
      this.#connection = connection;
      const ending = await connection.ended;
      if (run !== this.#run) return;
      const hasLasted = connection.opened > 0 && performance.now() - connection.opened > LASTING;
      const isRefused = !connection.opened && ending.kind === "closed";
      const { isFinal, text } = isRefused ? await explain() : judge(ending, hasLasted);
      if (run !== this.#run) return;
      const told = { ...ending, text };
      if (isFinal) {
        this.stop(told);
      } else if (ending.kind === "thin" && this.bitrate > LEAST) {
        this.bitrate = Math.max(LEAST, Math.min(this.bitrate, connection.carried) * SHARE);
        await shrink(stream, this.bitrate);
      } else {
        if (hasLasted) failures = 0;
        await this.#pause(PAUSES[Math.min(failures++, PAUSES.length - 1)] ?? 0, told);
      }
    }
  }

  /** @param {number} seconds @param {Ending} ending */
  async #pause(seconds, ending) {
    if (!seconds) return;
    const until = new Promise((resolve) => {
      this.#hurry = () => resolve(null);
      setTimeout(resolve, seconds * 1000);
    });
    this.#become({ kind: "pausing", seconds, ending });
    await until;
  }
}

/**
 * Return whether another try would come to the same, and the server's words.
 *
 * @param {Ending} ending
 * @param {boolean} hasLasted
 */
function judge(ending, hasLasted) {
  const { kind, text } = ending;
  if (kind !== "closed") return { isFinal: kind === "failed" && !hasLasted, text };
  const isFinal = ending.code === UNREADABLE ? !hasLasted : [OCCUPIED, REPLACED].includes(ending.code);
  return { isFinal, text };
}
