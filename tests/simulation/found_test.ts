/**
 * What the simulation found, each as a short run of its own.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { Schema } from "apache-arrow";
import { deltaSinkOptions } from "../../connectors/delta-sink/config.ts";
import { decodeRows } from "../../connectors/delta-sink/parquet/rows.ts";
import { MemoryStorage } from "../../connectors/delta-sink/storage/memory.ts";
import { TableWriter } from "../../connectors/delta-sink/table_writer.ts";
import { DataError, RetriableError, SinkBatch, types } from "../../mod.ts";
import { batchOf, type Plain } from "../conformance/rows.ts";
import { ConnectorRun } from "../../runtime/connector_run.ts";
import { createErrantRecordReporter } from "../../runtime/errant_record_reporter.ts";
import { slabOf } from "../conformance/slab.ts";
import type { FromTask } from "../../runtime/task_protocol.ts";
import { collectingLog } from "../support/log.ts";
import type { ConnectorOptions } from "./connector_process.ts";
import { type Fortune, Life, type Operation } from "./life.ts";
import type { RecordKind } from "./source.ts";
import { verify } from "./verify.ts";
import { VirtualTime } from "./virtual_time.ts";
import { World } from "./world.ts";

const CALM: Fortune = { fateOf: () => "ok", latencyMs: () => 1, landsAfterDeath: () => false };
const PLAIN: RecordKind = { poison: 0, gap: 0, wide: "no" };

function worldOf(
  options: Partial<Omit<ConnectorOptions, "topics" | "tasksMax">> = {},
  topics: readonly (readonly [topic: string, partitions: number])[] = [["orders", 1]],
): World {
  return new World({
    seed: 1,
    topics: topics.map(([topic, partitions]) => ({ topic, partitions })),
    fetchRecordsMax: 5,
    connector: {
      commitIntervalMs: 1000,
      commitTimeoutMs: 500,
      lateMax: 3,
      autoOffsetReset: "earliest",
      partitionBy: [],
      fileBytesMax: 1 << 20,
      memoryBytes: 1 << 24,
      topicRecreated: "fail",
      schemaEvolution: "add",
      commitRecordsMax: 0,
      stagedAgeMaxMs: 3_600_000,
      messageMsMax: 2,
      retryTimeoutMs: 5000,
      putTimeoutMs: 600_000,
      restartMax: 10,
      ...options,
    },
  });
}

Deno.test("Task puts a gap after the records before it that wait for a schema", async () => {
  const world = worldOf();
  world.source.produce("orders", 4, PLAIN);
  world.start(1, CALM);
  await world.run(300);
  // Held back until the round ends; meanwhile the next offsets vanish before they are read.
  world.source.produce("orders", 20, PLAIN);
  world.source.retain("orders", 0, 10);
  await world.complete(10_000);
  assertEquals(await verify(world, { isQuiet: true }), []);
});

Deno.test("Task asks again for the target's schema when storage fails, instead of failing", async () => {
  const world = worldOf();
  world.source.produce("orders", 4, PLAIN);
  world.start(1, {
    ...CALM,
    fateOf: ({ kind, number, life }) =>
      kind === "storage.get" && life.name.includes("task") && number < 12 ? "fail" : "ok",
  });
  await world.complete(10_000);
  assertEquals(world.lines.filter(({ message }) => message.startsWith("A task failed")), []);
  assertEquals(await verify(world, { isQuiet: true }), []);
});

Deno.test("ConnectorRun deals a topic's partitions out while another's, which are gone, are held by a commit in doubt", async () => {
  const world = worldOf({}, [["orders", 2], ["returns", 1]]);
  const isOrders = ({ kind, label }: Operation) => kind === "storage.putIfAbsent" && label.includes("/orders/");
  const fortune: Fortune = { ...CALM, fateOf: (operation) => isOrders(operation) ? "fail" : "ok" };
  for (const topic of ["orders", "returns"]) world.source.produce(topic, 8, PLAIN);
  world.start(1, fortune);
  await world.run(5000);
  // Of orders one leaves for the second process; of returns there is one more for each.
  world.kafka.topics.get("returns")!.grow(3);
  world.start(1, fortune);
  world.source.produce("returns", 4, PLAIN, 1);
  world.source.produce("returns", 4, PLAIN, 2);
  await world.run(20_000);
  const offsets = world.kafka.topics.get("returns")!.partitions.map(({ topicId, partition }) =>
    world.journal.offsets.get(`returns/${partition}/${topicId}`)
  );
  assertEquals(offsets, [8n, 4n, 4n]);
});

Deno.test("ErrantRecordReporter sends the letter of an offset again when the topic was created again", async () => {
  const sent: bigint[] = [];
  const reporter = createErrantRecordReporter({
    producer: {
      send: (letters) => Promise.resolve(letters.forEach(({ timestampMs }) => sent.push(BigInt(timestampMs)))),
      close: () => Promise.resolve(),
    },
    deadLetterTopic: "dead-letters",
    tolerance: "all",
    skipAcknowledged: false,
    connector: "orders",
    task: 0,
    clock: { now: () => 0 },
    log: collectingLog(),
    retry: (_, attempt) => attempt(),
    budget: { ratio: 1, windowRecords: 1 },
    headerBytesMax: 1000,
    recordBytesMax: 1 << 20,
    logEnabled: false,
    includeMessages: false,
  });
  const error = new DataError("bad", { reason: "bad" });
  for (const [topicId, timestampMs] of [["one", 1], ["one", 1], ["other", 2]] as const) {
    reporter.report("VALUE_CONVERTER", slabOf([{ timestampMs }], { topicId }), 0, error);
  }
  await reporter.flush();
  assertEquals(sent, [1n, 2n]);
});

/** A writer for a table whose schema is `schemaNow()`, over `storage`. */
function writerOf(storage: MemoryStorage, schemaNow: () => Promise<Schema>): TableWriter {
  const defaults = Object.entries(deltaSinkOptions).map(([key, option]) => [key, option.default]);
  return new TableWriter({
    table: "orders",
    storage,
    values: { ...Object.fromEntries(defaults), "parquet.codec": "uncompressed", "schema.evolution": "add" },
    clock: new Life("test", new VirtualTime(), CALM).clock,
    uuid: () => crypto.randomUUID(),
    reject: (_batch, _row, error) => {
      throw error;
    },
    loadSchema: schemaNow,
  });
}

