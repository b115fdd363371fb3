/**
 * From a configured instance to a run of it on real parts: settles the topics, proves that the target can be used, makes
 * the dead-letter topic, then brings membership, committer and task threads together.
 *
 * @module
 */
import { type Clock, FatalError, type Log, partitionKey, type Retry, type TopicPartition } from "./api/mod.ts";
import type { InstanceBudget } from "./config/budgets.ts";
import type { RawConfig } from "./config/raw.ts";
import type { Instance } from "./config/resolve_instance.ts";
import { byTopic } from "./by_topic.ts";
import type { RoundTracer } from "./commit.ts";
import { connectorContext } from "./connector_context.ts";
import { ConnectorRun } from "./connector_run.ts";
import { createGroupOffsetsCommitter } from "./group_offsets.ts";
import { createAdmin } from "./kafka/admin.ts";
import { createMembership } from "./kafka/membership.ts";
import { proveOverrides } from "./kafka/probe.ts";
import type { KafkaSettings } from "./kafka/settings.ts";
import type { KafkaAdmin, TopicAdmin } from "./kafka/types.ts";
import { createRetry } from "./retry.ts";
import { type RestartOptions, type RunObserver, taskCount } from "./run_parts.ts";
import type { TaskThreads, ThreadInit } from "./task_thread.ts";

/** What a run is made of. */
export interface RunOptions {
  readonly instance: Instance;
  readonly raw: RawConfig;
  /** What the worker leaves to it. */
  readonly budget: InstanceBudget;
  readonly kafka: KafkaSettings;
  readonly threads: TaskThreads;
  readonly threadLog: ThreadInit["log"];
  readonly clock: Clock;
  readonly log: Log;
  readonly retry: Retry;
  readonly random: () => number;
  readonly observer: RunObserver;
  readonly restart: RestartOptions;
  /** Drain to the ends of now, then end. */
  readonly untilCaughtUp: boolean;
}

/** What is asked of a run; see ConnectorRun. */
export type RunHandle = Pick<ConnectorRun, "start" | "stop" | "done" | "restartTask">;

/** A run, not started yet, and what must be closed after it. */
export interface PreparedRun {
  readonly run: RunHandle;
  close(): Promise<void>;
}

/** Rounds that a task may miss in a row before it is replaced. */
const LATE_ROUNDS_MAX = 3;

/** How long a commit of group offsets is tried: well over a rebalance, well under a session. */
const ADVANCE_TIMEOUT_MS = 10_000;

/** Makes a run; throws ConfigError or FatalError where something that it needs is not there. */
export async function prepareRun(options: RunOptions): Promise<PreparedRun> {
  const { instance, kafka, clock, log, retry, random } = options;
  const { values } = instance;
  const group = `connect-${instance.name}`;
  const admin = createAdmin({ settings: kafka.admin, log, readCommitted: kafka.consumer.readCommitted });
  try {
    const initial = await findPartitions(instance, admin, retry);
    await retry("connect with the overrides", () => proveOverrides(kafka));
    await ensureDeadLetterTopic(instance, admin, retry, initial[0]?.topic);
    const topics = [...new Set(initial.map(({ topic }) => topic))];
    const context = connectorContext(instance.name, { clock, log, retry, random });
    const check = (some: readonly string[]) =>
      retry("check the target", () => instance.plugin.check(instance.connectorConfig, some, context));
    const failed = await checkTopics(instance, topics, check, clock);
    const membership = createMembership({
      settings: kafka.consumer,
      group,
      topics: instance.topics,
      admin,
      clock,
      random,
      log,
    });
    const committer = instance.plugin.createCommitter
      ? await instance.plugin.createCommitter(instance.connectorConfig, context)
      : createGroupOffsetsCommitter({
        group,
        admin,
        membership,
        retry: createRetry({ clock, random, log, delayMsMax: 1000, timeoutMs: ADVANCE_TIMEOUT_MS }),
      });
    const fetchRate = values["fetch.rate.bytes.max"];
    const run = new ConnectorRun({
      name: instance.name,
      admin,
      membership,
      committer,
      spawn: (task, receive) =>
        options.threads.start({
          kind: "init",
          raw: options.raw,
          instance: instance.name,
          task,
          memoryBytes: options.budget.taskMemoryBytes,
          fetchBytesPerSecond: Math.ceil(fetchRate / taskCount(options.budget.tasksMax, initial.length)),
          kafka,
          log: options.threadLog,
        }, receive),
      clock,
      log,
      retry,
      coordinator: {
        commitIntervalMs: values["commit.interval.ms"],
        commitTimeoutMs: values["commit.timeout.ms"],
        lateMax: LATE_ROUNDS_MAX,
      },
      tasksMax: options.budget.tasksMax,
      autoOffsetReset: values["auto.offset.reset"],
      initial,
      until: options.untilCaughtUp ? await ends(initial, admin, retry) : null,
      restart: options.restart,
      revokeTimeoutMs: Math.floor(kafka.consumer.sessionTimeoutMs / 2),
      observer: options.observer,
      topicFailure: values["topic.failure"],
      failed,
      check: (topic) => check([topic]),
      tracer: await tracerOf(instance.name),
    });
    return { run, close: () => admin.close() };
  } catch (error) {
    await admin.close();
    throw error;
  }
}

