import { assertEquals, assertRejects } from "@std/assert";
import { type Attributes, type Context, type Span, type SpanOptions, trace } from "@opentelemetry/api";
import { FakeClock } from "../tests/support/fake_clock.ts";
import { collectingLog } from "../tests/support/log.ts";
import { type CommitOutcome, type Committer, FatalError, partitionKey, type Share } from "./api/mod.ts";
import { CommitStage, type RoundTracer } from "./commit.ts";
import { createRoundTracer } from "./tracing.ts";

/** A span as it was ended. */
interface Ended {
  readonly name: string;
  /** The name of the span that it is in, and its epoch. */
  readonly parent: string | null;
  readonly attributes: Attributes;
  readonly events: readonly string[];
  readonly error: string | null;
}

/** Spans in the order in which they end; the API without the provider has none. */
const ended: Ended[] = [];
const names = new Map<Span, string>();
trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan, startActiveSpan: () => notUsed() }) });

function startSpan(name: string, { attributes: given = {} }: SpanOptions = {}, context?: Context): Span {
  const attributes: Attributes = { ...given };
  const events: string[] = [];
  let error: string | null = null;
  const parent = context && trace.getSpan(context);
  const span: Span = {
    spanContext: () => ({ traceId: "t".padEnd(32, "0"), spanId: "s".padEnd(16, "0"), traceFlags: 1 }),
    setAttribute: (key, value) => (attributes[key] = value, span),
    setAttributes: (all) => (Object.assign(attributes, all), span),
    addEvent: (event) => (events.push(event), span),
    addLink: notUsed,
    addLinks: notUsed,
    setStatus: ({ message }) => (error = message ?? "", span),
    updateName: notUsed,
    recordException: () => void events.push("exception"),
    isRecording: () => true,
    end: () => void ended.push({ name, parent: parent ? names.get(parent)! : null, attributes, events, error }),
  };
  names.set(span, `${name} ${attributes["sluice.epoch"]}`);
  return span;
}

function notUsed(): never {
  throw new Error("nothing of this is used");
}

const ORDERS = { topic: "orders", topicId: "x", partition: 0 };

/** A commit stage with one task that has read orders-0. */
function stageWith(commit: Committer<unknown>["commit"], tracer: RoundTracer | null, onFatal = (_: unknown) => {}) {
  const clock = new FakeClock();
  const moved = Promise.withResolvers<unknown>();
  const log = collectingLog();
  const stage = new CommitStage({
    options: { commitIntervalMs: 1000, commitTimeoutMs: 500, lateMax: 3 },
    committer: {
      committedOffsets: () => Promise.resolve([]),
      initialize: () => Promise.resolve(),
      commit,
      stop: () => Promise.resolve(),
    },
    clock,
    log,
    tell: () => {},
    open: () => Promise.resolve(),
    isolatesTopics: true,
    onTopicParked: () => {},
    advance: () => moved.promise,
    onCommit: () => {},
    onTaskFailed: () => {},
    onFatal,
    tracer,
  });
  stage.dispatch({ kind: "task-joined", task: 0 });
  stage.dispatch({ kind: "assigned", task: 0, partitions: [ORDERS] });
  const share: Share<unknown> = {
    id: "1",
    table: "lake/orders",
    ranges: [{ ...ORDERS, from: 0n, to: 5n, fromAbsent: true }],
    staged: null,
    stats: { rows: 5, files: 1, bytes: 70, timestampMsMax: null },
  };
  const round = async () => {
    ended.length = 0;
    void stage.flush();
    stage.dispatch({
      kind: "prepared",
      task: 0,
      epoch: 1,
      shares: [{ task: 0, share, epochs: { [partitionKey(ORDERS)]: 1 } }],
    });
    await clock.advance(0);
  };
  return { stage, clock, moved, round, log };
}

const outcomes = (...all: CommitOutcome[]) => () => Promise.resolve(all);

