/**
 * Readers of values, one a column: each reads the JSON value at the scanner's position and appends one entry.
 *
 * | column | takes |
 * |---|---|
 * | boolean | true, false |
 * | byte, short, integer, long | numbers without a fractional part, in range |
 * | float, double | numbers: the nearest one; beyond the range is an error |
 * | decimal | numbers that fit exactly |
 * | string | strings; of anything else its JSON text |
 * | binary | strings in base64 |
 * | date, timestamp, local timestamp | strings in ISO 8601 (an instant has a zone, a local one has none) |
 *
 * @module
 */
import { type DataType, type Field, Type } from "apache-arrow";
import {
  type BoolColumn,
  type BytesColumn,
  type Column,
  createColumn,
  type DataError,
  FatalError,
  type NumberColumn,
  types,
  type WordsColumn,
} from "../../mod.ts";
import { ListReader, MapReader, StructReader } from "./nested_readers.ts";
import type { Scanner } from "./scanner.ts";
import { base64, isoDate, isoTime, type Time } from "./texts.ts";

/** Values that generated code reads: see `values.ts`. */
export type Plain =
  | ("text" | "long" | "int32" | "int16" | "int8" | "double" | "float" | "bool" | "date" | "decimal")
  | ("time" | "localTime");

/** Reads values of one column. */
export interface Reader {
  readonly path: string;
  readonly nullable: boolean;
  readonly column: Column;
  /** Null is refused, although what is missing is null. */
  readonly refusesNull?: boolean;
  /** The value may be null, but not be missing. */
  readonly isRequired?: boolean;
  /** What generated code may take a value for that is written plainly; `read` takes the others. */
  readonly plain?: Plain;
  /** Appends the value at `scan.pos` (white space passed, not null). Throws DataError half-way: cut the columns back. */
  read(scan: Scanner): void;
  /** Drops what was noted of entries that the column no longer has. */
  forget?(): void;
}

/** How values are read. */
export interface ReadOptions {
  /** Digits below the microsecond are left out instead of refused. */
  readonly truncateNanos: boolean;
  /** The paths of what unknown members are JSON text at; absent: none. */
  readonly jsonPaths?: ReadonlySet<string>;
}

/** The reader of a field. `path` is the field's own, e.g. `order.lines[].price`. */
export function compile(field: Field, path: string, options: ReadOptions): Reader {
  const { type, nullable } = field;
  if (types.isJson(field)) return jsonReader(path, nullable);
  const children = (type.children ?? []) as Field[];
  switch (type.typeId) {
    case Type.Struct:
      return new StructReader(type, children, path, nullable, options);
    case Type.List:
      return new ListReader(type, compile(children[0], `${path}[]`, options), path, nullable);
    case Type.Map: {
      const [key, value] = children[0].type.children as Field[];
      if (key.type.typeId !== Type.Utf8) {
        throw new FatalError(`Cannot decode JSON into ${path}: the keys of its map are ${key.type}, expected strings`);
      }
      return new MapReader(type, children[0].type, compile(value, `${path}{}`, options), path, nullable);
    }
    default: {
      const column = createColumn(type);
      return { path, nullable, column, plain: plainOf(type), read: readerOf(type, path, column, options) };
    }
  }
}

/** Keeps a value's own text, strings in their quotes. */
export function jsonReader(path: string, nullable: boolean): Reader & { readonly column: BytesColumn } {
  const column = createColumn(types.utf8()) as BytesColumn;
  return {
    path,
    nullable,
    column,
    read(scan) {
      const from = scan.pos;
      scan.skip();
      column.append(scan.bytes, from, scan.pos);
    },
  };
}

/** A value of another kind than the column takes (or not a JSON value at all). */
export function mismatch(scan: Scanner, path: string, wanted: string): DataError {
  const at = scan.pos;
  scan.skip();
  scan.pos = at;
  return scan.error("type mismatch", `expected ${wanted}`, path);
}

const QUOTE = 0x22;

function plainOf(type: DataType): Plain | undefined {
  switch (type.typeId) {
    case Type.Bool:
      return "bool";
    case Type.Int: {
      const { bitWidth } = type as unknown as { bitWidth: number };
      return bitWidth === 64 ? "long" : bitWidth === 32 ? "int32" : bitWidth === 16 ? "int16" : "int8";
    }
    case Type.Float:
      return (type as unknown as { precision: number }).precision === 1 ? "float" : "double";
    case Type.Utf8:
      return "text";
    case Type.Date:
      return "date";
    case Type.Timestamp:
      return (type as unknown as { timezone: string | null }).timezone == null ? "localTime" : "time";
    case Type.Decimal:
      return "decimal";
    default:
      return undefined;
  }
}

