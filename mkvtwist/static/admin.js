// The page for managing: what runs, the last minutes of it, and buttons. All of it comes from the
// management interface.

import { follow } from "./admin/events.js";
import { ask, Denied, streamPath, token } from "./admin/interface.js";
import { StreamPart } from "./admin/stream.js";
import { find, tell } from "./common/dom.js";

/** @import { ManagedStreams } from "./types.d.ts" */

/** Milliseconds between two looks at the streams. */
const LOOK = 2000;
/** Milliseconds until a lost connection for events is tried again. */
const AGAIN = 5000;
/** Milliseconds between two looks whether there is access to events. */
const ADMITTED = 500;

const summary = find(document, "#summary", HTMLElement);
const notice = find(document, "#notice", HTMLElement);
const login = find(document, "#login", HTMLFormElement);
const inside = find(document, "#inside", HTMLElement);
const reload = find(document, "#reload", HTMLButtonElement);
const add = find(document, "#add", HTMLFormElement);
const streams = find(document, "#streams", HTMLElement);

/** The streams on the page by their names. @type {Map<string, StreamPart>} */
const known = new Map();

/** @param {string} text what has gone wrong; empty if nothing has. */
function say(text) {
  notice.hidden = !text;
  tell(notice, text);
}

/** @param {unknown} error */
const reason = (error) => (error instanceof Error ? error.message : String(error));

/** @type {import("./admin/stream.js").Act} */
async function act(method, path, body) {
  say("");
  try {
    await ask(method, path, body);
    await look();
    return true;
  } catch (error) {
    say(reason(error));
    return false;
  }
}

/**
 * Show what there is only to those with the right token.
 *
 * @param {boolean} isAdmitted
 */
function admit(isAdmitted) {
  login.hidden = isAdmitted;
  inside.hidden = reload.hidden = !isAdmitted;
}

/** @param {ManagedStreams} answer */
function show({ streams: shown, patterns }) {
  for (const [name, stream] of known) {
    if (name in shown) continue;
    stream.root.remove();
    known.delete(name);
  }
  for (const [name, stream] of Object.entries(shown)) {
    const there = known.get(name) ?? new StreamPart(streams, name, act);
    known.set(name, there);
    there.show(stream);
  }
  const all = Object.values(shown);
  const live = all.filter(({ state }) => state === "live").length;
  const clients = all.reduce((sum, stream) => sum + stream.clients.length, 0);
  const more = Object.keys(patterns).length ? `; patterns: ${Object.keys(patterns).join(", ")}` : "";
  tell(summary, `${live} of ${all.length} streams live, ${clients} clients${more}`);
}

/** Look at everything once. */
async function look() {
  try {
    const response = await ask("GET", "streams");
    const answer = await response.json();
    admit(true);
    show(answer);
  } catch (error) {
    if (error instanceof Denied) {
      admit(false);
      tell(summary, "");
      if (token.isSet) say("Wrong token.");
      token.forget();
    } else {
      tell(summary, `The server does not answer: ${reason(error)}`);
      for (const stream of known.values()) stream.miss();
    }
  }
}

/** @param {number} time milliseconds. */
const pause = (time) => new Promise((resolve) => { setTimeout(resolve, time); });

/** Show events for as long as the page is open. */
async function listen() {
  for (;;) {
    if (!inside.hidden) await follow().catch(() => {}); // look() says what is wrong
    await pause(inside.hidden ? ADMITTED : AGAIN);
  }
}

/** Look at everything for as long as the page is open. */
async function watch() {
  for (;;) {
    if (login.hidden) await look();
    await pause(LOOK);
  }
}

login.addEventListener("submit", async (event) => {
  event.preventDefault();
  say("");
  const field = find(login, "#token", HTMLInputElement);
  token.set(field.value.trim());
  field.value = "";
  await look();
});

reload.addEventListener("click", () => {
  if (confirm("Read the configuration again? Changes made here will be lost.")) act("POST", "reload");
});

add.addEventListener("submit", async (event) => {
  event.preventDefault();
  /** @type {Record<string, string>} */
  const { name = "", input = "", settings } =
    Object.fromEntries([...new FormData(add)].map(([key, value]) => [key, String(value)]));
  /** @type {object} */
  let others;
  try {
    others = JSON.parse(settings || "{}");
  } catch (error) {
    say(`The other settings are not JSON: ${reason(error)}`);
    return;
  }
  if (known.has(name)) say(`There is a stream ${name} already.`);
  else if (await act("PUT", streamPath(name), { input, ...others })) add.reset();
});

watch();
listen();
