import { assert, assertEquals, assertRejects } from "@std/assert";
import { Schema } from "apache-arrow";
import {
  type Config,
  FatalError,
  type RawRecords,
  RetriableError,
  SinkBatch,
  type SinkTaskContext,
  TopicsError,
  types,
} from "../../mod.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { collectingLog } from "../../tests/support/log.ts";
import { deltaSinkOptions, type DeltaSinkValues } from "./config.ts";
import { batchOf } from "./parquet/test_support.ts";
import { MemoryStorage } from "./storage/memory.ts";
import type { ObjectWriter } from "./storage/storage.ts";
import { DeltaSinkTask } from "./task.ts";

const { field } = types;
const SCHEMA = new Schema([field("a", types.int32())]);

/** Rows of a topic's partition 0, from an offset on. */
function batch(topic: string, from: number, rows: number): SinkBatch {
  const raw = {
    topic,
    topicId: "id",
    partition: 0,
    count: rows,
    timestampsMs: new Float64Array(rows),
  } as unknown as RawRecords;
  const origin = { raw, rows: Int32Array.from({ length: rows }, (_, i) => i) };
  return new SinkBatch(
    batchOf(SCHEMA, Array.from({ length: rows }, (_, i) => [i])),
    origin,
    BigInt(from),
    BigInt(from + rows),
  );
}

/** A write or a delete of it may fail. */
class SickStorage extends MemoryStorage {
  failsNextWrite = false;
  failsNextDelete = false;
  aborted = 0;

  override async openWrite(path: string): Promise<ObjectWriter> {
    const writer = await super.openWrite(path);
    return {
      write: async (chunk) => {
        if (this.failsNextWrite) {
          this.failsNextWrite = false;
          throw new RetriableError("the disk is full for a moment");
        }
        await writer.write(chunk);
      },
      close: () => writer.close(),
      abort: () => {
        this.aborted++;
        return writer.abort();
      },
    };
  }

  override async delete(path: string): Promise<void> {
    if (this.failsNextDelete) {
      this.failsNextDelete = false;
      throw new RetriableError("the server is away");
    }
    await super.delete(path);
  }
}

/** A task with a table for each topic. */
function taskOf(tables: Readonly<Record<string, MemoryStorage>>, memoryBytes: number, over: Partial<DeltaSinkValues>) {
  const declared = Object.entries(deltaSinkOptions).map(([key, { default: value }]) => [key, value]);
  const values = {
    ...Object.fromEntries(declared),
    "table.uri": "memory://task/${topic}",
    "parquet.codec": "uncompressed",
    ...over,
  } as unknown as DeltaSinkValues;
  const config: Config<typeof deltaSinkOptions> = { values, forTopic: () => values };
  let ids = 0;
  const context = {
    connector: "c",
    task: 0,
    clock: new FakeClock(),
    log: collectingLog(),
    memoryBytes,
    uuid: () => `id-${++ids}`,
    random: () => 0.5,
    retry: (_what: string, work: () => Promise<unknown>) => work(),
    reject: (_batch: SinkBatch, _row: number, error: Error) => {
      throw error;
    },
    requestCommit: () => {},
  } as unknown as SinkTaskContext;
  return new DeltaSinkTask(config, context, (uri) => tables[uri.split("/").at(-1)!]);
}

const partition = (topic: string) => ({ topic, topicId: "id", partition: 0 });

Deno.test("DeltaSinkTask.put() names the topic whose file could not be written to make room, not the one whose rows came", async () => {
  const orders = new SickStorage({ uri: "memory://task/orders", objects: new Map() });
  const returns = new SickStorage({ uri: "memory://task/returns", objects: new Map() });
  const task = taskOf({ orders, returns }, 8000, {});
  await task.open([partition("orders"), partition("returns")], []);
  await task.put(batch("orders", 0, 1500));
  orders.failsNextWrite = true;
  const error = await assertRejects(() => task.put(batch("returns", 0, 700)), TopicsError);
  assertEquals([...error.failures.keys()], ["orders"]);
  await task.close([partition("orders")]);
  assertEquals(orders.aborted, 1);
  await task.put(batch("returns", 700, 1)); // its rows were taken
  const shares = await task.preCommit();
  assertEquals(shares.map(({ table, stats }) => [table, stats.rows]), [["memory://task/returns", 701]]);
});

