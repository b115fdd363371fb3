/**
 * A plan of an instance: every topic's preview, and what it means for its table.
 *
 * @module
 */
import { type Clock, FatalError, type Log, type SinkBatch } from "../../api/mod.ts";
import type { Instance } from "../../config/resolve_instance.ts";
import { connectorContext } from "../../connector_context.ts";
import { createFetcher } from "../../kafka/fetcher.ts";
import type { KafkaSettings } from "../../kafka/settings.ts";
import { topicBounds, type TopicsBounds } from "../../kafka/topic_bounds.ts";
import { createRetry } from "../../retry.ts";
import type { TableTools } from "../table_tools.ts";
import { type Expected, expectedOf } from "./estimate.ts";
import { previewTopic, type TopicPreview } from "./preview_topic.ts";
import type { SampleFrom } from "./sample_ranges.ts";
import { type SchemaDiff, schemaDiff } from "./schema_diff.ts";
import { warningsOf } from "./warnings.ts";

/** A topic and its table. */
export interface TopicPlan extends TopicPreview {
  /** Null: nothing is to be compared. */
  readonly diff: SchemaDiff | null;
  /** Null: nobody knows how fast the topic grows, or what a row takes. */
  readonly expected: Expected | null;
  readonly bytesPerRow: number | null;
  readonly warnings: readonly string[];
}

/** An instance's topics. */
export interface InstancePlan {
  readonly connector: string;
  readonly brokers: number;
  /** Named, but not in Kafka. */
  readonly missing: readonly string[];
  readonly topics: readonly TopicPlan[];
}

/** What a plan is made of. */
export interface PlanParts {
  readonly kafka: KafkaSettings;
  readonly clock: Clock;
  readonly log: Log;
  readonly describe: TableTools["describeColumn"];
  readonly sample: { readonly records: number; readonly from: SampleFrom };
  readonly onBatch?: (batch: SinkBatch) => void;
  /** Told which topic is read now. */
  readonly onTopic?: (topic: string) => void;
  /** Names to read instead of the instance's. */
  readonly topics?: readonly string[];
}

const RETRY_TIMEOUT_MS = 30_000;
const WAIT_MS = 20;

/** Reads and writes nothing but its answer. Throws FatalError, or RetriableError where Kafka is away for long. */
export async function planInstance(instance: Instance, parts: PlanParts): Promise<InstancePlan> {
  const { kafka, clock, log } = parts;
  const retry = createRetry({ clock, log, random: Math.random, delayMsMax: 2000, timeoutMs: RETRY_TIMEOUT_MS });
  const { topics, brokers } = await retry("look the topics up", () => boundsOf(parts.topics ?? instance.topics, parts));
  const names = parts.topics ?? (instance.topics instanceof RegExp ? [] : instance.topics);
  const letters = instance.values["errors.deadletterqueue.topic.name"];
  const plans: TopicPlan[] = [];
  for (const { topic, partitions } of topics.filter(({ topic }) => topic !== letters)) {
    parts.onTopic?.(topic);
    // What is read is there already: to wait for more of it at the log's end would only take time.
    const settings = {
      ...kafka.consumer,
      fetchMaxWaitMs: Math.min(kafka.consumer.fetchMaxWaitMs, WAIT_MS),
      fetchMinBytes: 1,
    };
    const fetcher = createFetcher({ settings, clock, log, random: Math.random });
    try {
      const context = connectorContext(instance.name, { clock, log, retry, random: Math.random });
      const preview = await previewTopic(topic, partitions, { ...parts, instance, fetcher, context, fetch });
      plans.push(planOf(preview, instance, parts));
    } finally {
      await fetcher.close();
    }
  }
  const missing = names.filter((name) => !topics.some(({ topic }) => topic === name));
  return { connector: instance.name, brokers, missing, topics: plans };
}

function boundsOf(which: readonly string[] | RegExp, { kafka, clock }: PlanParts): Promise<TopicsBounds> {
  const { readCommitted } = kafka.consumer;
  return topicBounds(which, { settings: kafka.admin, readCommitted, nowMs: clock.now() });
}

function planOf(preview: TopicPreview, instance: Instance, { describe }: PlanParts): TopicPlan {
  const { target, rate, fields, sampled } = preview;
  const { values, connector } = instance.forTopic(preview.topic);
  const rows = target?.partitions.reduce((sum, { rows }) => sum + rows, 0) ?? 0;
  const bytes = target?.partitions.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0;
  const bytesPerRow = rows === 0 ? null : bytes / rows;
  const fileBytesMax = connector["file.bytes.max"];
  const expected = rate === null || bytesPerRow === null || typeof fileBytesMax !== "number" ? null : expectedOf({
    rate,
    bytesPerRow,
    passing: rows / sampled,
    commitIntervalMs: values["commit.interval.ms"],
    tasks: Math.min(values["tasks.max"], preview.partitions),
    tablePartitions: Math.max(1, preview.newestPartitions),
    fileBytesMax,
  });
  const diff = target?.before && fields
    ? schemaDiff(target, fields, { describe, evolution: String(connector["schema.evolution"] ?? "none") })
    : null;
  return {
    ...preview,
    diff,
    expected,
    bytesPerRow,
    warnings: warningsOf({ preview, expected, bytesPerRow, values, connector }),
  };
}

/** Whether all that was sampled would be in its table. */
export function isClean({ missing, topics }: InstancePlan): boolean {
  return missing.length === 0 &&
    topics.every(({ rejects, refused, diff }) => rejects.length === 0 && refused === null && diff?.allowed !== false);
}

/** Where the sink of an instance has no previews. */
export function assertPreviews({ name, plugin }: Instance): void {
  if (!plugin.previewTask) {
    throw new FatalError(`Cannot plan connector "${name}": ${plugin.name} has no previews; delta-sink has`);
  }
}
