// The table of a stream's clients.

import { find, part, tell } from "../common/dom.js";
import { bytes, clock, seconds } from "./figures.js";

/** @import { Client } from "../types.d.ts" */

/** Clients of a stream that have a row each. */
const ROWS = 100;

/** The text of each column. @type {((client: Client) => string)[]} */
const COLUMNS = [
  ({ id }) => String(id),
  ({ peer }) => peer,
  ({ format }) => format,
  ({ lag, state }) => (state === "live" ? seconds(lag) : `${seconds(lag)}, catching up`),
  (client) => bytes(client.bytes),
  ({ since }) => clock(since),
  (client) => client.user_agent,
];

/** The clients of a stream. */
export class Clients {
  /** Rows by the number of their client. @type {Map<number, HTMLTableRowElement>} */
  #rows = new Map();
  #body;

  /**
   * @param {Element} root the stream's.
   * @param {string} name the stream's.
   * @param {(id: number) => void} disconnect
   */
  constructor(root, name, disconnect) {
    this.root = root;
    this.name = name;
    this.disconnect = disconnect;
    this.#body = find(root, "tbody", HTMLTableSectionElement);
  }

  /** How many are in the table. */
  get size() {
    return this.#rows.size;
  }

  /** @param {Client[]} clients all there are. */
  show(clients) {
    tell(part(this.root, "count", HTMLElement), `Clients: ${clients.length}`);
    const more = clients.length - ROWS;
    const others = part(this.root, "others", HTMLElement);
    others.hidden = more <= 0;
    tell(others, `and ${more} more`);
    const shown = clients.slice(0, ROWS);
    const ids = new Set(shown.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      if (ids.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    for (const client of shown) {
      const row = this.#rows.get(client.id) ?? this.#add(client.id);
      COLUMNS.forEach((column, n) => row.cells[n] && tell(row.cells[n], column(client)));
    }
  }

  /** @param {number} id */
  #add(id) {
    const row = this.#body.insertRow();
    for (const _ of COLUMNS) row.insertCell();
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Disconnect";
    button.ariaLabel = `Disconnect client ${id} of ${this.name}`;
    button.addEventListener("click", () => this.disconnect(id));
    row.insertCell().append(button);
    this.#rows.set(id, row);
    return row;
  }
}
