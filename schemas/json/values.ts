/**
 * Plain values from bytes into columns, for generated readers. Each function reads the value at `at` of a record that ends
 * at `end` into entry `row`, which is the column's next one, and returns where the value ended: or -1, with nothing
 * appended, where it is not the plain kind of value that is guessed here (another type, escapes, `1e3` in an integer,
 * malformed, out of range). The byte before `end` is no part of a value.
 *
 * @module
 */
import type { BoolColumn, BytesColumn, NumberColumn, WordsColumn } from "../../mod.ts";
import { invalidUtf8 } from "../utf8.ts";
import { areDigits, fourDigits, numberEnd, readDouble } from "./double.ts";

/** Entries that a column is made longer by, at least. */
const MORE = 64;
const NOTHING = new Uint8Array(0);
const NO_VIEW = new DataView(NOTHING.buffer);

/** A column of strings, with a view to write words to its bytes. */
export class TextTarget {
  bytes: Uint8Array = NOTHING;
  view: DataView = NO_VIEW;
  constructor(readonly column: BytesColumn) {}

  /** Has room for `size` bytes at `at`. */
  reserve(at: number, size: number): void {
    const { column } = this;
    column.roomFor(at, size);
    if (column.bytes === this.bytes) return;
    this.bytes = column.bytes;
    this.view = new DataView(column.bytes.buffer, column.bytes.byteOffset, column.bytes.byteLength);
  }

  /** Lets go of the bytes. */
  release(): void {
    this.bytes = NOTHING;
    this.view = NO_VIEW;
  }
}

/** Where white space at `at` ends. */
export function space(bytes: Uint8Array, at: number, end: number): number {
  for (; at < end && bytes[at] <= 0x20; at++) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
  }
  return at;
}

/** A string without escapes. Four bytes at a time: longer than a screen for the sake of speed. */
export function text(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  target: TextTarget,
  row: number,
): number {
  if (bytes[at] !== 0x22) return -1;
  const { column } = target;
  if (row + 2 > column.offsets.length) column.reserve(row + MORE);
  const { offsets } = column;
  const from = ++at, begin = offsets[row], wordsEnd = end - 4;
  let to = begin, high = 0;
  if (column.bytes !== target.bytes) target.reserve(to, 4);
  let capacity = target.bytes.length - 4, out = target.view;
  let byte = 0;
  while (at <= wordsEnd) {
    if (to > capacity) {
      target.reserve(to, 4);
      capacity = target.bytes.length - 4;
      out = target.view;
    }
    const word = view.getInt32(at, true);
    out.setInt32(to, word, true);
    const quote = word ^ 0x22222222, backslash = word ^ 0x5c5c5c5c;
    const lessQuote = quote - 0x01010101, lessBackslash = backslash - 0x01010101, lessSpace = word - 0x20202020;
    // Plain ASCII has none of these bits; then nothing is to be looked at closer.
    if (((lessQuote | lessBackslash | lessSpace | word) & 0x80808080) !== 0) {
      // The lowest bit that is set is the first byte's that is a quote, a backslash or a control character.
      const found = ((lessQuote & ~quote) | (lessBackslash & ~backslash) | (lessSpace & ~word)) & 0x80808080;
      if (found !== 0) {
        const bit = found & -found;
        high |= word & ((bit >>> 7) - 1);
        const size = (31 - Math.clz32(bit)) >> 3;
        at += size;
        to += size;
        byte = bytes[at];
        break;
      }
      high |= word;
    }
    at += 4;
    to += 4;
    // Most of a long string, 8 bytes at a time.
    if (((at - from) & 63) !== 8) continue;
    for (const most = wordsEnd - 4; at <= most && to <= capacity - 4; at += 8, to += 8) {
      const first = view.getInt32(at, true), second = view.getInt32(at + 4, true);
      const odd = ((first ^ 0x22222222) - 0x01010101) | ((first ^ 0x5c5c5c5c) - 0x01010101) | (first - 0x20202020) |
        first | ((second ^ 0x22222222) - 0x01010101) | ((second ^ 0x5c5c5c5c) - 0x01010101) | (second - 0x20202020) |
        second;
      if ((odd & 0x80808080) !== 0) break;
      out.setInt32(to, first, true);
      out.setInt32(to + 4, second, true);
    }
  }
  if (byte === 0) {
    // The last bytes of the record.
    if (to > capacity) {
      target.reserve(to, 4);
      out = target.view;
    }
    for (; at < end; at++) {
      byte = bytes[at];
      if (byte === 0x22 || byte === 0x5c || byte < 0x20) break;
      out.setUint8(to++, byte);
      high |= byte << 24;
    }
  }
  if (byte !== 0x22) return -1;
  if ((high & 0x80808080) !== 0 && invalidUtf8(bytes, from, at) >= 0) return -1;
  offsets[row + 1] = to;
  column.length = row + 1;
  return at + 1;
}

/** Keys of one map that are compared with each other here, at most. */
const KEYS_MAX = 32;

/** Whether entry `row` is not among those from `first` on; also false where those are too many to look at. */
export function isNewKey({ column }: TextTarget, first: number, row: number): boolean {
  if (row - first >= KEYS_MAX) return false;
  const { bytes, offsets } = column;
  const from = offsets[row], size = offsets[row + 1] - from;
  for (let other = first; other < row; other++) {
    const at = offsets[other];
    if (offsets[other + 1] - at !== size) continue;
    let i = 0;
    while (i < size && bytes[at + i] === bytes[from + i]) i++;
    if (i === size) return false;
  }
  return true;
}

