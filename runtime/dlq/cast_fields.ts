/**
 * `--cast` and `--drop-field`: fields at any depth of structs, as other types or left out. Types are those of the transform
 * Cast, and decimals: rounded half away from zero to their scale, refused where they have too many digits.
 *
 * @module
 */
import { type Data, type DataType, Field, Schema, Type } from "apache-arrow";
import {
  createColumn,
  DataError,
  FIELD_JSON,
  isNull,
  jsonText,
  recordBatch,
  type SinkBatch,
  types,
  type WordsColumn,
} from "../api/mod.ts";
import { didYouMean } from "../config/nearest.ts";
import { canCast, CAST_TARGETS, castColumn, type CastTarget, type RefuseEntry } from "../transforms/column_cast.ts";
import { decimalOf } from "../transforms/java_text.ts";
import type { FixStage } from "../offline_stages.ts";
import { type Column, columnAt, type Columns, stepsOf, withColumnAt } from "./nested_fields.ts";

/** What a field becomes. */
interface Cast {
  readonly path: string;
  /** The type as it was asked for. */
  readonly name: string;
  readonly type: DataType;
}

const NAMES = Object.keys(CAST_TARGETS);

/** What is wrong with a cast as it is given, or null. */
export function castProblem(text: string): string | null {
  const at = text.lastIndexOf(":");
  if (at < 1) return "must be FIELD:TYPE, e.g. total:float64 or customer.age:int32";
  const name = text.slice(at + 1).trim().toLowerCase();
  if (typeNamed(name) !== null) return null;
  return `has the type "${name}"; it must be one of ${NAMES.join(", ")}, decimal(P,S) with P up to 38 and S up to P` +
    didYouMean(name, NAMES);
}

/** Casts in which `castProblem` finds nothing wrong, and then fields left out. */
export function createFieldChanges(casts: readonly string[], drops: readonly string[]): FixStage {
  const parsed = casts.map((text): Cast => {
    const at = text.lastIndexOf(":");
    const name = text.slice(at + 1).trim().toLowerCase();
    return { path: text.slice(0, at).trim(), name, type: typeNamed(name)! };
  });
  return (batch, reject) => {
    let current = batch;
    for (const cast of parsed) current = castField(current, cast, reject);
    for (const path of drops) current = dropField(current, path, reject);
    return [current];
  };
}

/** Entries of any type that is flat in another one; null: no entry of the type can be cast to it. */
export function castTo(data: Data, type: DataType, refuse: RefuseEntry): Data | null {
  if (type.typeId === Type.Decimal) {
    return DECIMAL_SOURCES.has(data.type.typeId) ? castToDecimal(data, type, refuse) : null;
  }
  const target = (NAMES as CastTarget[]).find((each) => String(CAST_TARGETS[each]()) === String(type));
  return target === undefined || !canCast(data.type, target) ? null : castColumn(data, target, refuse);
}

/** A number's text in a decimal, as its unscaled value; null: it is none, or the type does not hold it. */
export function unscaledIn(text: string, type: DataType): bigint | null {
  const { precision, scale } = type as unknown as { precision: number; scale: number };
  const exact = decimalOf(text);
  if (exact === null) return null;
  const unscaled = rounded(exact.unscaled, exact.scale, scale);
  const limit = 10n ** BigInt(precision);
  return unscaled < limit && unscaled > -limit ? unscaled : null;
}

const DECIMAL_SOURCES: ReadonlySet<Type> = new Set([Type.Int, Type.Float, Type.Decimal, Type.Utf8]);

function typeNamed(name: string): DataType | null {
  if (Object.hasOwn(CAST_TARGETS, name)) return CAST_TARGETS[name as CastTarget]();
  const [, precision, scale] = /^decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)$/.exec(name)?.map(Number) ?? [];
  if (precision === undefined || precision < 1 || precision > 38 || scale > precision) return null;
  return types.decimal(precision, scale);
}

type Reject = Parameters<FixStage>[1];

function castField(batch: SinkBatch, { path, name, type }: Cast, reject: Reject): SinkBatch {
  const all = columnsOf(batch);
  const steps = stepsOf(path, all.fields);
  const found = columnAt(steps, all);
  if (found instanceof DataError) return refuseAll(batch, found, () => true, reject);
  if (found === null || String(found.field.type) === String(type)) return batch;
  const { field, column } = found;
  const lost = new Set<number>();
  const made = castTo(column, type, (row) => lost.add(row));
  if (made === null) {
    const why =
      `Cannot cast ${path}, a ${field.type}, to ${name}: only flat types can be cast, bytes to string alone, and ` +
      "numbers and text to decimals";
    const error = new DataError(why, { reason: "cannot cast the type", fieldPath: path });
    return refuseAll(batch, error, (row) => !isNull(column, row), reject);
  }
  for (const row of lost) {
    const why = `Cannot cast ${path} to ${name}: the type cannot hold ${jsonText.ofColumn(column, row).slice(0, 100)}`;
    reject(batch, row, new DataError(why, { reason: "value does not fit the type", fieldPath: path }));
  }
  const metadata = new Map([...field.metadata].filter(([key]) => key !== FIELD_JSON));
  const cast: Column = { field: new Field(field.name, type, field.nullable, metadata), column: made };
  return kept(withColumns(batch, withColumnAt(all, steps, cast)), (row) => !lost.has(row));
}

function dropField(batch: SinkBatch, path: string, reject: Reject): SinkBatch {
  const all = columnsOf(batch);
  const steps = stepsOf(path, all.fields);
  const found = columnAt(steps, all);
  if (found instanceof DataError) return refuseAll(batch, found, () => true, reject);
  return found === null ? batch : withColumns(batch, withColumnAt(all, steps, null));
}

/** A batch's columns. */
export function columnsOf({ data, numRows }: SinkBatch): Columns {
  return { fields: data.schema.fields, columns: data.data.children, length: numRows };
}

/** The same rows with these columns. */
export function withColumns(batch: SinkBatch, { fields, columns, length }: Columns): SinkBatch {
  return batch.withData(recordBatch(new Schema([...fields], batch.data.schema.metadata), [...columns], length));
}

function refuseAll(batch: SinkBatch, error: DataError, holds: (row: number) => boolean, reject: Reject): SinkBatch {
  for (let row = 0; row < batch.numRows; row++) if (holds(row)) reject(batch, row, error);
  return kept(batch, (row) => !holds(row));
}

function kept(batch: SinkBatch, holds: (row: number) => boolean): SinkBatch {
  return batch.select(Int32Array.from({ length: batch.numRows }, (_, row) => row).filter(holds));
}

function castToDecimal(data: Data, type: DataType, refuse: RefuseEntry): Data {
  const column = createColumn(type) as WordsColumn;
  for (let i = 0; i < data.length; i++) {
    const text = jsonText.ofColumn(data, i);
    const value = isNull(data, i) ? null : unscaledIn(data.type.typeId === Type.Utf8 ? JSON.parse(text) : text, type);
    if (value !== null) column.appendBigInt(value);
    else {
      if (!isNull(data, i)) refuse(i);
      column.appendNull();
    }
  }
  return column.finish();
}

function rounded(unscaled: bigint, from: number, to: number): bigint {
  if (from <= to) return unscaled * 10n ** BigInt(to - from);
  const unit = 10n ** BigInt(from - to);
  const half = unscaled < 0n ? -unit / 2n : unit / 2n;
  return (unscaled + half) / unit;
}
