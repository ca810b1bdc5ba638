// WebM for Firefox, which forgets how far it has come at each Cluster that begins before the last one
// has ended, and then waits for a keyframe. Sound comes after the picture beside it, so most Clusters
// of a live stream begin in this way. Here they become one Cluster of unknown size for each GOP.
//
// The Clusters are those that mkvtwist/formats/matroska/clusters.py writes:
//
//   1F43B675  08 size  E7 88 timestamp  { A3 SimpleBlock | A0 BlockGroup { A1 Block ... } } ...
//             '--5--'        '---8---'    size, track, 16 bit offset, flags, payload
"use strict";

const CLUSTER = [0x1f, 0x43, 0xb6, 0x75];
const CLUSTER_HEAD = 19; // bytes before the first block
const SIMPLE_BLOCK = 0xa3;
const REFERENCE_BLOCK = 0xfb; // what makes a BlockGroup no keyframe
const REACH = 0x7fff; // milliseconds that a block may lie behind its Cluster's timestamp

class LongClusters {
  #rest = new Uint8Array();
  #begun = false; // whether the header has gone
  #base = NaN; // the timestamp of the Cluster that goes on
  #picture;

  /**
   * @param picture the number of the track at whose keyframes a Cluster begins.
   */
  constructor(picture) {
    this.#picture = picture;
  }

  /** What is to be appended for some bytes of the response; it may be nothing yet. */
  push(bytes) {
    const data = new Uint8Array(this.#rest.length + bytes.length);
    data.set(this.#rest);
    data.set(bytes, this.#rest.length);
    const view = new DataView(data.buffer);
    const out = [];
    let at = 0;
    if (!this.#begun) {
      while (at < data.length && !CLUSTER.every((byte, n) => data[at + n] === byte)) at += 1;
      if (at === data.length) at = 0; // not all of the header is there
      else out.push(data.slice(0, at));
      this.#begun = at > 0;
    }
    while (this.#begun && at + CLUSTER_HEAD <= data.length) {
      const end = at + 9 + view.getUint32(at + 5);
      if (end > data.length) break;
      out.push(...this.#goOn(view, at, end));
      at = end;
    }
    this.#rest = data.slice(at);
    const made = new Uint8Array(out.reduce((sum, part) => sum + part.length, 0));
    out.reduce((place, part) => (made.set(part, place), place + part.length), 0);
    return made;
  }

  /** A Cluster as what goes on with the one before, or as a new one. */
  #goOn(view, start, end) {
    const base = Number(view.getBigUint64(start + 11));
    const blocks = [...this.#blocks(view, start + CLUSTER_HEAD, end)];
    const within = ({ offset }) => Math.abs(base + offset - this.#base) <= REACH;
    const goesOn = blocks.every(within) && !blocks.some(({ key }) => key);
    if (!goesOn) this.#base = base;
    for (const { place, offset } of blocks) view.setInt16(place, base + offset - this.#base);
    const body = new Uint8Array(view.buffer, start + CLUSTER_HEAD, end - start - CLUSTER_HEAD);
    return goesOn ? [body] : [this.#head(base), body];
  }

  #head(base) {
    const head = new Uint8Array([...CLUSTER, 1, 255, 255, 255, 255, 255, 255, 255, 0xe7, 0x88, ...Array(8)]);
    new DataView(head.buffer).setBigUint64(14, BigInt(base));
    return head;
  }

  /** Where the time of each block stands, the time, and whether it is a keyframe of the picture. */
  * #blocks(view, start, end) {
    for (let at = start; at < end;) {
      const isSimple = view.getUint8(at) === SIMPLE_BLOCK;
      const [body, next] = this.#payload(view, at);
      const [block, after] = isSimple ? [body, next] : this.#payload(view, body);
      const place = block + 1; // the track's number takes one byte
      const isKey = isSimple ? view.getUint8(place + 2) & 0x80 : !this.#refers(view, after, next);
      const key = isKey && (view.getUint8(block) & 0x7f) === this.#picture;
      yield { place, offset: view.getInt16(place), key };
      at = next;
    }
  }

  /** Whether a reference to another picture is among what stands beside a block. */
  #refers(view, start, end) {
    for (let at = start; at < end; [, at] = this.#payload(view, at)) {
      if (view.getUint8(at) === REFERENCE_BLOCK) return true;
    }
    return false;
  }

  /** Where the payload of an element begins and ends; its ID takes a byte, or two. */
  #payload(view, at) {
    const place = at + (view.getUint8(at) & 0x80 ? 1 : 2);
    const first = view.getUint8(place);
    const length = Math.clz32(first) - 23;
    let size = first & (0xff >> length);
    for (let n = 1; n < length; n += 1) size = size * 256 + view.getUint8(place + n);
    return [place + length, place + length + size];
  }
}
