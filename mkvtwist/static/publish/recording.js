// The browser's encoder: what it makes, and with which options.

import { has } from "./capture.js";

/**
 * The types to be asked for, the best one first: H.264 costs a processor least. MP4 is not among
 * them: a browser writes a piece of it only once a GOP.
 */
const VIDEO = ["video/x-matroska;codecs=avc1", "video/webm;codecs=vp8", "video/webm"];
const AUDIO = ["audio/webm;codecs=opus", "audio/webm", "audio/ogg;codecs=opus"];

/** Milliseconds between two pieces: Chromium makes one each 120 ms then. */
export const PIECE = 100;
/** Milliseconds between two keyframes: for so long a newcomer waits for a picture. */
const KEYFRAMES = 1000;
/** Bits a second of the sound: Opus is transparent at that, and understood at the other. */
const SOUND = 128_000;
const LEAST_SOUND = 32_000;

/** @param {MediaStream} stream */
function typeOf(stream) {
  const types = has(stream, "video") ? VIDEO : AUDIO;
  const sound = has(stream, "video") && has(stream, "audio") ? ",opus" : "";
  return types
    .map((type) => (type.includes("codecs=") ? type + sound : type))
    .find((type) => MediaRecorder.isTypeSupported(type));
}

/** Whether a browser can record what can be sent. */
export const canRecord = () =>
  "MediaRecorder" in window && VIDEO.some((type) => MediaRecorder.isTypeSupported(type));

/** Whether keyframes come as often as they are asked for: a browser that cannot does not ask. */
export function hasFrequentKeyframes() {
  let isAsked = false;
  const options = {
    videoBitsPerSecond: 0,
    get videoKeyFrameIntervalDuration() {
      isAsked = true;
      return KEYFRAMES;
    },
  };
  try {
    new MediaRecorder(new MediaStream(), options);
  } catch {
    // no browser has to record nothing
  }
  return isAsked;
}

/**
 * Return the bits a second of the sound: on a thin link it leaves most to the picture.
 *
 * @param {MediaStream} stream
 * @param {number} bitrate of the picture, as if there was one.
 */
function soundOf(stream, bitrate) {
  const share = has(stream, "video") ? 4 : 2;
  return Math.min(SOUND, Math.max(LEAST_SOUND, bitrate / share));
}

/**
 * Return a recorder that has not begun.
 *
 * @param {MediaStream} stream
 * @param {number} bitrate of the picture.
 * @throws {Error} if the browser would record MP4 only.
 */
export function recorderOf(stream, bitrate) {
  const recorder = new MediaRecorder(stream, /** @type {MediaRecorderOptions} */ ({
    mimeType: typeOf(stream) ?? "",
    videoBitsPerSecond: bitrate,
    audioBitsPerSecond: soundOf(stream, bitrate),
    videoKeyFrameIntervalDuration: KEYFRAMES,
  }));
  if (recorder.mimeType.includes("mp4")) throw new Error("this browser records MP4 only");
  return recorder;
}
