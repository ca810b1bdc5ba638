// What is published: a camera, a screen or a microphone, as a MediaStream.

/** @typedef {"camera" | "screen" | "microphone"} Kind */

/**
 * @typedef {object} Wish
 * @property {Kind} kind
 * @property {string} camera a device's id; empty for the browser's choice.
 * @property {string} sound a microphone's id, DEFAULT, SHARED or NONE.
 * @property {number} height of the picture, in pixels, at most.
 */

/** Values of a wish for sound beside the ids of microphones. */
export const DEFAULT = "default-microphone";
export const SHARED = "shared";
export const NONE = "none";

/** Pictures a second, which every encoder and every link of ours carries. */
const RATE = 30;

/** Bits a second, and the height and the pictures a second that so few are enough for. */
const SMALL = [
  { bitrate: 250_000, height: 180, frameRate: 10 },
  { bitrate: 600_000, height: 360, frameRate: 15 },
];

/** @param {MediaStream} stream @param {"audio" | "video"} kind */
export const has = (stream, kind) =>
  stream.getTracks().some((track) => track.kind === kind && track.readyState === "live");

/**
 * Return the devices of a kind that have an id: without permission the browser shows none.
 *
 * @param {"videoinput" | "audioinput"} kind
 */
export async function devices(kind) {
  const all = await navigator.mediaDevices.enumerateDevices();
  return all.filter((device) => device.kind === kind && device.deviceId);
}

/** @param {"videoinput" | "audioinput"} kind */
async function exists(kind) {
  const all = await navigator.mediaDevices.enumerateDevices();
  return all.some((device) => device.kind === kind);
}

/**
 * @param {string} sound
 * @returns {MediaTrackConstraints | boolean}
 */
function microphone(sound) {
  if (sound === NONE || sound === SHARED) return false;
  return sound === DEFAULT || !sound ? true : { deviceId: { exact: sound } };
}

/**
 * Ask the browser, which asks the person, for what is wanted.
 *
 * @param {Wish} wish
 * @returns {Promise<MediaStream>} rejected with the browser's DOMException.
 */
export async function capture({ kind, camera, sound, height }) {
  const { mediaDevices } = navigator;
  if (kind === "microphone") return mediaDevices.getUserMedia({ audio: microphone(sound) || true });
  if (kind === "camera") {
    const video = {
      width: { ideal: Math.round((height * 16) / 9) },
      height: { ideal: height },
      frameRate: { ideal: RATE },
      ...(camera ? { deviceId: { exact: camera } } : {}),
    };
    const audio = (await exists("audioinput")) && microphone(sound);
    return mediaDevices.getUserMedia({ video, audio });
  }
  // First, since only a click lets a page ask for a screen, and a click does not count for long.
  const stream = await mediaDevices.getDisplayMedia({
    video: { height: { max: height }, frameRate: { max: RATE } },
    audio: sound === SHARED,
  });
  const own = microphone(sound);
  if (own) {
    try {
      const voice = await mediaDevices.getUserMedia({ audio: own });
      for (const track of voice.getAudioTracks()) stream.addTrack(track);
    } catch (error) {
      release(stream);
      throw error;
    }
  }
  return stream;
}

/**
 * Make the picture as small as so few bits deserve: an encoder alone would not get by with them.
 *
 * @param {MediaStream} stream
 * @param {number} bitrate
 */
export async function shrink(stream, bitrate) {
  const size = SMALL.find((step) => bitrate <= step.bitrate);
  const [track] = stream.getVideoTracks();
  if (!size || !track) return;
  const { width = 16, height = 9 } = track.getSettings();
  const wanted = {
    width: { ideal: Math.round((size.height * width) / height) },
    height: { ideal: size.height },
    frameRate: { max: size.frameRate },
  };
  await track.applyConstraints({ ...track.getConstraints(), ...wanted }).catch(() => {}); // some cannot
}

/**
 * Give the devices back: their lights go out.
 *
 * @param {MediaStream} stream
 */
export function release(stream) {
  for (const track of stream.getTracks()) track.stop();
}
