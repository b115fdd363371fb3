import { assert, assertEquals } from "@std/assert";
import type { CommitReport } from "./commit.ts";
import { createMetrics, mergeTaskMetrics, NO_TASK_METRICS } from "./metrics.ts";
import type { TaskMetrics } from "./task_meter.ts";

const WORKED: TaskMetrics = {
  ...NO_TASK_METRICS,
  partitions: [{ topic: "orders", partition: 1, next: 40n, endOffset: 100n, logStartOffset: 30n }],
  recordsRead: 40,
  recordsPut: 38,
  recordsSkipped: 0,
  bytesRead: 4000,
  rejects: [{ stage: "decode", reason: "unknown schema id", count: 2 }],
  retries: 1,
  stageMs: { decode: 500 },
  prepareMs: 250,
  bufferedBytes: { slabs: 1000, files: 2000 },
  letterRequests: 3,
  letterFailures: 1,
  storage: [],
};

/** The samples of a page, by name and labels. */
async function samples(metrics: ReturnType<typeof createMetrics>): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const space = line.lastIndexOf(" ");
    return [line.slice(0, space), Number(line.slice(space + 1))];
  }));
}

Deno.test("createMetrics() shows what the tasks sent last under Connect's names", async () => {
  const metrics = createMetrics();
  metrics.task("o", 0, NO_TASK_METRICS);
  metrics.task("o", 0, WORKED);
  const page = await samples(metrics);
  const labels = 'connector="o",task="0"';
  assertEquals(page.get(`kafka_connect_sink_task_sink_record_read_total{${labels}}`), 40);
  assertEquals(page.get(`kafka_connect_sink_task_sink_record_send_total{${labels}}`), 38);
  assertEquals(page.get(`kafka_connect_task_error_total_retries{${labels}}`), 1);
  const reject = `${labels},stage="decode",reason="unknown schema id"`;
  assertEquals(page.get(`kafka_connect_task_error_total_record_failures{${reject}}`), 2);
  const partition = `${labels},topic="orders",partition="1"`;
  assertEquals(page.get(`kafka_connect_sink_task_sink_record_lag{${partition}}`), 60);
  assertEquals(page.get(`sluice_retention_margin_records{${partition}}`), 10);
  assertEquals(page.get(`sluice_stage_seconds_total{${labels},stage="decode"}`), 0.5);
  assertEquals(page.get(`sluice_prepare_seconds_total{${labels}}`), 0.25);
  assertEquals(page.get(`sluice_buffered_bytes{${labels},of="slabs"}`), 1000);
  assertEquals(page.get(`sluice_buffered_bytes{${labels},of="files"}`), 2000);
  assertEquals(page.get(`kafka_connect_task_error_deadletterqueue_produce_requests{${labels}}`), 3);
  assertEquals(page.get(`kafka_connect_task_error_deadletterqueue_produce_failures{${labels}}`), 1);
  assert(page.get("process_resident_memory_bytes")! > 1e6);
  assert(page.get("process_cpu_seconds_total")! > 0);
});

Deno.test("createMetrics() never counts back when a task is started again", async () => {
  const metrics = createMetrics();
  metrics.task("o", 0, WORKED);
  metrics.taskState("o", 0, "RESTARTING");
  metrics.taskState("o", 0, "RUNNING");
  metrics.task("o", 0, { ...NO_TASK_METRICS, recordsRead: 2 });
  const page = await samples(metrics);
  assertEquals(page.get('kafka_connect_sink_task_sink_record_read_total{connector="o",task="0"}'), 42);
  assertEquals(page.get('sluice_task_restarts_total{connector="o",task="0"}'), 1);
  assertEquals(page.get('kafka_connect_connector_task_status{connector="o",task="0",status="running"}'), 1);
  assertEquals(page.get('kafka_connect_connector_task_status{connector="o",task="0",status="restarting"}'), 0);
});

Deno.test("createMetrics() counts what a round committed and what was stale", async () => {
  const metrics = createMetrics();
  const share = {
    id: "1",
    table: "t",
    ranges: [],
    staged: null,
    stats: { rows: 5, files: 1, bytes: 100, timestampMsMax: null },
  };
  const report: CommitReport = {
    table: "t",
    epoch: 3,
    shares: [share, share],
    tasks: [0, 0],
    outcomes: [{ kind: "committed", version: 7n }, { kind: "stale", why: "offsets", actual: [] }],
    durationMs: 20,
    storage: [],
  };
  metrics.committed("o", report);
  metrics.assigned("o", [{ topic: "a", topicId: "x", partition: 0 }]);
  metrics.rebalanced("o");
  const page = await samples(metrics);
  const labels = 'connector="o",table="t"';
  const task = 'connector="o",task="0"';
  assertEquals(page.get(`kafka_connect_sink_task_offset_commit_completion_total{${task},table="t"}`), 1);
  assertEquals(page.get(`kafka_connect_sink_task_offset_commit_skip_total{${task}}`), 1);
  assertEquals(page.get(`kafka_connect_sink_task_offset_commit_seq_no{${task}}`), 3);
  assertEquals(page.get(`sluice_commit_stale_total{${labels},why="offsets"}`), 1);
  assertEquals(page.get(`sluice_written_rows_total{${labels}}`), 5);
  assertEquals(page.get(`sluice_table_version{${labels}}`), 7);
  assertEquals(page.get(`sluice_commit_duration_seconds_count{${labels}}`), 1);
  assertEquals(page.get('sluice_assigned_partitions{connector="o"}'), 1);
});

Deno.test("mergeTaskMetrics() adds counts and keeps how things stand last", () => {
  const both = mergeTaskMetrics(WORKED, { ...WORKED, partitions: [] });
  assertEquals([both.recordsRead, both.bytesRead, both.recordsPut, both.retries], [80, 8000, 76, 2]);
  assertEquals(both.rejects, [{ stage: "decode", reason: "unknown schema id", count: 4 }]);
  assertEquals(both.stageMs, { decode: 1000 });
  assertEquals(both.partitions, []);
});

Deno.test("mergeTaskMetrics() counts reasons under one name once there are too many", () => {
  const many = Array.from({ length: 1000 }, (_, i) => ({ stage: "decode", reason: `reason ${i}`, count: 1 }));
  const { rejects } = mergeTaskMetrics(NO_TASK_METRICS, { ...NO_TASK_METRICS, rejects: many });
  assertEquals(rejects.length, 201);
  assertEquals(rejects.find(({ reason }) => reason === "other")?.count, 800);
});
