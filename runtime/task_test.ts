import { assertEquals, assertRejects } from "@std/assert";
import {
  ConfigError,
  FatalError,
  RetriableError,
  type Retry,
  SinkBatch,
  type SinkTask,
  TopicsError,
} from "./api/mod.ts";
import { systemClock } from "./clock.ts";
import { StageClock } from "./stage_clock.ts";
import { ConsumeStage } from "./consume.ts";
import type { ErrantRecordReporter } from "./errant_record_reporter.ts";
import type { Fetched, Fetcher } from "./kafka/types.ts";
import { Task } from "./task.ts";
import type { FromTask } from "./task_protocol.ts";
import { slabOf } from "../tests/conformance/slab.ts";
import { collectingLog } from "../tests/support/log.ts";

const P0 = { topic: "orders", topicId: "AAAAAAAAAAAAAAAAAAAAAA", partition: 0 };

/** Gives a slab of one record at a poll, as many as are asked for. */
class SlabFetcher implements Fetcher {
  #next = 0n;
  polls = 0;
  constructor(private readonly slabs: number, private readonly onDry: () => void) {}
  assign(): void {}
  remove(): void {}
  wake(): void {}
  release(): void {}
  close(): Promise<void> {
    return Promise.resolve();
  }
  poll(): Promise<Fetched[]> {
    if (this.polls++ >= this.slabs) {
      this.onDry();
      return Promise.resolve([]);
    }
    const records = slabOf([{ value: "x" }], { ...P0, from: this.#next, to: ++this.#next });
    return Promise.resolve([{ ...P0, epoch: 1, kind: "records", records, endOffset: 9n, logStartOffset: 0n }]);
  }
}

Deno.test("Task waits for room among the dead letters after each slab, before it puts the next", async () => {
  const events: string[] = [];
  const gates: PromiseWithResolvers<void>[] = [];
  const waiting = Promise.withResolvers<void>();
  const reporter: ErrantRecordReporter = {
    report: () => {},
    noteRecords: () => {},
    room: () => {
      events.push("room");
      gates.push(Promise.withResolvers<void>());
      waiting.resolve();
      return gates.at(-1)!.promise;
    },
    flush: () => Promise.resolve(),
    forget: () => {},
    close: () => Promise.resolve(),
  };
  const sink: SinkTask<unknown> = {
    open: () => Promise.resolve(),
    put: ({ from }) => Promise.resolve(void events.push(`put ${from}`)),
    preCommit: () => Promise.resolve([]),
    close: () => Promise.resolve([]),
    stop: () => Promise.resolve(),
  };
  const retry: Retry = (_what, attempt) => attempt();
  const log = collectingLog();
  const fetcher = new SlabFetcher(2, () => task.receive({ kind: "stop" }));
  const consume = new ConsumeStage(fetcher, { offsetsMissing: "fail", log, onCaughtUp: () => {} });
  const task: Task = new Task({
    fetcher,
    consume,
    stagesOf: () => ({
      decode: {
        decode: (raw) => Promise.resolve([SinkBatch.empty(raw, raw.from, raw.to)]),
        wants: () => Promise.resolve(0),
        learn: () => Promise.resolve(),
      },
      validate: (batch) => batch,
      transform: (batch) => [batch],
    }),
    sink,
    reporter,
    counters: { read: () => {}, put: () => {}, prepared: () => {}, stages: new StageClock(systemClock) },
    retry,
    clock: systemClock,
    log,
    heldBytesMax: 1024,
    isolatesTopics: true,
    commitRecordsMax: 0,
    send: (_message: FromTask) => {},
    giveUp: () => {},
  });
  const open = { ...P0, epoch: 1, offset: 0n, absent: true, until: null };
  task.receive({ kind: "open", partitions: [open], reopened: false });
  const ended = task.run();
  await waiting.promise;
  // However many turns pass, nothing goes on while there is no room.
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  assertEquals(events, ["put 0", "room"]);
  gates[0].resolve();
  while (gates.length < 2) await Promise.resolve();
  gates[1].resolve();
  await ended;
  assertEquals(events, ["put 0", "room", "put 1", "room"]);
});

Deno.test("Task.run() throws what it failed with first, having released everything and given up its retries", async () => {
  const events: string[] = [];
  const log = collectingLog();
  const gaveUp = Promise.withResolvers<void>();
  const fetcher: Fetcher = {
    assign() {},
    remove() {},
    wake() {},
    release() {},
    poll: () => Promise.reject(new FatalError("the cause")),
    close: () => Promise.reject(new Error("a connection that is gone")),
  };
  const task = new Task({
    fetcher,
    consume: new ConsumeStage(fetcher, { offsetsMissing: "fail", log, onCaughtUp: () => {} }),
    stagesOf: () => {
      throw new Error("nothing is read");
    },
    sink: { stop: () => Promise.resolve(void events.push("sink")) } as unknown as SinkTask<unknown>,
    // A letter is on its way, and would be tried again for minutes.
    reporter: {
      close: () => gaveUp.promise.then(() => void events.push("reporter")),
    } as unknown as ErrantRecordReporter,
    counters: { read: () => {}, put: () => {}, prepared: () => {}, stages: new StageClock(systemClock) },
    retry: (_what, attempt) => attempt(),
    clock: systemClock,
    log,
    heldBytesMax: 1024,
    isolatesTopics: true,
    commitRecordsMax: 0,
    send: () => {},
    giveUp: () => gaveUp.resolve(),
  });
  await assertRejects(() => task.run(), FatalError, "the cause");
  assertEquals(events, ["sink", "reporter"]);
});

/** A task of slabs in their order, whose sink fails as the test has it; resolves when they are read. */
async function runOver(slabs: readonly string[], sink: Partial<SinkTask<unknown>>): Promise<FromTask[]> {
  const sent: FromTask[] = [];
  const log = collectingLog();
  const next = new Map<string, bigint>();
  const polls = slabs.map((topic): Fetched[] => {
    const from = next.get(topic) ?? 0n;
    next.set(topic, from + 1n);
    const records = slabOf([{ value: "x" }], { ...P0, topic, from, to: from + 1n });
    return [{ ...P0, topic, epoch: 1, kind: "records", records, endOffset: 9n, logStartOffset: 0n }];
  });
  const fetcher: Fetcher = {
    assign() {},
    remove() {},
    wake() {},
    release() {},
    poll() {
      if (polls.length === 0) task.receive({ kind: "stop" });
      return Promise.resolve(polls.shift() ?? []);
    },
    close: () => Promise.resolve(),
  };
  const task: Task = new Task({
    fetcher,
    consume: new ConsumeStage(fetcher, { offsetsMissing: "fail", log, onCaughtUp: () => {} }),
    stagesOf: () => ({
      decode: {
        // Two batches of a slab, as where schemas differ.
        decode: (raw) => Promise.resolve([0, 1].map(() => SinkBatch.empty(raw, raw.from, raw.to))),
        wants: () => Promise.resolve(0),
        learn: () => Promise.resolve(),
      },
      validate: (batch) => batch,
      transform: (batch) => [batch],
    }),
    sink: {
      open: () => Promise.resolve(),
      put: () => Promise.resolve(),
      preCommit: () => Promise.resolve([]),
      close: () => Promise.resolve([]),
      stop: () => Promise.resolve(),
      ...sink,
    },
    reporter: {
      noteRecords: () => {},
      room: () => Promise.resolve(),
      close: () => Promise.resolve(),
    } as unknown as ErrantRecordReporter,
    counters: { read: () => {}, put: () => {}, prepared: () => {}, stages: new StageClock(systemClock) },
    retry: (_what, attempt) => attempt(),
    clock: systemClock,
    log,
    heldBytesMax: 1024,
    isolatesTopics: true,
    commitRecordsMax: 0,
    send: (message) => void sent.push(message),
    giveUp: () => {},
  });
  for (const topic of new Set(slabs)) {
    const partitions = [{ ...P0, topic, epoch: 1, offset: 0n, absent: true, until: null }];
    task.receive({ kind: "open", partitions, reopened: false });
  }
  await task.run();
  return sent;
}

Deno.test("Task closes the topics that a put says cannot go on, and puts the rest of what it has of the others", async () => {
  const puts: string[] = [];
  const closed: string[] = [];
  const sent = await runOver(["orders", "returns", "orders", "returns"], {
    put: ({ topic }) => {
      puts.push(topic);
      if (puts.length !== 3) return Promise.resolve();
      return Promise.reject(new TopicsError(new Map([["orders", new FatalError("the disk is full")]])));
    },
    close: (partitions) => {
      closed.push(...partitions.map(({ topic }) => topic));
      return Promise.resolve([]);
    },
  });
  assertEquals(puts, ["orders", "orders", "returns", "returns", "returns", "returns"]);
  assertEquals(closed, ["orders"]);
  const failed = sent.filter(({ kind }) => kind === "topic-failed");
  assertEquals(failed, [{ kind: "topic-failed", topic: "orders", why: "the disk is full" }]);
});

Deno.test("Task puts nothing more of a topic that its own put says cannot go on", async () => {
  const puts: string[] = [];
  await runOver(["orders", "returns"], {
    put: ({ topic }) => {
      puts.push(topic);
      if (topic !== "orders") return Promise.resolve();
      return Promise.reject(new TopicsError(new Map([["orders", new FatalError("the disk is full")]])));
    },
  });
  assertEquals(puts, ["orders", "returns", "returns"]);
});

for (const verdict of [new RetriableError("the server is away"), new FatalError("access is denied")]) {
  Deno.test(`Task goes on with other topics where the one that failed cannot be closed cleanly (${verdict.name})`, async () => {
    const puts: string[] = [];
    const sent = await runOver(["orders", "returns"], {
      put: ({ topic }) => {
        puts.push(topic);
        return topic === "orders" ? Promise.reject(new FatalError("no such column")) : Promise.resolve();
      },
      close: () => Promise.reject(verdict),
    });
    assertEquals(puts, ["orders", "returns", "returns"]);
    const failed = sent.filter(({ kind }) => kind === "topic-failed");
    assertEquals(failed, [{ kind: "topic-failed", topic: "orders", why: "no such column" }]);
  });
}

Deno.test("Task fails a topic alone whose options turn out not to fit its records", async () => {
  const sent = await runOver(["orders", "returns"], {
    put: ({ topic }) => {
      if (topic !== "orders") return Promise.resolve();
      return Promise.reject(new ConfigError([{ key: "partition.by", why: "a column must be left for the files" }]));
    },
  });
  assertEquals(sent.filter(({ kind }) => kind === "topic-failed").length, 1);
});
