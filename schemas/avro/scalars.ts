/**
 * Steps for types whose value is one piece: from the writer's encoding to the reader's column, promotions and logical
 * types included.
 *
 * @module
 */
import type { BoolColumn, BytesColumn, Column, NumberColumn, StructColumn, WordsColumn } from "../../mod.ts";
import { invalidUtf8 } from "../utf8.ts";
import type { Cursor } from "./cursor.ts";
import type { Scalar } from "./resolve.ts";
import type { Logical } from "./schema.ts";
import type { MappingOptions } from "./types.ts";

/** Reads one value and appends it to a column, or throws `Malformed`. */
export type Step = (cursor: Cursor) => void;

/** The step of a scalar that resolves. */
export function scalarStep(
  writer: Scalar,
  reader: Scalar,
  column: Column,
  path: string,
  options: MappingOptions,
): Step {
  switch (reader.kind) {
    case "null":
      return () => column.appendNull();
    case "boolean": {
      const target = column as BoolColumn;
      return (cursor) => target.append(cursor.boolean(path));
    }
    case "int": {
      const target = column as NumberColumn;
      return (cursor) => target.append(cursor.int(path));
    }
    case "long":
      return longStep(writer, column as WordsColumn, unitSteps(writer.logical, reader.logical, options), path);
    case "float":
    case "double":
      return floatingStep(writer.kind, column as NumberColumn, path);
    case "string":
      return stringStep(column as BytesColumn, path);
    case "bytes":
    case "fixed":
      return bytesStep(writer, reader, column, path);
  }
}

function longStep(writer: Scalar, target: WordsColumn, steps: number, path: string): Step {
  const scale = steps === 0 ? null : steps < 0 ? divideBy1000 : steps === 1 ? multiplyBy1000 : multiplyBy1000000;
  if (writer.kind === "int") {
    return (cursor) => {
      const start = cursor.position;
      cursor.low = cursor.int(path);
      cursor.high = cursor.low >> 31;
      scale?.(cursor, start, path);
      target.appendParts(cursor.low, cursor.high);
    };
  }
  if (!scale) {
    return (cursor) => {
      cursor.long(path);
      target.appendParts(cursor.low, cursor.high);
    };
  }
  return (cursor) => {
    const start = cursor.position;
    cursor.long(path);
    scale(cursor, start, path);
    target.appendParts(cursor.low, cursor.high);
  };
}

/** By how many powers of 1,000 the writer's unit of time is coarser than the column's. */
export function unitSteps(writer: Logical | undefined, reader: Logical | undefined, options: MappingOptions): number {
  const to = unit(reader);
  if (to === 0) return 0;
  // A timestamp column is in microseconds, whatever the reader's unit; a writer without a unit means the reader's.
  const keeps = reader!.name === "time-micros" || (to === NANOS && options.timestampNanos === "long");
  return (keeps ? to : MICROS) - (unit(writer) || to);
}

const MILLIS = 1;
const MICROS = 2;
const NANOS = 3;

function unit(logical: Logical | undefined): number {
  if (!logical) return 0;
  if (logical.name.endsWith("-millis")) return MILLIS;
  if (logical.name.endsWith("-micros")) return MICROS;
  return logical.name.endsWith("-nanos") ? NANOS : 0;
}

type Scale = (cursor: Cursor, start: number, path: string) => void;

/** The cursor's long times 1,000, exactly: each half's product fits a double. */
const multiplyBy1000: Scale = (cursor, start, path) => {
  const low = (cursor.low >>> 0) * 1000;
  const high = cursor.high * 1000 + Math.floor(low / 4_294_967_296);
  if (high > 0x7fffffff || high < -0x80000000) {
    cursor.fail("timestamp out of range", "in microseconds it does not fit 64 bits", path, start);
  }
  cursor.low = low | 0;
  cursor.high = high;
};

const multiplyBy1000000: Scale = (cursor, start, path) => {
  multiplyBy1000(cursor, start, path);
  multiplyBy1000(cursor, start, path);
};

/** The cursor's long by 1,000, towards the past: 1 ns before 1970 is in the microsecond before it. */
const divideBy1000: Scale = (cursor) => {
  const high = Math.floor(cursor.high / 1000);
  const rest = (cursor.high - high * 1000) * 4_294_967_296 + (cursor.low >>> 0);
  cursor.low = Math.floor(rest / 1000) | 0;
  cursor.high = high;
};

function floatingStep(writer: string, target: NumberColumn, path: string): Step {
  switch (writer) {
    case "int":
      return (cursor) => target.append(cursor.int(path));
    case "long":
      return (cursor) => {
        cursor.long(path);
        target.append(cursor.number());
      };
    case "float":
      return (cursor) => {
        const at = cursor.take(4, path);
        target.append(cursor.view.getFloat32(at, true));
      };
    default:
      return (cursor) => {
        const at = cursor.take(8, path);
        target.append(cursor.view.getFloat64(at, true));
      };
  }
}

