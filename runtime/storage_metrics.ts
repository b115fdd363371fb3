/**
 * The metrics of what tables' storage is asked for, and of what a commit takes.
 *
 * @module
 */
import { Counter, Histogram, type Registry } from "prom-client";
import type { StorageUsage } from "./api/connector.ts";
import type { CommitReport } from "./commit.ts";
import { CommitterUsage } from "./storage_usage.ts";
import type { TaskMetrics } from "./task_meter.ts";

/** A task's counts, of its earlier lives and of this. */
export interface TaskLives {
  readonly connector: string;
  readonly before: TaskMetrics;
  readonly last: TaskMetrics;
}

/** Requests of tasks and committers to the storage of tables. */
export function storageMetrics(registry: Registry, tasks: ReadonlyMap<string, TaskLives>) {
  const committers = new CommitterUsage();
  const counter = (
    name: string,
    help: string,
    labels: readonly string[],
    add: (to: Counter, of: LabeledUsage) => void,
  ) =>
    new Counter({
      name,
      help,
      labelNames: ["connector", "table", ...labels],
      registers: [registry],
      collect() {
        this.reset();
        for (const { connector, before, last } of tasks.values()) {
          for (const usage of [...before.storage, ...last.storage]) add(this, { connector, ...usage });
        }
        for (const { connector, usage } of committers.all()) for (const one of usage) add(this, { connector, ...one });
      },
    });
  counter(
    "sluice_storage_requests_total",
    "Requests to the storage of tables; `retried` ones were made again.",
    ["operation", "outcome"],
    (to, { connector, table, operation, outcome, requests }) =>
      to.inc({ connector, table, operation, outcome }, requests),
  );
  counter(
    "sluice_storage_bytes_total",
    "Bytes to (out) and from (in) the storage of tables.",
    ["direction"],
    (to, { connector, table, bytesIn, bytesOut }) => {
      to.inc({ connector, table, direction: "in" }, bytesIn);
      to.inc({ connector, table, direction: "out" }, bytesOut);
    },
  );
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name, help, labelNames: ["connector"], buckets, registers: [registry] });
  const requests = histogram(
    "sluice_commit_storage_requests",
    "Requests to storage that a commit took, data files and log.",
    [2, 4, 8, 16, 32, 64, 128, 256, 1024],
  );
  const bytes = histogram(
    "sluice_commit_storage_bytes",
    "Bytes that a commit sent to and got from storage, data files and log.",
    [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9],
  );
  return {
    committed(connector: string, { table, shares, outcomes, storage }: CommitReport): void {
      if (storage.length === 0) return; // the committer does not tell
      const own = committers.note(connector, table, storage);
      if (!outcomes.some(({ kind }) => kind === "committed")) return;
      const stats = shares.map((share) => share.stats);
      requests.observe({ connector }, stats.reduce((sum, stat) => sum + (stat.requests ?? 0), own.requests));
      bytes.observe({ connector }, stats.reduce((sum, stat) => sum + stat.bytes, own.bytesIn + own.bytesOut));
    },
  };
}

type LabeledUsage = StorageUsage & { readonly connector: string };
