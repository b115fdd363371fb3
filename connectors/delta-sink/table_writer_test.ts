import { assertEquals } from "@std/assert";
import { Schema } from "apache-arrow";
import { type RawRecords, SinkBatch, types } from "../../mod.ts";
import { slabOf } from "../../tests/conformance/slab.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { deltaSinkOptions, type DeltaSinkValues } from "./config.ts";
import { batchOf } from "./parquet/test_support.ts";
import { decodeRows } from "./parquet/rows.ts";
import { MemoryStorage } from "./storage/memory.ts";
import type { ObjectWriter } from "./storage/storage.ts";
import { TableWriter, type TableWriterParts } from "./table_writer.ts";

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

/** A writer with the defaults and `options`, that fails where a row is rejected. */
function writerOf(
  storage: MemoryStorage,
  loadSchema: () => Promise<Schema>,
  options: Partial<DeltaSinkValues> = {},
  reject: TableWriterParts["reject"] = (_, __, error) => {
    throw error;
  },
) {
  const defaults = Object.entries(deltaSinkOptions).map(([key, { default: value }]) => [key, value]);
  const values = { ...Object.fromEntries(defaults), "parquet.codec": "uncompressed", ...options };
  let files = 0;
  return new TableWriter({
    table: "memory://orders",
    storage,
    values: values as unknown as DeltaSinkValues,
    clock: new FakeClock(),
    uuid: () => `${++files}`,
    reject,
    loadSchema,
  });
}

Deno.test("TableWriter.put() closes the largest file early where too many would be open", async () => {
  const storage = new MemoryStorage();
  const options = { "partition.by": ["a"], "files.open.max": 2 };
  const writer = writerOf(storage, () => Promise.resolve(WIDE), options);
  await writer.put(batch(WIDE, 0, [[1, 1], [1, 2], [2, 3], [3, 4], [1, 5]]), true);
  const { files } = (await writer.takeOut()!.share()).staged;
  const counts = files.map(({ partitionValues, rows }) => `${partitionValues.a}:${rows}`).sort();
  // The batch is split first: the file of 1 takes three rows, and makes room for that of 3.
  assertEquals(counts, ["1:3", "2:1", "3:1"]);
  await writer.put(batch(WIDE, 5, [[1, 6]]), false);
  await writer.put(batch(WIDE, 6, [[2, 7]]), false);
  await writer.put(batch(WIDE, 7, [[3, 8]]), false);
  await writer.put(batch(WIDE, 8, [[1, 9]]), false);
  const again = (await writer.takeOut()!.share()).staged.files.map(({ partitionValues, rows }) =>
    `${partitionValues.a}:${rows}`
  );
  assertEquals(again.sort(), ["1:1", "1:1", "2:1", "3:1"], "the file of 1 was closed before the one of 3 was opened");
});

Deno.test("TableWriter.put() opens new files where the table got columns meanwhile", async () => {
  const storage = new MemoryStorage();
  let table = NARROW;
  const writer = writerOf(storage, () => Promise.resolve(table));
  await writer.put(batch(NARROW, 0, [[1]]), true);
  table = WIDE; // another task's commit
  writer.forgetSchema(); // another partition is opened
  await writer.put(batch(WIDE, 1, [[2, 20]]), false);
  const share = await writer.takeOut()!.share();
  const rows = [];
  for (const { path } of share!.staged.files) rows.push(...await decodeRows((await storage.get(path))!));
  assertEquals(rows.map(({ a, b }) => [a, b ?? null]), [[1, null], [2, 20]]);
});

Deno.test("TableWriter.flushLargest() frees what batches hold, then what an upload holds", async () => {
  const storage = new HoldingStorage();
  const writer = writerOf(storage, () => Promise.resolve(WIDE), { "partition.by": ["a"] });
  await writer.put(batch(WIDE, 0, [[1, 1], [2, 2]]), true);
  const sizes = [writer.bufferedBytes];
  while (writer.bufferedBytes > 0) {
    await writer.flushLargest();
    sizes.push(writer.bufferedBytes);
  }
  assertEquals([...storage.objects.keys()].length, 2, "the files are closed");
  assertEquals(sizes.length, 1 + 4, "each of the two is written out, then closed");
  await writer.flushLargest();
  assertEquals((await writer.takeOut()!.share()).staged.files.map(({ rows }) => rows), [1, 1]);
});

/** Its writers keep what they are given until they are closed, as uploads do. */
class HoldingStorage extends MemoryStorage {
  override async openWrite(path: string): Promise<ObjectWriter> {
    const writer = await super.openWrite(path);
    let bufferedBytes = 0;
    return {
      ...writer,
      write: (chunk) => (bufferedBytes += chunk.length, writer.write(chunk)),
      close: () => (bufferedBytes = 0, writer.close()),
      get bufferedBytes() {
        return bufferedBytes;
      },
    };
  }
}

Deno.test("TableWriter.put() rejects a record once, also where all of the batch are rejected after it", async () => {
  const raw = slabOf([{ timestampMs: 1 }, { timestampMs: 1e18 }, { timestampMs: 2 }]);
  const schema = new Schema([field("_kafka_timestamp", types.int32())]);
  const rows = Int32Array.of(0, 1, 2);
  const batch = new SinkBatch(batchOf(schema, [[1], [2], [3]]), { raw, rows }, raw.from, raw.to);
  const rejects: [bigint, string][] = [];
  const writer = writerOf(
    new MemoryStorage(),
    () => Promise.resolve(schema),
    { "columns.kafka": ["timestamp"] },
    (of, row, { details }) => rejects.push([of.offset(row), details.reason]),
  );
  await writer.put(batch, true);
  assertEquals(rejects, [[1n, "timestamp out of range"], [0n, "ambiguous names"], [2n, "ambiguous names"]]);
});
