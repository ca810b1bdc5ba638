// WebM for Firefox, which forgets how far it has come at each Cluster that begins before the last one
// has ended, and then waits for a keyframe. Sound comes after the picture beside it, so most Clusters
// of a live stream begin in this way. Here they become one Cluster of unknown size for each GOP.
//
// The server (mkvtwist/formats/matroska/clusters.py) writes these Clusters:
//
//   1F43B675  08 size  E7 88 timestamp  { A3 SimpleBlock | A0 BlockGroup { A1 Block ... } } ...
//             '--5--'        '---8---'    size, track, 16 bit offset, flags, payload

/**
 * A block in a Cluster.
 *
 * @typedef {object} Block
 * @property {number} place where its time stands.
 * @property {number} offset its time, in milliseconds after the Cluster's.
 * @property {boolean} isKey whether it is a keyframe of the picture.
 */

const CLUSTER = [0x1f, 0x43, 0xb6, 0x75];
/** The size of a Cluster that goes on until the next one. */
const UNKNOWN_SIZE = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
/** The ID of the timestamp, and its size of 8 bytes. */
const TIMESTAMP = [0xe7, 0x88];
/** Bytes before the first block: as the server writes them, with a size of 5 bytes. */
const CLUSTER_HEAD = 19;
const SIMPLE_BLOCK = 0xa3;
/** The element that makes a BlockGroup no keyframe. */
const REFERENCE_BLOCK = 0xfb;
/** The milliseconds that a block may lie from its Cluster's timestamp: 16 bits with a sign. */
const REACH = 0x7fff;

/**
 * Return where the payload of an element begins and ends; its ID takes a byte or two.
 *
 * @param {DataView} view
 * @param {number} at where the element begins.
 * @returns {[number, number]}
 */
function payload(view, at) {
  const place = at + (view.getUint8(at) & 0x80 ? 1 : 2);
  const first = view.getUint8(place);
  const length = Math.clz32(first) - 23;
  let size = first & (0xff >> length);
  for (let n = 1; n < length; n += 1) size = size * 256 + view.getUint8(place + n);
  return [place + length, place + length + size];
}

/** Return whether a reference to another picture stands beside a block. @type {(view: DataView, start: number, end: number) => boolean} */
function refers(view, start, end) {
  for (let at = start; at < end; [, at] = payload(view, at)) {
    if (view.getUint8(at) === REFERENCE_BLOCK) return true;
  }
  return false;
}

/** A stream whose Clusters last as long as a GOP. */
export class LongClusters {
  #rest = new Uint8Array();
  #hasBegun = false; // whether the header has been returned
  #base = NaN; // the timestamp of the Cluster that goes on
  #picture;

  /** @param {number} picture the number of the track at whose keyframes a Cluster begins. */
  constructor(picture) {
    this.#picture = picture;
  }

  /**
   * Return the bytes to append for some bytes of the response, which may be none yet.
   *
   * @param {Uint8Array} bytes
   */
  push(bytes) {
    const data = new Uint8Array(this.#rest.length + bytes.length);
    data.set(this.#rest);
    data.set(bytes, this.#rest.length);
    const view = new DataView(data.buffer);
    const parts = [];
    let at = 0;
    if (!this.#hasBegun) {
      while (at < data.length && !CLUSTER.every((byte, n) => data[at + n] === byte)) at += 1;
      if (at === data.length) at = 0; // a part of the header is missing
      else parts.push(data.slice(0, at));
      this.#hasBegun = at > 0;
    }
    while (this.#hasBegun && at + CLUSTER_HEAD <= data.length) {
      const end = at + 9 + view.getUint32(at + 5);
      if (end > data.length) break;
      parts.push(...this.#lengthened(view, at, end));
      at = end;
    }
    this.#rest = data.slice(at);
    const made = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    parts.reduce((place, part) => (made.set(part, place), place + part.length), 0);
    return made;
  }

  /**
   * Return a Cluster as what goes on with the one before, or as a new one.
   *
   * @param {DataView<ArrayBuffer>} view
   * @param {number} start
   * @param {number} end
   */
  #lengthened(view, start, end) {
    const base = Number(view.getBigUint64(start + 11));
    const blocks = [...this.#blocks(view, start + CLUSTER_HEAD, end)];
    const isNear = (/** @type {Block} */ { offset }) => Math.abs(base + offset - this.#base) <= REACH;
    const goesOn = blocks.every(isNear) && !blocks.some(({ isKey }) => isKey);
    if (!goesOn) this.#base = base;
    for (const { place, offset } of blocks) view.setInt16(place, base + offset - this.#base);
    const body = new Uint8Array(view.buffer, start + CLUSTER_HEAD, end - start - CLUSTER_HEAD);
    return goesOn ? [body] : [this.#head(base), body];
  }

  /** @param {number} base the Cluster's timestamp. */
  #head(base) {
    const head = new Uint8Array([...CLUSTER, ...UNKNOWN_SIZE, ...TIMESTAMP, ...new Array(8).fill(0)]);
    new DataView(head.buffer).setBigUint64(head.length - 8, BigInt(base));
    return head;
  }

  /**
   * Yield the blocks of a Cluster.
   *
   * @param {DataView} view
   * @param {number} start
   * @param {number} end
   * @returns {Generator<Block, void>}
   */
  * #blocks(view, start, end) {
    for (let at = start; at < end;) {
      const isSimple = view.getUint8(at) === SIMPLE_BLOCK;
      const [body, next] = payload(view, at);
      const [block, after] = isSimple ? [body, next] : payload(view, body);
      const place = block + 1; // the track's number takes one byte
      const isKey = isSimple ? Boolean(view.getUint8(place + 2) & 0x80) : !refers(view, after, next);
      const isPicture = (view.getUint8(block) & 0x7f) === this.#picture;
      yield { place, offset: view.getInt16(place), isKey: isKey && isPicture };
      at = next;
    }
  }
}
