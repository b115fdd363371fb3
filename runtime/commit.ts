/**
 * Stage 6, commit: feeds the coordinator's pure step and carries out what it wants done.
 *
 * @module
 */
import {
  type Clock,
  type CommitOutcome,
  type Committer,
  FatalError,
  type Log,
  type OffsetRange,
  partitionKey,
  type Share,
  type StorageUsage,
  type TopicPartition,
} from "./api/mod.ts";
import { step } from "./coordinator.ts";
import {
  type CoordinatorEffect,
  type CoordinatorEvent,
  type CoordinatorOptions,
  type CoordinatorState,
  initialState,
} from "./coordinator_state.ts";
import { createLimit, type Limit } from "./limit.ts";
import type { ToTask } from "./task_protocol.ts";

/** A commit that has ended, for metrics, results and logs. */
export interface CommitReport {
  readonly table: string;
  readonly epoch: number;
  readonly shares: readonly Share<unknown>[];
  /** Whose each share is. */
  readonly tasks: readonly number[];
  readonly outcomes: readonly CommitOutcome[];
  readonly durationMs: number;
  /** What the committer has asked of the table's storage so far, where it tells. */
  readonly storage: readonly StorageUsage[];
}

/** What the commit stage needs of its surroundings. */
export interface CommitParts {
  readonly options: CoordinatorOptions;
  readonly committer: Committer<unknown>;
  readonly clock: Clock;
  readonly log: Log;
  readonly tell: (task: number, message: ToTask) => void;
  /** Finds where these are to be read and tells the task; leaves those out for which `isCurrent` is false by then. */
  readonly open: (
    effect: CoordinatorEffect & { kind: "open" },
    isCurrent: (partition: TopicPartition) => boolean,
  ) => Promise<void>;
  /** Whether a FatalError of one table stops its topics alone. */
  readonly isolatesTopics: boolean;
  /** Nothing of the topic is read or under way. */
  readonly onTopicParked: (topic: string, why: string) => void;
  /** Moves the group's offsets; its failure is its own to log. May resolve with it when it is done; never rejects. */
  readonly advance: (ranges: readonly OffsetRange[]) => Promise<unknown> | void;
  readonly onCommit: (report: CommitReport) => void;
  /** A task must be replaced. */
  readonly onTaskFailed: (task: number, why: string) => void;
  /** Nothing can be committed any more. */
  readonly onFatal: (error: unknown) => void;
  /** Traces of rounds, where somebody wants them. */
  readonly tracer?: RoundTracer | null;
}

/** Watches rounds: see tracing.ts. */
export interface RoundTracer {
  /** The coordinator took a step; what it wants done is done next. */
  stepped(event: CoordinatorEvent, state: CoordinatorState, effects: readonly CoordinatorEffect[]): void;
  /** Phase two of a table begins. */
  commit(table: string, shares: readonly Share<unknown>[]): CommitTrace;
  /** Group offsets are on their way; resolves with what went wrong, or null. */
  advance(ranges: readonly OffsetRange[], sent: Promise<unknown>): void;
  /** The run has failed: nothing is committed any more. */
  failed(error: unknown): void;
}

/** One commit of a table. */
export interface CommitTrace {
  /** For the log's lines about it. */
  readonly ids: { readonly trace_id: string; readonly span_id: string };
  /** Does the work as a part of it. */
  within<T>(work: () => Promise<T>): Promise<T>;
  ended(outcomes: readonly CommitOutcome[]): void;
  failed(error: unknown): void;
}

/** Tables that commit at once: each costs a few requests, and the main thread has heartbeats to send between them. */
const COMMITS_MAX = 32;
const OPENS_MAX = 16;
/** What takes longer counts no more: its storage is in trouble. */
const SLOW_MS = 5_000;
/** A round of more tables than this is logged as a whole, its tables at level debug. */
const LOGGED_TABLES_MAX = 20;

/** The commit stage of one connector, on the main thread. */
export class CommitStage {
  #state: CoordinatorState;
  readonly #events: CoordinatorEvent[] = [];
  #lastId = 0;
  readonly #waiting = new Map<number, () => void>();
  /** Opens of a topic run one after the other, so that a task hears of its partitions in the order of their epochs. */
  readonly #opens = new Map<string, Promise<void>>();
  readonly #openLimit: Limit;
  readonly #commitLimit: Limit;
  readonly #roundLog: RoundLog;

  constructor(private readonly parts: CommitParts) {
    const { options, clock, log } = parts;
    this.#state = initialState(options, clock.monotonic());
    this.#openLimit = createLimit(OPENS_MAX, { clock, slowMs: SLOW_MS });
    this.#commitLimit = createLimit(COMMITS_MAX, { clock, slowMs: SLOW_MS });
    this.#roundLog = new RoundLog(log);
  }