function rowsFrom(offset: number, schema: Schema, rows: Record<string, Plain>[]): SinkBatch {
  const from = BigInt(offset);
  const raw = slabOf(rows.map(() => ({})), { from });
  return new SinkBatch(batchOf(schema, rows), { raw, rows: Int32Array.from(rows.keys()) }, from, raw.to);
}

const NARROW = new Schema([types.field("id", types.utf8())]);
const WIDE = new Schema([types.field("id", types.utf8()), types.field("extra", types.float64())]);

Deno.test("TableWriter.put() keeps a column that another writer added while a file was open", async () => {
  const storage = new MemoryStorage();
  let schema = NARROW;
  const writer = writerOf(storage, () => Promise.resolve(schema));
  await writer.put(rowsFrom(0, NARROW, [{ id: "a" }]), true);
  schema = WIDE;
  writer.forgetSchema();
  await writer.put(rowsFrom(1, WIDE, [{ id: "b", extra: 1.5 }]), false);
  const { staged } = await writer.takeOut()!.share();
  const files = await Promise.all(staged.files.map(async ({ path }) => await decodeRows((await storage.get(path))!)));
  assertEquals(files, [[{ id: "a" }], [{ id: "b", extra: 1.5 }]]);
});

Deno.test("TableWriter.schema() reads again what is forgotten while it is read", async () => {
  const answers = [Promise.withResolvers<Schema>(), Promise.withResolvers<Schema>()];
  let asked = 0;
  const writer = writerOf(new MemoryStorage(), () => answers[asked++].promise);
  const schema = writer.schema();
  writer.forgetSchema();
  answers[0].resolve(NARROW);
  answers[1].resolve(WIDE);
  assertEquals((await schema)?.fields.map(({ name }) => name), ["id", "extra"]);
});

