/**
 * Partitions, offsets, shares and what becomes of them: the plain data that the two phases of a commit exchange. All of
 * it can cross a thread. An offset is always the NEXT one to read.
 *
 * @module
 */

/** A partition of one incarnation of a topic. */
export interface TopicPartition {
  /** The topic's name. */
  readonly topic: string;
  /** Kafka's id of the topic, base64url without padding (22 characters): a topic created again has another one. */
  readonly topicId: string;
  /** The partition's number. */
  readonly partition: number;
}

/** Where a partition is to be read next. */
export interface PartitionOffset extends TopicPartition {
  /** The next offset to read. */
  readonly offset: bigint;
}

/** One entry a partition. A partition without an entry is *absent*, which is not offset 0. */
export type Offsets = readonly PartitionOffset[];

/** The half-open range `[from, to)` of a partition whose records are in a share, gaps and rejects included. */
export interface OffsetRange extends TopicPartition {
  /** The first offset. */
  readonly from: bigint;
  /** The offset after the last. */
  readonly to: bigint;
  /** True where the target held no offset of this partition when reading began: it must then still hold none. */
  readonly fromAbsent: boolean;
}

/** What a task prepared for one table: decided whole, never split. */
export interface Share<Staged> {
  /** Unique for ever (a UUID): the same id is the same share, also when it is sent again. */
  readonly id: string;
  /** The target within the connector, e.g. the table's URI. */
  readonly table: string;
  /** One range a partition, no partition twice, `from < to`. */
  readonly ranges: readonly OffsetRange[];
  /** What the committer needs to publish it: plain data, known to the connector alone. */
  readonly staged: Staged;
  /** For metrics and results. */
  readonly stats: ShareStats;
}

/** What a share holds. */
export interface ShareStats {
  /** Rows in its files. */
  readonly rows: number;
  /** Data files. */
  readonly files: number;
  /** Bytes of them. */
  readonly bytes: number;
  /** The newest Kafka timestamp among its records, ms since 1970 UTC; null where it has none. */
  readonly timestampMsMax: number | null;
  /** Requests to the target's storage that it took; absent where they are not counted. */
  readonly requests?: number;
}

/** What became of a share; one for each, in order. */
export type CommitOutcome =
  | { readonly kind: "committed"; readonly version: bigint }
  | { readonly kind: "stale"; readonly why: "offsets" | "schema" | "files"; readonly actual: Offsets }
  /**
   * The committer threw a FatalError for the table, and its topics are set aside. Whether a version names the share's
   * files is not certain: they are left alone. No committer answers it: it is what `settle` is told.
   */
  | { readonly kind: "failed"; readonly why: string };

const REPLAY_MARK = "@";

/**
 * What ranges name as the topic where records of `topic` come from a run over dead letters: `orders@<run>`. It is no topic of
 * Kafka's, whose names hold no `@`. The partition is the dead-letter topic's, offsets are positions in it.
 */
export function replayTopic(topic: string, run: string): string {
  return `${topic}${REPLAY_MARK}${run}`;
}

/** Whether ranges name as their topic a run over dead letters. */
export function isReplayTopic(topic: string): boolean {
  return topic.includes(REPLAY_MARK);
}

/** The topic whose settings and target hold: itself, or the one that a run over dead letters replays. */
export function settingsTopic(topic: string): string {
  const at = topic.indexOf(REPLAY_MARK);
  return at < 0 ? topic : topic.slice(0, at);
}

/** A key for maps, e.g. `orders/0`. Two incarnations of a topic share it. */
export function partitionKey({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}/${partition}`;
}

/** The offset of a partition, or null where it is absent. */
export function offsetOf(offsets: Offsets, { topic, partition }: { topic: string; partition: number }): bigint | null {
  return offsets.find((o) => o.partition === partition && o.topic === topic)?.offset ?? null;
}
