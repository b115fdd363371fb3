/**
 * What is known of a connector, and what the worker counts over all of them.
 *
 * @module
 */
import type { CommitReport } from "../commit.ts";
import { CommitterUsage } from "../storage_usage.ts";
import { Sampled } from "./sampled.ts";
import { type Moment, TaskFigures } from "./task_figures.ts";

/** What runs as the connector. */
export interface ConnectorPlugin {
  readonly name: string;
  readonly version: string;
}

/** Of one table; versions are those that our commits made. */
export interface TableFigures {
  rows: number;
  files: number;
  bytes: number;
  version: number | null;
  /** Discarded shares by why. */
  readonly stale: Map<string, number>;
}

/** Starts of connectors, or of tasks, and how they ended. */
export class Startups {
  succeeded = 0;
  failed = 0;
  /** 1: it runs, 0: it failed. */
  readonly lately = new Sampled();

  /** What a state says about a start, after the state before it. */
  note(before: string, state: string, nowMs: number): void {
    if (before === "RUNNING" || (state !== "RUNNING" && state !== "FAILED" && state !== "RESTARTING")) return;
    if (before === "FAILED" && state === "FAILED") return;
    const runs = state === "RUNNING";
    if (runs) this.succeeded++;
    else this.failed++;
    this.lately.note(runs ? 1 : 0, nowMs);
  }
}

/** See the module's doc. */
export class ConnectorFigures {
  state = "UNASSIGNED";
  plugin: ConnectorPlugin | null = null;
  readonly tasks = new Map<number, TaskFigures>();
  readonly tables = new Map<string, TableFigures>();
  /** Of topics that failed once. */
  readonly topics = new Map<string, { state: string; restarts: number }>();
  readonly committers = new CommitterUsage();
  assigned: number | null = null;
  /** Those that have ended; `sinceMs`: the one under way. */
  rebalances = 0;
  rebalanceSinceMs: number | null = null;
  lastRebalanceMs: number | null = null;
  readonly rebalanceMs = new Sampled();

  task(task: number, nowMs: number): TaskFigures {
    let figures = this.tasks.get(task);
    if (!figures) this.tasks.set(task, figures = new TaskFigures(nowMs));
    return figures;
  }

  topicState(topic: string, state: string): void {
    const figures = this.topics.get(topic) ?? { state, restarts: 0 };
    this.topics.set(topic, figures);
    figures.state = state;
    if (state === "RESTARTING") figures.restarts++;
  }

  /** A run begins: no topic of it has failed. */
  topicsStarted(): void {
    for (const topic of this.topics.values()) topic.state = "RUNNING";
  }

  committed(report: CommitReport, { ms }: Moment): void {
    const { table, shares, outcomes, tasks, epoch, durationMs } = report;
    const figures = this.tables.get(table) ?? { rows: 0, files: 0, bytes: 0, version: null, stale: new Map() };
    this.tables.set(table, figures);
    shares.forEach((share, i) => {
      const outcome = outcomes[i];
      this.task(tasks[i], ms).decided(share, outcome.kind, epoch, ms);
      if (outcome.kind === "stale") figures.stale.set(outcome.why, (figures.stale.get(outcome.why) ?? 0) + 1);
      if (outcome.kind !== "committed") return;
      figures.rows += share.stats.rows;
      figures.files += share.stats.files;
      figures.bytes += share.stats.bytes;
      figures.version = Number(outcome.version);
    });
    for (const task of new Set(tasks)) this.task(task, ms).commitMs.note(durationMs, ms);
  }

  rebalancing({ ms }: Moment): void {
    this.rebalanceSinceMs ??= ms;
  }

  /** The group has dealt out its partitions. */
  dealt(partitions: number, { ms }: Moment): void {
    this.assigned = partitions;
    if (this.rebalanceSinceMs !== null) {
      this.rebalances++;
      this.rebalanceMs.note(ms - this.rebalanceSinceMs, ms);
    }
    this.rebalanceSinceMs = null;
    this.lastRebalanceMs = ms;
  }
}

/** All connectors of a worker. */
export class WorkerFigures {
  readonly connectors = new Map<string, ConnectorFigures>();
  readonly connectorStartups = new Startups();
  readonly taskStartups = new Startups();

  of(connector: string): ConnectorFigures {
    let figures = this.connectors.get(connector);
    if (!figures) this.connectors.set(connector, figures = new ConnectorFigures());
    return figures;
  }

  /** With the labels of each task. */
  *tasks(): Iterable<[{ readonly connector: string; readonly task: string }, TaskFigures]> {
    for (const [connector, { tasks }] of this.connectors) {
      for (const [task, figures] of tasks) yield [{ connector, task: String(task) }, figures];
    }
  }
}
