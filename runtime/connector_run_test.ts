import { assert, assertEquals, assertRejects } from "@std/assert";
import { Life } from "../tests/simulation/life.ts";
import { VirtualTime } from "../tests/simulation/virtual_time.ts";
import { collectingLog } from "../tests/support/log.ts";
import { type CommitOutcome, partitionKey, type Share, type TopicPartition } from "./api/mod.ts";
import { ConnectorRun } from "./connector_run.ts";
import type { MembershipEvents } from "./kafka/types.ts";
import { TaskFailedError } from "./run_parts.ts";
import type { FromTask, ToTask } from "./task_protocol.ts";

const PARTITIONS = [0, 1].map((partition): TopicPartition => ({ topic: "orders", topicId: "id", partition }));

/** A message whose handling throws. */
const UNHEARD: FromTask = { kind: "metrics", metrics: {} as never };

type Receive = (message: FromTask) => void;

/** A run whose tasks do what `onMessage` says; by default they are ready at once, prepare nothing and stop. */
function runOf({ onMessage = () => false, stopCommitter = () => Promise.resolve(), join = () => Promise.resolve() }: {
  onMessage?: (task: number, message: ToTask, receive: Receive) => boolean | void;
  stopCommitter?: () => Promise<void>;
  join?: (events: MembershipEvents) => Promise<void>;
} = {}) {
  const time = new VirtualTime();
  const spawned: number[] = [];
  const terminated: number[] = [];
  const none = () => {};
  const run = new ConnectorRun({
    name: "orders",
    admin: {
      logBounds: (of: readonly TopicPartition[]) =>
        Promise.resolve(of.map((p) => ({ ...p, logStartOffset: 0n, endOffset: 9n }))),
    } as never,
    membership: { join, advance: () => Promise.resolve(), leave: () => Promise.resolve() },
    committer: {
      committedOffsets: () => Promise.resolve([]),
      commit: (_: number, __: string, shares: readonly unknown[]): Promise<CommitOutcome[]> =>
        Promise.resolve(shares.map(() => ({ kind: "committed", version: 1n }))),
      stop: stopCommitter,
    } as never,
    spawn: (task, receive) => {
      spawned.push(task);
      queueMicrotask(() => receive({ kind: "ready" }));
      const post = (message: ToTask) => {
        if (onMessage(task, message, receive)) return;
        if (message.kind === "prepare") receive({ kind: "prepared", epoch: message.epoch, shares: [] });
        if (message.kind === "stop") receive({ kind: "stopped" });
      };
      return { post: (message) => queueMicrotask(() => post(message)), terminate: () => terminated.push(task) };
    },
    clock: new Life(
      "test",
      time,
      { fateOf: () => "ok", latencyMs: () => 1, landsAfterDeath: () => false },
    ).clock,
    log: collectingLog(),
    retry: (_, attempt) => attempt(),
    coordinator: { commitIntervalMs: 100, commitTimeoutMs: 1000, lateMax: 3 },
    tasksMax: 2,
    autoOffsetReset: "earliest",
    initial: PARTITIONS,
    until: null,
    restart: { max: 3, backoffMs: 200, backoffMsMax: 200 },
    revokeTimeoutMs: 1000,
    topicFailure: "topic",
    observer: {
      onCommit: none,
      onTaskMetrics: () => {
        throw new Error("a bug");
      },
      onTaskState: none,
      onTopicState: none,
      onAssigned: none,
      onRebalance: none,
    },
  });
  return { run, time, spawned, terminated };
}

/** Lets time pass until the promise settles; tells when, in ms. */
async function settle(time: VirtualTime, promise: Promise<unknown>, msMax: number): Promise<number> {
  const before = time.nowMs;
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  assert(await time.runUntil(() => settled, before + msMax), `it settles within ${msMax} ms`);
  return time.nowMs - before;
}

