/**
 * What the runtime asks of Kafka, as interfaces: the real parts stand beside this file, an in-memory Kafka serves the
 * crash tests (tests/simulation).
 *
 * @module
 */
import type { Offsets, PartitionOffset, RawRecords, RecordHeader, TopicPartition } from "../api/mod.ts";

/** Where to read a partition; `epoch` marks everything that is fetched from here on, so that older slabs are dropped. */
export interface FetchPosition extends PartitionOffset {
  readonly epoch: number;
}

/** Why a partition is read no more until it is assigned anew. */
export type StoppedBy =
  /** The offset that was asked for is not in the log: it begins at `logStartOffset` and ends at `endOffset`. */
  | {
    readonly kind: "out-of-range";
    readonly offset: bigint;
    readonly logStartOffset: bigint;
    readonly endOffset: bigint;
  }
  /** The topic is gone, or is now another one under the same name. */
  | { readonly kind: "topic-changed"; readonly message: string }
  /** The broker does not let us read the partition, or cannot, and that will not pass. */
  | { readonly kind: "refused"; readonly message: string };

/** What one fetch brought for one partition. */
export type Fetched =
  & TopicPartition
  & { readonly epoch: number }
  & (
    | {
      readonly kind: "records";
      /** A slab, its `count` 0 where only control records, aborted records or gaps were passed. */
      readonly records: RawRecords;
      /** The first offset not yet readable: the last stable offset under read_committed, else the high watermark. */
      readonly endOffset: bigint;
      readonly logStartOffset: bigint;
    }
    | StoppedBy
  );

/** Reads partitions by position, over connections of its own, without group calls. One for each task. */
export interface Fetcher {
  /** Begins to read a partition, or moves where it is read. */
  assign(position: FetchPosition): void;
  remove(partition: TopicPartition): void;
  /**
   * What has arrived, at once where something is there, else after at most `maxWaitMs` or a `wake()` (then perhaps
   * nothing). The next fetches are in flight meanwhile, within the memory budget. Broker trouble is retried inside, with
   * back-off and fresh metadata; what cannot be retried is thrown as FatalError.
   */
  poll(maxWaitMs: number): Promise<Fetched[]>;
  wake(): void;
  /** Set by who counts: told of the thread's time that goes into responses - checksums, decompression, the index. */
  onWork?: (ms: number) => void;
  /** Bytes of slabs and responses that are not given back yet: a metric. */
  usedBytes?(): number;
  /** Gives a slab's memory back; its bytes may be overwritten from then on. */
  release(records: RawRecords): void;
  close(): Promise<void>;
}

/** What a member learns about its share of the partitions. */
export interface MembershipEvents {
  /** These are ours from now on (the whole assignment, also those that we had before). */
  onAssigned(partitions: readonly TopicPartition[]): void;
  /**
   * Everything that we have is about to be given back (the classic protocol rejoins with all of it): awaited before the
   * rejoin, so prepare and commit within it, well under the session timeout.
   */
  onRevoking(): Promise<void>;
  /** The membership is gone (session lost); nothing can be flushed safely by group rules. It rejoins by itself. */
  onLost(): void;
  /** The membership cannot go on. */
  onFailed(error: Error): void;
}

/** Our membership in the consumer group, on the main thread. */
export interface Membership {
  join(events: MembershipEvents): Promise<void>;
  /** Advances the group's offsets, for lag displays and other tools. Best effort: throws RetriableError. */
  advance(offsets: Offsets): Promise<void>;
  leave(): Promise<void>;
}

/** A record to produce; the partition is chosen by the key. */
export interface ProducerRecord {
  readonly topic: string;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  readonly timestampMs: number;
}

/** An idempotent producer, acks=all. */
export interface RecordProducer {
  /** Resolves once the brokers have acknowledged all of them; throws RetriableError or FatalError (too large). */
  send(records: readonly ProducerRecord[]): Promise<void>;
  close(): Promise<void>;
}

/** A producer with an id of its own (`transactional.id`). One call at a time. */
export interface TransactionalProducer {
  /**
   * Makes the id ours: whoever had it can produce no more, and what they left unfinished is ended before this resolves. Throws
   * FatalError.
   */
  begin(): Promise<void>;
  /**
   * All of the records or none of them, for who reads what is committed. Throws FatalError: where another has begun with
   * the id, or it is not certain what became of the records. Then only `begin` leads on.
   */
  transact(records: readonly ProducerRecord[]): Promise<void>;
  close(): Promise<void>;
}

/** Start and end of a partition's log. `endOffset` is the last stable offset under read_committed. */
export interface LogBounds extends TopicPartition {
  readonly logStartOffset: bigint;
  readonly endOffset: bigint;
}

/** A topic as the cluster describes it. */
export interface TopicDescription {
  readonly topic: string;
  readonly topicId: string;
  readonly partitions: number;
}

/** The control plane. */
export interface KafkaAdmin {
  /** The named topics, or all that match; internal topics are left out of a match. A missing one is not in the answer. */
  describeTopics(which: readonly string[] | RegExp): Promise<TopicDescription[]>;
  logBounds(partitions: readonly TopicPartition[]): Promise<LogBounds[]>;
  /** What the group has committed; a partition without an offset is not in the answer. */
  groupOffsets(group: string, partitions: readonly TopicPartition[]): Promise<Offsets>;
  /** Creates the topic where it does not exist. */
  ensureTopic(topic: string, partitions: number, replicationFactor: number): Promise<void>;
  close(): Promise<void>;
}

/** The control plane of whoever looks after topics of its own. */
export interface TopicAdmin extends KafkaAdmin {
  /** Creates the topic, with this configuration, where it does not exist. */
  ensureTopic(
    topic: string,
    partitions: number,
    replicationFactor: number,
    config?: Readonly<Record<string, string>>,
  ): Promise<void>;
  /** A topic's setting, or null where the broker does not tell it. */
  topicConfig(topic: string, name: string): Promise<string | null>;
  /** Null where the broker does not tell it. */
  clusterId(): Promise<string | null>;
}
