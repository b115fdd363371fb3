/**
 * JSON text of values: what a column of `columns.json` holds. One place for the rules, for every format and for columns.
 *
 * | value | JSON |
 * |---|---|
 * | null, booleans | as they are |
 * | integers, decimals | numbers with all their digits: `9007199254740993`, `12.50` |
 * | floats, doubles | numbers, the shortest that read back the same; NaN and the infinities as strings |
 * | text | strings |
 * | bytes | strings, base64 with padding |
 * | dates | strings, `2026-01-31` |
 * | timestamps | strings, RFC 3339 to the microsecond: `2026-01-31T12:00:00.000000Z`; local ones without the `Z` |
 * | lists, structs | arrays, objects with all their fields, null ones too |
 * | maps with text as keys | objects; of a key that repeats the last value counts for most readers |
 * | other maps | arrays of pairs: `[[1,"a"],[2,"b"]]` |
 *
 * Nothing is put between the tokens; where the format is JSON itself, it is the record's own text. What is nested deeper than `DEPTH_MAX` is refused.
 *
 * @module
 */
import { type Data, Type } from "apache-arrow";
import type { Field } from "./arrow.ts";
import { DataError, FatalError } from "./errors.ts";
import { isNull } from "./take.ts";
import { isJson } from "./types.ts";

/** The most arrays and objects within each other: a recursive type's values have no bound of their own. */
export const DEPTH_MAX = 100;

/** What is to be done about a type that no column can hold, for messages. */
export function hint(path: string): string {
  return `set columns.json: [${JSON.stringify(path)}] to hold it as JSON text`;
}

/** Refuses a value that is nested too deeply. */
export function checkDepth(depth: number, path: string): void {
  if (depth <= DEPTH_MAX) return;
  throw new DataError(
    `Cannot hold "${path}" as JSON text: the value has more than ${DEPTH_MAX} levels, which is the most`,
    { reason: "nested too deeply", fieldPath: path },
  );
}

/** A string with its quotes. */
export function string(text: string): string {
  return JSON.stringify(text);
}

/** A double or float: a number, or a string where JSON has none for it. */
export function number(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? "-0" : String(value);
  return `"${value}"`;
}

/** A 32 bit float: the shortest number that reads back as the same float. */
export function float(value: number): string {
  if (!Number.isFinite(value) || value === 0) return number(value);
  for (let digits = 6; digits <= 8; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return number(short);
  }
  return number(Number(value.toPrecision(9)));
}

/** An exact number: `unscaled` with `scale` digits after the point. */
export function decimal(unscaled: bigint, scale: number): string {
  if (scale === 0) return String(unscaled);
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  return `${unscaled < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Bytes as base64, in quotes. */
export function bytes(value: Uint8Array): string {
  return `"${value.toBase64()}"`;
}

/** Days since 1970, in quotes; the bare number beyond the years of a calendar. */
export function date(days: number): string {
  const day = new Date(days * 86_400_000);
  return Number.isNaN(day.getTime()) ? String(days) : `"${day.toISOString().slice(0, -"T00:00:00.000Z".length)}"`;
}

/** Microseconds since 1970, in quotes; `zoned`: UTC, with a Z. The bare number beyond the years of a calendar. */
export function timestamp(micros: bigint, zoned: boolean): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const second = new Date(Number((micros - fraction) / 1000n));
  if (Number.isNaN(second.getTime())) return String(micros);
  const seconds = second.toISOString().slice(0, -".000Z".length);
  return `"${seconds}.${String(fraction).padStart(6, "0")}${zoned ? "Z" : ""}"`;
}

/** The text of a column's entry. `path` is for the message where it is nested too deeply. */
export function ofColumn(data: Data, index: number, field: Field | null = null, path = "", depth = 0): string {
  if (isNull(data, index)) return "null";
  const { type, values } = data;
  switch (type.typeId) {
    case Type.Bool:
      return String((values[(data.offset + index) >> 3] & 1 << ((data.offset + index) & 7)) !== 0);
    case Type.Int:
      return String(values[index]);
    case Type.Float:
      return (type as unknown as { precision: number }).precision === 1 ? float(values[index]) : number(values[index]);
    case Type.Date:
      return date(values[index]);
    case Type.Timestamp:
      return timestamp(values[index], (type as unknown as { timezone: string | null }).timezone !== null);
    case Type.Decimal:
      return decimal(unscaled(values, index), (type as unknown as { scale: number }).scale);
    case Type.Utf8: {
      const text = TEXT.decode(bytesAt(data, index));
      // What is JSON text already stands as it is within its parent.
      return field !== null && isJson(field) ? text : string(text);
    }
    case Type.Binary:
      return bytes(bytesAt(data, index));
    default:
      checkDepth(depth + 1, path);
      return nested(data, index, path, depth + 1);
  }
}

const TEXT = new TextDecoder("utf-8", { ignoreBOM: true });

function nested(data: Data, index: number, path: string, depth: number): string {
  const fields = (data.type.children ?? []) as Field[];
  const parts: string[] = [];
  switch (data.type.typeId) {
    case Type.Struct:
      fields.forEach((field, i) =>
        parts.push(`${string(field.name)}:${ofColumn(data.children[i], index, field, path, depth)}`)
      );
      return `{${parts.join(",")}}`;
    case Type.List:
      for (let at = data.valueOffsets[index]; at < data.valueOffsets[index + 1]; at++) {
        parts.push(ofColumn(data.children[0], at, fields[0], path, depth));
      }
      return `[${parts.join(",")}]`;
    case Type.Map: {
      const [keys, values] = data.children[0].children;
      const [key, value] = fields[0].type.children as Field[];
      const isText = key.type.typeId === Type.Utf8;
      for (let at = data.valueOffsets[index]; at < data.valueOffsets[index + 1]; at++) {
        const [k, v] = [ofColumn(keys, at, key, path, depth), ofColumn(values, at, value, path, depth)];
        parts.push(isText ? `${k}:${v}` : `[${k},${v}]`);
      }
      return isText ? `{${parts.join(",")}}` : `[${parts.join(",")}]`;
    }
    default:
      throw new FatalError(`Cannot write a ${data.type} as JSON: it is none of the framework's types`);
  }
}

function bytesAt({ values, valueOffsets }: Data, index: number): Uint8Array {
  return values.subarray(valueOffsets[index], valueOffsets[index + 1]);
}

/** The unscaled value of a 128 bit decimal. */
function unscaled(words: Uint32Array, index: number): bigint {
  let value = 0n;
  for (let word = 3; word >= 0; word--) value = value << 32n | BigInt(words[index * 4 + word]);
  return BigInt.asIntN(128, value);
}
