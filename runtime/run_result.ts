/**
 * What a connector did in this process: what a drain prints, and what the progress line and readiness are made of.
 *
 * @module
 */
import type { Clock, StorageUsage } from "./api/mod.ts";
import type { CommitReport } from "./commit.ts";
import { CommitterUsage } from "./storage_usage.ts";
import type { TaskMetrics } from "./task_meter.ts";

/** Plain data; offsets and versions are JSON numbers where they are safe integers, which they are in practice. */
export interface ConnectorResult {
  readonly connector: string;
  readonly tables: readonly TableResult[];
  /** Records read from Kafka, those that were rejected or read again included. */
  readonly records: number;
  /** Rows that were committed. */
  readonly rows: number;
  readonly rejects: readonly { readonly stage: string; readonly reason: string; readonly count: number }[];
  readonly skipped: number;
  readonly commits: number;
  readonly seconds: number;
  /** Topics that failed while the others went on, and why. */
  readonly failedTopics: Readonly<Record<string, string>>;
  /** What tasks and commits asked of the tables' storage, by operation; empty where that is not counted. */
  readonly storage: readonly StorageSum[];
  /** Seconds of every task's thread by stage, over all its lives: all of its time (see stage_clock.ts). */
  readonly stageSeconds: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Seconds from the request of a round to its durable files, over all tasks: records are put meanwhile. */
  readonly prepareSeconds: number;
  /** Seconds of commits, which the main thread makes while tasks go on, over all tables. */
  readonly commitSeconds: number;
}

/** Requests of one kind, whatever came of them. */
export interface StorageSum {
  readonly operation: string;
  readonly requests: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** One table's part. */
export interface TableResult {
  readonly table: string;
  readonly version: number;
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
  /** The next offset to read, by topic-partition. */
  readonly offsets: Readonly<Record<string, number>>;
}

interface TableState {
  version: bigint;
  rows: number;
  files: number;
  bytes: number;
  readonly offsets: Map<string, bigint>;
}

/** Collects. */
export class RunResult {
  readonly #tables = new Map<string, TableState>();
  /** The last figures of every task, and those of tasks that were replaced. */
  readonly #tasks = new Map<number, TaskMetrics>();
  #replaced: { readonly task: number; readonly metrics: TaskMetrics }[] = [];
  readonly #committers = new CommitterUsage();
  #commitMs = 0;
  readonly #states = new Map<number, string>();
  readonly #startedMs: number;
  /** Why topics do not run, by topic. */
  readonly #failed = new Map<string, { state: string; why: string }>();
  #assigned = false;
  commits = 0;

  constructor(private readonly connector: string, private readonly clock: Clock) {
    this.#startedMs = clock.monotonic();
  }

  committed({ table, shares, outcomes, storage, durationMs }: CommitReport): void {
    this.#commitMs += durationMs;
    if (storage.length > 0) this.#committers.note(this.connector, table, storage);
    const state = this.#tables.get(table) ??
      { version: -1n, rows: 0, files: 0, bytes: 0, offsets: new Map<string, bigint>() };
    this.#tables.set(table, state);
    shares.forEach(({ stats, ranges }, i) => {
      const outcome = outcomes[i];
      if (outcome.kind !== "committed") return;
      this.commits++;
      if (outcome.version > state.version) state.version = outcome.version;
      state.rows += stats.rows;
      state.files += stats.files;
      state.bytes += stats.bytes;
      for (const { topic, partition, to } of ranges) state.offsets.set(`${topic}-${partition}`, to);
    });
  }

  taskMetrics(task: number, metrics: TaskMetrics): void {
    this.#tasks.set(task, metrics);
  }

  taskState(task: number, state: string): void {
    this.#states.set(task, state);
    const metrics = this.#tasks.get(task);
    if (state === "RUNNING" || !metrics) return;
    this.#replaced.push({ task, metrics }); // the next one counts from 0
    this.#tasks.delete(task);
  }

  topicState(topic: string, state: string, why: string): void {
    if (state === "RUNNING") this.#failed.delete(topic);
    else this.#failed.set(topic, { state, why });
  }

