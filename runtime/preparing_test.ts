import { assertEquals, assertRejects } from "@std/assert";
import { FatalError, SinkBatch, type SinkTask, TopicsError } from "./api/mod.ts";
import { systemClock } from "./clock.ts";
import { StageClock } from "./stage_clock.ts";
import { ConsumeStage } from "./consume.ts";
import type { ErrantRecordReporter } from "./errant_record_reporter.ts";
import type { Fetcher } from "./kafka/types.ts";
import { Task } from "./task.ts";
import { slabOf } from "../tests/conformance/slab.ts";
import { collectingLog } from "../tests/support/log.ts";

const P0 = { topic: "orders", topicId: "AAAAAAAAAAAAAAAAAAAAAA", partition: 0 };

/** A share of `orders`, up to an offset. */
const shareTo = (id: string, to: bigint) => ({
  id,
  table: "orders",
  ranges: [{ ...P0, from: 0n, fromAbsent: true, to }],
  staged: null,
  stats: { rows: 1, files: 1, bytes: 1, timestampMsMax: null },
});

/** `overlappingTask` tells it to go on reading, and what it has put. */
interface Overlapping {
  readonly task: Task;
  readonly ended: Promise<void>;
  readonly events: string[];
  /** Resolves once this has happened. */
  happened(event: string): Promise<void>;
}

/** A task whose sink takes rows while it prepares; it reads one record at a time, for as long as it runs. */
function overlappingTask(
  preCommit: (call: number) => ReturnType<SinkTask<unknown>["preCommit"]>,
  parts: { readonly put?: (call: number) => Promise<void>; readonly poll?: () => void } = {},
): Overlapping {
  const events: string[] = [];
  const waiters: (() => void)[] = [];
  const note = (event: string) => {
    events.push(event);
    for (const wake of waiters.splice(0)) wake();
  };
  const log = collectingLog();
  let next = 0n, calls = 0, puts = 0;
  const fetcher: Fetcher = {
    assign() {},
    remove() {},
    wake() {},
    release() {},
    async poll() {
      await systemClock.sleep(1);
      parts.poll?.();
      const records = slabOf([{ value: "x" }], { ...P0, from: next, to: ++next });
      return [{ ...P0, epoch: 1, kind: "records", records, endOffset: 9n, logStartOffset: 0n }];
    },
    close: () => Promise.resolve(),
  };
  const task: Task = new Task({
    fetcher,
    consume: new ConsumeStage(fetcher, { offsetsMissing: "fail", log, onCaughtUp: () => {} }),
    stagesOf: () => ({
      decode: {
        decode: (raw) => Promise.resolve([SinkBatch.empty(raw, raw.from, raw.to)]),
        wants: () => Promise.resolve(0),
        learn: () => Promise.resolve(),
      },
      validate: (batch) => batch,
      transform: (batch) => [batch],
    }),
    sink: {
      overlaps: true,
      open: () => Promise.resolve(),
      put: async () => {
        note("put");
        await parts.put?.(++puts);
      },
      preCommit: () => {
        note("preCommit");
        return preCommit(++calls);
      },
      settle: ({ id }, { kind }) => Promise.resolve(note(`${kind} ${id}`)),
      close: () => {
        note("close");
        return Promise.resolve([]);
      },
      stop: () => Promise.resolve(),
    },
    reporter: {
      noteRecords: () => {},
      room: () => Promise.resolve(),
      flush: () => Promise.resolve(),
      close: () => Promise.resolve(),
    } as unknown as ErrantRecordReporter,
    counters: { read: () => {}, put: () => {}, prepared: () => {}, stages: new StageClock(systemClock) },
    retry: (_what, attempt) => attempt(),
    clock: systemClock,
    log,
    heldBytesMax: 1024,
    isolatesTopics: true,
    commitRecordsMax: 0,
    send: (message) =>
      note(message.kind === "prepared" ? `prepared ${message.shares.map(({ share }) => share.id)}` : message.kind),
    giveUp: () => {},
  });
  const open = { ...P0, epoch: 1, offset: 0n, absent: true, until: null };
  task.receive({ kind: "open", partitions: [open], reopened: false });
  const ended = task.run();
  const happened = async (event: string) => {
    while (!events.includes(event)) await new Promise<void>((resolve) => waiters.push(resolve));
  };
  return { task, ended, events, happened };
}

Deno.test("Task puts records while files become durable, and hears of a close when they are", async () => {
  const gate = Promise.withResolvers<void>();
  const { task, ended, events, happened } = overlappingTask(async () => {
    await gate.promise;
    return [shareTo("a", 1n)];
  });
  await happened("put");
  task.receive({ kind: "prepare", epoch: 1 });
  await happened("preCommit");
  const before = events.length;
  task.receive({ kind: "close", partitions: [P0] });
  task.receive({ kind: "stop" });
  while (events.length < before + 5) await systemClock.sleep(1);
  assertEquals(new Set(events.slice(before)), new Set(["put"]));
  gate.resolve();
  await ended;
  assertEquals(events.filter((event) => event !== "put").slice(-4), ["preCommit", "prepared a", "close", "stopped"]);
});

Deno.test("Task whose put fails while files become durable tells of these first", async () => {
  const gate = Promise.withResolvers<void>();
  const failing = Promise.withResolvers<void>();
  let isPreparing = false;
  const { task, ended, events, happened } = overlappingTask(async () => {
    isPreparing = true;
    await gate.promise;
    return [shareTo("a", 1n)];
  }, {
    put: () => {
      if (!isPreparing) return Promise.resolve();
      failing.resolve();
      return Promise.reject(new FatalError("the disk is full"));
    },
  });
  task.receive({ kind: "prepare", epoch: 1 });
  await failing.promise;
  gate.resolve();
  await happened("topic-failed");
  task.receive({ kind: "stop" });
  await ended;
  const told = events.filter((event) => event !== "put");
  assertEquals(told, ["ready", "preCommit", "prepared a", "close", "topic-failed", "stopped"]);
});

Deno.test("Task closes a topic that cannot be prepared, and one that fails meanwhile waits for no one", async () => {
  const gate = Promise.withResolvers<void>();
  const failing = Promise.withResolvers<void>();
  const { task, ended, events, happened } = overlappingTask(async (call) => {
    if (call > 1) return [];
    await gate.promise;
    throw new TopicsError(new Map([["orders", new FatalError("access is denied")]]));
  }, {
    put: (call) => {
      if (call === 1) return Promise.resolve();
      failing.resolve();
      return Promise.reject(new FatalError("access is denied"));
    },
  });
  await happened("put");
  task.receive({ kind: "prepare", epoch: 1 });
  await failing.promise;
  gate.resolve();
  await happened("prepared ");
  task.receive({ kind: "stop" });
  await ended;
  assertEquals(events.filter((event) => event === "close").length, 1, "it is closed once");
  assertEquals(events.at(-1), "stopped");
});

Deno.test("Task that ends while files become durable deletes those of which nobody heard", async () => {
  const gate = Promise.withResolvers<void>();
  let isBroken = false;
  const { task, ended, events, happened } = overlappingTask(async () => {
    await gate.promise;
    return [shareTo("a", 1n), shareTo("b", 2n)];
  }, {
    poll: () => {
      if (isBroken) throw new FatalError("the connection is gone");
    },
  });
  task.receive({ kind: "prepare", epoch: 1 });
  await happened("preCommit");
  isBroken = true;
  const failed = assertRejects(() => ended, FatalError, "the connection is gone");
  gate.resolve();
  await failed;
  assertEquals(events.slice(-2), ["stale a", "stale b"]);
});
