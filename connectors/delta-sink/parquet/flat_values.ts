/**
 * Flat columns as the values that hyparquet-writer takes fastest: typed arrays where no entry is null, arrays with nulls
 * otherwise, byte views for strings; all of them physical values (`physicalSchema`).
 *
 * @module
 */
import { type Data, type DataType, Type } from "apache-arrow";
import type { DecodedArray } from "hyparquet";
import { validityOf } from "./arrow_data.ts";
import { decimalBytes } from "./schema.ts";

/** A column's values, and whether few enough of them differ that a dictionary pays. */
export interface FlatValues {
  readonly values: DecodedArray;
  readonly fewDistinct: boolean;
}

/** The entries of `parts`, pieces of one flat column of `length` entries together. */
export function flatValues(type: DataType, parts: readonly Data[], length: number): FlatValues {
  if (type.typeId === Type.Utf8 || type.typeId === Type.Binary) return byteViews(parts, length);
  const numbers = type.typeId === Type.Bool ? booleans(parts, length) : physicalNumbers(type, parts, length);
  return { values: withNulls(numbers, parts), fewDistinct: false };
}

type Numbers = Int32Array | BigInt64Array | Float32Array | Float64Array | boolean[] | Uint8Array[];

function physicalNumbers(type: DataType, parts: readonly Data[], length: number): Numbers {
  switch (type.typeId) {
    case Type.Decimal: {
      const { precision } = type as unknown as { precision: number };
      if (precision <= 9) return lowWords(new Int32Array(length), parts, 1);
      if (precision <= 18) {
        const longs = new BigInt64Array(length);
        lowWords(new Int32Array(longs.buffer), parts, 2);
        return longs;
      }
      return fixedBytes(parts, length, decimalBytes(precision));
    }
    case Type.Float:
      return parts[0].values instanceof Float32Array
        ? joined(parts, length, Float32Array)
        : joined(parts, length, Float64Array);
    default:
      if (parts[0].values instanceof BigInt64Array) return joined(parts, length, BigInt64Array);
      return joined(parts, length, Int32Array);
  }
}

/** One array of `ArrayType`: the part's own where there is only one of that type, else a copy. */
function joined<T extends Int32Array | BigInt64Array | Float32Array | Float64Array>(
  parts: readonly Data[],
  length: number,
  ArrayType: new (length: number) => T,
): T {
  if (parts.length === 1 && parts[0].values instanceof ArrayType) return parts[0].values.subarray(0, length) as T;
  const out = new ArrayType(length);
  let at = 0;
  for (const part of parts) {
    out.set(part.values.subarray(0, part.length) as never, at);
    at += part.length;
  }
  return out;
}

/** The lowest `width` of the four words of each decimal: all of it where the precision is small. */
function lowWords(out: Int32Array, parts: readonly Data[], width: number): Int32Array {
  let at = 0;
  for (const part of parts) {
    const words = part.values as Uint32Array;
    for (let i = 0; i < part.length; i++) for (let w = 0; w < width; w++) out[at++] = words[i * 4 + w];
  }
  return out;
}

/** Big-endian two's complement of `size` bytes each. */
function fixedBytes(parts: readonly Data[], length: number, size: number): Uint8Array[] {
  const bytes = new Uint8Array(length * size);
  const out: Uint8Array[] = [];
  for (const part of parts) {
    const words = part.values as Uint32Array;
    for (let i = 0; i < part.length; i++) {
      const start = out.length * size;
      for (let b = 0; b < size; b++) bytes[start + size - 1 - b] = words[i * 4 + (b >> 2)] >>> ((b & 3) * 8);
      out.push(bytes.subarray(start, start + size));
    }
  }
  return out;
}

function booleans(parts: readonly Data[], length: number): boolean[] {
  const out = new Array<boolean>(length);
  let at = 0;
  for (const { values, offset, length } of parts) {
    for (let i = 0; i < length; i++) {
      out[at++] = ((values as Uint8Array)[(offset + i) >> 3] & (1 << ((offset + i) & 7))) !== 0;
    }
  }
  return out;
}

function withNulls(numbers: Numbers, parts: readonly Data[]): DecodedArray {
  if (parts.every((part) => validityOf(part) === null)) return numbers as DecodedArray;
  const out = Array.from<unknown>(numbers as ArrayLike<unknown>);
  let at = 0;
  for (const part of parts) {
    const bits = validityOf(part);
    if (bits !== null) {
      for (let i = 0; i < part.length; i++) {
        const bit = part.offset + i;
        if ((bits[bit >> 3] & (1 << (bit & 7))) === 0) out[at + i] = null;
      }
    }
    at += part.length;
  }
  return out;
}

const SAMPLE = 256;
/** The most distinct values that are looked for; a power of two, half of the table's slots. */
const DISTINCT_MAX = 1 << 13;

/** Views of the bytes. Where few differ, equal entries share one view, which makes the library's dictionary cheap. */
function byteViews(parts: readonly Data[], length: number): FlatValues {
  const out = new Array<Uint8Array | null>(length);
  const seen = looksRepetitive(parts, length) ? new ViewTable() : null;
  let at = 0, sharing = seen !== null;
  for (const part of parts) {
    const { valueOffsets, offset } = part;
    const values = part.values as Uint8Array;
    const bits = validityOf(part);
    for (let i = 0; i < part.length; i++, at++) {
      if (bits !== null && (bits[(offset + i) >> 3] & (1 << ((offset + i) & 7))) === 0) {
        out[at] = null;
        continue;
      }
      const start = valueOffsets[i], end = valueOffsets[i + 1];
      const shared = sharing ? seen!.view(values, start, end) : null;
      if (sharing && shared === null) sharing = false;
      out[at] = shared ?? values.subarray(start, end);
    }
  }
  return { values: out as DecodedArray, fewDistinct: sharing };
}

function looksRepetitive(parts: readonly Data[], length: number): boolean {
  if (length < 2 * SAMPLE) return false;
  const table = new ViewTable();
  let sampled = 0;
  for (const part of parts) {
    const step = Math.max(1, Math.floor((part.length * parts.length) / SAMPLE));
    for (let i = 0; i < part.length; i += step, sampled++) {
      table.view(part.values as Uint8Array, part.valueOffsets[i], part.valueOffsets[i + 1]);
    }
  }
  return table.size * 4 <= sampled;
}

/** Distinct byte strings: open addressing over FNV-1a. */
class ViewTable {
  private readonly slots = new Int32Array(2 * DISTINCT_MAX).fill(-1);
  private readonly views: Uint8Array[] = [];

  get size(): number {
    return this.views.length;
  }

  /** The first view of these bytes, or null once there are too many. */
  view(bytes: Uint8Array, start: number, end: number): Uint8Array | null {
    let hash = 0x811c9dc5;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
    const mask = this.slots.length - 1;
    for (let slot = (hash ^ (hash >>> 15)) & mask;; slot = (slot + 1) & mask) {
      const index = this.slots[slot];
      if (index < 0) {
        if (this.views.length === DISTINCT_MAX) return null;
        const view = bytes.subarray(start, end);
        this.slots[slot] = this.views.length;
        this.views.push(view);
        return view;
      }
      if (sameBytes(this.views[index], bytes, start, end)) return this.views[index];
    }
  }
}

function sameBytes(view: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (view.length !== end - start) return false;
  for (let i = 0; i < view.length; i++) if (view[i] !== bytes[start + i]) return false;
  return true;
}
