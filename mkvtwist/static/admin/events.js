// What happens, as the management interface tells it.

import { find } from "../common/dom.js";
import { clock } from "./figures.js";
import { ask } from "./interface.js";

/** @import { EventData } from "../types.d.ts" */

/** Events that are kept. */
const KEPT = 200;

/**
 * Add an event at the top of the list.
 *
 * @param {string} kind
 * @param {EventData} data
 */
function note(kind, { stream = "", when, ...details }) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.dateTime = when ?? "";
  time.textContent = when ? clock(when) : "";
  const rest = Object.entries(details).map(([key, value]) =>
    `${key.replaceAll("_", " ")} ${typeof value === "number" ? Math.round(value * 10) / 10 : value}`);
  item.append(time, ` ${[stream, kind].filter(Boolean).join(": ")} ${rest.join(", ")}`);
  const list = find(document, "#events", HTMLElement);
  list.prepend(item);
  if (list.childElementCount > KEPT) list.lastElementChild?.remove();
}

/**
 * Show events until the connection ends. An EventSource cannot send a token.
 *
 * @returns {Promise<void>} rejected if the server does not answer, or not with events.
 */
export async function follow() {
  const { body } = await ask("GET", "events");
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const read = await reader?.read();
    if (!read || read.done) return;
    const blocks = (text + read.value).split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const [, kind, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (kind && data) note(kind, JSON.parse(data));
    }
  }
}