/** An integer of 64 bits. */
export function long(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  column: WordsColumn,
  row: number,
): number {
  const isNegative = bytes[at] === 0x2d;
  if (isNegative) at++;
  const from = at, wordsEnd = end - 4;
  let digit = bytes[at] - 0x30, value = digit;
  if (digit < 0 || digit > 9) return -1;
  if (digit === 0) {
    digit = bytes[++at] - 0x30;
    if (digit >= 0 && digit <= 9) return -1;
  } else {
    let word = 0;
    value = 0;
    while (at <= wordsEnd && at < from + 12 && areDigits(word = view.getInt32(at, true))) {
      value = value * 10000 + fourDigits(word);
      at += 4;
    }
    for (digit = bytes[at] - 0x30; digit >= 0 && digit <= 9; digit = bytes[++at] - 0x30) value = value * 10 + digit;
  }
  // A point or an exponent: it may be a whole number for all that.
  if (digit === -2 || digit === 0x35 || digit === 0x15) return -1;
  if (2 * row + 2 > column.words.length) column.reserve(row + MORE);
  const { words } = column;
  if (at - from > 15) {
    if (!longWords(bytes, from, at, isNegative, words, 2 * row)) return -1;
  } else {
    if (isNegative) value = -value;
    words[2 * row] = value;
    words[2 * row + 1] = Math.floor(value * 2 ** -32);
  }
  column.length = row + 1;
  return at;
}

/** 16 to 19 digits as two words of 32 bits; every step is exact in a double. False where they are too many. */
function longWords(
  bytes: Uint8Array,
  from: number,
  to: number,
  isNegative: boolean,
  words: Int32Array,
  index: number,
): boolean {
  if (to - from > 19) return false;
  let low = 0, high = 0;
  for (let at = from; at < to; at++) {
    const next = low * 10 + (bytes[at] - 0x30);
    const carry = Math.floor(next * 2 ** -32);
    low = next - carry * 4294967296;
    high = high * 10 + carry;
  }
  if (high >= 0x80000000 && !(isNegative && high === 0x80000000 && low === 0)) return false;
  words[index] = isNegative ? -low : low;
  words[index + 1] = !isNegative ? high : low === 0 ? -high : ~high;
  return true;
}

/** An integer of 32 bits. */
export function int32(
  bytes: Uint8Array,
  _: DataView,
  at: number,
  __: number,
  column: NumberColumn,
  row: number,
): number {
  return integer(bytes, at, column, row, 0x80000000);
}

/** An integer of 16 bits. */
export function int16(
  bytes: Uint8Array,
  _: DataView,
  at: number,
  __: number,
  column: NumberColumn,
  row: number,
): number {
  return integer(bytes, at, column, row, 0x8000);
}

/** An integer of 8 bits. */
export function int8(
  bytes: Uint8Array,
  _: DataView,
  at: number,
  __: number,
  column: NumberColumn,
  row: number,
): number {
  return integer(bytes, at, column, row, 0x80);
}

function integer(bytes: Uint8Array, at: number, column: NumberColumn, row: number, limit: number): number {
  const isNegative = bytes[at] === 0x2d;
  if (isNegative) at++;
  const from = at;
  let digit = bytes[at] - 0x30, value = digit;
  if (digit < 0 || digit > 9) return -1;
  digit = bytes[++at] - 0x30;
  if (value === 0) {
    if (digit >= 0 && digit <= 9) return -1;
  } else {
    for (; digit >= 0 && digit <= 9; digit = bytes[++at] - 0x30) value = value * 10 + digit;
  }
  if (digit === -2 || digit === 0x35 || digit === 0x15 || at - from > 15) return -1;
  if (isNegative) value = 0 - value;
  if (value < -limit || value >= limit) return -1;
  if (row + 1 > column.values.length) column.reserve(row + MORE);
  column.values[row] = value;
  column.length = row + 1;
  return at;
}

/** The nearest double. */
export function double(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  column: NumberColumn,
  row: number,
): number {
  const value = readDouble(bytes, view, at, end);
  // NaN, or beyond the range.
  if (!(value - value === 0)) return -1;
  if (row + 1 > column.values.length) column.reserve(row + MORE);
  column.values[row] = value;
  column.length = row + 1;
  return numberEnd[0];
}

/** The nearest float of the nearest double. */
export function float(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  column: NumberColumn,
  row: number,
): number {
  const value = Math.fround(readDouble(bytes, view, at, end));
  if (!(value - value === 0)) return -1;
  if (row + 1 > column.values.length) column.reserve(row + MORE);
  column.values[row] = value;
  column.length = row + 1;
  return numberEnd[0];
}

/** true or false. */
export function bool(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  column: BoolColumn,
  row: number,
): number {
  if (at + 5 > end) return -1;
  const word = view.getInt32(at, true);
  const isTrue = word === 0x65757274;
  if (!isTrue && !(word === 0x736c6166 && bytes[at + 4] === 0x65)) return -1;
  const byte = row >> 3;
  if (byte >= column.bits.length) column.reserve(row + MORE);
  if (isTrue) column.bits[byte] |= 1 << (row & 7);
  else column.bits[byte] &= ~(1 << (row & 7));
  column.length = row + 1;
  return isTrue ? at + 4 : at + 5;
}
