import { assert, assertEquals } from "@std/assert";
import type { StorageUsage } from "../api/mod.ts";
import { createMetrics, NO_TASK_METRICS } from "../metrics.ts";

const usage = (operation: string, requests: number, bytesIn = 0, bytesOut = 0): StorageUsage => (
  { table: "t", operation, outcome: "ok", requests, bytesIn, bytesOut }
);

Deno.test("createMetrics() adds up what tasks and committers asked of storage, over their restarts", async () => {
  const metrics = createMetrics();
  const commit = (storage: readonly StorageUsage[]) => {
    const stats = { rows: 5, files: 1, bytes: 900, timestampMsMax: null, requests: 2 };
    const share = { id: "1", table: "t", ranges: [], staged: null, stats };
    const outcomes = [{ kind: "committed" as const, version: 7n }];
    metrics.committed("o", { table: "t", epoch: 3, shares: [share], tasks: [0], outcomes, durationMs: 20, storage });
  };
  const task = (storage: readonly StorageUsage[]) => metrics.task("o", 0, { ...NO_TASK_METRICS, storage });
  task([usage("put", 2, 0, 900)]);
  commit([usage("get", 3, 100)]);
  commit([usage("get", 5, 160), usage("put_if_absent", 1, 0, 40)]);
  metrics.taskState("o", 0, "RESTARTING");
  task([usage("put", 1, 0, 10)]);
  commit([usage("get", 1, 7)]);
  const text = await metrics.text();
  const lines = text.split("\n");
  const value = (name: string) => Number(lines.find((line) => line.startsWith(`${name} `))?.slice(name.length));
  const requests = (operation: string) =>
    value(`sluice_storage_requests_total{connector="o",table="t",operation="${operation}",outcome="ok"}`);
  assertEquals([requests("put"), requests("get"), requests("put_if_absent")], [3, 6, 1]);
  const bytes = (direction: string) =>
    value(`sluice_storage_bytes_total{connector="o",table="t",direction="${direction}"}`);
  assertEquals([bytes("in"), bytes("out")], [167, 950]);
  assertEquals(value('sluice_commit_storage_requests_sum{connector="o"}'), (3 + 2) + (3 + 2) + (1 + 2));
  assertEquals(value('sluice_commit_storage_bytes_sum{connector="o"}'), (100 + 900) + (100 + 900) + (7 + 900));
  assert(text.includes("sluice_commit_storage_requests_count"));
});
