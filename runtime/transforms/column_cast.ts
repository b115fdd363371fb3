/**
 * A column as another type, for Cast: what Java's conversions give, exactly, and refused where the type cannot hold it.
 *
 * @module
 */
import { type Data, type DataType, makeData, Type } from "apache-arrow";
import { FatalError, isNull, types } from "../api/mod.ts";
import { type ExactReader, exactsTo, textsTo } from "./column_cast_text.ts";
import { columnText } from "./column_text.ts";
import { bitsFrom, validityOf } from "./validity.ts";

/** What a column can be cast to, by Connect's names of types. */
export const CAST_TARGETS = {
  int8: types.int8,
  int16: types.int16,
  int32: types.int32,
  int64: types.int64,
  float32: types.float32,
  float64: types.float64,
  boolean: types.boolean,
  string: types.utf8,
} as const;

/** A type's name in `CAST_TARGETS`. */
export type CastTarget = keyof typeof CAST_TARGETS;

/** Called for an entry, not null, that the target cannot hold. */
export type RefuseEntry = (index: number) => void;

/** Numbers that a type of at most 32 bits holds. */
const RANGES: Partial<Readonly<Record<CastTarget, readonly [number, number]>>> = {
  int8: [-(2 ** 7), 2 ** 7 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
};
const ARRAYS = { int8: Int8Array, int16: Int16Array, int32: Int32Array } as const;

/** Whether entries of a type can be cast at all: flat ones can, bytes to text only. */
export function canCast({ typeId }: DataType, target: CastTarget): boolean {
  if (typeId === Type.Binary) return target === "string";
  return typeId !== Type.Struct && typeId !== Type.List && typeId !== Type.Map;
}

/** The column in the target's type; nulls stay. An entry that was refused holds anything. */
export function castColumn(data: Data, target: CastTarget, refuse: RefuseEntry): Data {
  const unlessNull: RefuseEntry = (index) => {
    if (!isNull(data, index)) refuse(index);
  };
  if (target === "string") return columnText(data, unlessNull);
  const values = valuesAs(data, target, unlessNull);
  const type = CAST_TARGETS[target]();
  return makeData({ type, length: data.length, ...validityOf(data), data: values } as never);
}

type Buffer = ArrayLike<number> | BigInt64Array;

function valuesAs(data: Data, target: CastTarget, refuse: RefuseEntry): Buffer {
  const { type, values, length } = data;
  switch (type.typeId) {
    case Type.Bool:
      return numbersAs(bytesOf(bitsFrom(values, data.offset, length), length), target, refuse);
    case Type.Int:
      return (type as unknown as { bitWidth: number }).bitWidth === 64
        ? wordsAs(values, target, refuse)
        : numbersAs(values, target, refuse);
    case Type.Float:
    case Type.Date:
      return numbersAs(values, target, refuse);
    case Type.Timestamp:
      return wordsAs(millisOf(values), target, refuse);
    case Type.Decimal:
      return exactsTo(length, decimals(data), target, refuse);
    case Type.Utf8:
      return textsTo(data, target, refuse);
    default:
      throw new FatalError(`Cannot cast a ${type} to ${target}: it is none of the types that can be`);
  }
}

/** From booleans, integers of up to 32 bits, floats, doubles and days. */
function numbersAs(values: ArrayLike<number>, target: CastTarget, refuse: RefuseEntry): Buffer {
  const { length } = values;
  switch (target) {
    case "float64":
      return new Float64Array(values);
    case "float32": {
      const out = new Float32Array(length);
      for (let i = 0; i < length; i++) {
        out[i] = values[i];
        if (out[i] - out[i] !== 0 && Number.isFinite(values[i])) refuse(i);
      }
      return out;
    }
    case "boolean":
      return bitsWhere(length, (i) => Math.abs(values[i]) >= 1);
    case "int64": {
      const out = new BigInt64Array(length);
      const words = new Int32Array(out.buffer);
      for (let i = 0; i < length; i++) {
        const value = Math.trunc(values[i]);
        if (!(value >= -(2 ** 63) && value < 2 ** 63)) refuse(i);
        const high = Math.floor(value / 4294967296);
        words[2 * i] = value - high * 4294967296;
        words[2 * i + 1] = high;
      }
      return out;
    }
    default: {
      const [min, max] = RANGES[target as keyof typeof ARRAYS]!;
      const out = new ARRAYS[target as keyof typeof ARRAYS](length);
      for (let i = 0; i < length; i++) {
        const value = Math.trunc(values[i]);
        if (value >= min && value <= max) out[i] = value;
        else refuse(i);
      }
      return out;
    }
  }
}

/** From longs, as pairs of 32 bit words: no BigInt an entry. */
function wordsAs(longs: BigInt64Array, target: CastTarget, refuse: RefuseEntry): Buffer {
  const { length } = longs;
  const words = new Int32Array(longs.buffer, longs.byteOffset, length * 2);
  switch (target) {
    case "int64":
      return longs;
    case "float64": {
      const out = new Float64Array(length);
      for (let i = 0; i < length; i++) out[i] = words[2 * i + 1] * 4294967296 + (words[2 * i] >>> 0);
      return out;
    }
    case "float32": {
      const out = new Float32Array(length);
      for (let i = 0; i < length; i++) {
        const low = words[2 * i], high = words[2 * i + 1];
        // More digits than a double has: what is cut off leaves a bit, so that the number is rounded once, not twice.
        const isLong = high >= 0x200000 || high < -0x200000;
        const kept = isLong ? (low & ~0x7ff) | ((low & 0x7ff) === 0 ? 0 : 0x800) : low;
        out[i] = high * 4294967296 + (kept >>> 0);
      }
      return out;
    }
    case "boolean":
      return bitsWhere(length, (i) => (words[2 * i] | words[2 * i + 1]) !== 0);
    default: {
      const [min, max] = RANGES[target as keyof typeof ARRAYS]!;
      const out = new ARRAYS[target as keyof typeof ARRAYS](length);
      for (let i = 0; i < length; i++) {
        const low = words[2 * i];
        if (words[2 * i + 1] === low >> 31 && low >= min && low <= max) out[i] = low;
        else refuse(i);
      }
      return out;
    }
  }
}

/** Connect counts a timestamp in milliseconds; rounded down. */
function millisOf(micros: BigInt64Array): BigInt64Array {
  return micros.map((value) => (value - ((value % 1000n) + 1000n) % 1000n) / 1000n);
}

function decimals({ values, type }: Data): ExactReader {
  const { scale } = type as unknown as { scale: number };
  return (index) => {
    const at = index * 4;
    const high = BigInt(values[at + 2]) | BigInt(values[at + 3] | 0) << 32n;
    return { unscaled: high << 64n | BigInt(values[at]) | BigInt(values[at + 1]) << 32n, scale };
  };
}

function bytesOf(bits: Uint8Array, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = bits[i >> 3] >> (i & 7) & 1;
  return bytes;
}

function bitsWhere(length: number, holds: (index: number) => boolean): Uint8Array {
  const bits = new Uint8Array((length + 7) >> 3);
  for (let i = 0; i < length; i++) if (holds(i)) bits[i >> 3] |= 1 << (i & 7);
  return bits;
}
