/**
 * What a topic's log holds and how fast it grows, by its offsets alone: for previews and for sizing. Nothing is read, joined
 * or created.
 *
 * @module
 */
import type { TopicPartition } from "../api/offsets.ts";
import { matches } from "./admin.ts";
import { Cluster } from "./cluster.ts";
import type { ConnectionSettings } from "./settings.ts";

/** A partition's log. */
export interface PartitionBounds extends TopicPartition {
  readonly start: bigint;
  /** The last stable offset, or the high watermark. */
  readonly end: bigint;
  /** The first offset of the last hour, and of the last day, by the records' timestamps; `end` where nothing came. */
  readonly hourAgo: bigint;
  readonly dayAgo: bigint;
}

/** What was found. */
export interface TopicsBounds {
  /** How many brokers the cluster has: what replication is possible. */
  readonly brokers: number;
  /** Without those that Kafka does not know. */
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly PartitionBounds[] }[];
}

const HOUR_MS = 3_600_000;

/** Looks topics up, by names or all that match. Throws RetriableError or FatalError. */
export async function topicBounds(
  which: readonly string[] | RegExp,
  { settings, readCommitted, nowMs }: {
    settings: ConnectionSettings;
    readCommitted: boolean;
    /** Wall time. */
    nowMs: number;
  },
): Promise<TopicsBounds> {
  const cluster = new Cluster(settings);
  try {
    const { brokers, topics } = await cluster.metadata(which instanceof RegExp ? null : which);
    const wanted = [...topics.values()].filter(({ name, internal }) =>
      which instanceof RegExp ? !internal && !name.startsWith("__") && matches(which, name) : which.includes(name)
    );
    const partitions = wanted.flatMap(({ name, topicId, partitions }) =>
      [...partitions.keys()].sort((a, b) => a - b).map((partition) => ({ topic: name, topicId, partition }))
    );
    if (partitions.length === 0) return { brokers: brokers.size, topics: [] };
    const bounds = await cluster.logBounds(partitions, readCommitted);
    const [hour, day] = await Promise.all(
      [HOUR_MS, 24 * HOUR_MS].map((ago) => cluster.offsetsAt(partitions, nowMs - ago)),
    );
    const found = bounds.map(({ partition, start, end }, i): PartitionBounds => (
      { ...partition, start, end, hourAgo: hour[i] ?? end, dayAgo: day[i] ?? end }
    ));
    return {
      brokers: brokers.size,
      topics: wanted.sort((a, b) => a.name < b.name ? -1 : 1).map(({ name }) => ({
        topic: name,
        partitions: found.filter(({ topic }) => topic === name),
      })),
    };
  } finally {
    await cluster.close();
  }
}
