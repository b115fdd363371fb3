import { assertEquals } from "@std/assert";
import { Schema } from "apache-arrow";
import { type RawRecords, SinkBatch, types } from "../../mod.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { deltaSinkOptions, type DeltaSinkValues } from "./config.ts";
import { batchOf } from "./parquet/random_columns.ts";
import { decodeRows } from "./parquet/rows.ts";
import { MemoryStorage } from "./storage/memory.ts";
import { TableWriter } from "./table_writer.ts";

const { field } = types;
const NARROW = new Schema([field("a", types.int32())]);
const WIDE = new Schema([field("a", types.int32()), field("b", types.int32())]);

/** Rows of `orders-0`, from an offset on. */
function batch(schema: Schema, from: number, rows: readonly (readonly unknown[])[]): SinkBatch {
  const raw = {
    topic: "orders",
    topicId: "id",
    partition: 0,
    count: rows.length,
    timestampsMs: new Float64Array(rows.length),
  } as unknown as RawRecords;
  const origin = { raw, rows: Int32Array.from(rows, (_, i) => i) };
  return new SinkBatch(batchOf(schema, rows), origin, BigInt(from), BigInt(from + rows.length));
}

Deno.test("TableWriter.put() opens new files where the table got columns meanwhile", async () => {
  const storage = new MemoryStorage();
  const defaults = Object.entries(deltaSinkOptions).map(([key, { default: value }]) => [key, value]);
  const values = { ...Object.fromEntries(defaults), "columns.kafka": [] } as unknown as DeltaSinkValues;
  let table = NARROW, files = 0;
  const writer = new TableWriter({
    table: "memory://orders",
    storage,
    values: { ...values, "parquet.codec": "uncompressed" },
    clock: new FakeClock(),
    uuid: () => `${++files}`,
    reject: (_, __, error) => {
      throw error;
    },
    loadSchema: () => Promise.resolve(table),
  });
  await writer.put(batch(NARROW, 0, [[1]]), true);
  table = WIDE; // another task's commit
  writer.forgetSchema(); // another partition is opened
  await writer.put(batch(WIDE, 1, [[2, 20]]), false);
  const share = await writer.prepare();
  const rows = [];
  for (const { path } of share!.staged.files) rows.push(...await decodeRows((await storage.get(path))!));
  assertEquals(rows.map(({ a, b }) => [a, b ?? null]), [[1, null], [2, 20]]);
});
