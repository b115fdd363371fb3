/**
 * For tests: random schemas of the framework's types and rows for them, as plain values and as Arrow columns.
 *
 * Plain values: numbers, bigints (64 bit integers, micros, unscaled decimals), strings, Uint8Arrays, arrays, objects,
 * maps as arrays of [key, value] pairs, null.
 *
 * @module
 */
import { type DataType, type RecordBatch, Schema, Type } from "apache-arrow";
import fc from "fast-check";
import {
  type BoolColumn,
  type BytesColumn,
  type Column,
  createColumn,
  type ListColumn,
  type NumberColumn,
  recordBatch,
  type StructColumn,
  types,
  type WordsColumn,
} from "../../../mod.ts";
import { childFields } from "./arrow_data.ts";

/** A leaf type. */
const leafType: fc.Arbitrary<DataType> = fc.oneof(
  fc.constantFrom<() => DataType>(
    types.boolean,
    types.int8,
    types.int16,
    types.int32,
    types.int64,
    types.float32,
    types.float64,
    types.utf8,
    types.binary,
    types.date,
    types.timestamp,
    types.localTimestamp,
  ).map((make) => make()),
  fc.integer({ min: 1, max: 38 }).chain((p) => fc.integer({ min: 0, max: p }).map((s) => types.decimal(p, s))),
);

const keyType: fc.Arbitrary<DataType> = fc.constantFrom(types.utf8, types.int64, types.date).map((make) => make());

/** A type, nested up to `depth`. */
function anyType(depth: number): fc.Arbitrary<DataType> {
  if (depth === 0) return leafType;
  const inner = anyType(depth - 1);
  const fields = fc.uniqueArray(fc.constantFrom("a", "b", "C", "key", "__proto__"), { minLength: 1, maxLength: 3 });
  return fc.oneof(
    { weight: 3, arbitrary: leafType },
    { weight: 1, arbitrary: inner.map((type) => types.list(type)) },
    { weight: 1, arbitrary: fc.tuple(keyType, inner).map(([key, value]) => types.map(key, value)) },
    {
      weight: 1,
      arbitrary: fields.chain((names) =>
        fc.tuple(...names.map(() => inner)).map((all) => types.struct(names.map((n, i) => types.field(n, all[i]))))
      ),
    },
  );
}

/** A table of columns c0, c1, ... */
export function anySchema(depth = 2): fc.Arbitrary<Schema> {
  return fc.array(anyType(depth), { minLength: 1, maxLength: 4 })
    .map((all) => new Schema(all.map((type, i) => types.field(`c${i}`, type))));
}

/** Values of a type, null among them. */
function anyValue(type: DataType): fc.Arbitrary<unknown> {
  return fc.option(anyNonNull(type), { freq: 5 });
}

/** Rows of a schema, as arrays of column values. */
export function anyRows(schema: Schema, maxLength = 20): fc.Arbitrary<unknown[][]> {
  return fc.array(fc.tuple(...schema.fields.map(({ type }) => anyValue(type))), { maxLength });
}

function anyNonNull(type: DataType): fc.Arbitrary<unknown> {
  const children = childFields(type);
  switch (type.typeId) {
    case Type.Bool:
      return fc.boolean();
    case Type.Int: {
      const { bitWidth } = type as unknown as { bitWidth: number };
      if (bitWidth === 64) return fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
      return fc.integer({ min: -(2 ** (bitWidth - 1)), max: 2 ** (bitWidth - 1) - 1 });
    }
    case Type.Float:
      return type.ArrayType === Float32Array ? fc.float() : fc.double();
    case Type.Decimal: {
      const limit = 10n ** BigInt((type as unknown as { precision: number }).precision) - 1n;
      return fc.bigInt(-limit, limit);
    }
    case Type.Utf8:
      return fc.oneof(fc.constantFrom("", "x", "é", "\u{1F600}"), fc.string({ unit: "binary", maxLength: 40 }));
    case Type.Binary:
      return fc.uint8Array({ maxLength: 20 });
    case Type.Date:
      return fc.integer({ min: -700_000, max: 2_900_000 });
    case Type.Timestamp:
      return fc.bigInt(-62_135_596_800_000_000n, 253_402_300_799_999_999n);
    case Type.List:
      return fc.array(anyValue(children[0].type), { maxLength: 3 });
    case Type.Map: {
      const [key, value] = childFields(children[0].type);
      return fc.array(fc.tuple(anyNonNull(key.type), anyValue(value.type)), { maxLength: 3 });
    }
    default:
      return fc.tuple(...children.map((child) => anyValue(child.type))).map((values) => {
        const row = Object.create(null);
        children.forEach(({ name }, i) => row[name] = values[i]);
        return row;
      });
  }
}

/** The pieces of a file as one. */
export function bytesOf(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** The rows as Arrow columns. */
export function batchOf(schema: Schema, rows: readonly (readonly unknown[])[]): RecordBatch {
  const columns = schema.fields.map(({ type }, c) => {
    const column = createColumn(type);
    for (const row of rows) appendTo(column, row[c]);
    return column.finish();
  });
  return recordBatch(schema, columns, rows.length);
}

function appendTo(column: Column, value: unknown): void {
  if (value === null || value === undefined) return column.appendNull();
  const children = childFields(column.type);
  switch (column.type.typeId) {
    case Type.Bool:
      return (column as BoolColumn).append(value as boolean);
    case Type.Utf8:
      return (column as BytesColumn).appendString(value as string);
    case Type.Binary:
      return (column as BytesColumn).append(value as Uint8Array);
    case Type.List:
      for (const element of value as unknown[]) appendTo((column as ListColumn).child, element);
      return (column as ListColumn).close();
    case Type.Map: {
      const entries = (column as ListColumn).child as StructColumn;
      for (const [key, item] of value as [unknown, unknown][]) {
        appendTo(entries.children[0], key);
        appendTo(entries.children[1], item);
        entries.close();
      }
      return (column as ListColumn).close();
    }
    case Type.Struct:
      children.forEach(({ name }, i) =>
        appendTo((column as StructColumn).children[i], (value as Record<string, unknown>)[name])
      );
      return (column as StructColumn).close();
    default:
      if (typeof value === "bigint") (column as WordsColumn).appendBigInt(value);
      else (column as NumberColumn).append(value as number);
  }
}