/** Traces of its rounds where Deno's exporter is on; else there are none, and nothing is loaded for them. */
async function tracerOf(connector: string): Promise<RoundTracer | null> {
  if (Deno.env.get("OTEL_DENO")?.toLowerCase() !== "true") return null;
  return (await import("./tracing.ts")).createRoundTracer(connector);
}

/** All partitions that it is to read. Throws FatalError where it names a topic that there is not. */
export async function findPartitions(instance: Instance, admin: KafkaAdmin, retry: Retry): Promise<TopicPartition[]> {
  const { topics } = instance;
  const found = await retry("describe the topics", () => admin.describeTopics(topics));
  const missing = topics instanceof RegExp ? [] : topics.filter((name) => !found.some(({ topic }) => topic === name));
  if (missing.length > 0) {
    throw new FatalError(
      `Cannot start connector "${instance.name}": Kafka has no topic ${missing.map((t) => `"${t}"`).join(", ")}. ` +
        "Create it, correct topics, or use topics.regex for topics that are to come",
    );
  }
  const letters = instance.values["errors.deadletterqueue.topic.name"];
  return found.filter(({ topic }) => topic !== letters).flatMap(({ topic, topicId, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic, topicId, partition }))
  );
}

/** Proves that the target can be used; topics for which it cannot, and why, where there are others. */
async function checkTopics(
  { values }: Instance,
  topics: readonly string[],
  check: (topics: readonly string[]) => Promise<void>,
  clock: Clock,
): Promise<Map<string, string>> {
  if (values["topic.failure"] === "all" || topics.length < 2) {
    await check(topics);
    return new Map();
  }
  const { failed } = await byTopic(topics, (topic) => topic, check, clock);
  const [first] = failed.values();
  if (failed.size === topics.length) throw first;
  return new Map([...failed].map(([topic, { message }]) => [topic, message]));
}

/** Letters keep their records' timestamps; since Kafka 4 a topic refuses those of tomorrow unless told. Known since 3.6. */
const TIMESTAMP_LIMIT = "message.timestamp.after.max.ms";

async function ensureDeadLetterTopic(
  { values }: Instance,
  admin: TopicAdmin,
  retry: Retry,
  /** One that is there: it tells which settings the brokers know. */
  example: string | undefined,
): Promise<void> {
  const topic = values["errors.deadletterqueue.topic.name"];
  if (topic === null) return;
  const partitions = values["errors.deadletterqueue.topic.partitions"];
  const replication = values["errors.deadletterqueue.topic.replication.factor"];
  const retention = String(values["errors.deadletterqueue.topic.retention.ms"]);
  // What a broker does unless told: after a week it deletes, and letters are as old as their records.
  const config = { "cleanup.policy": "delete", "retention.ms": retention, "retention.bytes": "-1" };
  await retry(`create the dead-letter topic "${topic}"`, async () => {
    if ((await admin.describeTopics([topic])).length > 0) return;
    const isKnown = example !== undefined && await admin.topicConfig(example, TIMESTAMP_LIMIT) !== null;
    const any: Record<string, string> = isKnown ? { [TIMESTAMP_LIMIT]: String(2n ** 63n - 1n) } : {};
    await admin.ensureTopic(topic, partitions, replication, { ...config, ...any });
  });
}

/** Where a drain ends: the last stable offsets of now, of the partitions that hold anything. */
async function ends(
  partitions: readonly TopicPartition[],
  admin: KafkaAdmin,
  retry: Retry,
): Promise<Map<string, bigint>> {
  const bounds = await retry("read the topics' ends", () => admin.logBounds(partitions));
  const filled = bounds.filter(({ logStartOffset, endOffset }) => endOffset > logStartOffset);
  return new Map(filled.map((bound) => [partitionKey(bound), bound.endOffset]));
}