function stringStep(target: BytesColumn, path: string): Step {
  return (cursor) => {
    const length = cursor.length(path);
    const end = cursor.position;
    checkUtf8(cursor, end - length, end, path);
    target.append(cursor.bytes, end - length, end);
  };
}

/** Fails where `[start, end)` is not UTF-8. */
export function checkUtf8(cursor: Cursor, start: number, end: number, path: string): void {
  if (invalidUtf8(cursor.bytes, start, end) >= 0) {
    cursor.fail("bad utf-8", `the string of ${end - start} bytes is not well-formed UTF-8`, path, start);
  }
}

function bytesStep(writer: Scalar, reader: Scalar, column: Column, path: string): Step {
  const { logical } = reader;
  const size = writer.kind === "fixed" ? writer.size : -1;
  if (logical?.name === "decimal") return decimalStep(size, logical.precision, column as WordsColumn, path);
  if (logical?.name === "duration") return durationStep(column as StructColumn, path);
  if (logical?.name === "uuid") return uuidStep(column as BytesColumn, path);
  const target = column as BytesColumn;
  if (size >= 0) {
    return (cursor) => {
      const start = cursor.take(size, path);
      target.append(cursor.bytes, start, start + size);
    };
  }
  return (cursor) => {
    const length = cursor.length(path);
    target.append(cursor.bytes, cursor.position - length, cursor.position);
  };
}

/** Two's complement, most significant byte first; up to 64 bits without a BigInt. */
function decimalStep(size: number, precision: number, target: WordsColumn, path: string): Step {
  const bound = 10 ** precision;
  const exactBound = 10n ** BigInt(precision);
  return (cursor) => {
    const length = size >= 0 ? size : cursor.length(path);
    if (size >= 0) cursor.take(size, path);
    const { bytes, position: end } = cursor;
    const start = end - length;
    if (length === 0) cursor.fail("bad decimal", "it has no bytes, expected at least 1", path, start);
    if (length <= 8) {
      let high = bytes[start] > 0x7f ? -1 : 0;
      let low = high;
      for (let at = start; at < end; at++) {
        high = (high << 8) | (low >>> 24);
        low = (low << 8) | bytes[at];
      }
      const rounded = Math.abs(high * 4_294_967_296 + (low >>> 0));
      // Rounding keeps the order, so that only a value that rounds to the bound itself is in doubt.
      if (rounded < bound) return target.appendParts(low, high);
    }
    const value = wholeNumber(bytes, start, end, DECIMAL_BYTES_MAX);
    if (value >= exactBound || value <= -exactBound) {
      cursor.fail("decimal out of precision", `it has more than ${precision} digits`, path, start);
    }
    target.appendBigInt(value);
  };
}

/** Of as many bytes as matter: what is longer than `bytesMax` is out of any precision, and its first bytes say so. */
export function wholeNumber(bytes: Uint8Array, start: number, end: number, bytesMax: number): bigint {
  const negative = bytes[start] > 0x7f;
  // Bytes that only repeat the sign: a long run of them costs nothing.
  const sign = negative ? 0xff : 0;
  let from = start;
  while (end - from > bytesMax && bytes[from] === sign) from++;
  const to = Math.min(end, from + bytesMax + 1);
  let value = negative ? -1n : 0n;
  for (let at = from; at < to; at++) value = (value << 8n) | BigInt(bytes[at]);
  return value;
}

/** 38 digits are less than 2^127. */
const DECIMAL_BYTES_MAX = 17;

function durationStep(target: StructColumn, path: string): Step {
  const parts = target.children as readonly WordsColumn[];
  return (cursor) => {
    const start = cursor.take(12, path);
    for (let i = 0; i < 3; i++) parts[i].appendParts(cursor.view.getInt32(start + 4 * i, true), 0);
    target.close();
  };
}

const HEX = new TextEncoder().encode("0123456789abcdef");

/** 16 bytes as the usual text. */
function uuidStep(target: BytesColumn, path: string): Step {
  const text = new Uint8Array(36).fill("-".charCodeAt(0));
  return (cursor) => {
    const start = cursor.take(16, path);
    for (let i = 0, at = 0; i < 16; i++) {
      if (i === 4 || i === 6 || i === 8 || i === 10) at++;
      text[at++] = HEX[cursor.bytes[start + i] >> 4];
      text[at++] = HEX[cursor.bytes[start + i] & 15];
    }
    target.append(text);
  };
}
