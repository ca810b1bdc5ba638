// The clock, and events as promises.

import { Trouble } from "./server.js";

/** Return the seconds of a clock that never goes back. */
export const now = () => performance.now() / 1000;

/** Seconds between two tries at most if the browser could not decode what came. */
const DECODE = 1;

/**
 * Return the reason for a connection whose media could not be decoded. The media may become
 * decodable at any moment: a sender that changes its size may change it back.
 */
export function undecodable() {
  const trouble = new Trouble("undecodable");
  trouble.most = DECODE;
  return trouble;
}

/**
 * Wait for an event.
 *
 * @param {EventTarget} target
 * @param {string} name
 * @param {AbortSignal} signal ends the wait.
 * @returns {Promise<void>} rejected by the target's error event, and with the signal's reason.
 */
export const happens = (target, name, signal) => new Promise((resolve, reject) => {
  const done = new AbortController();
  /** @type {(where: EventTarget, what: string, settle: () => void) => void} */
  const on = (where, what, settle) => where.addEventListener(what, () => {
    done.abort();
    settle();
  }, { signal: done.signal });
  on(target, name, resolve);
  on(target, "error", () => reject(undecodable()));
  on(signal, "abort", () => reject(signal.reason));
});

/**
 * Wait for some time.
 *
 * @param {number} seconds
 * @param {AbortSignal} signal ends the wait.
 * @returns {Promise<void>} rejected with the signal's reason.
 */
export const sleep = (seconds, signal) => new Promise((resolve, reject) => {
  signal.throwIfAborted();
  const stop = () => {
    clearTimeout(timer);
    reject(signal.reason);
  };
  const timer = setTimeout(() => {
    signal.removeEventListener("abort", stop); // otherwise those of a long wait add up
    resolve();
  }, seconds * 1000);
  signal.addEventListener("abort", stop);
});