Deno.test("ConnectorRun.stop() ends in time although a commit is in doubt", async () => {
  const { run, time } = runOf({ stopCommitter: () => new Promise(() => {}) });
  await run.start();
  await settle(time, run.stop(8000), 8000);
  await run.done;
});

Deno.test("ConnectorRun.stop() does not wait for the last round of a run that has failed meanwhile", async () => {
  const { run, time } = runOf({
    onMessage: (_, message, receive) => {
      if (message.kind !== "prepare") return false;
      receive(UNHEARD);
      return true;
    },
  });
  await run.start();
  const stop = run.stop(60_000);
  assert(await settle(time, stop, 60_000) < 10_000);
  assertEquals(await stop, false);
  await assertRejects(() => run.done, Error, "a bug");
});

Deno.test("ConnectorRun.stop() ends the threads of tasks that have stopped by themselves, too", async () => {
  const { run, time, terminated } = runOf();
  await run.start();
  await settle(time, run.stop(8000), 8000);
  assertEquals(terminated.sort(), [0, 1], "a thread that nobody ends keeps its memory");
});

Deno.test("ConnectorRun.start() starts nothing where it was stopped meanwhile", async () => {
  const joined = Promise.withResolvers<void>();
  const { run, time } = runOf({ join: () => joined.promise });
  const start = run.start();
  await time.runUntil(() => false, 10);
  await settle(time, run.stop(1000), 1000);
  joined.resolve();
  await start;
  await run.done;
});

Deno.test("ConnectorRun fails, and not the process, where a message of a task cannot be handled", async () => {
  const { run, time } = runOf({
    onMessage: (_, message, receive) => {
      if (message.kind === "prepare") receive(UNHEARD);
      return false;
    },
  });
  await run.start();
  await settle(time, run.done, 60_000);
  await assertRejects(() => run.done, Error, "a bug");
});

Deno.test("ConnectorRun counts the failures of a task although others commit", async () => {
  let ids = 0;
  const epochs = new Map<string, number>();
  const { run, time, spawned } = runOf({
    join: (events) => Promise.resolve(events.onAssigned(PARTITIONS)),
    onMessage: (task, message, receive) => {
      if (message.kind === "open") {
        for (const open of message.partitions) epochs.set(partitionKey(open), open.epoch);
        if (task === 1) receive({ kind: "failed", name: "DataError", message: "poison", stack: "" });
        return true;
      }
      if (message.kind !== "prepare" || task !== 0 || !epochs.has("orders/0")) return false;
      const share: Share<unknown> = {
        id: `${++ids}`,
        table: "orders",
        ranges: [{ ...PARTITIONS[0], from: 0n, to: 1n, fromAbsent: true }],
        staged: null,
        stats: { rows: 1, files: 1, bytes: 1, timestampMsMax: null },
      };
      receive({ kind: "prepared", epoch: message.epoch, shares: [{ share, epochs: Object.fromEntries(epochs) }] });
      return true;
    },
  });
  await run.start();
  await settle(time, run.done, 60_000);
  await assertRejects(() => run.done, TaskFailedError, "poison");
  assertEquals(spawned.filter((task) => task === 1).length, 4);
});

Deno.test("ConnectorRun keeps the trace of a bug in a task, and of an error of ours only the message", async () => {
  for (const [name, wanted] of [["TypeError", "at decode (decode.ts:7)"], ["FatalError", "failed: poison"]]) {
    const { run, time } = runOf({
      onMessage: (_, message, receive) => {
        if (message.kind === "prepare") receive({ kind: "failed", name, message: "poison", stack: STACK });
        return message.kind === "prepare";
      },
    });
    await run.start();
    await settle(time, run.done, 60_000);
    const { message } = await assertRejects(() => run.done, TaskFailedError);
    assert(message.includes(wanted), message);
    assertEquals(message.includes(STACK), name === "TypeError");
  }
});

const STACK = "TypeError: poison\n    at decode (decode.ts:7)";
