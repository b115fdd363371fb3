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
/** A list; its elements are nullable unless told. */
export const list = (element: DataType, nullable = true): List => new List(field("element", element, nullable));
/** A record within a record. */
export const struct = (fields: readonly Field[]): Struct => new Struct([...fields]);
/** A map with keys that are never null. */
export const map = (key: DataType, value: DataType, valueNullable = true): Map_ =>
  new Map_(
    field("key_value", struct([field("key", key, false), field("value", value, valueNullable)]), false) as never,
  );

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
