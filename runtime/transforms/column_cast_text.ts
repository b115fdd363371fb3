/**
 * Text and decimals as numbers and booleans, for Cast.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import type { CastTarget, RefuseEntry } from "./column_cast.ts";
import { decimalText, doubleOf, type Exact, floatOf } from "./java_text.ts";

/** An entry as an exact number. */
export type ExactReader = (index: number) => Exact;

type NumberTarget = Exclude<CastTarget, "string">;
type Buffer = ArrayLike<number> | BigInt64Array;

const BITS: Partial<Readonly<Record<CastTarget, number>>> = { int8: 8, int16: 16, int32: 32, int64: 64 };

/** Writes a value at an index; false: the target cannot hold it. */
type Put<T> = (index: number, value: T) => boolean;

/** Exact numbers, cut to whole ones for integers and booleans. */
export function exactsTo(length: number, read: ExactReader, target: CastTarget, refuse: RefuseEntry): Buffer {
  const out = bufferOf(length, target as NumberTarget);
  const put = putter(out, target as NumberTarget);
  for (let i = 0; i < length; i++) {
    const { unscaled, scale } = read(i);
    const value = put.isFloat ? decimalText(unscaled, scale) : unscaled / 10n ** BigInt(scale);
    if (!(put.isFloat ? put.text(i, value as string) : put.whole(i, value as bigint))) refuse(i);
  }
  return out;
}

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const WHOLE = /^[+-]?\d+$/;

/** Text: integers are digits with perhaps a sign, a boolean is true where the text is `true` in any case. */
export function textsTo(data: Data, target: CastTarget, refuse: RefuseEntry): Buffer {
  const { length, values, valueOffsets } = data;
  const out = bufferOf(length, target as NumberTarget);
  const put = putter(out, target as NumberTarget);
  for (let i = 0; i < length; i++) {
    const start = valueOffsets[i], end = valueOffsets[i + 1];
    if (!put.isFloat && target !== "boolean" && end - start < 16) {
      const number = smallWhole(values, start, end);
      if (!(number === number && put.number(i, number))) refuse(i);
      continue;
    }
    const text = DECODER.decode(values.subarray(start, end));
    if (target === "boolean") put.whole(i, text.toLowerCase() === "true" ? 1n : 0n);
    else if (put.isFloat) put.text(i, text) || refuse(i);
    else if (!WHOLE.test(text) || text.length > 1000 || !put.whole(i, BigInt(text.replace("+", "")))) refuse(i);
  }
  return out;
}

/** Up to 15 digits, which a double holds exactly; NaN: it is no number. */
function smallWhole(bytes: Uint8Array, start: number, end: number): number {
  const sign = bytes[start];
  let at = sign === 0x2d || sign === 0x2b ? start + 1 : start;
  if (at >= end) return NaN;
  let value = 0;
  for (; at < end; at++) {
    const digit = bytes[at] - 0x30;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  return sign === 0x2d ? -value : value;
}

function bufferOf(length: number, target: NumberTarget): Buffer {
  switch (target) {
    case "int8":
      return new Int8Array(length);
    case "int16":
      return new Int16Array(length);
    case "int32":
      return new Int32Array(length);
    case "int64":
      return new BigInt64Array(length);
    case "float32":
      return new Float32Array(length);
    case "float64":
      return new Float64Array(length);
    case "boolean":
      return new Uint8Array((length + 7) >> 3);
  }
}

interface Putter {
  readonly isFloat: boolean;
  readonly whole: Put<bigint>;
  /** A whole number of at most 2^53. */
  readonly number: Put<number>;
  readonly text: Put<string>;
}

function putter(out: Buffer, target: NumberTarget): Putter {
  const numbers = out as Float64Array;
  const longs = out as BigInt64Array;
  const bits = BITS[target];
  const max = bits === undefined ? 0 : 2 ** (bits - 1);
  return {
    isFloat: target === "float32" || target === "float64",
    whole(index, value) {
      if (target === "boolean") {
        if (value !== 0n) numbers[index >> 3] |= 1 << (index & 7);
        return true;
      }
      if (BigInt.asIntN(bits!, value) !== value) return false;
      if (bits === 64) longs[index] = value;
      else numbers[index] = Number(value);
      return true;
    },
    number(index, value) {
      if (value >= max || value < -max) return false;
      if (bits === 64) longs[index] = BigInt(value);
      else numbers[index] = value;
      return true;
    },
    text(index, text) {
      const value = target === "float32" ? floatOf(text) : doubleOf(text);
      if (value !== null) numbers[index] = value;
      return value !== null;
    },
  };
}
