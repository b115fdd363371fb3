/**
 * Numbers of an open page, in the bits that PLAIN has: 32 and 64 bit integers, dates, timestamps, small decimals, floats.
 *
 * @module
 */
import { type Data, Type } from "apache-arrow";
import { giveBuffer, resized } from "../../../mod.ts";
import type { ByteSink } from "./byte_sink.ts";
import { writeDeltas32, writeDeltas53 } from "./encodings/delta.ts";
import type { Extent } from "./extent.ts";
import type { LeafDictionary, LeafValues } from "./leaf_values.ts";
import { NumberDictionary } from "./number_dictionary.ts";

const PLAIN = 0;
const DELTA_BINARY_PACKED = 5;
const NOTHING: Extent = { min: null, max: null, hasNaN: false };

abstract class NumberValues {
  count = 0;
  readonly encodings: readonly number[];
  /** Words of all values, `width` each. */
  words = new Int32Array(0);

  constructor(readonly isFloat: boolean, readonly width: 1 | 2) {
    this.encodings = isFloat ? [PLAIN] : [DELTA_BINARY_PACKED, PLAIN];
  }

  get bytes(): number {
    return this.count * this.width * 4;
  }

  get capacity(): number {
    return this.words.byteLength;
  }

  fitting(_data: Data, _index: Int32Array | null, from: number, to: number, room: number): number {
    return Math.min(to, from + Math.max(1, Math.floor(room / (this.width * 4))));
  }

  sizeOf(_data: Data, _index: Int32Array | null, from: number, to: number): number {
    return (to - from) * this.width * 4;
  }

  createDictionary(): LeafDictionary {
    return new NumberDictionary(this.width);
  }

  clear(): void {
    this.count = 0;
  }

  release(): void {
    this.count = 0;
    giveBuffer(this.words.buffer);
    this.words = new Int32Array(0);
  }

  protected reserve(size: number): void {
    const wanted = (this.count + size) * this.width;
    if (wanted <= this.words.length) return;
    this.words = resized(this.words, Math.max(wanted, 2 * this.words.length));
  }

  protected writePlain(out: ByteSink, count: number): number {
    out.append(new Uint8Array(this.words.buffer, 0, count * this.width * 4));
    return PLAIN;
  }
}

/** 8, 16 and 32 bit integers, dates, decimals up to 9 digits, floats. */
export class Int32Values extends NumberValues implements LeafValues {
  #min = 0;
  #max = 0;

  constructor(isFloat: boolean) {
    super(isFloat, 1);
  }

  append(data: Data, index: Int32Array | null, from: number, to: number): void {
    this.reserve(to - from);
    const { words } = this;
    let source = data.values as Int32Array | Int16Array | Int8Array;
    if (this.isFloat) source = new Int32Array(source.buffer, source.byteOffset, source.length);
    const stride = data.type.typeId === Type.Decimal ? 4 : 1;
    let at = this.count;
    if (index !== null) {
      for (let i = from; i < to; i++) words[at++] = source[index[i] * stride];
    } else if (stride === 1) words.set(source.subarray(from, to), at);
    else {
      for (let i = from; i < to; i++) words[at++] = source[i * stride];
    }
    this.count += to - from;
  }

  extent(): Extent {
    const { count, words } = this;
    if (count === 0) return NOTHING;
    if (this.isFloat) return floatExtent(new Float32Array(words.buffer), count);
    let min = words[0], max = min;
    for (let i = 1; i < count; i++) {
      const value = words[i];
      if (value < min) min = value;
      else if (value > max) max = value;
    }
    this.#min = min;
    this.#max = max;
    return { min, max, hasNaN: false };
  }

  write(encoding: number, out: ByteSink, count: number): number {
    if (encoding === PLAIN || this.#max - this.#min >= 2 ** 31) return this.writePlain(out, count);
    writeDeltas32(out, this.words, 1, count, BigInt(this.words[0]));
    return DELTA_BINARY_PACKED;
  }
}

/** The page's values as doubles between `extent` and `write`. */
let doubles = new Float64Array(1024);

/** 64 bit integers, timestamps, decimals of 10 to 18 digits, doubles. */
export class Int64Values extends NumberValues implements LeafValues {
  /** Largest less smallest; infinite where doubles do not hold them. */
  #range = Infinity;

