// The page's words: what a player is doing, and what its tracks are.

/** @import { StreamStatus, Track } from "../types.d.ts" */
/** @import { Condition } from "../player/player.js" */
/** @import { Cause, Trouble } from "../player/server.js" */

const ELSEWHERE = "Open it in VLC or mpv.";

/** What is said of a connection that has ended; of other causes their own text. @type {Partial<Record<Cause, string>>} */
const CAUSES = {
  interrupted: "The stream was interrupted.",
  unreachable: "The server does not answer.",
  lost: "The connection was lost.",
  silent: "Nothing has come for too long.",
  undecodable: "The browser could not decode what came.",
  "not starting": "The browser does not start with what comes.",
  "tracks changed": "A track has fallen silent, or has come back.",
  "sound chosen": "Another sound was chosen.",
};

/** @param {Trouble} trouble */
const why = ({ cause, text }) => CAUSES[cause] ?? text;

/** @param {string[]} codecs */
const joined = (codecs) => codecs.join(" and ") || "these codecs together";

/** @param {number} bitrate in bits per second. */
export const megabits = (bitrate, digits = 1) => `${(bitrate / 1e6).toFixed(digits)} Mbit/s`;

/** @param {number} value */
export const seconds = (value) => `${value.toFixed(1)} s`;

/** @param {{ width: number | null, height: number | null }} size */
export const pixels = ({ width, height }) => `${width}×${height}`;

/**
 * Return the state of a player in a few words, and what is to be said beside them.
 *
 * @param {Condition} condition
 * @returns {[string, string]}
 */
export function describe(condition) {
  switch (condition.kind) {
    case "paused": return ["Paused", ""];
    case "connecting": return ["Connecting", ""];
    case "blocked": return ["Press play", "this browser does not start by itself"];
    case "waiting": return ["Waiting", condition.reason];
    case "silent": return ["Waiting", `nothing has come for ${condition.seconds} s`];
    case "retrying": return ["Reconnecting", `in ${Math.ceil(condition.seconds)} s. ${why(condition.trouble)}`];
    case "unplayable": {
      const codecs = joined(condition.codecs);
      return ["Cannot be played here", `This browser has no decoder for ${codecs}. ${ELSEWHERE}`];
    }
    case "playing": return playing(condition);
  }
}

/**
 * @param {Condition & { kind: "playing" }} condition
 * @returns {[string, string]}
 */
function playing({ missing, codecs, latency, slow }) {
  const undecoded = `this browser has no decoder for ${joined(codecs)}`;
  if (missing === "video") return ["No picture:", `${undecoded}. ${ELSEWHERE}`];
  if (missing) return ["Live", `without its sound: ${undecoded}`];
  if (!latency) return ["Live", ""];
  const reason = slow === undefined ? "" : `: your connection is too slow for ${megabits(slow)}`;
  return ["Live", `${seconds(latency)} behind${reason}`];
}

/**
 * Return the state of a stream that is not played for want of attention or connections.
 *
 * @param {StreamStatus | null} status
 * @returns {[string, string]}
 */
export function describeIdle(status) {
  if (!status) return ["Connecting", ""];
  return status.state === "live" ? ["On air", ""] : ["Off air:", status.reason];
}

/** @param {Track} track */
export const describeTrack = (track) => [
  track.codec,
  track.width && pixels(track),
  track.frame_rate && `${Number(track.frame_rate.toFixed(2))} fps`,
  track.sample_rate && `${track.sample_rate} Hz`,
  track.channels && `${track.channels} channels`,
  track.language,
  track.title,
].filter(Boolean).join(", ");
