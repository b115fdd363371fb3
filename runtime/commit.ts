/**
 * Stage 6, commit: feeds the coordinator's pure step and carries out what it wants done.
 *
 * @module
 */
import {
  type Clock,
  type CommitOutcome,
  type Committer,
  type Log,
  type OffsetRange,
  partitionKey,
  type Share,
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
import type { ToTask } from "./task_protocol.ts";

/** A commit that has ended, for metrics, results and logs. */
export interface CommitReport {
  readonly table: string;
  readonly epoch: number;
  readonly shares: readonly Share<unknown>[];
  readonly outcomes: readonly CommitOutcome[];
  readonly durationMs: number;
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
  /** Moves the group's offsets; its failure is its own to log. */
  readonly advance: (ranges: readonly OffsetRange[]) => void;
  readonly onCommit: (report: CommitReport) => void;
  /** A task must be replaced. */
  readonly onTaskFailed: (task: number, why: string) => void;
  /** Nothing can be committed any more. */
  readonly onFatal: (error: unknown) => void;
}

/** The commit stage of one connector, on the main thread. */
export class CommitStage {
  #state: CoordinatorState;
  readonly #events: CoordinatorEvent[] = [];
  #lastId = 0;
  readonly #waiting = new Map<number, () => void>();
  /** Opens run one after the other, so that a task hears of its partitions in the order of their epochs. */
  #opens: Promise<void> = Promise.resolve();

  constructor(private readonly parts: CommitParts) {
    this.#state = initialState(parts.options, parts.clock.monotonic());
  }

  dispatch(event: CoordinatorEvent): void {
    this.#events.push(event);
    if (this.#events.length > 1) return; // an effect of the event before it: it waits for the other effects
    for (; this.#events.length > 0; this.#events.shift()) {
      const [state, effects] = step(this.#state, this.#events[0]);
      this.#state = state;
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
    const { tell, onTaskFailed, advance } = this.parts;
    switch (effect.kind) {
      case "ask":
        return effect.tasks.forEach((task) => tell(task, { kind: "prepare", epoch: effect.epoch }));
      case "settle":
        return tell(effect.task, { kind: "settle", share: effect.share, outcome: effect.outcome });
      case "close":
        return tell(effect.task, { kind: "close", partitions: effect.partitions });
      case "open":
        this.#opens = this.#opens.then(() => this.#open(effect));
        return;
      case "commit":
        this.#commit(effect);
        return;
      case "advance":
        return advance(effect.ranges);
      case "fail":
        return onTaskFailed(effect.task, effect.why);
      case "flushed":
      case "released":
        this.#waiting.get(effect.id)?.();
        this.#waiting.delete(effect.id);
    }
  }

  async #open(effect: CoordinatorEffect & { kind: "open" }): Promise<void> {
    const isCurrent = (partition: TopicPartition) => {
      const assignment = this.#state.assignments.get(partitionKey(partition));
      return assignment?.task === effect.task && assignment.epoch === effect.epoch;
    };
    try {
      await this.parts.open(effect, isCurrent);
    } catch (error) {
      this.parts.onFatal(error);
    }
  }

  async #commit({ epoch, table, shares }: CoordinatorEffect & { kind: "commit" }): Promise<void> {
    const { clock, committer, onCommit, onFatal, log } = this.parts;
    const started = clock.monotonic();
    try {
      const outcomes = await committer.commit(epoch, table, shares);
      const durationMs = clock.monotonic() - started;
      logCommit(log, table, epoch, shares, outcomes, durationMs);
      onCommit({ table, epoch, shares, outcomes, durationMs });
      this.dispatch({ kind: "committed", table, outcomes });
    } catch (error) {
      onFatal(error);
    }
  }
}

function logCommit(
  log: Log,
  table: string,
  epoch: number,
  shares: readonly Share<unknown>[],
  outcomes: readonly CommitOutcome[],
  durationMs: number,
): void {
  shares.forEach((share, i) => {
    const outcome = outcomes[i];
    const offsets = share.ranges.map(({ topic, partition, from, to }) => `${topic}-${partition}:[${from},${to})`).join(
      " ",
    );
    const fields = { table, epoch, rows: share.stats.rows, offsets, duration_ms: Math.round(durationMs) };
    if (outcome.kind === "committed") log.info("Committed", { ...fields, version: outcome.version });
    else log.warn("A share is stale: its records are read again", { ...fields, why: outcome.why });
  });
}
