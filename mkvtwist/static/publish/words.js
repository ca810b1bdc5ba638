// The words of the page that publishes: its state, and what is wrong.

import { megabits } from "../page/words.js";
import { OCCUPIED, REPLACED } from "./publisher.js";

/** @import { Ending } from "./connection.js" */
/** @import { Kind } from "./capture.js" */
/** @import { Publisher } from "./publisher.js" */

/** What a browser's refusal means, by the name of its DOMException. @type {Record<string, string>} */
const REFUSALS = {
  NotAllowedError: "It was not allowed, by you or by the browser. Start asks again; the browser's symbol beside the address has its settings.",
  NotFoundError: "There is no such device.",
  NotReadableError: "The device is in use by another program.",
  OverconstrainedError: "The device is not there any more.",
};

/** @param {unknown} error */
export function describeRefusal(error) {
  if (!(error instanceof Error)) return String(error);
  return REFUSALS[error.name] ?? `The browser says: ${error.message}`;
}

/** What a stream is said to be while its sender is connected. @type {Record<string, string>} */
const STATES = {
  "live": "On air",
  "waiting for a keyframe": "Almost on air",
};

/** @type {Record<Kind, string>} */
export const GONE = {
  camera: "The camera has gone.",
  screen: "The sharing has ended.",
  microphone: "The microphone has gone.",
};

/** @param {Ending} ending */
function why(ending) {
  if (ending.kind === "closed") {
    if (ending.code === OCCUPIED) return "Another sender is connected.";
    if (ending.code === REPLACED) return "Another sender has taken over. Start takes the place back.";
  }
  if (ending.kind === "thin") return "Your connection is too slow.";
  if (ending.text) return sentence(ending.text);
  return ending.kind === "stopped" ? "" : "The connection was lost.";
}

/** @param {string} text */
function sentence(text) {
  const end = /[.!?]$/.test(text) ? "" : ".";
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${end}`;
}

/**
 * Return the state in a few words, and what is to be said beside them.
 *
 * @param {Publisher} publisher
 * @returns {[string, string]}
 */
export function describe({ bitrate, condition, wished }) {
  switch (condition.kind) {
    case "idle": return ["Not on air", ""];
    case "connecting": return ["Connecting", ""];
    case "pausing": return ["Reconnecting", `in ${condition.seconds} s. ${why(condition.ending)}`];
    case "stopped": return ["Stopped", why(condition.ending)];
    case "open": {
      const { report } = condition.connection;
      if (!report) return ["Connecting", ""];
      const thin = bitrate < wished ? `with ${megabits(bitrate, 2)}: your connection carries no more` : "";
      return [STATES[report.state] ?? "Starting", thin];
    }
  }
}
