/**
 * A record's message as rules see it: values of the writer's (or target's) schema, exact, of any format.
 *
 * | type | value |
 * |---|---|
 * | null, boolean, text, enum | `null`, boolean, string |
 * | integers | bigint |
 * | floats, doubles | number |
 * | bytes | `Uint8Array` |
 * | lists | array |
 * | records, messages, objects, maps | `Map`, in the order of the schema or the record |
 * | a union of several types (Avro) | `Branch` |
 * | protobuf's Timestamp and Duration | `Moment` |
 * | a JSON number that a double does not hold | `Exact` |
 *
 * @module
 */

/** See the module's doc. */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | readonly Value[]
  | ReadonlyMap<string, Value>
  | Branch
  | Exact;

/** Which type of a union a value is of: where several hold it, a change elsewhere must not change it. */
export class Branch {
  constructor(readonly index: number, readonly name: string, readonly value: Value) {}
}

/**
 * A number with more digits than a double has. For JSONata it is an object that can be moved, and nothing else: what would
 * calculate with it, compare it or print it fails, or finds it unequal; it is never rounded.
 */
export class Exact {
  constructor(readonly digits: string) {}

  /** Refuses to be copied as text: the digits would become a string. */
  toJSON(): never {
    throw new TypeError(`${shown(this)} has more digits than JSONata can calculate with`);
  }
}

/** A time or a duration, as protobuf has it: CEL calculates with it. */
export class Moment extends Map<string, bigint> {
  constructor(readonly type: "google.protobuf.Timestamp" | "google.protobuf.Duration", seconds: bigint, nanos: bigint) {
    super([["seconds", seconds], ["nanos", nanos]]);
  }
}

/** A value that does not fit a schema: what is wrong, and where. Not an Error: no stack is captured. */
export class Unfit {
  constructor(readonly path: string, readonly why: string) {}
}

/** A leaf of a message, for CEL_FIELD. */
export interface FieldPlace {
  /** Confluent's names: `RECORD`, `STRING`, `LONG`, ... */
  readonly typeName: string;
  /** The record's full name, a dot, the field's; for JSON the path from `$`. */
  readonly fullName: string;
  readonly name: string;
  /** Of the schema's text; those of the schema's metadata come on top. */
  readonly inlineTags: readonly string[];
  /** The record, message or object that has the field. */
  readonly message: Value;
  /** The path from the message, as errors say it. */
  readonly path: string;
}

/** What becomes of a leaf's value; `undefined` leaves it as it is. */
export type VisitField = (place: FieldPlace, value: Value) => Value | undefined;

/** Where a value to be written comes from: JSON has no bytes, and names the types of unions. */
export type Written = "message" | "json";

/** A schema's messages: bytes to values and back. */
export interface MessageType {
  /** Whether it reads payloads of other versions of the schema as their own would: by numbers or names in the bytes. */
  readonly readsOthers: boolean;
  /** The payload `bytes[start, end)`; throws DataError, with positions from `valueStart`. */
  read(bytes: Uint8Array, start: number, end: number, valueStart: number): Value;
  /** The payload of a value, or of something like one: rules make values of types of their own. Throws `Unfit`. */
  write(value: unknown, from: Written): Uint8Array;
  /** The message with other values of leaves, in a copy; nulls are no leaves. */
  mapFields(value: Value, visit: VisitField): Value;
  /** Plain JSON for JSONata: integers beyond 2^53 are `Exact`. */
  toJson(value: Value): unknown;
}

/** How a format makes them of a schema. Throws DataError for one that it cannot use. */
export type OpenMessages<Schema> = (schema: Schema) => MessageType;

/** Levels that a value may have: a recursive schema does not bound them. */
export const LEVELS_MAX = 200;

/** An integer as JSONata takes it. */
export function jsonInteger(value: bigint): number | Exact {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
    ? Number(value)
    : new Exact(String(value));
}

/** The members of a record, an object or a map that a rule gave; null: it is none. */
export function membersOf(value: unknown): ReadonlyMap<string, unknown> | null {
  if (value instanceof Map) return value;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? new Map(Object.entries(value)) : null;
}

/** An integer within bounds, of a bigint, a number without a fraction, or exact digits. */
export function integerOf(value: unknown, min: bigint, max: bigint, path: string): bigint {
  let integer: bigint;
  if (typeof value === "bigint") integer = value;
  else if (typeof value === "number" && Number.isSafeInteger(value)) integer = BigInt(value);
  else if (value instanceof Exact && /^-?\d+$/.test(value.digits)) integer = BigInt(value.digits);
  else throw new Unfit(path, `is ${shown(value)}, expected an integer`);
  if (integer < min || integer > max) throw new Unfit(path, `is ${integer}, expected ${min} to ${max}`);
  return integer;
}

/** A double, of a number or an integer that it holds. */
export function doubleOf(value: unknown, path: string): number {
  if (typeof value === "number") return value;
  const number = typeof value === "bigint" ? Number(value) : value instanceof Exact ? Number(value.digits) : NaN;
  const isHeld = typeof value === "bigint" ? BigInt(number) === value : !Number.isNaN(number);
  if (!isHeld) throw new Unfit(path, `is ${shown(value)}, expected a number that a double holds`);
  return number;
}

/** A float; `NaN` and the infinities are floats. What a float rounds must not be more than its last digits. */
export function floatOf(value: unknown, path: string): number {
  const number = doubleOf(value, path);
  const float = Math.fround(number);
  if (Number.isFinite(number) && !Number.isFinite(float)) {
    throw new Unfit(path, `is ${number}, which no float holds`);
  }
  return float;
}

/** Text. */
export function textOf(value: unknown, path: string): string {
  if (typeof value === "string") return value;
  throw new Unfit(path, `is ${shown(value)}, expected a string`);
}

/** A boolean. */
export function booleanOf(value: unknown, path: string): boolean {
  if (typeof value === "boolean") return value;
  throw new Unfit(path, `is ${shown(value)}, expected true or false`);
}

/** A value for a message: short, without its content where that is large. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (value instanceof Branch) return shown(value.value);
  if (value instanceof Exact) return cut(value.digits);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value === "function") return "a function";
  return cut(typeof value === "string" ? JSON.stringify(value.slice(0, SHOWN_MAX)) : String(value));
}

/** Characters of a value in a message. */
const SHOWN_MAX = 60;

function cut(text: string): string {
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}...` : text;
}
