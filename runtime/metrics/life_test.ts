import { assert, assertEquals } from "@std/assert";
import type { CommitOutcome } from "../api/mod.ts";
import { createMetrics, NO_TASK_METRICS } from "../metrics.ts";
import type { TaskMetrics } from "../task_meter.ts";
import { Sampled } from "./sampled.ts";

const SECOND = 1_000;

/** Metrics under a clock that a test moves, and their page by name and labels. */
class Script {
  nowMs = 5_000;
  readonly metrics = createMetrics({ now: () => 1_700_000_000_000 + this.nowMs, monotonic: () => this.nowMs });

  pass(seconds: number): void {
    this.nowMs += seconds * SECOND;
  }

  async page(): Promise<(name: string, labels?: string) => number | undefined> {
    const lines = (await this.metrics.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    const samples = new Map(lines.map((line) => {
      const space = line.lastIndexOf(" ");
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }));
    return (name, labels = "") => samples.get(`kafka_connect_${name}${labels && `{${labels}}`}`);
  }

  commit(task: number, from: bigint, to: bigint, outcome: CommitOutcome, epoch: number, durationMs = 100): void {
    const ranges = [{ topic: "t", topicId: "x", partition: task, from, to, fromAbsent: false }];
    const stats = { rows: Number(to - from), files: 1, bytes: 10, timestampMsMax: null };
    const share = { id: `${task}-${from}`, table: "t", ranges, staged: null, stats };
    const { metrics } = this;
    metrics.committed("o", {
      ...{ table: "t", epoch, shares: [share], tasks: [task], outcomes: [outcome], durationMs, storage: [] },
    });
  }
}

function read(next: bigint, more: Partial<TaskMetrics> = {}): TaskMetrics {
  const partition = { topic: "t", partition: 0, next, endOffset: 1_000n, logStartOffset: 0n };
  const recordsRead = Number(next);
  return { ...NO_TASK_METRICS, partitions: [partition], recordsRead, recordsPut: recordsRead, ...more };
}

const TASK = 'connector="o",task="0"';

Deno.test("createMetrics() computes rates, means and maxima of the last minute, under Connect's names", async () => {
  const script = new Script();
  const { metrics } = script;
  metrics.tasks("o", 1);
  metrics.taskState("o", 0, "RUNNING");
  metrics.task("o", 0, read(0n));
  script.pass(1);
  metrics.task("o", 0, read(300n, { puts: { count: 3, ms: 90, msMax: 50, rowsMax: 200 } }));
  script.pass(1);
  metrics.task("o", 0, read(600n, { puts: { count: 4, ms: 100, msMax: 10, rowsMax: 300 }, retries: 2 }));
  let page = await script.page();
  const sink = (name: string) => page(`sink_task_${name}`, TASK);
  const task = (name: string) => page(`connector_task_${name}`, TASK);
  assertEquals(sink("sink_record_read_rate"), 600 / 30); // a sample at least
  assertEquals(sink("sink_record_send_rate"), 20);
  assertEquals([sink("put_batch_max_time_ms"), sink("put_batch_avg_time_ms")], [50, 25]);
  assertEquals([task("batch_size_max"), task("batch_size_avg")], [300, 150]);
  assertEquals([sink("sink_record_lag_max"), sink("sink_record_active_count")], [400, 600]);
  assertEquals([sink("sink_record_active_count_max"), sink("sink_record_active_count_avg")], [600, 300]);
  assertEquals(page("task_error_last_error_timestamp", TASK), 1_700_000_000_000 + script.nowMs);

  script.commit(0, 0n, 500n, { kind: "committed", version: 3n }, 7, 200);
  script.commit(0, 500n, 600n, { kind: "stale", why: "offsets", actual: [] }, 8, 100);
  page = await script.page();
  assertEquals(sink("sink_record_active_count"), 100);
  assertEquals([task("offset_commit_max_time_ms"), task("offset_commit_avg_time_ms")], [200, 150]);
  assertEquals([task("offset_commit_success_percentage"), task("offset_commit_failure_percentage")], [0.5, 0.5]);
  assertEquals([sink("offset_commit_seq_no"), sink("offset_commit_skip_total")], [8, 1]);
  assertEquals(page("sink_task_offset_commit_completion_total", `${TASK},table="t"`), 1);
  assertEquals(sink("offset_commit_completion_rate"), 1 / 30);
  assertEquals(sink("offset_commit_skip_rate"), 1 / 30);

  script.pass(70);
  metrics.task("o", 0, read(600n, { puts: { count: 4, ms: 100, msMax: 0, rowsMax: 0 }, retries: 2 }));
  page = await script.page();
  for (const name of ["sink_record_read_rate", "put_batch_max_time_ms", "offset_commit_completion_rate"]) {
    assertEquals(sink(name), 0, name);
  }
  assertEquals([task("batch_size_avg"), task("offset_commit_success_percentage")], [0, 0]);
  assertEquals(sink("sink_record_read_total"), 600, "a counter keeps all");
});

Deno.test("createMetrics() tells states, their part of the time, and starts that succeeded and failed", async () => {
  const script = new Script();
  const { metrics } = script;
  metrics.connectorState("o", "UNASSIGNED");
  metrics.tasks("o", 2);
  metrics.taskState("o", 0, "RUNNING");
  metrics.taskState("o", 1, "RESTARTING"); // it never ran
  metrics.connectorState("o", "RUNNING");
  script.pass(10);
  metrics.taskState("o", 1, "RUNNING");
  script.pass(20);
  metrics.taskState("o", 0, "PAUSED");
  metrics.taskState("o", 1, "FAILED"); // it ran
  metrics.connectorState("o", "PAUSED");
  script.pass(10);
  const page = await script.page();
  assertEquals(page("connector_task_running_ratio", TASK), 0.75);
  assertEquals(page("connector_task_pause_ratio", TASK), 0.25);
  assertEquals(page("connector_task_running_ratio", 'connector="o",task="1"'), 0.5);
  assertEquals(page("connector_task_status", `${TASK},status="paused"`), 1);
  assertEquals(page("connector_task_status", `${TASK},status="running"`), 0);
  assertEquals(page("connector_status", 'connector="o",status="paused"'), 1);
  const worker = (name: string) => page(`worker_${name}`);
  const counts = (of: string) =>
    ["attempts", "success", "failure"].map((what) => worker(`${of}_startup_${what}_total`));
  assertEquals([counts("connector"), counts("task")], [[1, 1, 0], [3, 2, 1]]);
  assertEquals(worker("task_startup_success_percentage"), 2 / 3);
  assertEquals(worker("task_startup_failure_percentage"), 1 / 3);
  assertEquals([worker("connector_count"), worker("task_count")], [1, 2]);
  const tasks = ["total", "running", "paused", "failed", "unassigned", "restarting", "destroyed"];
  assertEquals(tasks.map((what) => page(`worker_connector_${what}_task_count`, 'connector="o"')), [
    2,
    0,
    1,
    1,
    0,
    0,
    0,
  ]);
});

Deno.test("createMetrics() tells of errors as Connect counts them", async () => {
  const { metrics, page } = new Script();
  const rejects = [{ stage: "decode", reason: "cut off", count: 4 }, { stage: "put", reason: "null", count: 1 }];
  metrics.task("o", 0, { ...NO_TASK_METRICS, rejects, recordErrors: 1, errorsLogged: 5, recordsSkipped: 9 });
  const found = await page.call({ metrics } as Script);
  const error = (name: string) => found(`task_error_${name}`, TASK);
  assertEquals([error("total_records_skipped"), error("total_record_errors"), error("total_errors_logged")], [5, 1, 5]);
  assert((await metrics.text()).includes(`sluice_skipped_records_total{${TASK}} 9`));
});

Deno.test("createMetrics() counts what was read before the first look as active, where tasks say where they began", async () => {
  const script = new Script();
  const { metrics } = script;
  metrics.tasks("o", 1);
  metrics.taskState("o", 0, "RUNNING");
  const partition = { topic: "t", partition: 0, opened: 40n, next: 100n, endOffset: 100n, logStartOffset: 0n };
  metrics.task("o", 0, read(100n, { partitions: [partition] }));
  assertEquals((await script.page())("sink_task_sink_record_active_count", TASK), 60);
  script.commit(0, 40n, 90n, { kind: "committed", version: 1n }, 1);
  assertEquals((await script.page())("sink_task_sink_record_active_count", TASK), 10);
});

Deno.test("createMetrics() times rebalances from their begin to the assignment", async () => {
  const script = new Script();
  const { metrics } = script;
  const partition = { topic: "t", topicId: "x", partition: 0 };
  metrics.assigned("o", [partition]);
  for (const seconds of [2, 4]) {
    script.pass(1);
    metrics.rebalanced("o");
    const page = await script.page();
    assertEquals(page("worker_rebalance_rebalancing", 'connector="o"'), 1);
    assertEquals(page("worker_rebalance_completed_rebalances_total", 'connector="o"'), seconds === 2 ? 0 : 1);
    script.pass(seconds);
    metrics.assigned("o", [partition]);
  }
  script.pass(3);
  const page = await script.page();
  const rebalance = (name: string) => page(`worker_rebalance_${name}`, 'connector="o"');
  assertEquals([rebalance("completed_rebalances_total"), rebalance("rebalancing")], [2, 0]);
  assertEquals([rebalance("rebalance_max_time_ms"), rebalance("rebalance_avg_time_ms")], [4_000, 3_000]);
  assertEquals(rebalance("time_since_last_rebalance_ms"), 3_000);
});

Deno.test("createMetrics() shows nothing of a connector that is removed, and one of its name begins anew", async () => {
  const script = new Script();
  const { metrics } = script;
  const live = (connector: string) => {
    metrics.connectorState(connector, "RUNNING");
    metrics.connectorPlugin(connector, { name: "delta-sink", version: "1.2" });
    metrics.tasks(connector, 2);
    metrics.task(connector, 0, read(40n));
    metrics.topicState(connector, "t", "FAILED");
    metrics.rebalanced(connector);
    metrics.assigned(connector, []);
  };
  live("o");
  live("other");
  script.commit(0, 0n, 10n, { kind: "committed", version: 1n }, 1);
  const info = 'connector="o",connector_type="sink",connector_class="delta-sink",connector_version="1.2"';
  assertEquals((await script.page())("connector_info", info), 1);
  metrics.removed("o");
  const text = await metrics.text();
  assertEquals(text.split("\n").filter((line) => line.includes('connector="o"')), []);
  assert(text.includes('sink_record_read_total{connector="other",task="0"} 40'));
  metrics.task("o", 0, read(3n));
  const page = await script.page();
  assertEquals(page("sink_task_sink_record_read_total", TASK), 3);
  assertEquals(page("connector_info", info), undefined);
});

Deno.test("createMetrics() drops tasks that a new run of the connector has no more", async () => {
  const script = new Script();
  script.metrics.tasks("o", 3);
  script.metrics.task("o", 0, read(40n));
  script.metrics.tasks("o", 1);
  const page = await script.page();
  assertEquals(page("worker_task_count"), 1);
  assertEquals(page("sink_task_sink_record_read_total", TASK), 40, "the one that stays goes on counting");
  script.metrics.tasks("o", 0);
  assertEquals((await script.page())("worker_connector_total_task_count", 'connector="o"'), 0);
});

Deno.test("createMetrics() shows hundreds of tables in a moment", async () => {
  const { metrics } = new Script();
  const tables = 500;
  for (let i = 0; i < tables; i++) {
    const share = {
      id: `${i}`,
      table: `t${i}`,
      ranges: [],
      staged: null,
      stats: { rows: 1, files: 1, bytes: 1, timestampMsMax: null },
    };
    const report = { table: `t${i}`, epoch: 1, shares: [share], tasks: [i % 4], durationMs: 1, storage: [] };
    metrics.committed("o", { ...report, outcomes: [{ kind: "committed", version: 1n }] });
  }
  const text = await metrics.text();
  assertEquals(text.match(/^sluice_written_rows_total\{/gm)?.length, tables);
  assert(text.length < 2_000_000, `${text.length} bytes`);
});

Deno.test("Sampled keeps two samples of half a minute, and of a long span only its last part", () => {
  const sampled = new Sampled();
  sampled.note(10, 0);
  sampled.note(20, 31_000);
  assertEquals([sampled.max(40_000), sampled.avg(40_000)], [20, 15]);
  assertEquals(sampled.perSecond(40_000), 30 / 40);
  assertEquals(sampled.avg(60_000), 20, "the first is a minute old");
  assertEquals(sampled.avg(91_000), 0);
  sampled.noteSpan(600, 0, 300_000); // in five minutes
  assertEquals(sampled.perSecond(300_000), 2);
});
