/**
 * What is known of a task, over its lives: its last figures, its states, its commits, and what of them was lately.
 *
 * @module
 */
import { partitionKey, type Share } from "../api/mod.ts";
import type { TaskMetrics } from "../task_meter.ts";
import { mergeTaskMetrics, NO_TASK_METRICS } from "./merge.ts";
import { Sampled } from "./sampled.ts";

/** Wall time and monotonic time, ms. */
export interface Moment {
  readonly wallMs: number;
  readonly ms: number;
}

/** Shares of one task and one table. */
export interface TableCommits {
  committed: number;
}

/** See the module's doc. */
export class TaskFigures {
  /** Counts of earlier lives: a counter never goes back. */
  before: TaskMetrics = NO_TASK_METRICS;
  last: TaskMetrics = NO_TASK_METRICS;
  state = "UNASSIGNED";
  restarts = 0;
  skippedCommits = 0;
  commitEpoch = 0;
  lastErrorMs: number | null = null;
  readonly tables = new Map<string, TableCommits>();
  readonly reads = new Sampled();
  readonly sends = new Sampled();
  readonly putMs = new Sampled();
  readonly putRows = new Sampled();
  readonly active = new Sampled();
  readonly commitMs = new Sampled();
  /** 1: committed, 0: not. */
  readonly commitOutcomes = new Sampled();
  readonly completions = new Sampled();
  readonly skips = new Sampled();
  /** Where partitions stand in the table, as far as it was seen, by partitionKey. */
  readonly #committed = new Map<string, bigint>();
  readonly #stateMs = new Map<string, number>();
  #stateSinceMs: number;
  #toldMs: number;

  constructor(nowMs: number) {
    this.#stateSinceMs = this.#toldMs = nowMs;
  }

  /** Of all lives. */
  get total(): TaskMetrics {
    return mergeTaskMetrics(this.before, this.last);
  }

  /** The figures of now, in place of those before. */
  told(now: TaskMetrics, { wallMs, ms }: Moment): void {
    const { last } = this;
    this.reads.noteSpan(now.recordsRead - last.recordsRead, this.#toldMs, ms);
    this.sends.noteSpan(now.recordsPut - last.recordsPut, this.#toldMs, ms);
    const puts = now.puts.count - last.puts.count;
    this.putMs.note(now.puts.ms - last.puts.ms, ms, puts, now.puts.msMax);
    this.putRows.note(now.recordsPut - last.recordsPut, ms, puts, now.puts.rowsMax);
    if (errorsOf(now) > errorsOf(last)) this.lastErrorMs = wallMs;
    const open = new Set(now.partitions.map(partitionKey));
    for (const key of this.#committed.keys()) if (!open.has(key)) this.#committed.delete(key);
    for (const each of now.partitions) {
      const key = partitionKey(each);
      if (!this.#committed.has(key)) this.#committed.set(key, each.opened ?? each.next);
    }
    this.last = now;
    this.#toldMs = ms;
    this.active.note(this.activeCount, ms);
  }

  /** Offsets that were read and are in no version of a table yet. */
  get activeCount(): number {
    return this.last.partitions.reduce((sum, each) => {
      const ahead = each.next - (this.#committed.get(partitionKey(each)) ?? each.next);
      return ahead > 0n ? sum + Number(ahead) : sum;
    }, 0);
  }

  /** The most that a partition of it has left to read. */
  get lagMax(): number {
    return this.last.partitions.reduce(
      (most, { endOffset, next }) => endOffset === null ? most : Math.max(most, Number(endOffset - next)),
      0,
    );
  }

  enter(state: string, nowMs: number): void {
    this.#stateMs.set(this.state, (this.#stateMs.get(this.state) ?? 0) + nowMs - this.#stateSinceMs);
    this.#stateSinceMs = nowMs;
    this.state = state;
    if (state === "RESTARTING") this.restarts++;
    if (state === "RUNNING") {
      if (this.last === NO_TASK_METRICS) this.#toldMs = nowMs;
      return;
    }
    // The next life counts from zero.
    this.before = { ...this.total, partitions: [] };
    this.last = NO_TASK_METRICS;
    this.#committed.clear();
  }

  /** The part of its time that it has been in this state. */
  ratio(state: string, nowMs: number): number {
    const currentMs = nowMs - this.#stateSinceMs;
    const inMs = (this.#stateMs.get(state) ?? 0) + (this.state === state ? currentMs : 0);
    const allMs = [...this.#stateMs.values()].reduce((sum, each) => sum + each, currentMs);
    return allMs === 0 ? (this.state === state ? 1 : 0) : inMs / allMs;
  }

  /** A share of it was decided. */
  decided(
    { table, ranges }: Share<unknown>,
    outcome: "committed" | "stale" | "failed",
    epoch: number,
    ms: number,
  ): void {
    this.commitOutcomes.note(outcome === "committed" ? 1 : 0, ms);
    this.commitEpoch = epoch;
    if (outcome === "stale") {
      this.skippedCommits++;
      this.skips.note(1, ms);
    }
    if (outcome !== "committed") return;
    const commits = this.tables.get(table) ?? { committed: 0 };
    this.tables.set(table, commits);
    commits.committed++;
    this.completions.note(1, ms);
    for (const range of ranges) {
      const key = partitionKey(range);
      if ((this.#committed.get(key) ?? -1n) < range.to) this.#committed.set(key, range.to);
    }
  }
}

function errorsOf({ rejects, retries, recordErrors, letterFailures }: TaskMetrics): number {
  return rejects.reduce((sum, { count }) => sum + count, retries + recordErrors + letterFailures);
}
