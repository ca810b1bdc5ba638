// When the next connection is due.

import { now } from "./events.js";

/** @import { Trouble } from "./server.js" */

/** Seconds before another try, by how many have failed in a row. */
const PAUSES = [0, 1, 2, 4, 8];

/** Seconds with data after which the end of a connection is no longer the same trouble. */
const STEADY = 5;

/** The tries of a player. */
export class Retries {
  #failures = 0;
  #due = 0;

  /** The seconds until the next try. */
  get left() {
    return Math.max(0, this.#due - now());
  }

  /** Have the next connection begin at once: this one ends for a good reason. */
  forgive() {
    this.#failures = -1;
  }

  /**
   * Return the seconds to wait after a connection.
   *
   * @param {Trouble} trouble why it has ended.
   * @param {number} lasted the seconds from its beginning to its last data.
   */
  after({ pause, most }, lasted) {
    this.#failures = lasted > STEADY ? 0 : this.#failures + 1;
    const usual = PAUSES[Math.min(this.#failures, PAUSES.length - 1)] ?? 0;
    const seconds = Math.max(pause, Math.min(usual, most));
    this.#due = now() + seconds;
    return seconds;
  }
}