function readerOf(type: DataType, path: string, column: Column, options: ReadOptions): (scan: Scanner) => void {
  switch (type.typeId) {
    case Type.Bool:
      return readBool(path, column as BoolColumn);
    case Type.Int: {
      const { bitWidth } = type as unknown as { bitWidth: number };
      return bitWidth === 64
        ? readLong(path, column as WordsColumn)
        : readInt(path, column as NumberColumn, 2 ** (bitWidth - 1));
    }
    case Type.Float: {
      const single = (type as unknown as { precision: number }).precision === 1;
      return readDouble(path, column as NumberColumn, single);
    }
    case Type.Decimal:
      return readDecimal(path, column as WordsColumn, type as unknown as { precision: number; scale: number });
    case Type.Utf8:
      return readText(column as BytesColumn);
    case Type.Binary:
      return readBinary(path, column as BytesColumn);
    case Type.Date:
      return readDate(path, column as NumberColumn);
    case Type.Timestamp: {
      const { timezone } = type as unknown as { timezone: string | null };
      return readTime(path, column as WordsColumn, timezone != null, options);
    }
    default:
      throw new FatalError(`Cannot decode JSON into ${path}: no reader for type ${type}`);
  }
}

function readBool(path: string, column: BoolColumn): (scan: Scanner) => void {
  return (scan) => {
    const byte = scan.bytes[scan.pos];
    if (byte !== 0x74 && byte !== 0x66) throw mismatch(scan, path, "true or false");
    scan.literal(byte === 0x74 ? "true" : "false");
    column.append(byte === 0x74);
  };
}

/** Reads a number, or throws a mismatch. */
function numberAt(scan: Scanner, path: string, wanted: string): void {
  const byte = scan.bytes[scan.pos];
  if (byte !== 0x2d && (byte < 0x30 || byte > 0x39)) throw mismatch(scan, path, wanted);
  scan.number();
}

function outOfRange(scan: Scanner, path: string, wanted: string): DataError {
  scan.pos = scan.numberStart;
  return scan.error("number out of range", `expected ${wanted}`, path);
}

function readInt(path: string, column: NumberColumn, limit: number): (scan: Scanner) => void {
  const wanted = `an integer from ${-limit} to ${limit - 1}`;
  return (scan) => {
    numberAt(scan, path, wanted);
    const whole = wholeNumber(scan, path, wanted);
    // Not beyond 15 digits: those are out of range whatever they are.
    const value = typeof whole === "bigint" ? Number(whole) : whole;
    if (value < -limit || value >= limit) throw outOfRange(scan, path, wanted);
    column.append(value);
  };
}

function readLong(path: string, column: WordsColumn): (scan: Scanner) => void {
  const wanted = "an integer of 64 bits";
  return (scan) => {
    numberAt(scan, path, wanted);
    if (scan.integer && scan.digits > 15 && scan.digits <= 19) return longDigits(scan, path, column);
    const whole = wholeNumber(scan, path, wanted);
    if (typeof whole === "number") column.appendNumber(whole);
    else if (BigInt.asIntN(64, whole) !== whole) throw outOfRange(scan, path, wanted);
    else column.appendBigInt(whole);
  };
}

/** 16 to 19 digits, as two words of 32 bits; every step is exact in a double. */
function longDigits(scan: Scanner, path: string, column: WordsColumn): void {
  const { bytes, pos, negative } = scan;
  let low = 0, high = 0;
  for (let at = scan.numberStart + (negative ? 1 : 0); at < pos; at++) {
    const next = low * 10 + (bytes[at] - 0x30);
    low = next % 4294967296;
    high = high * 10 + (next - low) / 4294967296;
  }
  const fits = high < 0x80000000 || (negative && high === 0x80000000 && low === 0);
  if (!fits) throw outOfRange(scan, path, "an integer of 64 bits");
  if (!negative) column.appendParts(low | 0, high | 0);
  else column.appendParts(-low | 0, (low === 0 ? -high : ~high) | 0);
}

/** The last number where it has no fractional part (`1.0` and `1e3` have none); within 15 digits as a number. */
function wholeNumber(scan: Scanner, path: string, wanted: string): number | bigint {
  if (scan.integer && scan.digits <= 15) return scan.negative ? 0 - scan.mantissa : scan.mantissa;
  const whole = unscaled(scan, 0);
  if (whole === "inexact") {
    scan.pos = scan.numberStart;
    throw scan.error("type mismatch", `expected ${wanted}, without a fractional part`, path);
  }
  if (whole === "large") throw outOfRange(scan, path, wanted);
  return whole;
}