  /** A new run knows nothing of what failed before, and its tasks count from 0. */
  started(): void {
    this.#failed.clear();
    this.#states.clear();
    this.#assigned = false;
    for (const [task, metrics] of this.#tasks) this.#replaced.push({ task, metrics });
    this.#tasks.clear();
  }

  assigned(): void {
    this.#assigned = true;
  }

  /** Why the connector does not do its work at this moment; empty: it does. */
  notReady(): string[] {
    const reasons = [...this.#states].filter(([, state]) => state !== "RUNNING").map(([task, state]) =>
      `task ${task} is ${state}`
    );
    if (!this.#assigned) reasons.push("it has no assignment from the consumer group yet");
    return reasons;
  }

  /** Topics that are not read at this moment, and why. */
  degraded(): string[] {
    return [...this.#failed].map(([topic, { state, why }]) => `topic ${topic} is ${state}: ${why}`);
  }

  /** Records read so far. */
  get recordsRead(): number {
    const replaced = this.#replaced.reduce((sum, { metrics }) => sum + metrics.recordsRead, 0);
    return [...this.#tasks.values()].reduce((sum, metrics) => sum + metrics.recordsRead, replaced);
  }

  snapshot(): ConnectorResult {
    const lives = [...this.#replaced, ...[...this.#tasks].map(([task, metrics]) => ({ task, metrics }))];
    const tasks = lives.map(({ metrics }) => metrics);
    const usage = [...tasks.flatMap((task) => task.storage), ...[...this.#committers.all()].flatMap((of) => of.usage)];
    const tables = [...this.#tables].map(([table, state]) => ({
      table,
      version: Number(state.version),
      rows: state.rows,
      files: state.files,
      bytes: state.bytes,
      offsets: Object.fromEntries([...state.offsets].sort().map(([key, offset]) => [key, Number(offset)])),
    }));
    return {
      connector: this.connector,
      tables,
      records: tasks.reduce((sum, { recordsRead }) => sum + recordsRead, 0),
      rows: tables.reduce((sum, { rows }) => sum + rows, 0),
      rejects: sumRejects(tasks),
      skipped: tasks.reduce((sum, { recordsSkipped }) => sum + recordsSkipped, 0),
      commits: this.commits,
      seconds: Math.round(this.clock.monotonic() - this.#startedMs) / 1000,
      failedTopics: Object.fromEntries([...this.#failed].map(([topic, { why }]) => [topic, why])),
      storage: sumStorage(usage),
      stageSeconds: sumStages(lives),
      prepareSeconds: Math.round(tasks.reduce((sum, { prepareMs }) => sum + prepareMs, 0)) / 1000,
      commitSeconds: Math.round(this.#commitMs) / 1000,
    };
  }
}

function sumStorage(usage: readonly StorageUsage[]): StorageSum[] {
  return [...Map.groupBy(usage, ({ operation }) => operation)].sort(([a], [b]) => a < b ? -1 : 1).map((
    [operation, own],
  ) => ({
    operation,
    requests: own.reduce((sum, { requests }) => sum + requests, 0),
    bytesIn: own.reduce((sum, { bytesIn }) => sum + bytesIn, 0),
    bytesOut: own.reduce((sum, { bytesOut }) => sum + bytesOut, 0),
  }));
}

function sumStages(
  lives: readonly { readonly task: number; readonly metrics: TaskMetrics }[],
): ConnectorResult["stageSeconds"] {
  const sums: Record<string, Record<string, number>> = {};
  for (const { task, metrics } of lives) {
    const own = sums[task] ??= {};
    for (const [stage, ms] of Object.entries(metrics.stageMs)) {
      own[stage] = Math.round((own[stage] ?? 0) * 1000 + ms) / 1000;
    }
  }
  return sums;
}

function sumRejects(tasks: readonly TaskMetrics[]): ConnectorResult["rejects"] {
  const counts = new Map<string, { stage: string; reason: string; count: number }>();
  for (const { stage, reason, count } of tasks.flatMap(({ rejects }) => rejects)) {
    const key = `${stage}\0${reason}`;
    const sum = counts.get(key) ?? { stage, reason, count: 0 };
    sum.count += count;
    counts.set(key, sum);
  }
  return [...counts.values()].sort((a, b) => b.count - a.count);
}
