/**
 * Puts a task together from an instance's configuration: on its thread, and in tests without one.
 *
 * @module
 */
import { type Clock, FatalError, type Log, SinkBatch, type SinkTask, type StorageUsage } from "./api/mod.ts";
import type { Instance } from "./config/resolve_instance.ts";
import { collectGarbage } from "./collect.ts";
import { ConsumeStage } from "./consume.ts";
import { withSchemaOf } from "./dead_letter.ts";
import { createErrantRecordReporter } from "./errant_record_reporter.ts";
import { IdleCache } from "./idle_cache.ts";
import type { Fetcher, RecordProducer } from "./kafka/types.ts";
import { TaskMeter } from "./task_meter.ts";
import { RetentionWatch } from "./retention_watch.ts";
import { createRetry } from "./retry.ts";
import { StageClock } from "./stage_clock.ts";
import { PinRequests } from "./schema_pins.ts";
import { Task } from "./task.ts";
import type { FromTask, ToTask } from "./task_protocol.ts";
import { loadTopicStages } from "./topic_stages.ts";

/** Everything of the world that a task needs. */
export interface TaskSetup {
  readonly instance: Instance;
  readonly task: number;
  /** What it may hold in all. */
  readonly memoryBytes: number;
  readonly fetcher: Fetcher;
  /** For dead letters; null where the instance has no dead-letter topic. */
  readonly producer: RecordProducer | null;
  /** The largest record that the producer can send, bytes. */
  readonly recordBytesMax: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly uuid: () => string;
  readonly fetch: typeof fetch;
  readonly send: (message: FromTask) => void;
}

/** A task with its door: every message for it goes to `receive`. */
export interface AssembledTask {
  run(): Promise<void>;
  receive(message: ToTask): void;
  readonly meter: TaskMeter;
}

/** Part of a task's memory that slabs in flight or held back may take; columns and files get the rest. */
export const SLAB_PART = 1 / 4;

/** Decoders of a topic without records for so long are dropped; hundreds of topics may be idle. */
const IDLE_MS = 300_000;

/** Makes the task; it reads nothing before `run()`. */
export async function assembleTask(setup: TaskSetup): Promise<AssembledTask> {
  const { instance, task, fetcher, clock, random, uuid, send } = setup;
  const { values } = instance;
  const log = setup.log.with({ connector: instance.name, task });
  // What is loaded is the format's in this task; meanwhile the sink is made.
  const loaded = Promise.all(instance.converters.map((plugin) => plugin.load?.()));
  loaded.catch(() => {}); // awaited below, unless the sink cannot be made
  const stopping = new AbortController();
  const pins = new PinRequests(send);
  const consume = new ConsumeStage(fetcher, {
    offsetsMissing: values["offsets.missing"],
    log,
    onCaughtUp: (partition) => send({ kind: "caught-up", partition }),
  });
  const files = { bytes: () => 0, usage: (): readonly StorageUsage[] => [] }; // until there is a sink
  const buffered = () => ({ slabs: fetcher.usedBytes?.() ?? 0, files: files.bytes() });
  const retention = new RetentionWatch({ clock, log });
  const meter = new TaskMeter(consume, buffered, retention, new StageClock(clock), () => files.usage());
  fetcher.onWork = (ms) => meter.stages.spent("consume", ms);
  const retry = createRetry({
    clock,
    random,
    log,
    delayMsMax: values["errors.retry.delay.max.ms"],
    timeoutMs: values["errors.retry.timeout"],
    onRetry: () => meter.retried(),
    signal: stopping.signal,
  });
  const reporter = createErrantRecordReporter({
    producer: setup.producer,
    deadLetterTopic: values["errors.deadletterqueue.topic.name"],
    tolerance: values["errors.tolerance"],
    skipAcknowledged: values["errors.skip.acknowledged"],
    connector: instance.name,
    task,
    clock,
    log,
    retry,
    budget: { ratio: values["errors.budget.ratio"], windowRecords: values["errors.budget.window.records"] },
    headerBytesMax: values["errors.deadletterqueue.header.bytes.max"],
    recordBytesMax: setup.recordBytesMax,
    logEnabled: values["errors.log.enable"],
    includeMessages: values["errors.log.include.messages"],
    onReject: (stage, reason) => meter.rejected(stage, reason, values["errors.log.enable"]),
    onIntolerable: () => meter.intolerable(),
    onProduced: (ok) => meter.letters(ok),
  });
  const sink: SinkTask<unknown> = await instance.plugin.createTask(instance.connectorConfig, {
    connector: instance.name,
    task,
    clock,
    log,
    retry,
    uuid,
    random,
    memoryBytes: Math.floor(setup.memoryBytes * (1 - SLAB_PART)),
    reject: (batch: SinkBatch, row, error) =>
      reporter.report("TASK_PUT", batch.origin.raw, batch.origin.rows[row], withSchemaOf(error, batch)),
    requestCommit: () => send({ kind: "commit-requested" }),
    spent: (stage, ms) => meter.stages.spent(stage, ms),
  });
  await loaded;
  files.bytes = () => sink.bufferedBytes?.() ?? 0;
  files.usage = () => sink.storageUsage?.() ?? [];

  const makeStages = await loadTopicStages({
    instance,
    clock,
    log,
    retry,
    fetch: setup.fetch,
    random,
    targetSchema: sink.targetSchema && ((topic) => sink.targetSchema!(topic)),
    pin: (topic, side, proposal) => pins.propose(topic, side, proposal),
    reject: (records, index, error, stage) => reporter.report(stage, records, index, error),
    onSkipped: (count) => meter.skipped(count),
  });
  const stages = new IdleCache(makeStages, IDLE_MS);

  const running = new Task({
    fetcher,
    consume,
    stagesOf: (topic) => stages.get(topic, clock.monotonic()),
    collect: collectGarbage,
    forgetStages: (topic) => stages.drop(topic),
    sink,
    reporter,
    counters: meter,
    retry,
    clock,
    log,
    heldBytesMax: Math.floor(setup.memoryBytes * SLAB_PART / 2),
    isolatesTopics: values["topic.failure"] === "topic",
    commitRecordsMax: values["commit.records.max"],
    send,
    giveUp: () => stopping.abort(new FatalError("The task is ending")),
  });
  return {
    meter,
    run: () => running.run(),
    receive: (message) => {
      if (message.kind === "pinned") return pins.answer(message);
      if (message.kind === "stop") stopping.abort(new FatalError("The task is stopping"));
      if (message.kind === "prepare") stages.sweep(clock.monotonic());
      running.receive(message);
    },
  };
}
