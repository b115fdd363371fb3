/**
 * Dates, timestamps and decimals as they are mostly written, from bytes into columns: see `values.ts`.
 *
 * @module
 */
import type { NumberColumn, WordsColumn } from "../../mod.ts";
import { isoDate, isoTime, type Time } from "./texts.ts";

/** Entries that a column is made longer by, at least. */
const MORE = 64;
/** The longest text of a timestamp that is looked for here, in quotes. */
const TIME_MAX = 40;
const TIME: Time = { seconds: 0, micros: 0, zoned: false, cut: false };

/** `"YYYY-MM-DD"` */
export function date(
  bytes: Uint8Array,
  _: DataView,
  at: number,
  end: number,
  column: NumberColumn,
  row: number,
): number {
  if (at + 12 > end || bytes[at] !== 0x22 || bytes[at + 11] !== 0x22) return -1;
  const day = isoDate(bytes, at + 1, at + 11);
  if (Number.isNaN(day)) return -1;
  if (row + 1 > column.values.length) column.reserve(row + MORE);
  column.values[row] = day;
  column.length = row + 1;
  return at + 12;
}

/** A timestamp with a zone, and no digit below the microsecond. */
export function time(
  bytes: Uint8Array,
  _: DataView,
  at: number,
  end: number,
  column: WordsColumn,
  row: number,
): number {
  return timeOf(bytes, at, end, column, row, true);
}

/** A timestamp without a zone. */
export function localTime(
  bytes: Uint8Array,
  _: DataView,
  at: number,
  end: number,
  column: WordsColumn,
  row: number,
): number {
  return timeOf(bytes, at, end, column, row, false);
}

function timeOf(
  bytes: Uint8Array,
  at: number,
  end: number,
  column: WordsColumn,
  row: number,
  zoned: boolean,
): number {
  if (bytes[at] !== 0x22) return -1;
  const from = at + 1, most = Math.min(end, at + TIME_MAX);
  let to = from;
  while (to < most && bytes[to] !== 0x22) to++;
  // An escape is no part of a timestamp.
  if (to >= most || !isoTime(bytes, from, to, TIME) || TIME.zoned !== zoned || TIME.cut) return -1;
  const { seconds, micros } = TIME;
  // Within what a double counts exactly in microseconds.
  if (!(Math.abs(seconds) < 9e9)) return -1;
  if (2 * row + 2 > column.words.length) column.reserve(row + MORE);
  const value = seconds * 1e6 + micros;
  column.words[2 * row] = value;
  column.words[2 * row + 1] = Math.floor(value * 2 ** -32);
  column.length = row + 1;
  return to + 1;
}

/** A column of decimals. */
export class DecimalTarget {
  readonly scale: number;
  /** Unscaled values are below it. */
  readonly limit: number;
  constructor(readonly column: WordsColumn) {
    const { precision, scale } = column.type as unknown as { precision: number; scale: number };
    this.scale = scale;
    this.limit = Math.min(10 ** precision, 1e15);
  }
}

/** A decimal of at most 15 digits, without an exponent. */
export function decimal(
  bytes: Uint8Array,
  _: DataView,
  at: number,
  __: number,
  { column, scale, limit }: DecimalTarget,
  row: number,
): number {
  const isNegative = bytes[at] === 0x2d;
  if (isNegative) at++;
  let digit = bytes[at] - 0x30, value = digit;
  if (digit < 0 || digit > 9) return -1;
  digit = bytes[++at] - 0x30;
  if (value === 0) {
    if (digit >= 0 && digit <= 9) return -1;
  } else {
    for (; digit >= 0 && digit <= 9; digit = bytes[++at] - 0x30) value = value * 10 + digit;
  }
  let left = scale;
  if (digit === -2) {
    const from = ++at;
    for (digit = bytes[at] - 0x30; digit >= 0 && digit <= 9; digit = bytes[++at] - 0x30) value = value * 10 + digit;
    if (at === from) return -1;
    left -= at - from;
  }
  if (digit === 0x35 || digit === 0x15 || left < 0 || left > 15) return -1;
  for (; left > 0; left--) value *= 10;
  // Exact below 10^15; whatever was rounded is larger.
  if (value >= limit) return -1;
  if (isNegative) value = 0 - value;
  if (4 * row + 4 > column.words.length) column.reserve(row + MORE);
  const { words } = column;
  const high = Math.floor(value * 2 ** -32);
  words[4 * row] = value;
  words[4 * row + 1] = high;
  words[4 * row + 2] = words[4 * row + 3] = high < 0 ? -1 : 0;
  column.length = row + 1;
  return at;
}
