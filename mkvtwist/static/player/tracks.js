// Which tracks of a stream this browser plays, in which format, and what to call them.

/** @import { StreamStatus, Track } from "../types.d.ts" */

/**
 * Tracks that can be appended in one format.
 *
 * @typedef {object} Choice
 * @property {string} ending the format, as the ending of its address.
 * @property {Track[]} tracks what to request: the picture and the sound, as far as they play.
 * @property {Track | undefined} picture
 * @property {Track | undefined} sound
 * @property {Track[]} sounds all sounds that play.
 */

/**
 * The source for Media Source Extensions; iPhones have the managed one only.
 *
 * @type {typeof MediaSource | undefined}
 */
export const Source = window.MediaSource ?? Reflect.get(window, "ManagedMediaSource");

/** Formats that can be appended piece by piece, the best first. */
const APPENDED = ["mp4", "webm"];

/** Types of tracks that are played; subtitles are beside them. */
const PLAYED = /** @type {const} */ (["video", "audio"]);

/**
 * Return a MIME type as all browsers spell it: Firefox knows MP3 by its own name, and HLS and other
 * browsers by this one.
 *
 * @param {string} type
 */
export const spelled = (type) => type.replace("mp4a.6B", "mp3");

/**
 * Return whether this browser decodes a track in a format.
 *
 * @param {Track} track
 * @param {string} ending
 */
const plays = ({ type, codec_string: codec, formats }, ending) => Boolean(formats.includes(ending) &&
  codec && Source?.isTypeSupported(spelled(`${type}/${ending}; codecs="${codec}"`)));

/**
 * Return the tracks of which something comes: browsers play nothing while one of them is missing.
 *
 * @param {StreamStatus} status
 */
export function lively({ tracks }) {
  const found = tracks.filter(({ quiet }) => !quiet);
  return found.some(({ type }) => type !== "subtitle") ? found : tracks;
}

/**
 * Return the types of the other tracks as a word to compare.
 *
 * @param {StreamStatus} status
 */
export function asleep(status) {
  const awake = lively(status);
  return String(status.tracks.filter((track) => !awake.includes(track)).map(({ type }) => type));
}

/**
 * Return the tracks that can be appended in one format, or as many of them as possible.
 *
 * @param {StreamStatus} status
 * @param {string} wanted the name of the sound that was chosen, if one was.
 * @returns {Choice}
 */
export function choose(status, wanted) {
  const choices = APPENDED.map((ending) => {
    const playable = lively(status).filter((track) => plays(track, ending));
    const sounds = playable.filter(({ type }) => type === "audio");
    const picture = playable.find(({ type }) => type === "video");
    const sound = sounds[labels(sounds).indexOf(wanted)] ??
      sounds.find((track) => track.default) ?? sounds[0];
    const tracks = [picture, sound].filter((track) => track !== undefined);
    return { ending, sounds, tracks, picture, sound };
  });
  const worth = (/** @type {Choice} */ { tracks, picture }) => tracks.length + (picture ? 0.5 : 0);
  return choices.reduce((best, other) => (worth(other) > worth(best) ? other : best));
}

/**
 * Return the types of tracks that the stream has, and a choice has not.
 *
 * @param {StreamStatus} status
 * @param {Choice} choice
 */
export function lacking(status, { tracks }) {
  const awake = lively(status);
  return PLAYED.filter((each) =>
    awake.some(({ type }) => type === each) && !tracks.some(({ type }) => type === each));
}

/**
 * Return the codecs of some types that this browser does not decode, as far as they have names.
 *
 * @param {StreamStatus} status
 * @param {readonly string[]} types
 */
export const undecoded = ({ tracks }, types = PLAYED) => tracks
  .filter((track) => types.includes(track.type) && !APPENDED.some((ending) => plays(track, ending)))
  .map(({ codec }) => codec.toUpperCase());

/**
 * Return names for tracks of one type, no two alike.
 *
 * @param {Track[]} tracks
 */
export function labels(tracks) {
  const names = tracks.map(({ title, language, number }) => {
    if (title || !language) return title || `Track ${number}`;
    try {
      return new Intl.DisplayNames(undefined, { type: "language" }).of(language) ?? language;
    } catch {
      return language; // not the code of a language
    }
  });
  const isAlone = (/** @type {string} */ name) => names.indexOf(name) === names.lastIndexOf(name);
  return names.map((name, n) => (isAlone(name) ? name : `${name} (${tracks[n]?.number})`));
}
