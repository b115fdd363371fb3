/**
 * What the main thread and a task's thread say to each other: plain data, in order, nothing else.
 *
 * @module
 */
import type { CommitOutcome, RecordSide, TopicPartition } from "./api/mod.ts";
import type { TaskShare } from "./coordinator_state.ts";
import type { TaskMetrics } from "./task_meter.ts";

/** A partition to read, and from where. */
export interface OpenPartition extends TopicPartition {
  readonly epoch: number;
  /** The next offset to read. */
  readonly offset: bigint;
  /** True where the target holds no offset of this partition yet. */
  readonly absent: boolean;
  /** Stop before this offset and report `caught-up`; null: read on for ever. */
  readonly until: bigint | null;
}

export type ToTask =
  /** Read these; `reopened`: what the task has of them is void. */
  | { readonly kind: "open"; readonly partitions: readonly OpenPartition[]; readonly reopened: boolean }
  | { readonly kind: "close"; readonly partitions: readonly TopicPartition[] }
  /** Phase one. */
  | { readonly kind: "prepare"; readonly epoch: number }
  | { readonly kind: "settle"; readonly share: string; readonly outcome: CommitOutcome }
  /** The answer to `pin`: an Arrow schema as an IPC stream. */
  | { readonly kind: "pinned"; readonly id: number; readonly schema: Uint8Array }
  /** Take nothing more; what was taken is to be prepared. */
  | { readonly kind: "finish" }
  | { readonly kind: "stop" };

export type FromTask =
  | { readonly kind: "ready" }
  | { readonly kind: "prepared"; readonly epoch: number; readonly shares: readonly Omit<TaskShare, "task">[] }
  /** Proposes the inferred schema of a topic's keys or values, an Arrow schema as an IPC stream. */
  | {
    readonly kind: "pin";
    readonly id: number;
    readonly topic: string;
    readonly side: RecordSide;
    readonly schema: Uint8Array;
  }
  | { readonly kind: "commit-requested" }
  /** The task has closed all that it had of the topic: its table, or its records, cannot be used. */
  | { readonly kind: "topic-failed"; readonly topic: string; readonly why: string }
  /** The partition has been read up to its `until`. */
  | { readonly kind: "caught-up"; readonly partition: TopicPartition }
  | { readonly kind: "metrics"; readonly metrics: TaskMetrics }
  | { readonly kind: "failed"; readonly name: string; readonly message: string; readonly stack: string }
  | { readonly kind: "stopped" };

/** A bug keeps its trace: the stack of the thread is the only one that tells where it is. */
export function whyFailed({ name, message, stack }: FromTask & { kind: "failed" }): string {
  const verdicts = ["FatalError", "TopicsError", "RetriableError", "DataError", "ConfigError"];
  return verdicts.includes(name) ? message : stack || message;
}
