/**
 * Columns by expressions in CEL: fields, also within structs, that are set to what an expression gives for each row.
 *
 * A field that is there keeps its type, and a row whose value it cannot hold is rejected. A new field has the type of the
 * values: boolean, int64, float64 (also where some are ints), string, binary or timestamp.
 *
 * @module
 */
import { type Data, type DataType, Field } from "apache-arrow";
import {
  type BoolColumn,
  type BytesColumn,
  createColumn,
  DataError,
  type NumberColumn,
  type RejectRow,
  type SinkBatch,
  types,
  type WordsColumn,
} from "./api/mod.ts";
import { createCelValue } from "./cel.ts";
import { castTo, columnsOf, withColumns } from "./dlq/cast_fields.ts";
import { columnAt, stepsOf, withColumnAt } from "./dlq/nested_fields.ts";

/** Sets the fields of a batch, one after the other: later expressions see what earlier ones gave. */
export type ColumnSetters = (batch: SinkBatch, reject: RejectOf) => SinkBatch;

/** Told of each row that has no such field then, and of which batch it is. */
type RejectOf = (of: SinkBatch, row: number, error: DataError) => void;

/** Fields and expressions in which `celProblem` finds nothing wrong. */
export function createColumnSetters(sets: readonly (readonly [field: string, expression: string])[]): ColumnSetters {
  const setters = sets.map(([field, expression]) => ({ field, bind: createCelValue(expression) }));
  return (batch, reject) => {
    let current = batch;
    for (const { field, bind } of setters) {
      const of = current;
      if (of.numRows > 0) current = setField(of, field, bind(of), (row, error) => reject(of, row, error));
    }
    return current;
  };
}

/** What a value of CEL is, as a column: null is in any. */
type Kind = "boolean" | "int" | "double" | "string" | "bytes" | "timestamp";

const TYPES: Readonly<Record<Kind, () => DataType>> = {
  boolean: types.boolean,
  int: types.int64,
  double: types.float64,
  string: types.utf8,
  bytes: types.binary,
  timestamp: types.timestamp,
};

function setField(given: SinkBatch, name: string, valueOf: (row: number) => unknown, reject: RejectRow): SinkBatch {
  const values: unknown[] = [];
  const kept: number[] = [];
  for (let row = 0; row < given.numRows; row++) {
    const value = valueOf(row);
    const error = value instanceof DataError ? value : kindOf(value) === null ? notAColumn(name, value) : null;
    if (error) reject(row, error);
    else {
      values.push(value);
      kept.push(row);
    }
  }
  const batch = given.select(Int32Array.from(kept));
  if (batch.numRows === 0) return batch;
  const all = columnsOf(batch);
  const steps = stepsOf(name, all.fields);
  const found = columnAt(steps, all);
  if (found instanceof DataError) return refuseAll(batch, found, kept, reject);
  const existing = found?.field;
  const kinds = new Set(values.map((value) => kindOf(value)!).filter((kind) => kind !== "null"));
  if (kinds.size === 2 && kinds.has("int") && kinds.has("double")) kinds.delete("int");
  if (kinds.size > 1) {
    const error = new DataError(`Cannot set ${name}: the expression gives ${[...kinds].join(" and ")}`, {
      reason: "expression gives values of several types",
      fieldPath: name,
    });
    return refuseAll(batch, error, kept, reject);
  }
  const [kind = "string"] = kinds as Set<Kind>;
  const made = columnOf(kind, values);
  const lost = new Set<number>();
  const column = existing && !sameType(existing.type, made.type)
    ? castTo(made, existing.type, (row) => lost.add(row))
    : made;
  if (column === null || lost.size === batch.numRows) {
    const error = new DataError(`Cannot set ${name} to ${kind} values: the field is ${existing!.type}`, {
      reason: "expression does not fit the field",
      fieldPath: name,
    });
    return refuseAll(batch, error, kept, reject);
  }
  for (const row of lost) {
    reject(
      kept[row],
      new DataError(`Cannot set ${name}: its type ${existing!.type} does not hold the value`, {
        reason: "expression does not fit the field",
        fieldPath: name,
      }),
    );
  }
  const field = existing
    ? new Field(existing.name, existing.type, existing.nullable || column.nullCount > 0, existing.metadata)
    : new Field(steps.at(-1)!, column.type, true);
  const set = withColumns(batch, withColumnAt(all, steps, { field, column }));
  if (lost.size === 0) return set;
  return set.select(Int32Array.from(Array.from(kept.keys()).filter((row) => !lost.has(row))));
}

function refuseAll(batch: SinkBatch, error: DataError, rows: readonly number[], reject: RejectRow): SinkBatch {
  for (const row of rows) reject(row, error);
  return batch.select(new Int32Array(0));
}

function kindOf(value: unknown): Kind | "null" | null {
  if (value === null || value === undefined) return "null";
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return "double";
  if (typeof value === "string") return "string";
  if (value instanceof Uint8Array) return "bytes";
  if (instant(value) !== null) return "timestamp";
  return null;
}

/** Microseconds of the library's timestamp: a message, or wrapped. */
function instant(value: unknown): bigint | null {
  const message = (value as { message?: unknown }).message ?? value;
  const { seconds, nanos } = message as { seconds?: unknown; nanos?: unknown };
  if (typeof seconds !== "bigint" || typeof nanos !== "number") return null;
  return seconds * 1_000_000n + BigInt(Math.trunc(nanos / 1000));
}

function columnOf(kind: Kind, values: readonly unknown[]): Data {
  const column = createColumn(TYPES[kind]());
  for (const value of values) {
    if (value === null || value === undefined) column.appendNull();
    else if (kind === "boolean") (column as BoolColumn).append(value as boolean);
    else if (kind === "int") (column as WordsColumn).appendBigInt(value as bigint);
    else if (kind === "double") (column as NumberColumn).append(Number(value));
    else if (kind === "string") (column as BytesColumn).appendString(value as string);
    else if (kind === "bytes") (column as BytesColumn).append(value as Uint8Array);
    else (column as WordsColumn).appendBigInt(instant(value)!);
  }
  return column.finish();
}

function sameType(a: DataType, b: DataType): boolean {
  return String(a) === String(b);
}

function notAColumn(name: string, value: unknown): DataError {
  return new DataError(`Cannot set ${name}: the expression gives ${Array.isArray(value) ? "a list" : "a map"}`, {
    reason: "expression gives no plain value",
    fieldPath: name,
  });
}