Deno.test("DeltaSinkTask never completes a file of which a part was not written", async () => {
  const orders = new SickStorage({ uri: "memory://task/orders", objects: new Map() });
  const task = taskOf({ orders }, 1 << 24, { "row.group.bytes.max": 100 });
  await task.open([partition("orders")], []);
  await task.put(batch("orders", 0, 100));
  orders.failsNextWrite = true;
  await assertRejects(() => task.put(batch("orders", 100, 100)), FatalError, "the disk is full");
  const error = await assertRejects(() => task.preCommit(), TopicsError);
  assert(error.message.includes("the disk is full"), error.message);
});

Deno.test("DeltaSinkTask.close() leaves no open file of a put that failed, also where it was the partition's first", async () => {
  const orders = new SickStorage({ uri: "memory://task/orders", objects: new Map() });
  const task = taskOf({ orders }, 1 << 24, { "row.group.bytes.max": 100 });
  await task.open([partition("orders")], []);
  orders.failsNextWrite = true;
  await assertRejects(() => task.put(batch("orders", 0, 100)), FatalError, "the disk is full");
  await task.close([partition("orders")]);
  assertEquals(orders.aborted, 1);
});

Deno.test("DeltaSinkTask.close() tries to delete every full file, also where one cannot be deleted", async () => {
  const orders = new SickStorage({ uri: "memory://task/orders", objects: new Map() });
  const task = taskOf({ orders }, 1 << 24, { "row.group.bytes.max": 1, "file.bytes.max": 1 });
  await task.open([partition("orders")], []);
  for (let from = 0; from < 3; from++) await task.put(batch("orders", from, 1));
  orders.failsNextDelete = true;
  await assertRejects(() => task.close([partition("orders")]), RetriableError, "the server is away");
  assertEquals((await orders.list("")).length, 1);
});

Deno.test("DeltaSinkTask.preCommit() covers what was put before it, and rows are put while it is under way", async () => {
  const orders = new SickStorage({ uri: "memory://task/orders", objects: new Map() });
  const task = taskOf({ orders }, 1 << 24, {});
  await task.open([partition("orders")], []);
  await task.put(batch("orders", 0, 100));
  const first = task.preCommit();
  await task.put(batch("orders", 100, 20));
  const second = task.preCommit();
  await task.put(batch("orders", 120, 3));
  const shares = [await first, await second, await task.preCommit()].flat();
  assertEquals(shares.map(({ ranges: [{ from, to, fromAbsent }] }) => [from, to, fromAbsent]), [
    [0n, 100n, true],
    [100n, 120n, false],
    [120n, 123n, false],
  ]);
  assertEquals(shares.map(({ staged }) => staged.files.map(({ rows }) => rows)), [[100], [20], [3]]);
});

Deno.test("DeltaSinkTask.preCommit() that failed loses no offset, also of rows that were put meanwhile", async () => {
  const orders = new SickStorage({ uri: "memory://task/orders", objects: new Map() });
  const task = taskOf({ orders }, 1 << 24, {});
  await task.open([partition("orders")], []);
  await task.put(batch("orders", 0, 100));
  orders.failsNextWrite = true;
  const failing = assertRejects(() => task.preCommit(), TopicsError);
  await task.put(batch("orders", 100, 20));
  await failing;
  await assertRejects(() => task.preCommit(), TopicsError); // still owed: nothing of it was forgotten
  await task.close([partition("orders")]);
  assertEquals([await orders.list(""), await task.preCommit()], [[], []]);
});
