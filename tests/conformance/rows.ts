/**
 * Columns and plain values for tests: any type of `types.ts`, values of it, rows into batches and out again. The reader
 * looks at the buffers by Arrow's layout, one value at a time, so that it shares no code with what it checks.
 *
 * @module
 */
import { type Data, type RecordBatch, Schema as ArrowSchema, Type } from "apache-arrow";
import {
  type BoolColumn,
  type BytesColumn,
  type Column,
  createRow,
  type DataType,
  type Field,
  type ListColumn,
  type NumberColumn,
  recordBatch,
  type Schema,
  type StructColumn,
  types,
  type WordsColumn,
} from "../../mod.ts";
import fc from "fast-check";

/** A value of a column; a list is an array, a struct an object, a map an array of pairs, bytes are hex. */
export type Plain = null | boolean | number | bigint | string | Plain[] | { [name: string]: Plain };

/** Any type of `types.ts`, nested up to `depth`. */
export function anyType(depth = 2): fc.Arbitrary<DataType> {
  const leaves = fc.constantFrom<DataType>(
    types.boolean(),
    types.int8(),
    types.int16(),
    types.int32(),
    types.int64(),
    types.float32(),
    types.float64(),
    types.utf8(),
    types.binary(),
    types.date(),
    types.timestamp(),
    types.localTimestamp(),
    types.decimal(9, 2),
    types.decimal(38, 10),
  );
  if (depth === 0) return leaves;
  const inner = anyType(depth - 1);
  return fc.oneof(
    { weight: 4, arbitrary: leaves },
    { weight: 1, arbitrary: inner.map((element) => types.list(element)) },
    { weight: 1, arbitrary: fc.array(inner, { minLength: 1, maxLength: 3 }).map((all) => types.struct(named(all))) },
    { weight: 1, arbitrary: inner.map((value) => types.map(types.utf8(), value)) },
  );
}

/** Any schema of one to four fields, all nullable. */
export function anySchema(depth = 2): fc.Arbitrary<Schema> {
  return fc.array(anyType(depth), { minLength: 1, maxLength: 4 }).map((all) => new ArrowSchema(named(all)));
}

function named(all: readonly DataType[]): Field[] {
  return all.map((type, i) => types.field(`f${i}`, type));
}

/** Any value of a type, null among them. */
export function anyValue(type: DataType): fc.Arbitrary<Plain> {
  return fc.option(anyPresent(type), { nil: null, freq: 4 });
}

function anyPresent(type: DataType): fc.Arbitrary<Plain> {
  const children = (type.children ?? []) as Field[];
  switch (type.typeId) {
    case Type.Bool:
      return fc.boolean();
    case Type.Int: {
      const { bitWidth } = type as unknown as { bitWidth: number };
      if (bitWidth === 64) return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
      return fc.integer({ min: -(2 ** (bitWidth - 1)), max: 2 ** (bitWidth - 1) - 1 });
    }
    case Type.Float:
      return (type as unknown as { precision: number }).precision === 1 ? fc.float() : fc.double();
    case Type.Date:
      return fc.integer({ min: -1_000_000, max: 1_000_000 });
    case Type.Timestamp:
      return fc.bigInt({ min: -(2n ** 60n), max: 2n ** 60n });
    case Type.Decimal: {
      const { precision } = type as unknown as { precision: number };
      return fc.bigInt({ min: -(10n ** BigInt(precision)) + 1n, max: 10n ** BigInt(precision) - 1n });
    }
    case Type.Utf8:
      return fc.string({ unit: "binary", maxLength: 40 });
    case Type.Binary:
      return fc.uint8Array({ maxLength: 40 }).map((bytes) => bytes.toHex());
    case Type.List:
      return fc.array(anyValue(children[0].type), { maxLength: 3 });
    case Type.Map: {
      const [key, value] = children[0].type.children as Field[];
      return fc.array(fc.tuple(anyPresent(key.type), anyValue(value.type)), { maxLength: 3 });
    }
    case Type.Struct:
      return fc.record(Object.fromEntries(children.map((child) => [child.name, anyValue(child.type)])));
    default:
      throw new TypeError(`No values of type ${type}`);
  }
}

