/**
 * What a run of a connector is made of, and who watches it.
 *
 * @module
 */
import { type Clock, type Committer, FatalError, type Log, type Retry, type TopicPartition } from "./api/mod.ts";
import type { CommitReport, RoundTracer } from "./commit.ts";
import type { CoordinatorOptions } from "./coordinator_state.ts";
import type { KafkaAdmin, Membership } from "./kafka/types.ts";
import type { TaskMetrics } from "./task_meter.ts";
import type { FromTask, ToTask } from "./task_protocol.ts";

/** A task, or every topic, failed as often in a row as it may: nothing is gained by another run. */
export class TaskFailedError extends FatalError {
  override name = "TaskFailedError";
}

/** A drain is done with all topics but some. */
export class TopicsFailedError extends FatalError {
  override name = "TopicsFailedError";
}

/** A task wherever it runs. */
export interface TaskHost {
  post(message: ToTask): void;
  /** Ends it at once; nothing is flushed. */
  terminate(): void;
}

/** How often failed tasks and topics are started again, and after which pauses. */
export interface RestartOptions {
  readonly max: number;
  readonly backoffMs: number;
  readonly backoffMsMax: number;
}

/** What a run is made of. */
export interface ConnectorRunParts {
  readonly name: string;
  readonly admin: KafkaAdmin;
  readonly membership: Membership;
  readonly committer: Committer<unknown>;
  readonly spawn: (task: number, receive: (message: FromTask) => void) => TaskHost;
  readonly clock: Clock;
  readonly log: Log;
  readonly retry: Retry;
  readonly coordinator: CoordinatorOptions;
  readonly tasksMax: number;
  readonly autoOffsetReset: "earliest" | "latest";
  /** All partitions that existed at the start. */
  readonly initial: readonly TopicPartition[];
  /** Where a drain ends, by `partitionKey`; null: run on. */
  readonly until: ReadonlyMap<string, bigint> | null;
  readonly restart: RestartOptions;
  /** How long the flush before a rebalance may take. */
  readonly revokeTimeoutMs: number;
  readonly observer: RunObserver;
  /** What a FatalError of one topic's table stops: `topic.failure`. */
  readonly topicFailure: "topic" | "all";
  /** Topics that cannot be used as it is, and why: found before the run. */
  readonly failed?: ReadonlyMap<string, string>;
  /** Traces of its rounds, where somebody wants them. */
  readonly tracer?: RoundTracer | null;
  /** Proves that a topic can be used again. */
  readonly check?: (topic: string) => Promise<void>;
}

/** What a task or a topic does. */
export type RunState = "UNASSIGNED" | "RUNNING" | "FAILED" | "RESTARTING";

/** Who wants to know how a run goes. */
export interface RunObserver {
  onCommit(report: CommitReport): void;
  /** What runs as the connector. */
  onPlugin?(plugin: { readonly name: string; readonly version: string }): void;
  /** So many tasks are being started, from 0 on. */
  onTasks?(count: number): void;
  onTaskMetrics(task: number, metrics: TaskMetrics): void;
  onTaskState(task: number, state: RunState, why?: string): void;
  /** Told of topics that fail, and of those that run again. */
  onTopicState(topic: string, state: RunState, why: string): void;
  onAssigned(partitions: readonly TopicPartition[]): void;
  onRebalance(): void;
}

/** How many tasks a run has: one without partitions would do nothing. */
export function taskCount(tasksMax: number, partitions: number): number {
  return Math.max(1, Math.min(tasksMax, partitions));
}

/** The pause before the next start, the `restarts`-th in a row; null: there is none. */
export function restartDelayMs({ max, backoffMs, backoffMsMax }: RestartOptions, restarts: number): number | null {
  return restarts > max ? null : Math.min(backoffMsMax, backoffMs * 2 ** Math.min(restarts - 1, 30));
}
