// A stream in a video element. The page around it is in page.js.
//
// A player is a loop, and one turn of it is one connection: ask what there is, ask for it, play
// what comes until the response ends, say why, wait a little, and again. Whatever happens (new
// tracks, a restarted server, a lost network) ends the response, so this loop is all there is to
// recovering. The last picture stays until the next connection has brought something.
//
// Media Source Extensions come first: only there can a player stay near the live edge, with a picture
// and one sound out of all that there are. A video element that loads by itself is for browsers and
// codecs that have nothing else. Subtitles are in captions.js, WebM for Firefox in webm.js.
"use strict";

const CUSHION = 0.4; // seconds in hand, and so behind the live edge: decoders want a few frames
const AHEAD = 16; // pictures in hand that Firefox wants: it decodes 10 ahead, and those of a reordering
const CUSHION_MOST = 4; // seconds that it may grow to where the media come in fits and starts
const SLACK = 0.15; // seconds beside the cushion before the speed is changed
const HURRY = 2; // seconds beyond the cushion that are skipped rather than caught up with
const KEEP = 10; // seconds that were played and stay in memory: what goes are whole GOPs
const SILENCE = 6; // seconds without data from a live stream, before another connection is tried
const START = 15; // seconds until a browser that loads by itself has to show something
const LAG = 5; // seconds behind the live edge at which the server is to skip ahead
const SLOW = 2; // seconds on the way from the server from which the connection is too slow
const ASK = 2; // seconds between two questions whether there is something to play
const STALLED = 1; // seconds in which data comes and nothing more can be played: a track is missing
const STEADY = 5; // seconds after which the end of a connection is no longer the same trouble
const PAUSES = [0, 1, 2, 4, 8]; // seconds before another try, by how many have failed in a row
const DECODE = 1; // seconds of them at most where what came could not be decoded

const Source = window.MediaSource ?? window.ManagedMediaSource; // the latter is the iPhone's
const PIECEMEAL = ["mp4", "webm"]; // what it takes, by how it is sent
const SIMPLE = ["mp4", "webm", "mkv"]; // what a browser may load by itself, by how it is sent
if (!Source) SIMPLE.unshift("m3u8"); // what Apple's load, seconds behind the others

/** Where Firefox runs out of pictures it decodes again from the keyframe on, and shows half of them. */
const IS_FIREFOX = "mozDecodedFrames" in HTMLVideoElement.prototype;

const ELSEWHERE = "Open it in VLC or mpv.";
const TOGETHER = "these codecs together";

const now = () => performance.now() / 1000;

/** Where something is: relative, since a proxy may add a path, and with the token that came here. */
function address(path) {
  const url = new URL(path, document.baseURI);
  const token = new URLSearchParams(location.search).get("token");
  if (token) url.searchParams.set("token", token);
  return url.href;
}

/** Firefox knows MP3 by its own name, HLS and others by this. */
const spelled = (type) => type.replace("mp4a.6B", "mp3");

/** Whether this browser decodes a track that is sent in this way. */
const plays = ({ type, codec_string: codec, formats }, ending) => Boolean(formats.includes(ending) &&
  codec && Source?.isTypeSupported(spelled(`${type}/${ending}; codecs="${codec}"`)));

/** What to call tracks of one type: no two alike. */
function labels(tracks) {
  const names = tracks.map(({ title, language, number }) => {
    if (title || !language) return title || `Track ${number}`;
    try {
      return new Intl.DisplayNames(undefined, { type: "language" }).of(language);
    } catch {
      return language; // it is none
    }
  });
  const isAlone = (name) => names.indexOf(name) === names.lastIndexOf(name);
  return names.map((name, n) => (isAlone(name) ? name : `${name} (${tracks[n].number})`));
}

/** Bits a second, as people say it. */
const megabits = (bitrate) => `${(bitrate / 1e6).toFixed(1)} Mbit/s`;

/** Why a connection has ended, in words for viewers. */
class Trouble extends Error {
  pause = 0; // seconds that the server asks for
  most = Infinity; // seconds after which another try is due, however many have failed
}

/** What comes may be decodable again at any moment, as where a sender changes its size and back. */
const undecoded = () =>
  Object.assign(new Trouble("The browser could not decode what came."), { most: DECODE });

