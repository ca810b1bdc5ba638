// Requests to the management interface, as openapi.json describes it.

/** The management token's name in the session's storage: it is gone with the window. */
const KEY = "mkvtwist management token";

/** The answer to a request without the right token. */
export class Denied extends Error {}

/** The token that was entered. */
export const token = {
  get isSet() {
    return sessionStorage.getItem(KEY) !== null;
  },

  /** @param {string} value */
  set(value) {
    sessionStorage.setItem(KEY, value);
  },

  forget() {
    sessionStorage.removeItem(KEY);
  },
};

/**
 * Request a path of the management interface.
 *
 * @param {string} method
 * @param {string} path
 * @param {object} [body] settings, to be sent as JSON.
 * @returns {Promise<Response>} rejected with what the server says, unless the status is 2xx.
 */
export async function ask(method, path, body) {
  const given = sessionStorage.getItem(KEY);
  const response = await fetch(`api/v1/${path}`, {
    method,
    headers: given ? { Authorization: `Bearer ${given}` } : {},
    body: body ? JSON.stringify(body) : null,
    cache: "no-store",
  });
  if (response.ok) return response;
  /** @type {{ errors: string[] }} */
  const { errors } = await response.json().catch(() => ({ errors: [`status ${response.status}`] }));
  throw new (response.status === 401 ? Denied : Error)(errors.join("\n"));
}

/**
 * Return the path of a stream in the interface.
 *
 * @param {string} name
 */
export const streamPath = (name) => `streams/${encodeURIComponent(name)}`;
