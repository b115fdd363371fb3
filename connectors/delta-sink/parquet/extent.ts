/**
 * Smallest and largest value of a column, found on its typed arrays: what Parquet's and Delta's statistics are made of.
 *
 * Numbers and dates are numbers, 64 bit integers, timestamps and decimals (unscaled) are bigints, strings are UTF-8
 * bytes, which compare like their code points. Booleans, binaries and nested columns have no extent.
 *
 * @module
 */
import { type Data, Type } from "apache-arrow";
import { validityOf } from "./arrow_data.ts";

/** A bound, as the module says. */
export type Bound = number | bigint | Uint8Array;

/** The range of a column's values so far; nulls and NaN are outside of it. */
export interface Extent {
  min: Bound | null;
  max: Bound | null;
  /** Whether a NaN was seen: readers that order NaN last have then no upper bound. */
  hasNaN: boolean;
}

/** The extent of nothing. */
export function emptyExtent(): Extent {
  return { min: null, max: null, hasNaN: false };
}

/** Widens `extent` by the entries of a column. */
export function widen(extent: Extent, data: Data): void {
  const { min, max, hasNaN } = extentOf(data);
  extent.hasNaN ||= hasNaN;
  if (min === null || max === null) return;
  if (extent.min === null || compareBounds(min, extent.min) < 0) extent.min = min;
  if (extent.max === null || compareBounds(max, extent.max) > 0) extent.max = max;
}

/** Orders two bounds of the same column; -0 is before 0. */
export function compareBounds(a: Bound, b: Bound): number {
  if (a instanceof Uint8Array) return compareBytes(a, b as Uint8Array);
  if (a === b) return a === 0 ? sign(b as number) - sign(a as number) : 0;
  return a < (b as number | bigint) ? -1 : 1;
}

/** The 128 bit two's complement integer at `index` of a decimal's words. */
export function decimalAt(words: Uint32Array, index: number): bigint {
  const at = index * 4;
  const low = BigInt(words[at]) | (BigInt(words[at + 1]) << 32n);
  const high = BigInt(words[at + 2]) | (BigInt(words[at + 3]) << 32n);
  return (BigInt.asIntN(64, high) << 64n) | low;
}

// A column's data is asked twice, by the Parquet file and by the table's statistics.
const CACHE = new WeakMap<Data, Extent>();

function extentOf(data: Data): Extent {
  let extent = CACHE.get(data);
  if (!extent) CACHE.set(data, extent = computeExtent(data));
  return extent;
}

function computeExtent(data: Data): Extent {
  switch (data.type.typeId) {
    case Type.Int:
    case Type.Timestamp:
      return data.values instanceof BigInt64Array ? longExtent(data) : integerExtent(data);
    case Type.Date:
      return integerExtent(data);
    case Type.Float:
      return floatExtent(data);
    case Type.Decimal:
      return decimalExtent(data);
    case Type.Utf8:
      return textExtent(data);
    default:
      return emptyExtent();
  }
}