/** Appends a value to its builder. */
export function appendPlain(column: Column, value: Plain): void {
  if (value === null) return column.appendNull();
  const { type } = column;
  switch (type.typeId) {
    case Type.Bool:
      return (column as BoolColumn).append(value as boolean);
    case Type.Int:
    case Type.Float:
    case Type.Date:
    case Type.Timestamp:
    case Type.Decimal:
      if (typeof value === "bigint") return (column as WordsColumn).appendBigInt(value);
      return (column as NumberColumn).append(value as number);
    case Type.Utf8:
      return (column as BytesColumn).appendString(value as string);
    case Type.Binary:
      return (column as BytesColumn).append(Uint8Array.fromHex(value as string));
    case Type.List: {
      const list = column as ListColumn;
      for (const element of value as Plain[]) appendPlain(list.child, element);
      return list.close();
    }
    case Type.Map: {
      const list = column as ListColumn;
      const entry = list.child as StructColumn;
      for (const [key, inner] of value as [Plain, Plain][]) {
        appendPlain(entry.children[0], key);
        appendPlain(entry.children[1], inner);
        entry.close();
      }
      return list.close();
    }
    case Type.Struct: {
      const row = column as StructColumn;
      (type.children as Field[]).forEach(({ name }, i) =>
        appendPlain(row.children[i], (value as { [name: string]: Plain })[name])
      );
      return row.close();
    }
    default:
      throw new TypeError(`No values of type ${type}`);
  }
}

/** Rows as a batch; a field that a row lacks is null. */
export function batchOf(schema: Schema, rows: readonly { readonly [name: string]: Plain }[]): RecordBatch {
  const builder = createRow(schema.fields, types.struct(schema.fields));
  for (const row of rows) {
    schema.fields.forEach(({ name }, i) => appendPlain(builder.children[i], row[name] ?? null));
    builder.close();
  }
  return recordBatch(schema, builder.finish().children, rows.length);
}

/** The rows of a batch. */
export function rowsOf(batch: RecordBatch): { [name: string]: Plain }[] {
  return Array.from(
    { length: batch.numRows },
    (_, row) =>
      Object.fromEntries(batch.schema.fields.map(({ name }, i) => [name, plain(batch.data.children[i], row)])),
  );
}

/** Entry `index` of a column. */
export function plain(data: Data, index: number): Plain {
  if (isNullAt(data, index)) return null;
  const { type } = data;
  switch (type.typeId) {
    case Type.Bool: {
      const at = data.offset + index;
      return (data.values[at >> 3] >> (at & 7) & 1) === 1;
    }
    case Type.Int:
    case Type.Float:
    case Type.Date:
    case Type.Timestamp:
      return data.values[index];
    case Type.Decimal: {
      let value = 0n;
      for (let word = 3; word >= 0; word--) value = value << 32n | BigInt(data.values[index * 4 + word]);
      return BigInt.asIntN(128, value);
    }
    case Type.Utf8:
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytesAt(data, index));
    case Type.Binary:
      return bytesAt(data, index).toHex();
    case Type.List:
      return entries(data, index).map((at) => plain(data.children[0], at));
    case Type.Map: {
      const [key, value] = data.children[0].children;
      return entries(data, index).map((at) => [plain(key, at), plain(value, at)]);
    }
    case Type.Struct:
      return Object.fromEntries(
        (type.children as Field[]).map(({ name }, i) => [name, plain(data.children[i], index)]),
      );
    default:
      throw new TypeError(`No values of type ${type}`);
  }
}

function isNullAt(data: Data, index: number): boolean {
  if (!data.nullBitmap || data.nullBitmap.length === 0) return false;
  const at = data.offset + index;
  return (data.nullBitmap[at >> 3] >> (at & 7) & 1) === 0;
}

function bytesAt(data: Data, index: number): Uint8Array {
  return data.values.subarray(data.valueOffsets[index], data.valueOffsets[index + 1]);
}

function entries(data: Data, index: number): number[] {
  const [from, to] = [data.valueOffsets[index], data.valueOffsets[index + 1]];
  return Array.from({ length: to - from }, (_, i) => from + i);
}
