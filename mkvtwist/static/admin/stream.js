// A stream's part of the page: its state, its graphs, its clients and its buttons.

import { find, part, tell } from "../common/dom.js";
import { Clients } from "./clients.js";
import { bits, bytes, clock, seconds } from "./figures.js";
import { Line, Strip } from "./graph.js";
import { streamPath } from "./interface.js";

/** @import { ManagedStream, Track } from "../types.d.ts" */

/** Makes a change; fulfilled with whether the server has accepted it. @typedef {(method: string, path: string, body?: object) => Promise<boolean>} Act */

/**
 * The graphs, by title: the value, and how it is written.
 *
 * @type {Record<string, [(stream: ManagedStream) => number, (value: number) => string]>}
 */
const GRAPHS = {
  Bitrate: [(stream) => stream.bitrate, bits],
  Clients: [(stream) => stream.clients.length, String],
  "HLS viewers": [(stream) => stream.hls_viewers, String],
  "Slowest client": [(stream) => Math.max(0, ...stream.clients.map((client) => client.lag)), seconds],
  "Keyframe every": [(stream) => stream.segment_seconds, seconds],
};

/** @param {Track} track */
const describe = ({ codec, width, height }) => (width ? `${codec} ${width}×${height}` : codec);

/** @param {string} text */
const capitalised = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** A stream on the page. */
export class StreamPart {
  #clients;
  #input;
  #lines;

  /**
   * @param {Element} parent
   * @param {string} name
   * @param {Act} act
   */
  constructor(parent, name, act) {
    parent.append(find(document, "#stream", HTMLTemplateElement).content.cloneNode(true));
    this.name = name;
    this.path = streamPath(name);
    this.act = act;
    this.root = find(parent, "section:last-child", HTMLElement);
    const link = part(this.root, "name", HTMLAnchorElement);
    link.textContent = name;
    link.href = encodeURIComponent(name);
    const graphs = find(this.root, ".graphs", HTMLElement);
    this.#input = new Strip(graphs, "Input");
    this.#lines = Object.entries(GRAPHS).map(([title, [value, format]]) =>
      ({ line: new Line(graphs, title), value, format }));
    this.#clients = new Clients(this.root, name, (id) => act("DELETE", `${this.path}/clients/${id}`));
    for (const action of ["start", "stop", "restart", "remove"]) {
      const button = this.#button(action);
      button.ariaLabel = `${button.textContent} ${name}`;
      button.addEventListener("click", () => this.#press(action));
    }
    const form = part(this.root, "change", HTMLFormElement);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const input = find(form, "[name=input]", HTMLInputElement).value;
      if (await act("PATCH", this.path, { input })) form.reset();
    });
  }

  /** @param {string} action */
  #button(action) {
    return find(this.root, `[data-act=${action}]`, HTMLButtonElement);
  }

  /** @param {string} action */
  #press(action) {
    const clients = this.#clients.size ? `, and its ${this.#clients.size} clients` : "";
    if (action !== "start" && !confirm(`${capitalised(action)} ${this.name}${clients}?`)) return;
    if (action === "remove") this.act("DELETE", this.path);
    else this.act("POST", `${this.path}/${action}`);
  }

  /** @param {ManagedStream} stream */
  show(stream) {
    const { root } = this;
    const state = part(root, "state", HTMLElement);
    tell(state, stream.state);
    state.dataset.state = stream.state;
    const detail = stream.detail ? ` (${stream.detail})` : "";
    tell(part(root, "reason", HTMLElement), `${capitalised(stream.reason)}${detail}, since ${clock(stream.since)}.`);
    const origin = stream.pattern ? ` (made of ${stream.pattern})` : "";
    tell(part(root, "input", HTMLElement), stream.input + origin);
    tell(part(root, "figures", HTMLElement), [
      stream.tracks.map(describe).join(", "),
      `${bytes(stream.bytes_in)} in, ${bytes(stream.bytes_out)} out`,
      `${seconds(stream.ring.seconds)} kept in ${bytes(stream.ring.bytes)}`,
      `${stream.restarts} restarts, ${stream.discontinuities} discontinuities`,
      stream.recording && `recording: ${stream.recording}`,
    ].filter(Boolean).join(" · "));
    this.#button("start").disabled = stream.state !== "ended";
    this.#button("stop").disabled = stream.state === "ended";
    this.#clients.show(stream.clients);
    this.#input.show(stream.state);
    for (const { line, value, format } of this.#lines) line.show(value(stream), format);
  }

  /** Leave a gap in the graphs: the server does not answer. */
  miss() {
    this.#input.show(null);
    for (const { line, format } of this.#lines) line.show(null, format);
  }
}
