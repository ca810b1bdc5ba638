// Figures as people read them.

/**
 * @param {number} value
 * @param {number} [digits] after the point.
 */
const number = (value, digits = 1) => value.toFixed(digits);

/** @param {number} rate in bits per second. */
export const bits = (rate) => (rate < 1e6 ? `${number(rate / 1e3, 0)} kbit/s` : `${number(rate / 1e6)} Mbit/s`);

/** @param {number} size */
export const bytes = (size) => (size < 1e9 ? `${number(size / 1e6)} MB` : `${number(size / 1e9)} GB`);

/** @param {number} value */
export const seconds = (value) => `${number(value)} s`;

/** @param {string} text in ISO 8601. */
export const clock = (text) => new Date(text).toLocaleTimeString();
