import { assertEquals, assertRejects } from "@std/assert";
import { FatalError, type Retry, SinkBatch, type SinkTask } from "./api/mod.ts";
import { systemClock } from "./clock.ts";
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
      transform: (batch) => batch,
    }),
    sink,
    reporter,
    counters: { read: () => {}, put: () => {}, spent: () => {} },
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
    counters: { read: () => {}, put: () => {}, spent: () => {} },
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