function integerExtent(data: Data): Extent {
  const values = data.values as Int32Array;
  const bits = validityOf(data);
  const { offset, length } = data;
  let min = Infinity, max = -Infinity;
  for (let i = 0; i < length; i++) {
    if (bits !== null && (bits[(offset + i) >> 3] & (1 << ((offset + i) & 7))) === 0) continue;
    const value = values[i];
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min === Infinity ? emptyExtent() : { min, max, hasNaN: false };
}

function floatExtent(data: Data): Extent {
  const values = data.values as Float64Array;
  const bits = validityOf(data);
  const { offset, length } = data;
  let min = NaN, max = NaN, hasNaN = false;
  for (let i = 0; i < length; i++) {
    if (bits !== null && (bits[(offset + i) >> 3] & (1 << ((offset + i) & 7))) === 0) continue;
    const value = values[i];
    if (value !== value) hasNaN = true;
    else if (min !== min) min = max = value;
    else if (value < min || (value === 0 && Object.is(value, -0) && min === 0)) min = value;
    else if (value > max || (value === 0 && Object.is(max, -0) && Object.is(value, 0))) max = value;
  }
  return min !== min ? { ...emptyExtent(), hasNaN } : { min, max, hasNaN };
}

/** Compares 64 bit integers by their halves: BigInts are made for the two results only. */
function longExtent(data: Data): Extent {
  const longs = data.values as BigInt64Array;
  const words = new Int32Array(longs.buffer, longs.byteOffset, longs.length * 2);
  const bits = validityOf(data);
  const { offset, length } = data;
  let min = -1, max = -1, minHigh = 0, minLow = 0, maxHigh = 0, maxLow = 0;
  for (let i = 0; i < length; i++) {
    if (bits !== null && (bits[(offset + i) >> 3] & (1 << ((offset + i) & 7))) === 0) continue;
    const low = words[2 * i] >>> 0, high = words[2 * i + 1];
    if (min === -1 || high < minHigh || (high === minHigh && low < minLow)) {
      min = i;
      minHigh = high;
      minLow = low;
    }
    if (max === -1 || high > maxHigh || (high === maxHigh && low > maxLow)) {
      max = i;
      maxHigh = high;
      maxLow = low;
    }
  }
  return min === -1 ? emptyExtent() : { min: longs[min], max: longs[max], hasNaN: false };
}

function decimalExtent(data: Data): Extent {
  const words = data.values as Uint32Array;
  const bits = validityOf(data);
  const { offset, length } = data;
  let min = -1, max = -1;
  for (let i = 0; i < length; i++) {
    if (bits !== null && (bits[(offset + i) >> 3] & (1 << ((offset + i) & 7))) === 0) continue;
    if (min === -1 || compareWords(words, i, min) < 0) min = i;
    if (max === -1 || compareWords(words, i, max) > 0) max = i;
  }
  return min === -1 ? emptyExtent() : { min: decimalAt(words, min), max: decimalAt(words, max), hasNaN: false };
}

function compareWords(words: Uint32Array, a: number, b: number): number {
  const top = (words[a * 4 + 3] | 0) - (words[b * 4 + 3] | 0);
  if (top !== 0) return top;
  for (let w = 2; w >= 0; w--) {
    const difference = words[a * 4 + w] - words[b * 4 + w];
    if (difference !== 0) return difference;
  }
  return 0;
}

function textExtent(data: Data): Extent {
  const { valueOffsets, values, offset, length } = data;
  const bits = validityOf(data);
  let min = -1, max = -1;
  for (let i = 0; i < length; i++) {
    if (bits !== null && (bits[(offset + i) >> 3] & (1 << ((offset + i) & 7))) === 0) continue;
    if (min === -1) {
      min = max = i;
      continue;
    }
    if (compareRanges(values, valueOffsets, i, min) < 0) min = i;
    else if (compareRanges(values, valueOffsets, i, max) > 0) max = i;
  }
  if (min === -1) return emptyExtent();
  const entry = (i: number) => values.slice(valueOffsets[i], valueOffsets[i + 1]);
  return { min: entry(min), max: entry(max), hasNaN: false };
}

function compareRanges(bytes: Uint8Array, offsets: Int32Array, a: number, b: number): number {
  const atA = offsets[a], atB = offsets[b];
  const sizeA = offsets[a + 1] - atA, sizeB = offsets[b + 1] - atB;
  const size = sizeA < sizeB ? sizeA : sizeB;
  for (let i = 0; i < size; i++) {
    const difference = bytes[atA + i] - bytes[atB + i];
    if (difference !== 0) return difference;
  }
  return sizeA - sizeB;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const size = Math.min(a.length, b.length);
  for (let i = 0; i < size; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

function sign(zero: number): number {
  return Object.is(zero, -0) ? 1 : 0;
}
