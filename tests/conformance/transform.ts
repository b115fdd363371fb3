/**
 * What every transform must do, as a library that defines tests: `transformConformance("my-transform", { make, ... })`.
 *
 * Each row becomes a row, is dropped on purpose, or is rejected; whatever stands beside it. Where a record came from stays,
 * and the range that a batch accounts for.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Schema } from "apache-arrow";
import fc from "fast-check";
import { DataError, type Field, SinkBatch, type Transform } from "../../mod.ts";
import { batchOf, type Plain, rowsOf } from "./rows.ts";
import { slabOf } from "./slab.ts";

/** A row, and what is to become of it. */
export interface RowSample {
  /** Values by field; a field that is left out is null. */
  readonly row: { readonly [name: string]: Plain };
  /** The whole row after it; "dropped" where it is left out on purpose, "rejected" where it cannot be treated. */
  readonly becomes: { readonly [name: string]: Plain } | "dropped" | "rejected";
}

/** What a transform hands over. */
export interface TransformCase {
  /** A new step, ready to be applied. */
  make(): Transform;
  /** The columns of the rows. */
  readonly fields: readonly Field[];
  /** At least one. */
  readonly samples: readonly RowSample[];
}

const FROM = 100n;

/** A batch of samples, one an offset; null is a tombstone. The range begins before the first and ends behind the last. */
function batchWith(schema: Schema, samples: readonly (RowSample | null)[], from = FROM): SinkBatch {
  const to = from + BigInt(samples.length) + 3n;
  const records = samples.map((sample, i) => ({
    offset: from + BigInt(i),
    key: `key ${i}`,
    value: sample === null ? null : "x",
    headers: [{ key: "n", value: Uint8Array.of(i) }],
  }));
  const raw = slabOf(records, { topic: "orders", partition: 3, from, to });
  const tombstones = new Uint8Array((samples.length + 7) >> 3);
  samples.forEach((sample, row) => {
    if (sample === null) tombstones[row >> 3] |= 1 << (row & 7);
  });
  const data = batchOf(schema, samples.map((sample) => sample?.row ?? {}));
  const origin = { raw, rows: Int32Array.from(samples.keys()) };
  return new SinkBatch(data, origin, from, to, samples.includes(null) ? tombstones : null);
}

interface Applied {
  readonly batch: SinkBatch;
  /** Rows that are left, rejected ones out of them, by their offset. */
  readonly rows: ReadonlyMap<bigint, { readonly [name: string]: Plain } | null>;
  readonly rejected: ReadonlySet<bigint>;
}

/** Applies it as the runtime does, and holds it to its word about where records come from. */
function apply(transform: Transform, given: SinkBatch): Applied {
  const rejected = new Set<bigint>();
  const batch = transform.apply(given, (row, error) => {
    assert(row >= 0 && row < given.numRows, `row ${row} is one of the ${given.numRows} that were given`);
    assert(error instanceof DataError && error.details.reason !== "", "a reject is a DataError with a reason");
    rejected.add(given.offset(row));
  });
  const { topic, partition, from, to } = batch;
  assertEquals([topic, partition, from, to], [given.topic, given.partition, given.from, given.to], "the origin stays");
  assertStrictEquals(batch.origin.raw, given.origin.raw, "the records are those that were given");
  assertEquals(batch.data.numRows, batch.numRows, "columns and origin have as many rows");
  for (const column of batch.data.data.children) assertEquals(column.length, batch.numRows, "columns of equal length");
  const known = new Set(Array.from({ length: given.numRows }, (_, row) => given.offset(row)));
  const offsets = Array.from({ length: batch.numRows }, (_, row) => batch.offset(row));
  assertEquals(offsets, [...new Set(offsets)].sort((a, b) => Number(a - b)), "rows are in order, none of them twice");
  assert(offsets.every((offset) => known.has(offset)), "no row but those that were given");
  const all = rowsOf(batch.data);
  const rows = offsets.map((offset, row) => [offset, batch.isTombstone(row) ? null : all[row]] as const);
  return { batch, rejected, rows: new Map(rows.filter(([offset]) => !rejected.has(offset))) };
}

