/**
 * TimestampConverter: one top-level field, or the whole key or value, between instants, days, times, Unix time and text, with Kafka Connect's options.
 *
 * | target.type | column |
 * |---|---|
 * | Timestamp | timestamp (microseconds, UTC) |
 * | Date | date; the time of day is cut |
 * | Time | int: milliseconds since midnight UTC |
 * | unix | long, in `unix.precision`, rounded down |
 * | string | string, by `format` |
 *
 * The source may be a timestamp, a date, a string (by `format`) or an int or long (Unix time in `unix.precision`).
 *
 * @module
 */
import { type Data, type DataType, Field, Schema, Type } from "apache-arrow";
import {
  type BytesColumn,
  type Column,
  createColumn,
  DataError,
  type DataErrorDetails,
  FatalError,
  FIELD_JSON,
  isNull,
  type NumberColumn,
  option,
  recordBatch,
  type TransformPlugin,
  types,
  type Values,
  type WordsColumn,
} from "../api/mod.ts";
import { compileDatePattern, type DatePattern } from "./date_pattern.ts";
import { NULL_DEFAULTS } from "./shared_options.ts";
import { createSideTransform, fieldError, isWhole, WHOLE } from "./side.ts";

const OPTIONS = {
  "field": option.string({
    doc: 'The field; empty where the value is no record (its column is then "value").',
    default: "",
  }),
  "target.type": option.oneOf(["string", "unix", "Date", "Time", "Timestamp"], {
    doc: "What the field becomes.",
    importance: "high",
  }),
  "format": option.string({
    doc:
      "A Java date pattern: how text is read, and with target.type string how it is written. UTC where it has no zone; " +
      "years of two digits lie within 80 years before and 20 after the record's timestamp.",
    default: "",
    check: (text) => {
      const pattern = compileDatePattern(text);
      return typeof pattern === "string" ? pattern : null;
    },
  }),
  "unix.precision": option.oneOf(["seconds", "milliseconds", "microseconds", "nanoseconds"], {
    doc: "What a number counts.",
    default: "milliseconds",
  }),
  ...NULL_DEFAULTS,
};

type Options = Values<typeof OPTIONS>;

const DAY = 86_400_000_000n;
const INT64_MAX = 2n ** 63n - 1n;

/** Microseconds in a unit, or units in a microsecond. */
const UNITS = {
  seconds: { micros: 1_000_000n, per: 1n },
  milliseconds: { micros: 1000n, per: 1n },
  microseconds: { micros: 1n, per: 1n },
  nanoseconds: { micros: 1n, per: 1000n },
} as const;

const TARGETS: Readonly<Record<Options["target.type"], () => DataType>> = {
  "string": types.utf8,
  "unix": types.int64,
  "Date": types.date,
  "Time": types.int32,
  "Timestamp": types.timestamp,
};

/** An entry as microseconds since 1970 UTC; null: it is none. `nearMs` says which century a short year is of. */
type Reader = (data: Data, index: number, nearMs: number | null) => bigint | null;

