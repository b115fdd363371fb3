/**
 * How a table names the progress of a Kafka partition: `<app.id>/<topic>/<topicId>/<partition>`, and what is refused
 * because the table holds the progress of others.
 *
 * @module
 */
import {
  FatalError,
  isReplayTopic,
  type Offsets,
  type PartitionOffset,
  settingsTopic,
  type TopicPartition,
} from "../../../mod.ts";
import type { Snapshot } from "../delta/snapshot.ts";

/** What a topic id that the table does not know means, where it knows another of the same topic. */
export type TopicRecreated = "fail" | "restart" | "continue";

/** The rules by which a table's progress is read. */
export interface AppIdRules {
  readonly appId: string;
  /** Other app ids may feed the same topic into the table. */
  readonly othersAllowed: boolean;
  readonly topicRecreated: TopicRecreated;
}

/** The parts of an app id. */
export interface ParsedAppId extends TopicPartition {
  readonly appId: string;
}

type Progress = Pick<Snapshot, "txns" | "txnTimesMs">;

/** The `txn.appId` of a partition. */
export function appIdOf(appId: string, { topic, topicId, partition }: TopicPartition): string {
  return `${appId}/${topic}/${topicId}/${partition}`;
}

/** Its parts, or null for an app id of other software. `app.id` itself may hold slashes, the rest cannot. */
export function parseAppId(text: string): ParsedAppId | null {
  const match = /^(.*)\/([^/]+)\/([^/]*)\/(\d+)$/.exec(text);
  return match && { appId: match[1], topic: match[2], topicId: match[3], partition: Number(match[4]) };
}

/** The next offset of a partition by the table, or null where it is absent; a null snapshot is no table. */
export function tableOffset(snapshot: Progress | null, rules: AppIdRules, partition: TopicPartition): bigint | null {
  if (snapshot === null) return null;
  const own = snapshot.txns.get(appIdOf(rules.appId, partition));
  if (own !== undefined || rules.topicRecreated !== "continue") return own ?? null;
  const before = otherIncarnations(snapshot, rules.appId, partition.topic, partition.topicId)
    .filter((id) => id.partition === partition.partition)
    .map((id) => appIdOf(rules.appId, id))
    .sort((a, b) => (snapshot.txnTimesMs.get(b) ?? 0) - (snapshot.txnTimesMs.get(a) ?? 0));
  return before.length === 0 ? null : snapshot.txns.get(before[0])!;
}

/** The offsets of those partitions that the table knows. */
export function tableOffsets(
  snapshot: Progress | null,
  rules: AppIdRules,
  partitions: readonly TopicPartition[],
): Offsets {
  const found: PartitionOffset[] = [];
  for (const { topic, topicId, partition } of partitions) {
    const offset = tableOffset(snapshot, rules, { topic, topicId, partition });
    if (offset !== null) found.push({ topic, topicId, partition, offset });
  }
  return found;
}

/** How far runs over dead letters of a topic are in the table: all that it knows of. */
export function runsOf(snapshot: Progress | null, appId: string, topic: string): Offsets {
  return [...snapshot?.txns ?? []].flatMap(([id, offset]) => {
    const parsed = parseAppId(id);
    const isMeant = parsed?.appId === appId && isReplayTopic(parsed.topic) && settingsTopic(parsed.topic) === topic;
    return isMeant ? { topic: parsed.topic, topicId: parsed.topicId, partition: parsed.partition, offset } : [];
  });
}

/** Throws FatalError, with the choices named, where these partitions are not ours to read into the table. */
export function assertOurs(
  table: string,
  snapshot: Progress | null,
  rules: AppIdRules,
  partitions: readonly TopicPartition[],
): void {
  if (snapshot === null) return;
  const known = [...snapshot.txns.keys()].flatMap((id) => parseAppId(id) ?? []);
  for (const topic of new Set(partitions.map((p) => p.topic))) {
    const other = known.find((id) => id.topic === topic && id.appId !== rules.appId);
    if (other && !rules.othersAllowed) throw new FatalError(othersMessage(table, topic, rules.appId, other.appId));
  }
  if (rules.topicRecreated !== "fail") return;
  for (const partition of partitions) {
    const { topic, topicId } = partition;
    const before = otherIncarnations(snapshot, rules.appId, topic, topicId);
    if (before.length === 0 || snapshot.txns.has(appIdOf(rules.appId, partition))) continue;
    const isCurrentKnown = known.some((id) => id.appId === rules.appId && id.topic === topic && id.topicId === topicId);
    // A partition that only this incarnation has is no news where this incarnation was accepted before.
    const conflict = isCurrentKnown ? before.find((id) => id.partition === partition.partition) : before[0];
    if (conflict) throw new FatalError(recreatedMessage(table, topic, topicId, conflict.topicId));
  }
}

function otherIncarnations(snapshot: Progress, appId: string, topic: string, topicId: string): ParsedAppId[] {
  return [...snapshot.txns.keys()]
    .flatMap((id) => parseAppId(id) ?? [])
    .filter((id) => id.appId === appId && id.topic === topic && id.topicId !== topicId);
}

function othersMessage(table: string, topic: string, appId: string, other: string): string {
  return `Cannot read topic ${topic} into table "${table}": the table has its offsets under app id "${other}", current ` +
    `app.id is "${appId}". Set app.id to "${other}" to go on where it stopped, or app.id.others to allow if both are ` +
    `meant to write the topic (its records are then in the table twice)`;
}

function recreatedMessage(table: string, topic: string, topicId: string, before: string): string {
  return `Cannot read topic ${topic} into table "${table}": the table has offsets of topic id ${before}, current topic ` +
    `id is ${topicId}: it was created again or is another cluster's. Set topic.recreated to restart (read the new ` +
    `topic by auto.offset.reset) or to continue (go on at the old offsets)`;
}
