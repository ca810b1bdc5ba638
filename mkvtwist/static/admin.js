// What runs, the last minutes of it, and the buttons. All of it is the management interface's: this
// script knows no more than openapi.json says.
"use strict";

const LOOK = 2000; // milliseconds between two looks at the streams
const SAMPLES = 150; // looks that a graph shows: five minutes
const EVENTS = 200; // events that are kept
const CLIENTS = 100; // clients of a stream that have a line each
const AGAIN = 5000; // milliseconds until a lost connection is tried again
const KEY = "mkvtwist management token"; // in the session's storage: gone with the window

const at = (id) => document.getElementById(id);
const part = (root, role) => root.querySelector(`[data-part=${role}]`);

/** Say it, if it is news: screen readers read what changes. */
function tell(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// -- Asking

class Denied extends Error {}

async function ask(method, path, body, signal) {
  const token = sessionStorage.getItem(KEY);
  const response = await fetch(`api/v1/${path}`, {
    method,
    headers: token ? { Authorization: `Bearer ${token}` } : {},
    body: body && JSON.stringify(body),
    cache: "no-store",
    signal,
  });
  if (response.ok) return response;
  const { errors } = await response.json().catch(() => ({ errors: [`status ${response.status}`] }));
  throw new (response.status === 401 ? Denied : Error)(errors.join("\n"));
}

/** Do something that a button stands for; what goes wrong is said. */
async function act(method, path, body) {
  say("");
  try {
    await ask(method, path, body);
    await look();
    return true;
  } catch (error) {
    say(error.message);
    return false;
  }
}

function say(text) {
  at("notice").hidden = !text;
  tell(at("notice"), text);
}

/** Without the right token there is nothing to be seen. */
function admit(admitted) {
  at("login").hidden = admitted;
  at("inside").hidden = at("reload").hidden = !admitted;
}

// -- Figures

const number = (value, digits = 1) => value.toFixed(digits);
const bits = (rate) => (rate < 1e6 ? `${number(rate / 1e3, 0)} kbit/s` : `${number(rate / 1e6)} Mbit/s`);
const bytes = (size) => (size < 1e9 ? `${number(size / 1e6)} MB` : `${number(size / 1e9)} GB`);
const seconds = (value) => `${number(value)} s`;
const clock = (text) => new Date(text).toLocaleTimeString();

const GRAPHS = {
  Bitrate: [(stream) => stream.bitrate, bits],
  Clients: [(stream) => stream.clients.length, String],
  "HLS viewers": [(stream) => stream.hls_viewers, String],
  "Slowest client": [(stream) => Math.max(0, ...stream.clients.map((client) => client.lag)), seconds],
  "Keyframe every": [(stream) => stream.segment_seconds, seconds],
};

function svg(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/** A small graph; a sample that is null is a gap. */
class Graph {
  #samples = [];

  constructor(parent, title) {
    parent.append(at("graph").content.cloneNode(true));
    this.title = title;
    this.figure = parent.lastElementChild;
    this.svg = this.figure.querySelector("svg");
    this.figure.querySelector("span").textContent = title;
  }

  add(sample) {
    this.#samples.push(sample);
    if (this.#samples.length > SAMPLES) this.#samples.shift();
    return this.#samples;
  }

  label(now, more = "") {
    tell(this.figure.querySelector("strong"), now);
    this.svg.setAttribute("aria-label", `${this.title}: ${now}${more}`);
  }

  /** A line from the left, which is five minutes ago. */
  line(value, format) {
    const samples = this.add(value);
    const most = Math.max(...samples.filter((sample) => sample !== null));
    let drawn = "";
    samples.forEach((sample, n) => {
      if (sample === null) return;
      const x = n + SAMPLES - samples.length;
      const y = 38 - 36 * (most > 0 ? sample / most : 0);
      drawn += `${n && samples[n - 1] !== null ? "L" : "M"}${x + 0.5} ${y.toFixed(1)}`;
    });
    this.svg.replaceChildren(svg("path", { d: drawn }));
    if (value !== null) this.label(format(value), `, at most ${format(most)} in the last minutes`);
  }

  /** A strip, in the colours of the states. */
  strip(state) {
    const samples = this.add(state);
    const left = SAMPLES - samples.length;
    const parts = [];
    samples.forEach((sample, n) => {
      if (sample === null) return;
      if (n && samples[n - 1] === sample) parts.at(-1)[1] += 1;
      else parts.push([n, 1, sample]);
    });
    this.svg.replaceChildren(...parts.map(([n, width, name]) =>
      svg("rect", { x: left + n, y: 8, width, height: 24, class: name.replaceAll(" ", "-") })));
    if (state !== null) this.svg.setAttribute("aria-label", `${this.title}: ${state}`); // the badge shows it
  }
}

// -- Streams

class Stream {
  #rows = new Map();

  constructor(name) {
    at("streams").append(at("stream").content.cloneNode(true));
    this.name = name;
    this.path = `streams/${encodeURIComponent(name)}`;
    this.root = at("streams").lastElementChild;
    const link = part(this.root, "name");
    link.textContent = name;
    link.href = encodeURIComponent(name);
    const graphs = this.root.querySelector(".graphs");
    this.input = new Graph(graphs, "Input");
    this.graphs = Object.keys(GRAPHS).map((title) => new Graph(graphs, title));
    for (const button of this.root.querySelectorAll("[data-act]")) {
      button.ariaLabel = `${button.textContent} ${name}`;
      button.addEventListener("click", () => this.#press(button.dataset.act));
    }
    part(this.root, "change").addEventListener("submit", async (event) => {
      event.preventDefault();
      const form = event.target;
      if (await act("PATCH", this.path, { input: form.input.value })) form.reset();
    });
  }

  #press(action) {
    const viewers = this.#rows.size ? `, and its ${this.#rows.size} clients` : "";
    if (action === "remove") {
      if (confirm(`Remove ${this.name}${viewers}?`)) act("DELETE", this.path);
    } else if (action === "start" || confirm(`${action} ${this.name}${viewers}?`)) {
      act("POST", `${this.path}/${action}`);
    }
  }

  show(stream) {
    const { root } = this;
    tell(part(root, "state"), stream.state);
    part(root, "state").dataset.state = stream.state;
    const reason = stream.reason.charAt(0).toUpperCase() + stream.reason.slice(1);
    const detail = stream.detail ? ` (${stream.detail})` : "";
    tell(part(root, "reason"), `${reason}${detail}, since ${clock(stream.since)}.`);
    tell(part(root, "input"), stream.input);
    const tracks = stream.tracks.map((track) =>
      [track.codec, track.width && `${track.width}×${track.height}`].filter(Boolean).join(" "));
    tell(part(root, "figures"), [
      tracks.join(", "),
      `${bytes(stream.bytes_in)} in, ${bytes(stream.bytes_out)} out`,
      `${seconds(stream.ring.seconds)} kept in ${bytes(stream.ring.bytes)}`,
      `${stream.restarts} restarts, ${stream.discontinuities} discontinuities`,
      stream.recording && `recording: ${stream.recording}`,
    ].filter(Boolean).join(" · "));
    root.querySelector("[data-act=start]").disabled = stream.state !== "ended";
    root.querySelector("[data-act=stop]").disabled = stream.state === "ended";
    this.#list(stream.clients);
    this.input.strip(stream.state);
    Object.values(GRAPHS).forEach(([value, format], n) => this.graphs[n].line(value(stream), format));
  }

  /** The server does not answer. */
  miss() {
    this.input.strip(null);
    for (const graph of this.graphs) graph.line(null);
  }

  #list(clients) {
    tell(part(this.root, "count"), `Clients: ${clients.length}`);
    const more = clients.length - CLIENTS;
    part(this.root, "others").hidden = more <= 0;
    tell(part(this.root, "others"), `and ${more} more`);
    const shown = new Map(clients.slice(0, CLIENTS).map((client) => [client.id, client]));
    for (const [id, row] of this.#rows) {
      if (!shown.has(id)) {
        row.remove();
        this.#rows.delete(id);
      }
    }
    for (const client of shown.values()) {
      if (!this.#rows.has(client.id)) this.#rows.set(client.id, this.#row(client.id));
      const cells = this.#rows.get(client.id).cells;
      [
        String(client.id), client.peer, client.format,
        client.state === "live" ? seconds(client.lag) : `${seconds(client.lag)}, catching up`,
        bytes(client.bytes), clock(client.since), client.user_agent,
      ].forEach((text, n) => tell(cells[n], text));
    }
  }

  #row(id) {
    const row = this.root.querySelector("tbody").insertRow();
    for (let n = 0; n < 8; n += 1) row.insertCell();
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Disconnect";
    button.ariaLabel = `Disconnect client ${id} of ${this.name}`;
    button.addEventListener("click", () => act("DELETE", `${this.path}/clients/${id}`));
    row.cells[7].append(button);
    return row;
  }
}

const known = new Map();

function show(streams) {
  for (const [name, stream] of known) {
    if (!(name in streams)) {
      stream.root.remove();
      known.delete(name);
    }
  }
  for (const [name, stream] of Object.entries(streams)) {
    if (!known.has(name)) known.set(name, new Stream(name));
    known.get(name).show(stream);
  }
  const all = Object.values(streams);
  const live = all.filter((stream) => stream.state === "live").length;
  const clients = all.reduce((sum, stream) => sum + stream.clients.length, 0);
  tell(at("summary"), `${live} of ${all.length} streams live, ${clients} clients`);
}

/** One look at everything. */
async function look() {
  try {
    const { streams } = await (await ask("GET", "streams")).json();
    admit(true);
    show(streams);
  } catch (error) {
    if (error instanceof Denied) {
      admit(false);
      tell(at("summary"), "");
      if (sessionStorage.getItem(KEY)) say("It is not this token.");
      sessionStorage.removeItem(KEY);
    } else {
      tell(at("summary"), `The server does not answer: ${error.message}`);
      for (const stream of known.values()) stream.miss();
    }
  }
}

// -- Events

function note(kind, { stream = "", when, ...details }) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.dateTime = when ?? "";
  time.textContent = when ? clock(when) : "";
  const rest = Object.entries(details).map(([key, value]) =>
    `${key.replaceAll("_", " ")} ${typeof value === "number" ? Math.round(value * 10) / 10 : value}`);
  item.append(time, ` ${[stream, kind].filter(Boolean).join(": ")} ${rest.join(", ")}`);
  at("events").prepend(item);
  if (at("events").childElementCount > EVENTS) at("events").lastElementChild.remove();
}

/** Not EventSource, which cannot send a token. */
async function follow() {
  const response = await ask("GET", "events");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (text + value).split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const [, kind, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (kind) note(kind, JSON.parse(data));
    }
  }
}

const pause = (time) => new Promise((resolve) => { setTimeout(resolve, time); });

async function listen() {
  for (;;) {
    if (!at("inside").hidden) await follow().catch(() => {}); // look() says what is wrong
    await pause(at("inside").hidden ? LOOK / 4 : AGAIN);
  }
}

async function watch() {
  for (;;) {
    if (at("login").hidden) await look();
    await pause(LOOK);
  }
}

at("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  say("");
  sessionStorage.setItem(KEY, at("token").value.trim());
  at("token").value = "";
  await look();
});

at("reload").addEventListener("click", () => {
  if (confirm("Read the configuration again? What was changed here is undone.")) act("POST", "reload");
});

at("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const { name, input, settings } = Object.fromEntries(new FormData(form));
  let others = {};
  try {
    others = JSON.parse(settings || "{}");
  } catch (error) {
    say(`The other settings are not JSON: ${error.message}`);
    return;
  }
  if (known.has(name)) say(`There is a stream ${name} already.`);
  else if (await act("PUT", `streams/${encodeURIComponent(name)}`, { input, ...others })) form.reset();
});

watch();
listen();
