// One connection: a WebSocket, and the recorder whose bytes go over it. Each has its own recorder,
// since only the beginning of a recording has the header.

import { PIECE, recorderOf } from "./recording.js";

/**
 * What the server says once a second.
 *
 * @typedef {object} Report
 * @property {number} received bytes.
 * @property {import("../types.d.ts").State} state of the stream.
 * @property {string} reason
 * @property {number} viewers
 */

/**
 * Why a connection has ended: the page stopped it; the link carries too little; nothing comes
 * through any more; the server closed it, with a code; it was never open.
 *
 * @typedef {{ kind: "stopped" | "thin" | "lost" | "failed", text: string }
 *   | { kind: "closed", code: number, text: string }} Ending
 */

/** Milliseconds of media that may be unconfirmed: 2 s, and a second until the next report. */
const AHEAD = 3000;
/** Milliseconds without a report after which the link is lost rather than thin: one comes each second. */
const SILENCE = 1500;
/** Reports that tell what the link carries: a thin one is noticed after 3 s. */
const REPORTS = 4;
/** Milliseconds until a WebSocket must be open; TCP's own next try would be seconds later. */
const OPENING = 6000;

/** A WebSocket and its recorder. */
export class Connection {
  /** The last report. @type {Report | null} */
  report = null;
  /** Bits a second that arrived between the last two reports. */
  bitrate = 0;
  /** When the socket opened, on the page's clock; 0 before. */
  opened = 0;
  /** @type {Promise<Ending>} */
  ended;
  #socket;
  /** @type {MediaRecorder | null} */
  #recorder = null;
  /** Pieces that the server has not confirmed: when they were sent, and where they end. @type {{ time: number, end: number }[]} */
  #unconfirmed = [];
  /** What had arrived at the reports of the last seconds. @type {{ time: number, received: number }[]} */
  #arrivals = [];
  #sent = 0;
  #heard = 0;
  #isStopping = false;
  /** @type {(ending: Ending) => void} */
  #resolve = () => {};

  /**
   * @param {MediaStream} stream
   * @param {number} bitrate of the picture, for the encoder.
   * @param {string} url
   * @param {() => void} onReport
   */
  constructor(stream, bitrate, url, onReport) {
    this.ended = new Promise((resolve) => { this.#resolve = resolve; });
    this.#socket = new WebSocket(url);
    const timer = setTimeout(() => this.#end({ kind: "lost", text: "" }), OPENING);
    this.#socket.addEventListener("open", () => {
      clearTimeout(timer);
      this.opened = this.#heard = performance.now();
      this.#record(stream, bitrate);
    });
    this.#socket.addEventListener("message", ({ data }) => {
      this.#confirm(JSON.parse(data));
      onReport();
    });
    this.#socket.addEventListener("close", ({ code, reason }) => {
      clearTimeout(timer);
      this.#end(this.#isStopping ? { kind: "stopped", text: "" } : { kind: "closed", code, text: reason });
    });
  }

  /** Bits a second that arrived in the last seconds: what a thin link carries. */
  get carried() {
    const [first] = this.#arrivals;
    const last = this.#arrivals.at(-1);
    if (!first || !last || last === first) return 0;
    return ((last.received - first.received) * 8000) / (last.time - first.time);
  }

  /** Send what is recorded so far, and end. */
  stop() {
    this.#isStopping = true;
    if (this.#recorder?.state === "recording") this.#recorder.stop();
    else this.#end({ kind: "stopped", text: "" });
  }

  /** @param {MediaStream} stream @param {number} bitrate */
  #record(stream, bitrate) {
    try {
      const recorder = recorderOf(stream, bitrate);
      recorder.addEventListener("dataavailable", ({ data }) => this.#send(data));
      recorder.addEventListener("error", ({ error }) => this.#end({ kind: "failed", text: error.message }));
      recorder.addEventListener("stop", () => this.#end({ kind: "stopped", text: "" }));
      recorder.start(PIECE);
      this.#recorder = recorder;
    } catch (error) {
      this.#end({ kind: "failed", text: error instanceof Error ? error.message : String(error) });
    }
  }

  /** @param {Blob} data */
  #send(data) {
    if (this.#socket.readyState !== WebSocket.OPEN || !data.size) return;
    this.#socket.send(data);
    const now = performance.now();
    this.#sent += data.size;
    this.#unconfirmed.push({ time: now, end: this.#sent });
    // Not by a timer: a hidden page has none that keep time, and a dead recorder needs none.
    if (this.#isStopping || now - (this.#unconfirmed[0]?.time ?? now) < AHEAD) return;
    this.#end({ kind: now - this.#heard < SILENCE ? "thin" : "lost", text: "" });
  }

  /** @param {Report} report */
  #confirm(report) {
    const now = performance.now();
    const bytes = report.received - (this.report?.received ?? 0);
    this.bitrate = (bytes * 8000) / Math.max(1, now - this.#heard);
    this.report = report;
    this.#heard = now;
    this.#arrivals = [...this.#arrivals.slice(1 - REPORTS), { time: now, received: report.received }];
    while (this.#unconfirmed[0] && this.#unconfirmed[0].end <= report.received) this.#unconfirmed.shift();
  }

  /** @param {Ending} ending the first one counts. */
  #end(ending) {
    this.#resolve(ending);
    if (this.#recorder?.state === "recording") this.#recorder.stop();
    this.#recorder = null;
    this.#socket.close(1000);
  }
}
