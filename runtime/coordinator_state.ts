/**
 * What the coordinator knows, what happens to it and what it wants done: plain data.
 *
 * @module
 */
import type { CommitOutcome, OffsetRange, Share, TopicPartition } from "./api/mod.ts";

/** How long rounds are and how patient; all ms are monotonic. */
export interface CoordinatorOptions {
  readonly commitIntervalMs: number;
  /** After this long the round goes on without the tasks that have not answered. */
  readonly commitTimeoutMs: number;
  /** Rounds that a task may miss in a row. */
  readonly lateMax: number;
}

/** A share with the task that prepared it and the epochs under which its partitions were read, by `partitionKey`. */
export interface TaskShare {
  readonly task: number;
  readonly share: Share<unknown>;
  readonly epochs: Readonly<Record<string, number>>;
}

/** See `CoordinatorState`. */
export interface TaskState {
  /** The round that it was asked to prepare and has not answered, or null. */
  readonly asked: number | null;
  readonly late: number;
}

/** See `CoordinatorState`. */
export interface Assignment extends TopicPartition {
  readonly task: number;
  readonly epoch: number;
}

/** See `CoordinatorState`. */
export interface Round {
  readonly epoch: number;
  readonly deadlineMs: number;
  readonly waiting: readonly number[];
}

/** Everything that the coordinator knows. Nothing of it is durable: the tables are. */
export interface CoordinatorState {
  readonly options: CoordinatorOptions;
  /** The number of the last round. */
  readonly epoch: number;
  /** The last epoch given to a partition. */
  readonly assignmentEpoch: number;
  readonly nextRoundMs: number;
  readonly round: Round | null;
  readonly tasks: ReadonlyMap<number, TaskState>;
  readonly assignments: ReadonlyMap<string, Assignment>;
  /** Shares that wait for a commit, by table, in the order in which they came. */
  readonly queued: ReadonlyMap<string, readonly TaskShare[]>;
  /** Tables whose queue is to be committed now, i.e. whose round has ended. */
  readonly due: ReadonlySet<string>;
  readonly committing: ReadonlyMap<string, readonly TaskShare[]>;
  /** Flushes by id: done when the round of this epoch has ended and nothing is due or committing. */
  readonly flushes: ReadonlyMap<number, number>;
  /** Revoked assignments by id: their files may be closed once no commit under way names them. */
  readonly revocations: ReadonlyMap<number, readonly Assignment[]>;
  /** Topics that failed, with what they had: `parked` once no commit under way names files of it. */
  readonly parking: ReadonlyMap<string, { readonly why: string; readonly assignments: readonly Assignment[] }>;
}

/** What happens. */
export type CoordinatorEvent =
  | { readonly kind: "tick"; readonly nowMs: number }
  | { readonly kind: "task-joined"; readonly task: number }
  /** The task is gone: nothing that it queued will be committed, and its partitions are nobody's. */
  | { readonly kind: "task-left"; readonly task: number; readonly why?: string }
  /** The partitions are the task's from now on; the step gives them an epoch and asks to open them. */
  | { readonly kind: "assigned"; readonly task: number; readonly partitions: readonly TopicPartition[] }
  /**
   * The partitions are no longer ours: queued shares that hold rows of them are dropped. `close` and then `released`
   * follow when no commit under way holds rows of them, so that no file is deleted that a version may come to name.
   */
  | { readonly kind: "revoked"; readonly id: number; readonly partitions: readonly TopicPartition[] }
  /** Somebody wants a round before its time. */
  | { readonly kind: "requested"; readonly nowMs: number }
  /** A round now; `flushed` follows when all that was read before it is decided or late. */
  | { readonly kind: "flush"; readonly id: number; readonly nowMs: number }
  | { readonly kind: "prepared"; readonly task: number; readonly epoch: number; readonly shares: readonly TaskShare[] }
  /**
   * The topic cannot go on: its partitions are nobody's, and what is queued of it is dropped. `close`, then `parked`
   * follow when no commit under way holds rows of it. An outcome "failed" does the same to the topics of its share.
   */
  | { readonly kind: "topic-failed"; readonly topic: string; readonly why: string }
  | { readonly kind: "committed"; readonly table: string; readonly outcomes: readonly CommitOutcome[] };

/** What is to be done about it. */
export type CoordinatorEffect =
  | { readonly kind: "ask"; readonly tasks: readonly number[]; readonly epoch: number }
  | {
    readonly kind: "commit";
    readonly epoch: number;
    readonly table: string;
    readonly shares: readonly Share<unknown>[];
  }
  | { readonly kind: "settle"; readonly task: number; readonly share: string; readonly outcome: CommitOutcome }
  /** Read these from where the target stands; `reopened`: they were open, and what they had is void. */
  | {
    readonly kind: "open";
    readonly task: number;
    readonly epoch: number;
    readonly partitions: readonly TopicPartition[];
    readonly reopened: boolean;
  }
  /** Drop what is open or staged of these. */
  | { readonly kind: "close"; readonly task: number; readonly partitions: readonly TopicPartition[] }
  | { readonly kind: "released"; readonly id: number }
  /** Nothing of the topic is read, open or under way: it may be assigned anew. */
  | { readonly kind: "parked"; readonly topic: string; readonly why: string }
  | { readonly kind: "advance"; readonly ranges: readonly OffsetRange[] }
  | { readonly kind: "fail"; readonly task: number; readonly why: string }
  | { readonly kind: "flushed"; readonly id: number };

/** The coordinator before anything happened. */
export function initialState(options: CoordinatorOptions, nowMs: number): CoordinatorState {
  return {
    options,
    epoch: 0,
    assignmentEpoch: 0,
    nextRoundMs: nowMs + options.commitIntervalMs,
    round: null,
    tasks: new Map(),
    assignments: new Map(),
    queued: new Map(),
    due: new Set(),
    committing: new Map(),
    flushes: new Map(),
    revocations: new Map(),
    parking: new Map(),
  };
}
