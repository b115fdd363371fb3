/**
 * Batches with keys and values for tests of transforms, and references that treat one record at a time.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Data, Field, RecordBatch, Schema } from "apache-arrow";
import {
  type ConfigDef,
  DataError,
  recordBatch,
  type RecordSide,
  SinkBatch,
  type TransformPlugin,
  type Values,
} from "../api/mod.ts";
import { createTransformStage } from "../transform.ts";
import { anySchema, anyValue, batchOf, type Plain, rowsOf } from "../../tests/conformance/rows.ts";
import { slabOf } from "../../tests/conformance/slab.ts";

/** A record's columns. */
export type Row = { [name: string]: Plain };

/** A record: null is a tombstone, or no key. */
export interface TestRecord {
  readonly key: Row | null;
  readonly value: Row | null;
}

/** Records and their schemas. */
export interface TestBatch {
  readonly keySchema: Schema;
  readonly valueSchema: Schema;
  readonly records: readonly TestRecord[];
  readonly batch: SinkBatch;
}

/** What came out: records that passed, by their row before, and why others did not. */
export interface Outcome {
  readonly rows: (Row | null)[];
  readonly rejects: [row: number, reason: string, fieldPath: string | undefined][];
  readonly out: SinkBatch;
  readonly schema: Schema;
}

/** A batch of records, of partition orders-5 at 90, 92 ... */
export function testBatch(keySchema: Schema, valueSchema: Schema, records: readonly TestRecord[]): TestBatch {
  const raw = slabOf(
    records.map(({ key, value }, i) => ({
      offset: 90n + 2n * BigInt(i),
      timestampMs: i % 4 === 3 ? -1 : 1000 + i,
      key: key === null ? null : "k",
      value: value === null ? null : "v",
    })),
    { from: 90n, partition: 5 },
  );
  const bits = new Uint8Array((records.length + 7) >> 3);
  records.forEach(({ value }, i) => bits[i >> 3] |= value === null ? 1 << (i & 7) : 0);
  const batch = new SinkBatch(
    sliced(valueSchema, records.map(({ value }) => value)),
    { raw, rows: Int32Array.from(records.keys()) },
    raw.from,
    raw.to,
    bits.some((byte) => byte !== 0) ? bits : null,
    sliced(keySchema, records.map(({ key }) => key)),
  );
  // As they read back: objects like those that come out.
  const [keys, values] = [rowsOf(batch.keys!), rowsOf(batch.data)];
  const same = records.map(({ key, value }, i) => ({ key: key && keys[i], value: value && values[i] }));
  return { keySchema, valueSchema, records: same, batch };
}

/** Columns that are slices of longer ones, so that nothing begins where its buffers do. */
function sliced(schema: Schema, rows: readonly (Row | null)[]): RecordBatch {
  const padded = batchOf(schema, [...Array(3).fill({}), ...rows.map((row) => row ?? {}), {}]);
  const columns = padded.data.children.map((child: Data) => child.slice(3, rows.length));
  return recordBatch(schema, columns, rows.length);
}

/** Any batch, with records without key or value among its. */
export const anyTestBatch = (depth = 2): fc.Arbitrary<TestBatch> =>
  fc.tuple(anySchema(1), anySchema(depth)).chain(([keySchema, valueSchema]) => {
    const row = (schema: Schema) =>
      fc.option(fc.record(Object.fromEntries(schema.fields.map((f) => [f.name, anyValue(f.type)]))), { freq: 6 });
    return fc.array(fc.record({ key: row(keySchema), value: row(valueSchema) }), { minLength: 1, maxLength: 20 })
      .map((records) => testBatch(keySchema, valueSchema, records));
  });

/** Batches of one schema. */
export function anyRecords(schema: Schema): fc.Arbitrary<TestBatch> {
  const row = fc.record(Object.fromEntries(schema.fields.map((f) => [f.name, anyValue(f.type)])));
  return fc.array(row, { minLength: 1, maxLength: 30 })
    .map((rows) => testBatch(schema, schema, rows.map((each) => ({ key: each, value: each }))));
}

/** Either side. */
export const anySide = fc.constantFrom<RecordSide>("key", "value");

/** A step's options over their defaults. */
export function configOf<Def extends ConfigDef>(
  plugin: TransformPlugin<Def>,
  options: Partial<Values<Def>>,
): Values<ConfigDef> {
  const defaults = Object.entries(plugin.options).map(([key, { default: value }]) => [key, value]);
  return { ...Object.fromEntries(defaults), ...options } as Values<ConfigDef>;
}

/** One step over a batch: what the side is afterwards, null where there is no key or value. */
export function transformed<Def extends ConfigDef>(
  plugin: TransformPlugin<Def>,
  options: Partial<Values<Def>>,
  { batch }: Pick<TestBatch, "batch">,
  side: RecordSide = "value",
): Outcome {
  const rejects: Outcome["rejects"] = [];
  const stage = createTransformStage([
    {
      alias: "t",
      plugin: plugin as TransformPlugin,
      config: configOf(plugin, options),
      side,
      predicate: null,
      negate: false,
    },
  ]);
  const [out] = stage.transform(batch, (of, row, { details }) => {
    assertEquals(of.offset(row), batch.offset(row));
    rejects.push([row, details.reason, details.fieldPath]);
  });
  const columns = side === "value" ? out.data : out.keys!;
  checkLayout(columns);
  const rows = rowsOf(columns).map((row, i) => {
    const isNull = side === "value" ? out.isTombstone(i) : !out.hasKey(i);
    if (isNull) assertEquals(Object.values(row).filter((value) => value !== null), [], "a null record has no values");
    return isNull ? null : row;
  });
  return { rows, rejects: rejects.sort(([a], [b]) => a - b), out, schema: columns.schema };
}

/** Each row by a function: the reference. A DataError that it throws refuses the row. */
export function reference(
  { records }: TestBatch,
  side: RecordSide,
  treat: (row: Row | null, record: TestRecord, index: number) => Row | null,
): Pick<Outcome, "rows" | "rejects"> {
  const rows: Outcome["rows"] = [];
  const rejects: Outcome["rejects"] = [];
  records.forEach((record, i) => {
    try {
      rows.push(treat(record[side], record, i));
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      rejects.push([i, error.details.reason, error.details.fieldPath]);
    }
  });
  return { rows, rejects };
}

/** Refuses the row of a reference. */
export function refuse(reason: string, fieldPath?: string): never {
  throw new DataError(reason, { reason, fieldPath });
}

/** Every column is as long as its batch, of its field's type, and counts its nulls right. */
function checkLayout(batch: RecordBatch): void {
  batch.schema.fields.forEach((field: Field, i: number) => {
    const data = batch.data.children[i];
    assertEquals([data.length, String(data.type)], [batch.numRows, String(field.type)]);
    assertEquals(data.nullCount, rowsOf(batch).filter((row) => row[field.name] === null).length, "nullCount");
  });
}
