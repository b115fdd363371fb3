import { assertEquals } from "@std/assert";
import { NO_TASK_METRICS } from "./metrics.ts";
import { RunResult } from "./run_result.ts";

const usage = { table: "t", operation: "put", outcome: "ok", requests: 2, bytesIn: 0, bytesOut: 100 };
const committed = {
  table: "t",
  epoch: 1,
  shares: [],
  outcomes: [],
  storage: [{ ...usage, requests: 1 }, { ...usage, operation: "list", outcome: "retried", bytesOut: 0 }],
  durationMs: 40,
};

Deno.test("RunResult.snapshot() sums requests of tasks and commits, and the time of stages over all lives of a task", () => {
  const result = new RunResult("orders", { monotonic: () => 0 } as never);
  const metrics = { ...NO_TASK_METRICS, stageMs: { idle: 500, decode: 20 }, prepareMs: 70, storage: [usage] };
  result.taskMetrics(0, metrics);
  result.taskState(0, "RESTARTING");
  result.taskMetrics(0, metrics);
  result.taskMetrics(1, { ...metrics, stageMs: { put: 5 } });
  result.committed(committed as never);
  result.committed(committed as never); // the same counts: what a committer says is since its start
  const { storage, stageSeconds, prepareSeconds, commitSeconds } = result.snapshot();
  assertEquals(storage, [
    { operation: "list", requests: 2, bytesIn: 0, bytesOut: 0 },
    { operation: "put", requests: 7, bytesIn: 0, bytesOut: 400 },
  ]);
  assertEquals(stageSeconds, { "0": { idle: 1, decode: 0.04 }, "1": { put: 0.005 } });
  assertEquals([prepareSeconds, commitSeconds], [0.21, 0.08]);
});
