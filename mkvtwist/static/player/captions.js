// Subtitles: they come beside the picture, as WebVTT that does not end.
"use strict";

const RECENT = 60; // seconds that are loaded at once: so that what is to be seen now is among them
const AGAIN = 2; // seconds before they are asked for once more

/** Seconds, of what WebVTT has as hours, minutes and seconds. */
const time = (text) => text.split(":").reduce((sum, part) => 60 * sum + Number(part), 0);

/** A cue as the server writes it, which is not all that WebVTT could be. */
function cue(block) {
  const [, start, end, settings, text] = /^(\S+) --> (\S+)(.*)\n([^]*)/.exec(block);
  const made = new VTTCue(time(start), time(end), text);
  for (const [, name, value] of settings.matchAll(/(line|position|size|align):(\S+)/g)) {
    if (name === "line") made.snapToLines = !value.endsWith("%");
    made[name] = name === "align" ? value : parseFloat(value);
  }
  return made;
}

class Captions {
  #reading = new AbortController();

  constructor(video) {
    this.track = video.addTextTrack("subtitles");
  }

  /** Show what there is at this address, and what will come there; with none, nothing. */
  show(path) {
    this.#reading.abort();
    this.#reading = new AbortController();
    this.track.mode = path ? "showing" : "hidden"; // a track that is disabled has no list of cues
    this.forget(Infinity);
    if (path) this.#keep(path, this.#reading.signal);
  }

  /** Let go of what is over before this time. */
  forget(before) {
    for (const old of [...(this.track.cues ?? [])]) {
      if (old.endTime < before) this.track.removeCue(old);
    }
  }

  async #keep(path, signal) {
    while (!signal.aborted) {
      await this.#load(path, signal).catch((error) => {
        if (!signal.aborted && !(error instanceof Trouble)) console.warn(error);
      });
      await new Promise((resolve) => setTimeout(resolve, AGAIN * 1000));
    }
  }

  /** One response, until it ends. */
  async #load(path, signal) {
    const { body } = await ask(`${path}&burst=${RECENT}`, { signal });
    this.forget(Infinity);
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ;) {
      const { value, done } = await reader.read();
      if (done || signal.aborted) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) if (block.includes(" --> ")) this.track.addCue(cue(block));
    }
  }
}