/** The last number times `10^scale`, where that is a whole number of at most 38 digits. */
export function unscaled(scan: Scanner, scale: number): bigint | "inexact" | "large" {
  const text = scan.numberText();
  const mantissa = /^-?([0-9]*)(?:\.([0-9]*))?/.exec(text)!;
  const digits = `${mantissa[1]}${mantissa[2] ?? ""}`.replace(/^0+/, "");
  if (digits === "") return 0n;
  let end = digits.length;
  // Not by an expression: that would try a run of zeros from each of them.
  while (digits.charCodeAt(end - 1) === 0x30) end--;
  const kept = digits.slice(0, end);
  const shift = scan.exponent + scale + digits.length - kept.length;
  if (shift < 0) return "inexact";
  if (kept.length + shift > 38) return "large";
  const value = BigInt(kept) * 10n ** BigInt(shift);
  return scan.negative ? -value : value;
}

function readDouble(path: string, column: NumberColumn, single: boolean): (scan: Scanner) => void {
  const wanted = single ? "a number that a float holds" : "a number that a double holds";
  return (scan) => {
    numberAt(scan, path, wanted);
    const value = single ? Math.fround(scan.double()) : scan.double();
    if (value === Infinity || value === -Infinity) throw outOfRange(scan, path, wanted);
    column.append(value);
  };
}

function readDecimal(
  path: string,
  column: WordsColumn,
  { precision, scale }: { precision: number; scale: number },
): (scan: Scanner) => void {
  const wanted = `a number that fits decimal(${precision}, ${scale}) exactly`;
  const limit = 10n ** BigInt(precision);
  const fastLimit = Math.min(10 ** precision, Number.MAX_SAFE_INTEGER);
  return (scan) => {
    numberAt(scan, path, wanted);
    const shift = scan.exponent + scale;
    if (scan.digits <= 15 && shift >= 0 && shift <= 15) {
      const value = scan.mantissa * 10 ** shift;
      if (value < fastLimit) return column.appendNumber(scan.negative ? 0 - value : value);
    }
    const value = unscaled(scan, scale);
    if (typeof value === "string" || value >= limit || value <= -limit) throw outOfRange(scan, path, wanted);
    column.appendBigInt(value);
  };
}

function readText(column: BytesColumn): (scan: Scanner) => void {
  return (scan) => {
    if (scan.bytes[scan.pos] === QUOTE) {
      scan.string();
      column.append(scan.text, scan.textStart, scan.textEnd);
      return;
    }
    const from = scan.pos;
    scan.skip();
    column.append(scan.bytes, from, scan.pos);
  };
}

/** Reads a string, or throws a mismatch; where it began. */
function stringAt(scan: Scanner, path: string, wanted: string): number {
  if (scan.bytes[scan.pos] !== QUOTE) throw mismatch(scan, path, wanted);
  const from = scan.pos;
  scan.string();
  return from;
}

function readBinary(path: string, column: BytesColumn): (scan: Scanner) => void {
  let decoded = new Uint8Array(256);
  return (scan) => {
    const at = stringAt(scan, path, "a string in base64");
    const size = scan.textEnd - scan.textStart;
    if (decoded.length < size) decoded = new Uint8Array(2 * size);
    const length = base64(scan.text, scan.textStart, scan.textEnd, decoded);
    if (length < 0) throw badText(scan, at, path, "a string in base64 (with padding)");
    column.append(decoded, 0, length);
  };
}

function readDate(path: string, column: NumberColumn): (scan: Scanner) => void {
  return (scan) => {
    const at = stringAt(scan, path, "a date as a string: YYYY-MM-DD");
    const day = isoDate(scan.text, scan.textStart, scan.textEnd);
    if (Number.isNaN(day)) throw badText(scan, at, path, "a date as a string: YYYY-MM-DD");
    column.append(day);
  };
}

function readTime(path: string, column: WordsColumn, zoned: boolean, options: ReadOptions): (scan: Scanner) => void {
  const wanted = zoned
    ? "a timestamp as a string, with a zone: 2024-01-31T12:00:00.000Z"
    : "a local timestamp as a string, without a zone: 2024-01-31T12:00:00.000";
  const time: Time = { seconds: 0, micros: 0, zoned: false, cut: false };
  return (scan) => {
    const at = stringAt(scan, path, wanted);
    const known = isoTime(scan.text, scan.textStart, scan.textEnd, time);
    if (!known || time.zoned !== zoned) throw badText(scan, at, path, wanted);
    if (time.cut && !options.truncateNanos) {
      const why = "expected at most microseconds (json.timestamp.nanos: truncate leaves the rest out)";
      scan.pos = at;
      throw scan.error("timestamp finer than microseconds", why, path);
    }
    const { seconds, micros } = time;
    if (Math.abs(seconds) < 9e9) column.appendNumber(seconds * 1e6 + micros);
    else column.appendBigInt(BigInt(seconds) * 1_000_000n + BigInt(micros));
  };
}

function badText(scan: Scanner, at: number, path: string, wanted: string): DataError {
  scan.pos = at;
  return scan.error("type mismatch", `expected ${wanted}`, path);
}