/** The promise of an event; an error breaks it, and so does the end of the connection. */
const happens = (target, name, signal) => new Promise((resolve, reject) => {
  const done = new AbortController();
  const on = (where, what, settle) => where.addEventListener(what, (event) => {
    done.abort();
    settle(event);
  }, { signal: done.signal });
  on(target, name, resolve);
  on(target, "error", () => reject(undecoded()));
  on(signal, "abort", () => reject(signal.reason));
});

/** A request whose failure has words. */
async function ask(path, options) {
  const response = await fetch(address(path), options).catch((error) => {
    throw options.signal.aborted ? error : new Trouble("The server does not answer.");
  });
  if (response.ok) return response;
  const isOurs = response.headers.get("Content-Type")?.startsWith("text/plain"); // no proxy's page
  const trouble = new Trouble(isOurs ? (await response.text()).trim() : `Error ${response.status}.`);
  trouble.pause = Number(response.headers.get("Retry-After")) || 0; // a proxy's may be a date
  throw trouble;
}

class Player {
  wanted = false; // whether anybody sees or hears it; see want()
  refused = false; // whether the browser wants a click before it plays
  status = null; // what the server says of the stream
  sounds = []; // names to choose from, and the one that is heard
  heard = "";
  texts = []; // likewise those of the subtitles, and those that are to be read
  text = "";
  #phase = "connecting"; // then playing, and waiting for the next try; or unplayable
  #connection = new AbortController();
  #trouble = ""; // why the last connection has ended
  #failures = 0; // how many have failed in a row
  #retry = 0; // when the next one begins
  #missing = []; // the types of tracks that are not played
  #useless = new Set(); // MIME types that this browser says it plays, and does not
  #proven = new Set(); // and those that it has played
  #sound = ""; // the name of the one that was chosen
  #subtitles = []; // the tracks that the texts are names of
  #least = CUSHION;
  #cushion = CUSHION;
  #heard = 0; // when data came
  #edge = 0; // the newest media time that can be played
  #moved = 0; // when it was another one
  #late = 0; // questions in a row at which media were late
  #live = -Infinity; // the media time of the live edge at the server, less the time here
  #asked = 0; // when the server was asked which track is missing
  #jumped = 0; // when another place was sought
  #quiet = ""; // the tracks of which nothing comes, when the connection began
  #wake = () => {};