  dispatch(event: CoordinatorEvent): void {
    this.#events.push(event);
    if (this.#events.length > 1) return; // an effect of the event before it: it waits for the other effects
    for (; this.#events.length > 0; this.#events.shift()) {
      const [state, effects] = step(this.#state, this.#events[0]);
      this.#state = state;
      this.parts.tracer?.stepped(this.#events[0], state, effects);
      for (const effect of effects) this.#carryOut(effect);
    }
  }

  tick(): void {
    this.dispatch({ kind: "tick", nowMs: this.parts.clock.monotonic() });
  }

  /** A round now; resolves when what was read before is committed, stale or late. */
  flush(): Promise<void> {
    return this.#until((id) => this.dispatch({ kind: "flush", id, nowMs: this.parts.clock.monotonic() }));
  }

  /** Lets partitions go; resolves when their tasks have been told to drop them. */
  release(partitions: readonly TopicPartition[]): Promise<void> {
    return this.#until((id) => this.dispatch({ kind: "revoked", id, partitions }));
  }

  #until(dispatch: (id: number) => void): Promise<void> {
    const id = ++this.#lastId;
    const done = new Promise<void>((resolve) => this.#waiting.set(id, resolve));
    dispatch(id);
    return done;
  }

  #carryOut(effect: CoordinatorEffect): void {
    const { tell, onTaskFailed, advance, tracer } = this.parts;
    switch (effect.kind) {
      case "ask":
        return effect.tasks.forEach((task) => tell(task, { kind: "prepare", epoch: effect.epoch }));
      case "settle":
        return tell(effect.task, { kind: "settle", share: effect.share, outcome: effect.outcome });
      case "close":
        return tell(effect.task, { kind: "close", partitions: effect.partitions });
      case "open":
        for (const [topic, partitions] of Map.groupBy(effect.partitions, (partition) => partition.topic)) {
          const before = this.#opens.get(topic) ?? Promise.resolve();
          this.#opens.set(
            topic,
            before.then(() => this.#openLimit(() => this.#open(topic, { ...effect, partitions }))),
          );
        }
        return;
      case "commit":
        this.#commit(effect);
        return;
      case "advance": {
        const sent = advance(effect.ranges);
        if (sent) tracer?.advance(effect.ranges, sent);
        return;
      }
      case "parked":
        return this.parts.onTopicParked(effect.topic, effect.why);
      case "fail":
        return onTaskFailed(effect.task, effect.why);
      case "flushed":
      case "released":
        this.#waiting.get(effect.id)?.();
        this.#waiting.delete(effect.id);
    }
  }

  async #open(topic: string, effect: CoordinatorEffect & { kind: "open" }): Promise<void> {
    const isCurrent = (partition: TopicPartition) => {
      const assignment = this.#state.assignments.get(partitionKey(partition));
      return assignment?.task === effect.task && assignment.epoch === effect.epoch;
    };
    try {
      await this.parts.open(effect, isCurrent);
    } catch (error) {
      if (!this.parts.isolatesTopics || !(error instanceof FatalError)) return this.parts.onFatal(error);
      if (effect.partitions.some(isCurrent)) this.dispatch({ kind: "topic-failed", topic, why: error.message });
    }
  }

  async #commit({ epoch, table, shares }: CoordinatorEffect & { kind: "commit" }): Promise<void> {
    const { clock, committer, onCommit, onFatal, tracer } = this.parts;
    const tasks = this.#state.committing.get(table)!.map(({ task }) => task);
    let trace: CommitTrace | null = null;
    this.#roundLog.begin();
    try {
      const [outcomes, durationMs] = await this.#commitLimit(async () => {
        const started = clock.monotonic();
        trace = tracer?.commit(table, shares) ?? null;
        const work = () => this.#isolated(table, shares, () => committer.commit(epoch, table, shares));
        const outcomes = await (trace?.within(work) ?? work());
        trace?.ended(outcomes);
        return [outcomes, clock.monotonic() - started] as const;
      });
      const storage = committer.storageUsage?.(table) ?? [];
      const report = { table, epoch, shares, tasks, outcomes, durationMs, storage };
      this.#roundLog.end(report, (trace as CommitTrace | null)?.ids);
      onCommit(report);
      this.dispatch({ kind: "committed", table, outcomes });
    } catch (error) {
      (trace as CommitTrace | null)?.failed(error);
      onFatal(error);
    }
  }

  /** A table that cannot be committed is its topics' failure. */
  async #isolated(
    table: string,
    shares: readonly Share<unknown>[],
    commit: () => Promise<readonly CommitOutcome[]>,
  ): Promise<readonly CommitOutcome[]> {
    const { isolatesTopics, log } = this.parts;
    try {
      return await commit();
    } catch (error) {
      if (!isolatesTopics || !(error instanceof FatalError)) throw error;
      log.error("A table cannot be committed", { table, error: error.message });
      return shares.map(() => ({ kind: "failed", why: error.message }));
    }
  }
}

/** Tells of commits: each by itself where they are few, else the round of them. */
class RoundLog {
  #open = 0;
  /** Since none was under way. */
  #tables = 0;
  #shares = 0;
  #rows = 0;
  #durationMsMax = 0;

  constructor(private readonly log: Log) {}

  begin(): void {
    if (this.#open++ === 0) {
      this.#tables =
        this.#shares =
        this.#rows =
        this.#durationMsMax =
          0;
    }
    this.#tables++;
  }

  end({ table, epoch, shares, outcomes, durationMs }: CommitReport, ids?: CommitTrace["ids"]): void {
    const isMany = this.#tables > LOGGED_TABLES_MAX;
    this.#durationMsMax = Math.max(this.#durationMsMax, durationMs);
    shares.forEach((share, i) => {
      const outcome = outcomes[i];
      if (outcome.kind === "failed") return; // logged with its reason
      const offsets = share.ranges.map(({ topic, partition, from, to }) => `${topic}-${partition}:[${from},${to})`)
        .join(" ");
      const fields = { table, epoch, rows: share.stats.rows, offsets, duration_ms: Math.round(durationMs), ...ids };
      if (outcome.kind === "stale") {
        return this.log.warn("A share is stale: its records are read again", { ...fields, why: outcome.why });
      }
      this.#shares++;
      this.#rows += share.stats.rows;
      this.log[isMany ? "debug" : "info"]("Committed", { ...fields, version: outcome.version });
    });
    if (--this.#open > 0 || !isMany) return;
    const fields = { epoch, tables: this.#tables, shares: this.#shares, rows: this.#rows };
    this.log.info("Committed many tables", { ...fields, duration_ms_max: Math.round(this.#durationMsMax) });
  }
}