Deno.test("ConnectorRun ends a drain whose last records retention takes before they are read", async () => {
  const world = worldOf();
  world.source.produce("orders", 4, PLAIN);
  world.source.retain("orders", 0, 4);
  const drain = world.start(1, CALM, new Map([["orders/0", 4n]]));
  await world.run(5000);
  assertEquals([drain.hasEnded, drain.failure], [true, null]);
});

/** A run of two tasks that answer at once, `onStop` when they are told to stop. */
function runOf(
  time: VirtualTime,
  join: () => Promise<void>,
  onStop: (task: number, receive: (message: FromTask) => void) => void,
): ConnectorRun {
  let spawned = 0;
  return new ConnectorRun({
    name: "orders",
    admin: {} as never,
    membership: { join, advance: () => Promise.resolve(), leave: () => Promise.resolve() },
    committer: { stop: () => Promise.resolve() } as never,
    spawn: (task, receive) => {
      if (++spawned > 2) throw new Error("A task was started while the run was ending");
      queueMicrotask(() => receive({ kind: "ready" }));
      return {
        post: (message) => {
          if (message.kind === "prepare") receive({ kind: "prepared", epoch: message.epoch, shares: [] });
          if (message.kind === "stop") onStop(task, receive);
        },
        terminate: () => {},
      };
    },
    clock: new Life("test", time, CALM).clock,
    log: collectingLog(),
    retry: (_, attempt) => attempt(),
    coordinator: { commitIntervalMs: 1000, commitTimeoutMs: 1000, lateMax: 3 },
    tasksMax: 2,
    autoOffsetReset: "earliest",
    initial: [0, 1].map((partition) => ({ topic: "orders", topicId: "id", partition })),
    until: null,
    restart: { max: 5, backoffMs: 1, backoffMsMax: 1 },
    revokeTimeoutMs: 1000,
    topicFailure: "topic",
    observer: {
      onCommit: () => {},
      onTaskMetrics: () => {},
      onTaskState: () => {},
      onTopicState: () => {},
      onAssigned: () => {},
      onRebalance: () => {},
    },
  });
}

Deno.test("ConnectorRun.start() ends the tasks where the group cannot be joined", async () => {
  const ended: number[] = [];
  const refuse = () => Promise.reject(new RetriableError("no broker"));
  const run = runOf(new VirtualTime(), refuse, (task, receive) => {
    ended.push(task);
    receive({ kind: "stopped" });
  });
  await assertRejects(() => run.start(), RetriableError);
  await assertRejects(() => run.done, RetriableError);
  assertEquals(ended, [0, 1]);
});

Deno.test("ConnectorRun.stop() neither waits for a task that fails while it stops nor starts it again", async () => {
  const time = new VirtualTime();
  const run = runOf(time, () => Promise.resolve(), (_, receive) => {
    receive({ kind: "failed", name: "FatalError", message: "stopping", stack: "" });
  });
  await run.start();
  let stopped = false;
  const stop = run.stop(60_000).then(() => stopped = true);
  await time.runUntil(() => stopped, 1000);
  await stop;
  assertEquals(time.nowMs < 1000, true);
  await time.runUntil(() => false, 10_000);
});

for (const partitionBy of [[], ["date(kafka.timestamp)"]]) {
  const by = partitionBy.length === 0 ? "Kafka columns" : "derived partition columns";
  Deno.test(`DeltaSinkTask.targetSchema() leaves ${by} out, so that a restart does not take them for values`, async () => {
    const world = worldOf({ partitionBy });
    world.source.produce("orders", 10, PLAIN);
    const first = world.start(1, CALM);
    await world.complete(10_000);
    world.crash(first, 0);
    world.source.produce("orders", 10, PLAIN);
    world.start(1, CALM);
    await world.complete(10_000);
    assertEquals(await verify(world, { isQuiet: true }), []);
  });
}
