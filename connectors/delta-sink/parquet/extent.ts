/**
 * Smallest and largest value of a column: what Parquet's and Delta's statistics are made of.
 *
 * Booleans (0, 1), numbers, dates and decimals of up to 9 digits (unscaled) are numbers; 64 bit integers, timestamps and
 * longer decimals are bigints; strings and binaries are bytes, which compare like code points, cut at `BOUND_BYTES_MAX`.
 *
 * @module
 */

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

/** The most bytes of a string that a bound keeps: as long as this, it is a prefix of the value perhaps. */
export const BOUND_BYTES_MAX = 512;

/** Widens `extent` by another of the same column. */
export function widen(extent: Extent, { min, max, hasNaN }: Extent): void {
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

/** Orders strings like their UTF-8 bytes. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const size = Math.min(a.length, b.length);
  for (let i = 0; i < size; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

function sign(zero: number): number {
  return Object.is(zero, -0) ? 1 : 0;
}