/** Holds what became of a batch against what the samples promise. */
function assertAs(samples: readonly (RowSample | null)[], { rows, rejected }: Applied, from = FROM): void {
  samples.forEach((sample, i) => {
    if (sample === null) return; // a tombstone has no promise but not to fail
    const offset = from + BigInt(i);
    assertEquals(rejected.has(offset), sample.becomes === "rejected", `row ${i} is rejected, or not`);
    if (sample.becomes === "dropped") assert(!rows.has(offset), `row ${i} is dropped`);
    else if (sample.becomes !== "rejected") assertEquals(rows.get(offset), sample.becomes, `row ${i}`);
  });
}

/** Defines the tests. */
export function transformConformance(name: string, { make, fields, samples }: TransformCase): void {
  const schema = new Schema([...fields]);
  const test = (what: string, body: (transform: Transform) => void | Promise<void>) =>
    Deno.test(`${name}: ${what}`, async () => await body(make()));

  test("apply() makes of each row what the samples promise, and leaves the origin as it is", (transform) => {
    assertAs(samples, apply(transform, batchWith(schema, samples)));
  });

  test("apply() treats a row alike whatever stands beside it, in batches of any size", (transform) => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...samples), { minLength: 1, maxLength: 40 }), (some) => {
        assertAs(some, apply(transform, batchWith(schema, some)));
      }),
      { numRuns: 100 },
    );
  });

  test("apply() leaves the batch that it is given as it was", (transform) => {
    const given = batchWith(schema, samples);
    const before = rowsOf(given.data);
    apply(transform, given);
    assertEquals(rowsOf(given.data), before);
    assertEquals(given.numRows, samples.length);
  });

  test("apply() of the slices of a batch gives what it makes of the whole, and they chain", (transform) => {
    const many = Array.from({ length: 9 }, (_, i) => samples[i % samples.length]);
    const whole = batchWith(schema, many);
    const parts = [whole.slice(0, 2), whole.slice(2, 3), whole.slice(3, 9)].map((part) => apply(transform, part));
    assertEquals(parts.map(({ batch }) => [batch.from, batch.to]), [[100n, 102n], [102n, 103n], [103n, 112n]]);
    const wanted = apply(transform, whole);
    assertEquals(new Map(parts.flatMap(({ rows }) => [...rows])), wanted.rows);
    assertEquals(new Set(parts.flatMap(({ rejected }) => [...rejected])), wanted.rejected);
  });

  test("apply() of a batch without rows keeps its range", (transform) => {
    const none = batchWith(schema, samples).select(new Int32Array(0));
    assertEquals(apply(transform, none).batch.numRows, 0);
  });

  test("apply() gives the same schema object for the same schema", (transform) => {
    const [first, second] = [FROM, FROM + 50n].map((from) => apply(transform, batchWith(schema, samples, from)).batch);
    if (first.numRows === 0) return; // without rows nobody asks
    assertStrictEquals(
      second.data.schema,
      first.data.schema,
      "what others derive from a schema is kept by its identity",
    );
  });

  test("apply() takes nulls in every field: a row is left, dropped or rejected, and its neighbours are whole", (transform) => {
    for (const empty of fields.filter(({ nullable }) => nullable)) {
      const with0 = [samples[0], { row: { ...samples[0].row, [empty.name]: null }, becomes: "dropped" as const }];
      const applied = apply(transform, batchWith(schema, [...with0, samples[0]]));
      assertAs([samples[0]], applied);
      assertAs([samples[0]], applied, FROM + 2n);
    }
  });

  test("apply() takes tombstones, among rows and alone", (transform) => {
    if (fields.some(({ nullable }) => !nullable)) return; // a tombstone has nothing but nulls
    const among = apply(transform, batchWith(schema, [null, ...samples, null]));
    assertAs([null, ...samples, null], among);
    apply(transform, batchWith(schema, [null, null]));
  });
}
