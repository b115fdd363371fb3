/**
 * The types of columns: the part of Arrow's type system that every converter produces and every sink takes. Converters
 * map what their format has to these, so that a sink knows no format.
 *
 * | column type | made by | holds |
 * |---|---|---|
 * | boolean | `boolean()` | bit |
 * | byte, short, integer, long | `int8()` `int16()` `int32()` `int64()` | signed integers |
 * | float, double | `float32()` `float64()` | IEEE 754 |
 * | decimal | `decimal(precision, scale)` | 128 bit, precision 1 to 38, 0 <= scale <= precision |
 * | string, binary | `utf8()` `binary()` | bytes with 32 bit offsets |
 * | date | `date()` | days since 1970-01-01 |
 * | timestamp | `timestamp()` | microseconds since 1970 UTC, an instant |
 * | local timestamp | `localTimestamp()` | microseconds, without a zone |
 * | list, struct, map | `list(element)` `struct(fields)` `map(key, value)` | nested |
 *
 * @module
 */
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Field,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  Int8,
  List,
  Map_,
  Struct,
  TimestampMicrosecond,
  Utf8,
} from "apache-arrow";
import { FIELD_JSON } from "./converter.ts";

/** A named column; nullable unless told. */
export function field(name: string, type: DataType, nullable = true): Field {
  return new Field(name, type, nullable);
}

/** A bit. */
export const boolean = (): Bool => new Bool();
/** 8 bit signed. */
export const int8 = (): Int8 => new Int8();
/** 16 bit signed. */
export const int16 = (): Int16 => new Int16();
/** 32 bit signed. */
export const int32 = (): Int32 => new Int32();
/** 64 bit signed. */
export const int64 = (): Int64 => new Int64();
/** 32 bit IEEE 754. */
export const float32 = (): Float32 => new Float32();
/** 64 bit IEEE 754. */
export const float64 = (): Float64 => new Float64();
/** UTF-8 text. */
export const utf8 = (): Utf8 => new Utf8();
/** Bytes. */
export const binary = (): Binary => new Binary();
/** Days since 1970-01-01. */
export const date = (): DateDay => new DateDay();
/** Microseconds since 1970 UTC: an instant. */
export const timestamp = (): TimestampMicrosecond => new TimestampMicrosecond("UTC");
/** Microseconds since 1970 on a local clock, without a zone. */
export const localTimestamp = (): TimestampMicrosecond => new TimestampMicrosecond(null);
/** An exact number of `precision` digits, `scale` of them after the point; 128 bit. */
export const decimal = (precision: number, scale: number): Decimal => new Decimal(scale, precision, 128);
/** A string column whose text is JSON (`columns.json`), by the rules of `jsonText`. */
export function jsonField(name: string, nullable = true): Field {
  return new Field(name, utf8(), nullable, new Map([[FIELD_JSON, "true"]]));
}
/** Whether a field was made by `jsonField`. */
export const isJson = ({ metadata }: Field): boolean => metadata.has(FIELD_JSON);
/** A list; its elements are nullable unless told. A field instead of a type says that itself, e.g. a `jsonField`. */
export const list = (element: DataType | Field, nullable = true): List =>
  new List(isField(element) ? renamed(element, "element") : field("element", element, nullable));
/** A record within a record. */
export const struct = (fields: readonly Field[]): Struct => new Struct([...fields]);
/** A map with keys that are never null. A field instead of the value's type says itself whether values may be null. */
export const map = (key: DataType, value: DataType | Field, valueNullable = true): Map_ => {
  const values = isField(value) ? renamed(value, "value") : field("value", value, valueNullable);
  return new Map_(field("key_value", struct([field("key", key, false), values]), false) as never);
};

/** Told by its shape: a plugin may have come with a copy of Arrow of its own. */
function isField(value: DataType | Field): value is Field {
  return "nullable" in value;
}

function renamed({ type, nullable, metadata }: Field, name: string): Field {
  return new Field(name, type, nullable, metadata);
}

/** The types without parts by the names of the schema notation (Delta's), decimals aside. */
export const PRIMITIVES: Readonly<Record<string, () => DataType>> = {
  boolean,
  byte: int8,
  short: int16,
  integer: int32,
  long: int64,
  float: float32,
  double: float64,
  string: utf8,
  binary,
  date,
  timestamp,
  timestamp_ntz: localTimestamp,
};
