/**
 * What the simulation found, each as a short run of its own.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { DataError, RetriableError } from "../../mod.ts";
import { ConnectorRun } from "../../runtime/connector_run.ts";
import { createErrantRecordReporter } from "../../runtime/errant_record_reporter.ts";
import { slabOf } from "../conformance/slab.ts";
import { collectingLog } from "../support/log.ts";
import type { ConnectorOptions } from "./connector_process.ts";
import { type Fortune, Life } from "./life.ts";
import type { RecordKind } from "./source.ts";
import { verify } from "./verify.ts";
import { VirtualTime } from "./virtual_time.ts";
import { World } from "./world.ts";

const CALM: Fortune = { fateOf: () => "ok", latencyMs: () => 1, landsAfterDeath: () => false };
const PLAIN: RecordKind = { poison: 0, gap: 0, wide: "no" };

function worldOf(options: Partial<Omit<ConnectorOptions, "topics" | "tasksMax">> = {}): World {
  return new World({
    seed: 1,
    topics: [{ topic: "orders", partitions: 1 }],
    fetchRecordsMax: 5,
    connector: {
      commitIntervalMs: 1000,
      commitTimeoutMs: 500,
      lateMax: 3,
      autoOffsetReset: "earliest",
      partitionBy: [],
      fileBytesMax: 1 << 20,
      memoryBytes: 1 << 20,
      topicRecreated: "fail",
      heldBytesMax: 1 << 20,
      commitRecordsMax: 0,
      stagedAgeMaxMs: 3_600_000,
      messageMsMax: 2,
      retryTimeoutMs: 5000,
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

Deno.test("ConnectorRun ends a drain whose last records retention takes before they are read", async () => {
  const world = worldOf();
  world.source.produce("orders", 4, PLAIN);
  world.source.retain("orders", 0, 4);
  const drain = world.start(1, CALM, new Map([["orders/0", 4n]]));
  await world.run(5000);
  assertEquals([drain.hasEnded, drain.failure], [true, null]);
});

Deno.test("ConnectorRun.start() ends the tasks where the group cannot be joined", async () => {
  const { clock } = new Life("test", new VirtualTime(), CALM);
  const ended: number[] = [];
  const refuse = () => Promise.reject(new RetriableError("no broker"));
  const run = new ConnectorRun({
    name: "orders",
    admin: {} as never,
    membership: { join: refuse, advance: refuse, leave: () => Promise.resolve() },
    committer: { stop: () => Promise.resolve() } as never,
    spawn: (task, receive) => {
      queueMicrotask(() => receive({ kind: "ready" }));
      return {
        post: ({ kind }) => {
          if (kind !== "stop") return;
          ended.push(task);
          receive({ kind: "stopped" });
        },
        terminate: () => {},
      };
    },
    clock,
    log: collectingLog(),
    retry: (_, attempt) => attempt(),
    coordinator: { commitIntervalMs: 1000, commitTimeoutMs: 1000, lateMax: 3 },
    tasksMax: 2,
    autoOffsetReset: "earliest",
    initial: [0, 1].map((partition) => ({ topic: "orders", topicId: "id", partition })),
    until: null,
    restart: { max: 0, backoffMs: 1, backoffMsMax: 1 },
    revokeTimeoutMs: 1000,
    observer: {
      onCommit: () => {},
      onTaskMetrics: () => {},
      onTaskState: () => {},
      onAssigned: () => {},
      onRebalance: () => {},
    },
  });
  await assertRejects(() => run.start(), RetriableError);
  await assertRejects(() => run.done, RetriableError);
  assertEquals(ended, [0, 1]);
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
