/**
 * The metrics of what tables' storage is asked for, and of what a commit takes.
 *
 * @module
 */
import type { StorageUsage } from "../api/connector.ts";
import type { CommitReport } from "../commit.ts";
import type { ConnectorFigures, WorkerFigures } from "./connector_figures.ts";
import type { Page, Show } from "./page.ts";

/** Declares them; what it returns is told of commits, and of connectors that are no more. */
export function storagePage(page: Page, worker: WorkerFigures) {
  const duration = page.histogram(
    "sluice_commit_duration_seconds",
    "Time of phase two of a round, a table each.",
    ["connector", "table"],
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  );
  const requests = page.histogram(
    "sluice_commit_storage_requests",
    "Requests to storage that a commit took, data files and log.",
    ["connector"],
    [2, 4, 8, 16, 32, 64, 128, 256, 1024],
  );
  const bytes = page.histogram(
    "sluice_commit_storage_bytes",
    "Bytes that a commit sent to and got from storage, data files and log.",
    ["connector"],
    [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9],
  );
  const counter = (
    name: string,
    help: string,
    labels: readonly string[],
    add: (show: Show, connector: string, usage: StorageUsage) => void,
  ) =>
    page.counter(name, help, ["connector", "table", ...labels], (show) => {
      for (const [connector, figures] of worker.connectors) {
        for (const usage of usageOf(figures)) add(show, connector, usage);
      }
    });
  counter(
    "sluice_storage_requests_total",
    "Requests to the storage of tables; `retried` ones were made again.",
    ["operation", "outcome"],
    (show, connector, { table, operation, outcome, requests }) =>
      show({ connector, table, operation, outcome }, requests),
  );
  counter(
    "sluice_storage_bytes_total",
    "Bytes to (out) and from (in) the storage of tables.",
    ["direction"],
    (show, connector, { table, bytesIn, bytesOut }) => {
      show({ connector, table, direction: "in" }, bytesIn);
      show({ connector, table, direction: "out" }, bytesOut);
    },
  );
  return {
    committed(connector: string, { table, shares, outcomes, storage, durationMs }: CommitReport): void {
      duration.observe({ connector, table }, durationMs / 1000);
      if (storage.length === 0) return; // the committer does not tell
      const own = worker.of(connector).committers.note(connector, table, storage);
      if (!outcomes.some(({ kind }) => kind === "committed")) return;
      const stats = shares.map((share) => share.stats);
      requests.observe({ connector }, stats.reduce((sum, stat) => sum + (stat.requests ?? 0), own.requests));
      bytes.observe({ connector }, stats.reduce((sum, stat) => sum + stat.bytes, own.bytesIn + own.bytesOut));
    },
    removed(connector: string): void {
      for (const distribution of [duration, requests, bytes]) distribution.remove(connector);
    },
  };
}

function* usageOf({ tasks, committers }: ConnectorFigures): Iterable<StorageUsage> {
  for (const { before, last } of tasks.values()) yield* [...before.storage, ...last.storage];
  for (const { usage } of committers.all()) yield* usage;
}