/** The transform of that name. */
export const timestampConverter: TransformPlugin<typeof OPTIONS> = {
  name: "TimestampConverter",
  options: OPTIONS,
  sides: ["key", "value"],
  check: (config) =>
    config["target.type"] === "string" && config.format === ""
      ? "has target.type string, which needs a format, e.g. yyyy-MM-dd"
      : null,
  create(config, side) {
    const isWholeValue = config.field === "";
    const fieldPath = isWholeValue ? WHOLE : config.field;
    const pattern = patternOf(config);
    const target = config["target.type"];
    return createSideTransform({
      name: "TimestampConverter",
      side,
      plan(schema) {
        if (isWholeValue && !isWhole(schema)) {
          return fieldError(
            `Cannot convert the ${side} to ${target}: it is a record; name its field in field`,
            "field holds no time",
          );
        }
        const at = schema.fields.findIndex(({ name }) => name === fieldPath);
        if (at < 0) return null;
        const { name, type, nullable, metadata } = schema.fields[at];
        const fields = [...schema.fields];
        fields[at] = new Field(
          name,
          TARGETS[target](),
          nullable,
          new Map([...metadata].filter(([key]) => key !== FIELD_JSON)),
        );
        const after = new Schema(fields, schema.metadata);
        const read = readerOf(type, pattern, config);
        const error = failure(read === null ? "field holds no time" : "not a time", fieldPath, type, config);
        return ({ data, numRows }, batch, reject) => {
          const source = data.children[at];
          const column = createColumn(fields[at].type);
          for (let row = 0; row < numRows; row++) {
            if (isNull(source, row)) {
              column.appendNull();
              continue;
            }
            const ms = batch.timestampMs(row);
            const micros = read && read(source, row, ms < 0 ? null : ms);
            if (micros !== null && append(column, micros, target, pattern, config)) continue;
            column.appendNull();
            reject(row, error);
          }
          const columns = [...data.children];
          columns[at] = column.finish();
          return recordBatch(after, columns, numRows);
        };
      },
    });
  },
};

function patternOf(config: Options): DatePattern | null {
  if (config.format === "") {
    if (config["target.type"] === "string") {
      throw new FatalError("Cannot make a TimestampConverter: target.type string needs a format, e.g. yyyy-MM-dd");
    }
    return null;
  }
  const pattern = compileDatePattern(config.format);
  if (typeof pattern === "string") throw new FatalError(`Cannot make a TimestampConverter: format ${pattern}`);
  return pattern;
}

function readerOf(type: DataType, pattern: DatePattern | null, config: Options): Reader | null {
  const { micros, per } = UNITS[config["unix.precision"]];
  switch (type.typeId) {
    case Type.Timestamp:
      return (data, index) => data.values[index];
    case Type.Date:
      return (data, index) => BigInt(data.values[index]) * DAY;
    case Type.Int:
      return (data, index) => floored(BigInt(data.values[index]) * micros, per);
    case Type.Utf8: {
      const decoder = new TextDecoder();
      return pattern &&
        (({ values, valueOffsets }, index, nearMs) =>
          pattern.parse(decoder.decode(values.subarray(valueOffsets[index], valueOffsets[index + 1])), nearMs));
    }
    default:
      return null;
  }
}

/** Appends an instant as the target; false: the target cannot hold it. */
function append(
  column: Column,
  micros: bigint,
  target: Options["target.type"],
  pattern: DatePattern | null,
  config: Options,
): boolean {
  switch (target) {
    case "Timestamp":
      return appendLong(column, micros);
    case "unix": {
      const unit = UNITS[config["unix.precision"]];
      return appendLong(column, floored(micros, unit.micros) * unit.per);
    }
    case "Date":
    case "Time": {
      const value = target === "Date" ? floored(micros, DAY) : floored(micros - floored(micros, DAY) * DAY, 1000n);
      if (value > 0x7fffffffn || value < -0x80000000n) return false;
      (column as NumberColumn).append(Number(value));
      return true;
    }
    case "string": {
      const text = pattern!.format(micros);
      if (text !== null) (column as BytesColumn).appendString(text);
      return text !== null;
    }
  }
}

function appendLong(column: Column, value: bigint): boolean {
  if (value > INT64_MAX || value < -INT64_MAX - 1n) return false;
  (column as WordsColumn).appendBigInt(value);
  return true;
}

function floored(value: bigint, divisor: bigint): bigint {
  const cut = value / divisor;
  return value % divisor < 0n ? cut - 1n : cut;
}

function failure(reason: DataErrorDetails["reason"], fieldPath: string, type: DataType, config: Options): DataError {
  const wanted = type.typeId === Type.Utf8
    ? `text by the format "${config.format}"`
    : `a time of ${config["target.type"]}`;
  return new DataError(`Cannot convert ${fieldPath}, a ${type}, to ${config["target.type"]}: wanted ${wanted}`, {
    reason,
    fieldPath,
  });
}
