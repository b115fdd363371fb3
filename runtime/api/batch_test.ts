import { assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { Schema } from "apache-arrow";
import { rawHeaders, SinkBatch, types } from "./mod.ts";
import { batchOf, rowsOf } from "../../tests/conformance/rows.ts";
import { slabOf } from "../../tests/conformance/slab.ts";

const SCHEMA = new Schema([types.field("n", types.int32())]);

/** A batch with a row for each record of a slab of `count`, every third one a tombstone. */
function sample(count: number): SinkBatch {
  const raw = slabOf(
    Array.from({ length: count }, (_, i) => ({
      key: i % 2 ? `k${i}` : null,
      value: `${i}`,
      offset: BigInt(10 + i * 3),
      timestampMs: 1000 + i,
      headers: [{ key: `h${i}`, value: i % 2 ? null : Uint8Array.of(i) }],
    })),
    { from: 10n, to: BigInt(20 + count * 3), partition: 4 },
  );
  const tombstones = new Uint8Array((count + 7) >> 3);
  for (let i = 0; i < count; i += 3) tombstones[i >> 3] |= 1 << (i & 7);
  const data = batchOf(SCHEMA, Array.from({ length: count }, (_, i) => ({ n: i % 3 === 0 ? null : i })));
  return new SinkBatch(
    data,
    { raw, rows: Int32Array.from({ length: count }, (_, i) => i) },
    raw.from,
    raw.to,
    tombstones,
  );
}

Deno.test("SinkBatch.select() keeps origin, tombstones and columns together, and the range as it is", () => {
  fc.assert(fc.property(fc.array(fc.boolean(), { maxLength: 40 }), (keep) => {
    const batch = sample(keep.length);
    const rows = Int32Array.from(keep.keys()).filter((i) => keep[i]);
    const picked = batch.select(rows);
    assertEquals([picked.from, picked.to, picked.numRows], [batch.from, batch.to, rows.length]);
    assertStrictEquals(picked.data.schema, SCHEMA);
    assertEquals(rowsOf(picked.data), rowsOf(batch.data).filter((_, i) => keep[i]));
    rows.forEach((row, i) => {
      assertEquals(picked.offset(i), batch.offset(row));
      assertEquals(picked.timestampMs(i), batch.timestampMs(row));
      assertEquals(picked.key(i), batch.key(row));
      assertEquals(picked.headers(i), batch.headers(row));
      assertEquals(picked.isTombstone(i), batch.isTombstone(row));
    });
  }));
});

Deno.test("SinkBatch.select() and slice() keep decoded keys beside their rows; slices chain", () => {
  fc.assert(fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), fc.nat(), (keep, at) => {
    const keySchema = new Schema([types.field("value", types.utf8())]);
    const whole = sample(keep.length);
    const keys = batchOf(keySchema, keep.map((_, i) => ({ value: i % 2 ? `k${i}` : null })));
    const batch = whole.withKeys(keys);
    const keysOf = (of: SinkBatch) => rowsOf(of.keys!).map(({ value }) => value);
    const rows = Int32Array.from(keep.keys()).filter((i) => keep[i]);
    const picked = batch.select(rows).withData(batchOf(SCHEMA, [...rows].map(() => ({ n: 0 }))));
    assertEquals(keysOf(picked), keysOf(batch).filter((_, i) => keep[i]));
    const cut = at % (keep.length + 1);
    const ranges = [[0, cut], [cut, keep.length]].filter(([start, end]) => start < end);
    const parts = ranges.map(([start, end]) => batch.slice(start, end));
    assertEquals(parts.flatMap(keysOf), keysOf(batch));
    assertEquals(parts.flatMap(({ data }) => rowsOf(data)), rowsOf(batch.data));
    assertEquals([parts[0].from, ...parts.map(({ to }) => to)], [
      batch.from,
      ...parts.slice(1).map(({ from }) => from),
      batch.to,
    ]);
  }));
});

Deno.test("SinkBatch.records() gives a record for each row, null for a tombstone", () => {
  const records = [...sample(4).records()];
  assertEquals(records.map((r) => r.offset), [10n, 13n, 16n, 19n]);
  assertEquals(records.map((r) => r.value?.toJSON() ?? null), [null, { n: 1 }, { n: 2 }, null]);
  assertEquals(records[1].headers, [{ key: "h1", value: null }]);
  assertEquals([records[0].topic, records[0].partition, records[0].timestampMs], ["orders", 4, 1000]);
});

Deno.test("SinkBatch.empty() only moves the offset", () => {
  const raw = slabOf([], { from: 5n, to: 9n });
  const batch = SinkBatch.empty(raw, 5n, 9n);
  assertEquals([batch.numRows, batch.data.numRows, batch.from, batch.to], [0, 0, 5n, 9n]);
  assertEquals([...batch.records()], []);
});

Deno.test("rawHeaders() reads headers of any length, names repeated and values null", () => {
  const header = fc.record({
    key: fc.string({ maxLength: 200 }),
    value: fc.option(fc.uint8Array({ maxLength: 300 })),
  });
  fc.assert(fc.property(fc.array(header, { maxLength: 5 }), (headers) => {
    const read = rawHeaders(slabOf([{ headers }]), 0);
    assertEquals(
      read.map(({ key, value }) => ({ key, value: value && [...value] })),
      headers.map(({ key, value }) => ({ key: key.toWellFormed(), value: value && [...value] })),
    );
  }));
});
