/**
 * The contract of a sink connector. A connector declares its options, makes tasks (each on a thread of its own) and,
 * where its target can hold offsets beside the data, a committer (on the main thread, used by the coordinator alone).
 *
 * @module
 */
import type { Schema } from "./arrow.ts";
import type { SinkBatch } from "./batch.ts";
import type { Clock } from "./clock.ts";
import type { Config, ConfigDef, Values } from "./config_def.ts";
import type { DataError } from "./errors.ts";
import type { Log } from "./log.ts";
import type { CommitOutcome, Offsets, Share, TopicPartition } from "./offsets.ts";
import type { Retry } from "./retry.ts";

/** What every part of a connector is given. */
export interface ConnectorContext {
  /** The instance's name. */
  readonly connector: string;
  /** Time. */
  readonly clock: Clock;
  /** A log whose lines name the connector. */
  readonly log: Log;
  /** Tries again what throws a RetriableError. */
  readonly retry: Retry;
  /** A new UUID. */
  readonly uuid: () => string;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** What a task is given besides. */
export interface SinkTaskContext extends ConnectorContext {
  /** The task's number, from 0. */
  readonly task: number;
  /** The most bytes that the task may hold in open files and uploads. Over it, close the largest file early. */
  readonly memoryBytes: number;
  /**
   * Sets a row aside. The record becomes a dead letter and is acknowledged before the offsets that cover it are
   * committed; where `errors.tolerance` is none, this throws the error as fatal.
   */
  reject(batch: SinkBatch, row: number, error: DataError): void;
  /** Asks for a round before its time, e.g. because files are full. */
  requestCommit(): void;
  /**
   * Tells that the last `ms` of the thread's time went into a stage of the sink's own, e.g. `encode`, in one piece without
   * a wait. For metrics; not for every record.
   */
  spent?(stage: string, ms: number): void;
}

/** Requests of one kind to the storage of one target, since the start: plain data. */
export interface StorageUsage {
  /** The target, as shares name it. */
  readonly table: string;
  /** What was asked, e.g. `get`. */
  readonly operation: string;
  /** What became of it, e.g. `ok`. */
  readonly outcome: string;
  /** How many. */
  readonly requests: number;
  /** Bytes received. */
  readonly bytesIn: number;
  /** Bytes sent. */
  readonly bytesOut: number;
}

/** Writes the batches of the partitions that it is given. Calls never overlap, but for what `overlaps` allows. */
export interface SinkTask<Staged> {
  /**
   * `put` may be called while `preCommit` is under way, which then covers what was put before it was called. Without it
   * nothing is put until the shares are durable.
   */
  readonly overlaps?: boolean;
  /** Once `put` has resolved nothing of the batch is looked at any more: the memory of its columns is used again. */
  readonly copies?: boolean;
  /** These partitions begin, at these offsets; one without an offset in the target is not in `at`. */
  open(partitions: readonly TopicPartition[], at: Offsets): Promise<void>;
  /**
   * Takes a batch, which chains to the last of its partition. Repeatable after a RetriableError. A TopicsError: it is
   * taken, and the partitions of these topics are closed.
   */
  put(batch: SinkBatch): Promise<void>;
  /**
   * Phase one: makes all that was put durable, and describes it. Nobody sees it yet. Nothing put: []. A TopicsError: the
   * partitions of these topics are closed, and it is called again for the shares of the others.
   */
  preCommit(): Promise<readonly Share<Staged>[]>;
  /**
   * Phase two has ended for a share of ours: forget it (committed, failed) or delete its files (stale). Repeatable, as
   * `put`.
   */
  settle?(share: Share<Staged>, outcome: CommitOutcome): Promise<void>;
  /**
   * Drops every open file that holds a row of these partitions. Returns where the OTHER partitions whose rows were in
   * those files must be read again. Shares that were prepared are the coordinator's until `settle`: one of them may be
   * in a commit at this moment, so their files are left alone here.
   */
  close(partitions: readonly TopicPartition[]): Promise<Offsets>;
  /** Releases everything and deletes open files; those of shares that are not settled stay. */
  stop(): Promise<void>;
  /** Bytes that the task holds in open files and uploads now: a metric. */
  bufferedBytes?(): number;
  /** What the task asked of the target's storage: metrics. */
  storageUsage?(): readonly StorageUsage[];
  /** The schema that the target has for a topic's values, or null: converters that infer start from it. */
  targetSchema?(topic: string): Promise<Schema | null>;
}

/** What would have become of the rows that were put, at one target: plain data but for the schemas. */
export interface TargetPreview {
  /** The target, as shares name it. */
  readonly table: string;
  /** Whose rows it takes. */
  readonly topic: string;
  /** The target's columns as they are; null: it does not exist, or has none. */
  readonly before: Schema | null;
  /** Its columns once the rows are in; null: no row was put. */
  readonly after: Schema | null;
  /** Paths of the columns that the rows would add. */
  readonly added: readonly string[];
  /** What of the rows would be where: an entry for each combination of partition values; one without any else. */
  readonly partitions: readonly TargetPartition[];
  /** Why the rows could not be committed, e.g. partition columns that the target does not have; null: they could. */
  readonly refused: string | null;
}

/** Rows that would share their partition values. */
export interface TargetPartition {
  /** By column, as the target writes them; null for null. */
  readonly values: Readonly<Record<string, string | null>>;
  /** How many rows. */
  readonly rows: number;
  /** Files that would have been written. */
  readonly files: number;
  /** Bytes of them. */
  readonly bytes: number;
}

/** A task that takes rows and rejects them exactly as a real one does, and writes nothing. */
export interface PreviewTask<Staged> extends SinkTask<Staged> {
  /** What would have become of all that was put so far. */
  preview(): Promise<readonly TargetPreview[]>;
}

/** Publishes shares. Used by the coordinator alone, one call a table at a time. */
export interface Committer<Staged> {
  /**
   * What the target says; a partition that it does not know is not in the answer. Throws FatalError on a refusal, which
   * the runtime pins on a topic by asking for one at a time.
   */
  committedOffsets(partitions: readonly TopicPartition[]): Promise<Offsets>;
  /**
   * Phase two: ONE new version for all of these shares (a compare-and-set on the offsets). Shares of a partition
   * that chain are given in order. Returns an outcome for each; throws only where nothing more can be done: a FatalError
   * stops the topics of these shares, and after a while they begin anew with `committedOffsets`.
   */
  commit(epoch: number, table: string, shares: readonly Share<Staged>[]): Promise<readonly CommitOutcome[]>;
  /**
   * Writes offsets without data, before the first fetch: for partitions that start elsewhere than at the earliest
   * offset, so that a crash cannot move the start. Leaves partitions alone that have an offset by now.
   */
  initialize(at: Offsets): Promise<void>;
  /**
   * Writes these offsets whatever the target says now, lower ones too, and nothing else: the next run of the connector
   * begins there. Asked for by somebody, while no task runs; repeatable. Absent: the offsets cannot be altered.
   */
  alterOffsets?(at: Offsets): Promise<void>;
  /**
   * How far runs over dead letters of a topic are, as ranges named them (`replayTopic`): all runs that the target knows of.
   * So a run can be told from its repetition where nobody else knows of it any more. Absent: it cannot.
   */
  replayedOffsets?(topic: string): Promise<Offsets>;
  /** Ends background work (checkpoints); returns when it is done. */
  stop(): Promise<void>;
  /** What the committer has asked of the storage of a target so far: metrics. */
  storageUsage?(table: string): readonly StorageUsage[];
}

/** A kind of sink. `Staged` is plain data: it crosses a thread. */
export interface SinkConnector<Def extends ConfigDef = ConfigDef, Staged = unknown> {
  /** "delta-sink": the folder's name and the value of `--connector`. */
  readonly name: string;
  /** The connector's own version. */
  readonly version: string;
  /** What it does, in a line, for lists of plugins. */
  readonly doc?: string;
  /** Parsing, linting and the docs: one source. */
  readonly options: Def;
  /**
   * Whether rows of one topic may come under different names (`SinkBatch.routedTopic`): null, or why they may not and what
   * to do instead. Absent: they may not.
   */
  routedRows?(values: Values<Def>): string | null;
  /** Reaches the target once, before the start; throws ConfigError or FatalError that names the fix. */
  check(config: Config<Def>, topics: readonly string[], context: ConnectorContext): Promise<void>;
  /** Makes a task, on a thread of its own. */
  createTask(config: Config<Def>, context: SinkTaskContext): Promise<SinkTask<Staged>>;
  /**
   * A task for previews: against the target as it is now and by the same options, but nothing is written anywhere. Absent:
   * there are no previews of what the sink does.
   */
  previewTask?(config: Config<Def>, context: SinkTaskContext): Promise<PreviewTask<Staged>>;
  /** Absent: Kafka's group offsets are the progress. */
  createCommitter?(config: Config<Def>, context: ConnectorContext): Promise<Committer<Staged>>;
}