  /**
   * @param canvas lies over the video, and shows the last picture between two connections.
   */
  constructor(name, video, canvas) {
    Object.assign(this, { name, video, canvas, captions: new Captions(video) });
    video.addEventListener("waiting", () => this.#stutter());
    video.addEventListener("playing", () => { canvas.hidden = true; });
    video.addEventListener("seeking", () => { this.#jumped = now(); });
    video.addEventListener("seeked", () => this.#want(now() - this.#jumped));
    this.#run();
  }

  /** Play, or leave the server alone. */
  want(wanted) {
    if (this.wanted === wanted) return;
    this.wanted = wanted;
    if (!wanted) {
      this.#connection.abort(new Trouble("Paused."));
      this.video.pause();
    }
    this.#wake();
  }

  /** Do not wait for the end of the countdown. */
  hurry() {
    if (this.#phase === "waiting") this.#wake();
  }

  /** Play another one of the sounds. */
  listen(name) {
    this.#sound = name;
    this.#failures = -1;
    this.#connection.abort(new Trouble("Another sound was chosen."));
    this.hurry();
  }

  /** Show the subtitles with this name, and no others. */
  read(name) {
    this.text = name;
    const { number } = this.#subtitles[this.texts.indexOf(name)] ?? {};
    this.captions.show(number && `${this.name}.vtt?tracks=${number}`);
  }

  /**
   * Seconds from what is seen to the live edge: by what has come, and how long ago, or by what the
   * server says, which also knows what is still on its way.
   */
  get latency() {
    if (!this.#edge) return NaN;
    return Math.max(this.#edge + now() - this.#moved, this.#live + now()) - this.video.currentTime;
  }

  /** Whether media come, all tracks of them, but later than they could be shown. */
  get #isLate() {
    const isHere = this.#live + now() - this.#edge <= SLOW;
    return Boolean(this.#edge) && !isHere && !this.#asleep && now() - this.#heard < SLOW;
  }

  /** What is going on: in a few words, and what is to be said beside them. */
  get state() {
    const away = this.status && this.status.state !== "live" ? this.status.reason : "";
    if (!this.wanted) return ["Paused", ""];
    if (this.#phase === "unplayable") return ["Cannot be played here", this.#trouble];
    if (this.#phase === "waiting") {
      return ["Reconnecting", `in ${Math.ceil(Math.max(0, this.#retry - now()))} s. ${this.#trouble}`];
    }
    if (this.#phase === "connecting") return away ? ["Waiting", away] : ["Connecting", ""];
    if (this.refused) return ["Press play", "this browser does not start by itself"];
    const silent = Math.floor(now() - this.#heard);
    if (silent > 2) return ["Waiting", away || `nothing has come for ${silent} s`];
    if (this.video.readyState < 2 && !this.video.currentTime) return ["Connecting", ""];
    const missing = this.#missing[0] ?? (this.video.videoWidth ? "" : "video");
    const codecs = this.#undecodable(missing) || (this.#missing.length && TOGETHER);
    const why = `this browser has no decoder for ${codecs}`;
    if (codecs && missing === "video") return ["No picture:", `${why}. ${ELSEWHERE}`];
    if (codecs) return ["Live", `without its sound: ${why}`];
    if (!this.latency) return ["Live", ""];
    const slow = `: your connection is too slow for ${megabits(this.status.bitrate)}`;
    // Seen twice: a track that has just fallen silent looks the same, until the server calls it so.
    return ["Live", `${this.latency.toFixed(1)} s behind${this.#late > 1 ? slow : ""}`];
  }

  async #run() {
    for (;;) {
      this.#phase = "connecting";
      while (!this.wanted) await this.#sleep();
      const began = now();
      this.#connection = new AbortController();
      const trouble = await this.#connect(this.#connection.signal).catch((error) => error);
      this.#connection.abort(); // whatever is left of it
      this.captions.show(null);
      if (!this.wanted || this.#phase === "unplayable") continue;
      if (trouble && !(trouble instanceof Trouble)) console.warn(trouble);
      this.#trouble = trouble?.message ?? "The stream was interrupted.";
      this.#failures = this.#heard > began + STEADY ? 0 : this.#failures + 1;
      const patience = PAUSES[Math.min(this.#failures, PAUSES.length - 1)];
      const usual = Math.min(patience, trouble?.most ?? Infinity);
      const pause = Math.max(trouble?.pause ?? 0, usual);
      this.#retry = now() + pause;
      this.#phase = "waiting";
      await this.#sleep(pause);
    }
  }

  #sleep(seconds) {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (seconds !== undefined) setTimeout(resolve, seconds * 1000);
    });
  }

  /** One connection, from asking to its end. */
  async #connect(signal) {
    const { name, video } = this;
    await this.look(signal);
    while (!this.status.tracks.length) {
      if (this.status.state === "waiting for a client") {
        // Somebody has to ask, and Matroska holds whatever will come.
        const begun = await ask(`${name}.mkv?burst=0`, { signal });
        begun.body.cancel();
      } else {
        await this.#sleep(ASK);
      }
      signal.throwIfAborted();
      await this.look(signal);
    }
    const { formats } = this.status;
    const tracks = this.#lively;
    const choice = this.#choose();
    this.#quiet = this.#asleep;
    const missing = ["video", "audio"].filter((type) =>
      tracks.some((track) => track.type === type) &&
      !choice.tracks.some((track) => track.type === type));
    const isWhole = choice.tracks.length && !missing.length;
    const simple = SIMPLE.filter((to) => formats[to] && video.canPlayType(spelled(formats[to])));
    const ending = simple.find((to) => !this.#useless.has(formats[to]));
    this.#missing = ending ? [] : missing;
    if (ending && !isWhole) return this.#load(ending, signal);
    if (choice.tracks.length) return this.#append(choice, signal);
    this.#phase = "unplayable";
    const codecs = this.#undecodable("video", "audio") || TOGETHER;
    this.#trouble = `This browser has no decoder for ${codecs}. ${ELSEWHERE}`;
    while (JSON.stringify(this.#lively) === JSON.stringify(tracks)) {
      await this.#sleep(ASK);
      signal.throwIfAborted();
      await this.look(signal);
    }
  }

  /** The tracks of which something comes: browsers play nothing while one of them is missing. */
  get #lively() {
    const lively = this.status.tracks.filter(({ quiet }) => !quiet);
    return lively.some(({ type }) => type !== "subtitle") ? lively : this.status.tracks;
  }

  /** The others, as a word to compare. */
  get #asleep() {
    const lively = this.#lively;
    return String(this.status.tracks.filter((track) => !lively.includes(track)).map(({ type }) => type));
  }

  /** The picture and the sound that can be appended in one format, or as much as there is of them. */
  #choose() {
    const choices = PIECEMEAL.map((ending) => {
      const playable = this.#lively.filter((track) => plays(track, ending));
      const sounds = playable.filter(({ type }) => type === "audio");
      const picture = playable.find(({ type }) => type === "video");
      const sound = sounds[labels(sounds).indexOf(this.#sound)] ??
        sounds.find((track) => track.default) ?? sounds[0];
      return { ending, sounds, tracks: [picture, sound].filter(Boolean), picture, sound };
    });
    const worth = ({ tracks, picture }) => tracks.length + Boolean(picture) / 2;
    return choices.sort((a, b) => worth(b) - worth(a))[0];
  }

  /** Ask the server how the stream is. */
  async look(signal) {
    const asked = now();
    this.status = await (await ask(`${this.name}/status`, { signal })).json();
    const { live_edge: edge } = this.status;
    this.#live = edge ? edge.media + edge.age - (asked + now()) / 2 : -Infinity;
    this.#late = this.#isLate ? this.#late + 1 : 0;
    return this.status;
  }

  /** The codecs that the browser does not know, so far as they have names. */
  #undecodable(...types) {
    return this.status.tracks
      .filter((track) => types.includes(track.type) && !PIECEMEAL.some((to) => plays(track, to)))
      .map((track) => track.codec.toUpperCase()).join(" and ");
  }

  /** Play a response by handing over what comes, until it ends. */
  async #append({ ending, sounds, sound, tracks }, signal) {
    const others = this.status.tracks.filter(({ type }) => type !== "subtitle").length - tracks.length;
    const only = others ? `&tracks=${tracks.map(({ number }) => number)}` : "";
    const response = await ask(`${this.name}.${ending}?burst=0&lag=${LAG}${only}`, { signal });
    const rate = tracks.find(({ type }) => type === "video")?.frame_rate ?? 25;
    this.#least = IS_FIREFOX ? Math.min(CUSHION_MOST, Math.max(CUSHION, AHEAD / rate)) : CUSHION;
    this.#cushion = Math.max(this.#cushion, this.#least);
    const reader = response.body.getReader();
    const read = () => reader.read().catch((error) => {
      throw signal.aborted ? error : new Trouble("The connection was lost.");
    });
    let { value, done } = await read();
    this.video.addEventListener("error", () => this.#connection.abort(undecoded()), { signal });
    const source = new Source();
    const opened = happens(source, "sourceopen", signal);
    this.video.disableRemotePlayback = true; // else an iPhone does not open it
    this.#start(URL.createObjectURL(source));
    this.sounds = labels(sounds);
    this.heard = this.sounds[sounds.indexOf(sound)];
    this.#subtitles = this.status.tracks.filter(({ formats }) => formats.includes("vtt"));
    this.texts = labels(this.#subtitles);
    this.read(this.text);
    await opened.finally(() => URL.revokeObjectURL(this.video.src));
    const buffer = source.addSourceBuffer(spelled(response.headers.get("Content-Type")));
    const picture = tracks.find(({ type }) => type === "video");
    const longer = IS_FIREFOX && ending === "webm" && picture && new LongClusters(picture.number);
    while (!done) {
      this.#heard = now();
      buffer.appendBuffer(longer ? longer.push(value) : value);
      await happens(buffer, "updateend", signal);
      await this.#follow(buffer, signal);
      ({ value, done } = await read());
    }
  }

  /** Let the browser load by itself, until it ends or gives up. */
  async #load(ending, signal) {
    this.video.addEventListener("progress", () => { this.#heard = now(); }, { signal });
    const path = ending === "m3u8" ? `${this.name}/index.m3u8` : `${this.name}.${ending}`;
    const type = this.status.formats[ending];
    this.#start(address(path));
    this.sounds = this.texts = [];
    const late = new Trouble("The browser does not start with what comes.");
    const timer = setTimeout(() => this.#connection.abort(late), START * 1000);
    try {
      await happens(this.video, "playing", signal).catch(async (error) => {
        if (signal.aborted && error !== late) throw error;
        const { ok } = await fetch(address(path), { method: "HEAD" }).catch(() => ({ ok: false }));
        if (ok && !this.#proven.has(type)) this.#useless.add(type);
        throw error;
      }).finally(() => clearTimeout(timer));
      this.#proven.add(type);
      await happens(this.video, "ended", signal);
    } finally {
      this.#keep();
      this.video.removeAttribute("src"); // else it goes on loading
      this.video.load();
    }
  }

  /** The picture that is shown, for as long as there is no other. */
  #keep() {
    const { video, canvas } = this;
    if (video.readyState < 2 || !video.videoWidth) return;
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.hidden = false;
  }

  #start(url) {
    this.#keep();
    this.video.src = url;
    this.play();
    this.#edge = 0;
    this.#heard = this.#moved = this.#asked = now();
    this.#phase = "playing";
  }

  /** Browsers allow it unasked while there is no sound, mostly; else in answer to a click. */
  play() {
    this.video.play().then(() => { this.refused = false; }, (error) => {
      this.refused = error.name === "NotAllowedError";
    });
  }

  /** Stay near the live edge: jump where it is far, else go a little faster or slower. */
  async #follow(buffer, signal) {
    const { video } = this;
    const { buffered } = buffer;
    if (now() - Math.max(this.#moved, this.#asked) > STALLED) {
      this.#asked = now();
      this.look(signal).catch(() => {}); // tick() sees the answer
    }
    if (!buffered.length) return;
    const [start, edge] = [buffered.start(buffered.length - 1), buffered.end(buffered.length - 1)];
    if (edge > this.#edge) [this.#edge, this.#moved] = [edge, now()];
    const extra = edge - video.currentTime - this.#cushion;
    if (video.currentTime < start || extra > HURRY) {
      if (!video.seeking) video.currentTime = Math.max(start, edge - this.#cushion);
    } else if (Math.abs(extra) > SLACK) {
      this.#speed(extra > 4 * SLACK ? 1.25 : extra > 0 ? 1.05 : extra > -SLACK * 2 ? 0.95 : 0.8);
    } else if (extra * (video.playbackRate - 1) <= 0) {
      this.#speed(1); // it has arrived
    }
    // A removal reaches to the next keyframe, and there has to be one before what is shown.
    const old = video.currentTime - Math.max(KEEP, 2 * this.status.segment_seconds);
    if (old > buffered.start(0) + KEEP) {
      this.captions.forget(old);
      buffer.remove(0, old);
      await happens(buffer, "updateend", signal);
    }
  }

  #speed(rate) {
    if (this.video.playbackRate !== rate) this.video.playbackRate = rate;
  }

  /** The media ran dry: have more in hand. */
  #stutter() {
    const { video } = this;
    if (this.#phase !== "playing" || video.seeking || video.currentTime === 0) return;
    this.#want(this.#cushion + 0.2);
  }

  /** Have so many seconds in hand: where pictures are rare, it takes as long to begin. */
  #want(seconds) {
    this.#cushion = Math.max(this.#cushion, Math.min(CUSHION_MOST, seconds));
  }

  /** What no event tells, and some times a second is early enough for. */
  tick() {
    this.#cushion = Math.max(this.#least, this.#cushion * 0.9995); // back in a minute or two
    const known = this.#phase === "playing" && this.status.tracks.length;
    if (known && this.#quiet !== this.#asleep) {
      this.#failures = -1;
      this.#connection.abort(new Trouble("A track has fallen silent, or has come back."));
    }
    const silent = this.#phase === "playing" && now() - this.#heard > SILENCE;
    if (silent && this.status.state === "live") {
      this.#connection.abort(new Trouble("Nothing has come for too long."));
    }
  }
}