  constructor(isFloat: boolean) {
    super(isFloat, 2);
  }

  append(data: Data, index: Int32Array | null, from: number, to: number): void {
    this.reserve(to - from);
    const { words } = this;
    const { buffer, byteOffset, byteLength } = data.values as BigInt64Array | Float64Array | Uint32Array;
    const source = new Int32Array(buffer, byteOffset, byteLength / 4);
    const stride = data.type.typeId === Type.Decimal ? 4 : 2;
    let at = this.count * 2;
    if (index === null && stride === 2) words.set(source.subarray(from * 2, to * 2), at);
    else {
      for (let i = from; i < to; i++) {
        const read = (index === null ? i : index[i]) * stride;
        words[at++] = source[read];
        words[at++] = source[read + 1];
      }
    }
    this.count += to - from;
  }

  extent(): Extent {
    const { count } = this;
    if (count === 0) return NOTHING;
    if (this.isFloat) return floatExtent(new Float64Array(this.words.buffer), count);
    return this.#smallExtent() ?? this.#longExtent();
  }

  write(encoding: number, out: ByteSink, count: number): number {
    if (encoding === PLAIN || this.#range >= 2 ** 52) return this.writePlain(out, count);
    const first = BigInt(doubles[0]);
    if (this.#range < 2 ** 31) writeDeltas32(out, this.words, 2, count, first);
    else writeDeltas53(out, doubles, count, first);
    return DELTA_BINARY_PACKED;
  }

  /** Of integers that doubles hold, which are then in `doubles`; else null. */
  #smallExtent(): Extent | null {
    const { count, words } = this;
    this.#range = Infinity;
    if (doubles.length < count) doubles = new Float64Array(2 * count);
    const target = doubles;
    let min = Infinity, max = -Infinity, large = 0;
    for (let i = 0; i < count; i++) {
      const high = words[2 * i + 1];
      large |= (high + 0x200000) & ~0x3fffff;
      const value = high * 0x100000000 + (words[2 * i] >>> 0);
      target[i] = value;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    if (large !== 0) return null;
    this.#range = max - min;
    return { min: BigInt(min), max: BigInt(max), hasNaN: false };
  }

  /** Compares by halves: BigInts are made for the two results only. */
  #longExtent(): Extent {
    const { count, words } = this;
    let min = 0, max = 0, minHigh = words[1], minLow = words[0] >>> 0, maxHigh = minHigh, maxLow = minLow;
    for (let i = 1; i < count; i++) {
      const low = words[2 * i] >>> 0, high = words[2 * i + 1];
      if (high < minHigh || (high === minHigh && low < minLow)) {
        min = i;
        minHigh = high;
        minLow = low;
      } else if (high > maxHigh || (high === maxHigh && low > maxLow)) {
        max = i;
        maxHigh = high;
        maxLow = low;
      }
    }
    const longs = new BigInt64Array(words.buffer);
    return { min: longs[min], max: longs[max], hasNaN: false };
  }
}

/** NaN is outside of it; -0 is below 0. */
function floatExtent(values: Float64Array | Float32Array, count: number): Extent {
  let min = Infinity, max = -Infinity, numbers = 0, zeros = 0, negativeZeros = 0;
  for (let i = 0; i < count; i++) {
    const value = values[i];
    if (value === value) numbers++;
    if (value < min) min = value;
    if (value > max) max = value;
    if (value === 0) {
      zeros++;
      if (1 / value < 0) negativeZeros++;
    }
  }
  if (numbers === 0) return { min: null, max: null, hasNaN: count > 0 };
  if (min === 0) min = negativeZeros > 0 ? -0 : 0;
  if (max === 0) max = zeros > negativeZeros ? 0 : -0;
  return { min, max, hasNaN: numbers < count };
}