Deno.test("createRoundTracer() ends a round when its tables are committed and the group's offsets have moved", async () => {
  const tracer = createRoundTracer("o");
  const { round, moved, clock } = stageWith(outcomes({ kind: "committed", version: 4n }), tracer);
  await round();
  assertEquals(ended.map(({ name, parent }) => [name, parent]), [["prepare", "round 1"], ["commit", "round 1"]]);
  moved.resolve(null);
  await clock.advance(0);
  const [prepare, commit, advance, whole] = ended;
  const shared = { "sluice.connector": "o", "sluice.epoch": 1 };
  const sizes = { "sluice.rows": 5, "sluice.files": 1, "sluice.bytes": 70 };
  assertEquals(prepare.attributes, { ...shared, "sluice.task": 0, "sluice.shares": 1, ...sizes });
  assertEquals(commit.attributes, {
    ...shared,
    ...{ "sluice.table": "lake/orders", "sluice.shares": 1, "sluice.topics": ["orders"] },
    ...{ "sluice.outcome": "committed", ...sizes, "sluice.version": 4 },
  });
  assertEquals([advance.name, advance.parent, advance.error], ["advance", "round 1", null]);
  assertEquals([whole.name, whole.parent], ["round", null]);
  assertEquals(whole.attributes, { ...shared, "sluice.tasks": 1, "sluice.tables": 1, "sluice.rows": 5 });
  assertEquals(ended.length, 4);
});

Deno.test("createRoundTracer() records a table that cannot be committed, a stale share and offsets that did not move", async () => {
  const failing = stageWith(() => Promise.reject(new FatalError("the table is gone")), createRoundTracer("o"));
  await failing.round();
  const failed = ended.find(({ name }) => name === "commit")!;
  assertEquals([failed.error, failed.events], ["the table is gone", ["exception"]]);
  assertEquals(failed.attributes["sluice.outcome"], "failed");
  assertEquals(ended.at(-1)!.name, "round");

  const stale = stageWith(outcomes({ kind: "stale", why: "offsets", actual: [] }), createRoundTracer("o"));
  await stale.round();
  const discarded = ended.find(({ name }) => name === "commit")!;
  assertEquals([discarded.error, discarded.events, discarded.attributes["sluice.rows"]], [null, ["stale"], 0]);
  assertEquals(ended.at(-1)!.attributes["sluice.rows"], 0);

  const held = stageWith(outcomes({ kind: "committed", version: 4n }), createRoundTracer("o"));
  await held.round();
  held.moved.resolve(new Error("no coordinator"));
  await held.clock.advance(0);
  assertEquals(ended.map(({ name, error }) => [name, error]).slice(2), [["advance", "no coordinator"], [
    "round",
    null,
  ]]);
});

Deno.test("createRoundTracer() ends what is open when a task is lost and when the run fails", async () => {
  const tracer = createRoundTracer("o");
  const bug = Promise.withResolvers<unknown>();
  const { stage } = stageWith(outcomes(), tracer);
  ended.length = 0;
  void stage.flush();
  stage.dispatch({ kind: "task-left", task: 0, why: "TypeError: cannot prepare\n    at put.ts" });
  assertEquals(ended.map(({ name, error }) => [name, error]), [
    ["prepare", "TypeError: cannot prepare"],
    ["round", "task 0: TypeError: cannot prepare"],
  ]);
  stage.dispatch({ kind: "task-joined", task: 0 });
  ended.length = 0;
  void stage.flush();
  tracer.failed(new Error("the run"));
  assertEquals(ended.map(({ name }) => name).sort(), ["prepare", "round"]);
  const other = stageWith(() => Promise.reject(new TypeError("a bug")), createRoundTracer("o"), bug.reject);
  await Promise.all([other.round(), assertRejects(() => bug.promise, TypeError, "a bug")]);
  assertEquals(ended.find(({ name }) => name === "commit")!.error, "a bug");
});

Deno.test("CommitStage logs commits with their trace, and without a tracer as ever", async () => {
  const traced = stageWith(outcomes({ kind: "committed", version: 4n }), createRoundTracer("o"));
  await traced.round();
  const plain = stageWith(outcomes({ kind: "committed", version: 4n }), null);
  await plain.round();
  const ids = [traced, plain].map(({ log }) => log.lines.at(-1)?.fields.trace_id ?? null);
  assertEquals(ids, ["t".padEnd(32, "0"), null]);
});
