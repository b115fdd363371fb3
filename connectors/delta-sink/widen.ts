/**
 * Which types turn into which without losing anything, and how.
 *
 * @module
 */
import { type Data, type DataType, Precision, Type } from "apache-arrow";
import { decimalAt } from "./parquet/extent.ts";

/** Makes the values of a column of the other type; the validity of the entries stays what it is. */
export type Widening = (data: Data) => ArrayLike<unknown>;

/**
 * How values of type `from` become values of type `to`, or null where some value would not survive: integers into wider
 * ones, doubles and decimals; float into double; decimals into wider ones.
 */
export function widening(from: DataType, to: DataType): Widening | null {
  const bits = intBits(from);
  if (bits > 0 && intBits(to) > bits) return intBits(to) === 64 ? longs : intBits(to) === 32 ? integers : shorts;
  // A double holds every integer of 32 bits, and every float.
  if (isDouble(to) && ((bits > 0 && bits <= 32) || (from.typeId === Type.Float && !isDouble(from)))) return doubles;
  if (to.typeId !== Type.Decimal) return null;
  const target = digitsOf(to);
  if (bits > 0 && target.whole >= INT_DIGITS[bits]) {
    return (data) => decimals(data.length, (i) => BigInt(data.values[i]), target.scale);
  }
  if (from.typeId === Type.Decimal) {
    const { whole, scale } = digitsOf(from);
    if (target.whole >= whole && target.scale >= scale) {
      return (data) => decimals(data.length, (i) => decimalAt(data.values as Uint32Array, i), target.scale - scale);
    }
  }
  return null;
}

/** Digits of the largest value, by bits. */
const INT_DIGITS: Readonly<Record<number, number>> = { 8: 3, 16: 5, 32: 10, 64: 19 };

const shorts: Widening = ({ values, length }) => new Int16Array((values as Int8Array).subarray(0, length));
const integers: Widening = ({ values, length }) => new Int32Array((values as Int8Array).subarray(0, length));
const doubles: Widening = ({ values, length }) => new Float64Array((values as Int32Array).subarray(0, length));

/** By halves, so that no BigInt is made. */
const longs: Widening = ({ values, length }) => {
  const out = new BigInt64Array(length);
  const words = new Int32Array(out.buffer);
  for (let i = 0; i < length; i++) {
    words[2 * i] = values[i];
    words[2 * i + 1] = values[i] < 0 ? -1 : 0;
  }
  return out;
};

function decimals(length: number, unscaled: (index: number) => bigint, moreDigits: number): Uint32Array {
  const out = new Uint32Array(length * 4);
  const factor = 10n ** BigInt(moreDigits);
  for (let i = 0; i < length; i++) {
    let rest = unscaled(i) * factor;
    for (let w = 0; w < 4; w++) {
      out[i * 4 + w] = Number(BigInt.asUintN(32, rest));
      rest >>= 32n;
    }
  }
  return out;
}

function intBits(type: DataType): number {
  return type.typeId === Type.Int ? (type as unknown as { bitWidth: number }).bitWidth : 0;
}

function isDouble(type: DataType): boolean {
  return type.typeId === Type.Float && (type as unknown as { precision: Precision }).precision === Precision.DOUBLE;
}

function digitsOf(type: DataType): { whole: number; scale: number } {
  const { precision, scale } = type as unknown as { precision: number; scale: number };
  return { whole: precision - scale, scale };
}
