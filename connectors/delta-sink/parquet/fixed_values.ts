/**
 * Decimals of more than 18 digits of an open page: big-endian two's complement of as many bytes as the precision needs.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import { giveBuffer, resized } from "../../../mod.ts";
import type { ByteSink } from "./byte_sink.ts";
import { decimalAt, type Extent } from "./extent.ts";
import type { LeafValues } from "./leaf_values.ts";

const PLAIN = 0;

/** See `LeafValues`. The values are kept as Arrow's four words. */
export class FixedValues implements LeafValues {
  readonly encodings = [PLAIN];
  count = 0;
  #words = new Int32Array(0);

  constructor(private readonly size: number) {}

  get bytes(): number {
    return this.count * this.size;
  }

  get capacity(): number {
    return this.#words.byteLength;
  }

  append(data: Data, index: Int32Array | null, from: number, to: number): void {
    this.#reserve(to - from);
    const { values } = data;
    const words = this.#words;
    let at = this.count * 4;
    if (index === null) words.set((values as Uint32Array).subarray(from * 4, to * 4), at);
    else {
      for (let i = from; i < to; i++) {
        const source = index[i] * 4;
        for (let w = 0; w < 4; w++) words[at++] = values[source + w];
      }
    }
    this.count += to - from;
  }

  fitting(_data: Data, _index: Int32Array | null, from: number, to: number, room: number): number {
    return Math.min(to, from + Math.max(1, Math.floor(room / this.size)));
  }

  sizeOf(_data: Data, _index: Int32Array | null, from: number, to: number): number {
    return (to - from) * this.size;
  }

  extent(): Extent {
    const { count } = this;
    const words = this.#words;
    if (count === 0) return { min: null, max: null, hasNaN: false };
    let min = 0, max = 0;
    for (let i = 1; i < count; i++) {
      if (compareWords(words, i, min) < 0) min = i;
      else if (compareWords(words, i, max) > 0) max = i;
    }
    const unsigned = new Uint32Array(words.buffer);
    return { min: decimalAt(unsigned, min), max: decimalAt(unsigned, max), hasNaN: false };
  }

  write(_encoding: number, out: ByteSink, count: number): number {
    const { size } = this;
    out.reserve(count * size);
    const { bytes } = out;
    const words = this.#words;
    let end = out.length;
    for (let i = 0; i < count; i++) {
      end += size;
      for (let b = 0; b < size; b++) bytes[end - 1 - b] = words[i * 4 + (b >> 2)] >>> ((b & 3) * 8);
    }
    out.length = end;
    return PLAIN;
  }

  createDictionary(): null {
    return null;
  }

  clear(): void {
    this.count = 0;
  }

  release(): void {
    this.count = 0;
    giveBuffer(this.#words.buffer);
    this.#words = new Int32Array(0);
  }

  #reserve(size: number): void {
    const wanted = (this.count + size) * 4;
    if (wanted <= this.#words.length) return;
    this.#words = resized(this.#words, Math.max(wanted, 2 * this.#words.length));
  }
}

function compareWords(words: Int32Array, a: number, b: number): number {
  const top = words[a * 4 + 3] - words[b * 4 + 3];
  if (top !== 0) return top;
  for (let w = 2; w >= 0; w--) {
    const difference = (words[a * 4 + w] >>> 0) - (words[b * 4 + w] >>> 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
