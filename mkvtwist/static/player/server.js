// Requests to the server, and why they or their answers fail.

/**
 * Why a connection has ended: the cause, which page/words.js has sentences for.
 *
 * @typedef {"interrupted" | "unexpected" | "unreachable" | "refused" | "lost" | "silent"
 *   | "undecodable" | "not starting" | "tracks changed" | "sound chosen" | "paused"} Cause
 */

/** The end of a connection, and when another one is due. */
export class Trouble extends Error {
  /** Seconds that the server asks the client to wait. */
  pause = 0;
  /** Seconds after which another try is due, however many have failed. */
  most = Infinity;

  /**
   * @param {Cause} cause
   * @param {string} text the server's or the browser's own words, if there are any.
   */
  constructor(cause, text = "") {
    super(text || cause);
    this.cause = cause;
    this.text = text;
  }
}

/**
 * Return the URL of a path: relative, since a proxy may add a path, and with the page's own token.
 *
 * @param {string} path
 */
export function address(path) {
  const url = new URL(path, document.baseURI);
  const token = new URLSearchParams(location.search).get("token");
  if (token) url.searchParams.set("token", token);
  return url.href;
}

/**
 * Request a path.
 *
 * @param {string} path
 * @param {AbortSignal} signal ends the request and its response.
 * @returns {Promise<Response>} rejected with a Trouble unless the status is 2xx.
 */
export async function request(path, signal) {
  const response = await fetch(address(path), { signal }).catch((error) => {
    throw signal.aborted ? error : new Trouble("unreachable");
  });
  if (response.ok) return response;
  const isOurs = response.headers.get("Content-Type")?.startsWith("text/plain"); // not a proxy's page
  const text = isOurs ? (await response.text()).trim() : `Error ${response.status}.`;
  const trouble = new Trouble("refused", text);
  trouble.pause = Number(response.headers.get("Retry-After")) || 0; // a proxy's may be a date
  throw trouble;
}

/**
 * Read the body of a response.
 *
 * @param {Response} response
 * @param {AbortSignal} signal the one that the response was requested with.
 * @returns {AsyncGenerator<Uint8Array<ArrayBuffer>, void>}
 */
export async function* read({ body }, signal) {
  if (!body) return;
  const reader = body.getReader();
  for (;;) {
    const { value, done } = await reader.read().catch((error) => {
      throw signal.aborted ? error : new Trouble("lost");
    });
    if (done) return;
    yield value;
  }
}
