/**
 * Where a connector stands, and moving it: what its target says first, then the group's offsets.
 *
 * @module
 */
import {
  type Clock,
  type Committer,
  FatalError,
  type Log,
  type Offsets,
  partitionKey,
  type PartitionOffset,
  type Retry,
  type TopicPartition,
} from "../api/mod.ts";
import type { Instance } from "../config/resolve_instance.ts";
import { connectorContext } from "../connector_context.ts";
import { createAdmin } from "../kafka/admin.ts";
import { groupMembers, setGroupOffsets } from "../kafka/group_admin.ts";
import type { KafkaSettings } from "../kafka/settings.ts";
import type { LogBounds, TopicAdmin } from "../kafka/types.ts";
import { findPartitions } from "../start_run.ts";
import { type ConnectorOffset, RequestRefused } from "../worker_api.ts";

/** What is needed for the time of one request. */
export interface OffsetsParts {
  readonly instance: Instance;
  readonly kafka: KafkaSettings;
  readonly clock: Clock;
  readonly log: Log;
  readonly retry: Retry;
  readonly random: () => number;
}

interface Open {
  readonly partitions: readonly TopicPartition[];
  readonly admin: TopicAdmin;
  readonly group: string;
  /** Null: the group's offsets are the progress. */
  readonly committer: Committer<unknown> | null;
}

/** What the target says; a partition that it does not know is not in the answer. */
export function readOffsets(parts: OffsetsParts): Promise<ConnectorOffset[]> {
  return opened(parts, async ({ partitions, admin, group, committer }) => {
    const at = committer ? await committer.committedOffsets(partitions) : await admin.groupOffsets(group, partitions);
    return at.map(({ topic, partition, offset }) => ({ topic, partition, offset }));
  });
}

/** Moves partitions; null as an offset: where `auto.offset.reset` says. Throws RequestRefused (400, 409). */
export function alterOffsets(parts: OffsetsParts, wanted: readonly ConnectorOffset[]): Promise<void> {
  return opened(parts, async (open) => {
    const byKey = new Map(open.partitions.map((partition) => [partitionKey(partition), partition]));
    const keys = wanted.map(partitionKey);
    const unknown = keys.filter((key) => !byKey.has(key));
    if (unknown.length > 0) throw bad(parts, `it reads no partition ${unknown.join(", ")}`);
    const twice = keys.find((key, i) => keys.indexOf(key) !== i);
    if (twice !== undefined) throw bad(parts, `${twice} is given twice`);
    const bounds = await open.admin.logBounds(keys.map((key) => byKey.get(key)!));
    const at = wanted.map(({ offset }, i): PartitionOffset => {
      const { logStartOffset: start, endOffset: end, topic, topicId, partition } = bounds[i];
      if (offset !== null && (offset < start || offset > end)) {
        throw bad(parts, `${topic}-${partition} holds offsets ${start} to ${end}, not ${offset}`);
      }
      return { topic, topicId, partition, offset: offset ?? beginning(parts, bounds[i]) };
    });
    await move(parts, open, [...at, ...await atLatest(parts, open, at)]);
  });
}

/**
 * The other partitions of topics that are known from now on: with `auto.offset.reset: latest` they would begin at their
 * earliest offset, as those do that appear later.
 */
async function atLatest(parts: OffsetsParts, open: Open, at: Offsets): Promise<Offsets> {
  if (parts.instance.values["auto.offset.reset"] !== "latest") return [];
  const [topics, given] = [new Set(at.map(({ topic }) => topic)), new Set(at.map(partitionKey))];
  const all = open.partitions.filter(({ topic }) => topics.has(topic));
  const known = await knownTopics(open, all);
  const others = all.filter((each) => !known.has(each.topic) && !given.has(partitionKey(each)));
  return beginnings(parts, await open.admin.logBounds(others));
}

/** Every partition begins where `auto.offset.reset` points now. */
export function resetOffsets(parts: OffsetsParts): Promise<void> {
  return opened(parts, async (open) => {
    const at = beginnings(parts, await open.admin.logBounds(open.partitions));
    await move(parts, open, await needed(parts, open, at));
  });
}

/** A topic that the target does not know begins at its earliest offset by itself, without a table for it. */
async function needed({ instance }: OffsetsParts, open: Open, at: Offsets): Promise<Offsets> {
  if (instance.values["auto.offset.reset"] === "latest" || !open.committer) return at;
  const known = await knownTopics(open, at);
  return at.filter(({ topic }) => known.has(topic));
}

/** Topics that somebody has an offset of. */
async function knownTopics({ committer, admin, group }: Open, of: readonly TopicPartition[]): Promise<Set<string>> {
  const known = new Set<string>();
  for (const [topic, own] of Map.groupBy(of, ({ topic }) => topic)) {
    try {
      const held = committer ? await committer.committedOffsets(own) : await admin.groupOffsets(group, own);
      if (held.length > 0) known.add(topic);
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      known.add(topic); // e.g. it was created anew, which a move accepts; what is refused still is refused again
    }
  }
  return known;
}

function beginnings(parts: OffsetsParts, bounds: readonly LogBounds[]): PartitionOffset[] {
  return bounds.map((bound) => {
    const { topic, topicId, partition } = bound;
    return { topic, topicId, partition, offset: beginning(parts, bound) };
  });
}

function beginning({ instance }: OffsetsParts, { logStartOffset, endOffset }: LogBounds): bigint {
  return instance.values["auto.offset.reset"] === "latest" ? endOffset : logStartOffset;
}

async function move(parts: OffsetsParts, { admin, group, committer }: Open, at: Offsets): Promise<void> {
  const { kafka, instance, retry } = parts;
  const members = await retry("describe the group", () => groupMembers(kafka.admin, group));
  if (members.length > 0) {
    throw new RequestRefused(
      409,
      `Cannot move the offsets of connector ${instance.name}: its group ${group} has members, ${members.join(", ")}. ` +
        "Stop it in the other workers, too",
    );
  }
  if (committer && !committer.alterOffsets) {
    throw bad(parts, `the target of ${instance.plugin.name} holds the offsets, and cannot move them`);
  }
  await committer?.alterOffsets?.(at);
  // Those below are for displays where the target decides, and decide where it holds none.
  await retry("set the group's offsets", () => setGroupOffsets(kafka.admin, group, at));
  if (committer) return;
  const now = new Map((await admin.groupOffsets(group, at)).map((each) => [partitionKey(each), each.offset]));
  const wrong = at.filter((each) => now.get(partitionKey(each)) !== each.offset);
  if (wrong.length > 0) {
    throw new RequestRefused(500, `The group ${group} has not taken offsets of ${wrong.map(partitionKey).join(", ")}`);
  }
}

function bad({ instance }: OffsetsParts, why: string): RequestRefused {
  return new RequestRefused(400, `Cannot move the offsets of connector ${instance.name}: ${why}`);
}

/** With its parts open, which are closed after it. */
async function opened<T>(parts: OffsetsParts, work: (open: Open) => Promise<T>): Promise<T> {
  const { instance, kafka, clock, log, retry, random } = parts;
  const admin = createAdmin({ settings: kafka.admin, log, readCommitted: kafka.consumer.readCommitted });
  let committer: Committer<unknown> | null = null;
  try {
    const partitions = await findPartitions(instance, admin, retry);
    const context = connectorContext(instance.name, { clock, log, retry, random });
    committer = await instance.plugin.createCommitter?.(instance.connectorConfig, context) ?? null;
    return await work({ partitions, admin, group: `connect-${instance.name}`, committer });
  } finally {
    await committer?.stop();
    await admin.close();
  }
}
