/**
 * The metrics of tasks: Connect's groups connector-task-metrics, sink-task-metrics and task-error-metrics, and what has no
 * name there.
 *
 * @module
 */
import type { PartitionMetrics, TaskMetrics } from "../task_meter.ts";
import type { WorkerFigures } from "./connector_figures.ts";
import type { Labels, Page } from "./page.ts";
import { showStates, STATES } from "./states_page.ts";
import type { TaskFigures } from "./task_figures.ts";

const TASK = ["connector", "task"];

/** Declares them. `nowMs` is monotonic. */
export function taskPage(page: Page, worker: WorkerFigures, nowMs: () => number): void {
  const gauge = (name: string, help: string, value: (task: TaskFigures, ms: number) => number | null) =>
    page.gauge(name, help, TASK, (show) => {
      const ms = nowMs();
      for (const [labels, task] of worker.tasks()) {
        const now = value(task, ms);
        if (now !== null) show(labels, now);
      }
    });
  const count = (name: string, help: string, value: (task: TaskFigures) => number) =>
    page.counter(name, help, TASK, (show) => {
      for (const [labels, task] of worker.tasks()) show(labels, value(task));
    });
  connectorTask(page, worker, gauge);
  sinkTask(page, worker, gauge, count);
  errors(page, worker, gauge, count);
  ownNames(page, worker, count);
}

type Declare = (name: string, help: string, value: (task: TaskFigures, ms: number) => number | null) => void;
type Count = (name: string, help: string, value: (task: TaskFigures) => number) => void;

function connectorTask(page: Page, worker: WorkerFigures, gauge: Declare): void {
  const name = (metric: string) => `kafka_connect_connector_task_${metric}`;
  page.gauge(name("status"), "1 for the state that the task is in.", [...TASK, "status"], (show) => {
    for (const [labels, { state }] of worker.tasks()) showStates(show, labels, STATES, state);
  });
  gauge(
    name("running_ratio"),
    "The part of its time in which the task was RUNNING.",
    (t, ms) => t.ratio("RUNNING", ms),
  );
  gauge(name("pause_ratio"), "The part of its time in which the task was PAUSED.", (t, ms) => t.ratio("PAUSED", ms));
  gauge(name("offset_commit_max_time_ms"), "The longest commit of a table lately, ms.", (t, ms) => t.commitMs.max(ms));
  gauge(
    name("offset_commit_avg_time_ms"),
    "Mean time of a commit of a table lately, ms.",
    (t, ms) => t.commitMs.avg(ms),
  );
  const success = "offset_commit_success_percentage";
  gauge(
    name(success),
    "The part (0 to 1) of its shares that were committed lately.",
    (t, ms) => t.commitOutcomes.avg(ms),
  );
  gauge(
    name("offset_commit_failure_percentage"),
    "The part (0 to 1) of its shares that were stale or failed lately.",
    (t, ms) => t.commitOutcomes.share(0, ms),
  );
  gauge(name("batch_size_max"), "Rows of the largest batch put lately.", (t, ms) => t.putRows.max(ms));
  gauge(name("batch_size_avg"), "Mean rows of a batch put lately.", (t, ms) => t.putRows.avg(ms));
}

function sinkTask(page: Page, worker: WorkerFigures, gauge: Declare, count: Count): void {
  const name = (metric: string) => `kafka_connect_sink_task_${metric}`;
  count(name("sink_record_read_total"), "Records read from Kafka.", ({ total }) => total.recordsRead);
  gauge(name("sink_record_read_rate"), "Records read in a second, lately.", (t, ms) => t.reads.perSecond(ms));
  count(name("sink_record_send_total"), "Rows put to the sink.", ({ total }) => total.recordsPut);
  gauge(name("sink_record_send_rate"), "Rows put to the sink in a second, lately.", (t, ms) => t.sends.perSecond(ms));
  gauge(
    name("sink_record_lag_max"),
    "Records between what was read and the end, of the partition furthest behind.",
    (t) => t.lagMax,
  );
  partitionGauge(
    page,
    worker,
    name("sink_record_lag"),
    "Records between what was read and the end of the partition.",
    (p) => p.endOffset === null ? null : atLeast0(p.endOffset - p.next),
  );
  gauge(name("partition_count"), "Partitions that the task reads.", ({ last }) => last.partitions.length);
  gauge(
    name("offset_commit_seq_no"),
    "The number of the last round that decided a share of the task.",
    (t) => t.commitEpoch,
  );
  page.counter(
    name("offset_commit_completion_total"),
    "Shares that were committed.",
    [...TASK, "table"],
    (show) => {
      for (const [labels, { tables }] of worker.tasks()) {
        for (const [table, { committed }] of tables) show({ ...labels, table }, committed);
      }
    },
  );
  gauge(
    name("offset_commit_completion_rate"),
    "Shares committed in a second, lately.",
    (t, ms) => t.completions.perSecond(ms),
  );
  count(name("offset_commit_skip_total"), "Shares that were stale: read again.", (t) => t.skippedCommits);
  gauge(name("offset_commit_skip_rate"), "Stale shares in a second, lately.", (t, ms) => t.skips.perSecond(ms));
  gauge(name("put_batch_max_time_ms"), "The longest put of a batch lately, ms.", (t, ms) => t.putMs.max(ms));
  gauge(name("put_batch_avg_time_ms"), "Mean time of a put of a batch lately, ms.", (t, ms) => t.putMs.avg(ms));
  gauge(name("sink_record_active_count"), "Offsets read that no version of a table covers yet.", (t) => t.activeCount);
  gauge(name("sink_record_active_count_max"), "The most of them lately.", (t, ms) => t.active.max(ms));
  gauge(name("sink_record_active_count_avg"), "The mean of them lately.", (t, ms) => t.active.avg(ms));
}

function errors(page: Page, worker: WorkerFigures, gauge: Declare, count: Count): void {
  const name = (metric: string) => `kafka_connect_task_error_${metric}`;
  page.counter(name("total_record_failures"), "Records set aside.", [...TASK, "stage", "reason"], (show) => {
    for (const [labels, { total }] of worker.tasks()) {
      for (const { stage, reason, count } of total.rejects) show({ ...labels, stage, reason }, count);
    }
  });
  count(
    name("total_record_errors"),
    "Records that could not be used and were not tolerated: they ended a topic or a task.",
    ({ total }) => total.recordErrors,
  );
  count(
    name("total_records_skipped"),
    "Records that were passed over since they could not be used: all that were set aside.",
    ({ total }) => total.rejects.reduce((sum, { count }) => sum + count, 0),
  );
  count(name("total_retries"), "Attempts that failed and were repeated.", ({ total }) => total.retries);
  count(
    name("total_errors_logged"),
    "Errors of records that were logged (errors.log.enable).",
    ({ total }) => total.errorsLogged,
  );
  count(
    name("deadletterqueue_produce_requests"),
    "Requests to the dead-letter topic.",
    ({ total }) => total.letterRequests,
  );
  count(name("deadletterqueue_produce_failures"), "Those of them that failed.", ({ total }) => total.letterFailures);
  gauge(
    name("last_error_timestamp"),
    "When the task last counted an error of any kind, ms since 1970; to the second.",
    (t) => t.lastErrorMs,
  );
}

function ownNames(page: Page, worker: WorkerFigures, count: Count): void {
  const many = (
    declare: "counter" | "gauge",
    name: string,
    help: string,
    label: string,
    values: (task: TaskFigures, total: TaskMetrics) => Iterable<readonly [string, number]>,
  ) =>
    page[declare](name, help, [...TASK, label], (show) => {
      for (const [labels, task] of worker.tasks()) {
        for (const [own, value] of values(task, task.total)) show({ ...labels, [label]: own }, value);
      }
    });
  count("sluice_read_bytes_total", "Bytes of records read from Kafka.", ({ total }) => total.bytesRead);
  count(
    "sluice_skipped_records_total",
    "Records left out on purpose (tombstones).",
    ({ total }) => total.recordsSkipped,
  );
  many(
    "counter",
    "sluice_stage_seconds_total",
    "Time of a task's thread in a stage; all of it: `idle` is what it waits for records.",
    "stage",
    (_, { stageMs }) => Object.entries(stageMs).map(([stage, ms]) => [stage, ms / 1000]),
  );
  count(
    "sluice_prepare_seconds_total",
    "Time from the request of a round to its durable files; records may be put meanwhile.",
    ({ total }) => total.prepareMs / 1000,
  );
  partitionGauge(
    page,
    worker,
    "sluice_retention_margin_records",
    "Records between the start of the log and what was read: 0 means loss.",
    (p) => p.logStartOffset === null ? null : atLeast0(p.next - p.logStartOffset),
  );
  many(
    "gauge",
    "sluice_buffered_bytes",
    "Memory of slabs and of open files.",
    "of",
    ({ last }) => Object.entries(last.bufferedBytes),
  );
  count("sluice_task_restarts_total", "Failed tasks that are started again.", ({ restarts }) => restarts);
}

function partitionGauge(
  page: Page,
  worker: WorkerFigures,
  name: string,
  help: string,
  value: (partition: PartitionMetrics) => bigint | null,
): void {
  page.gauge(name, help, [...TASK, "topic", "partition"], (show) => {
    for (const [labels, { last }] of worker.tasks()) {
      for (const one of last.partitions) {
        const now = value(one);
        const own: Labels = { ...labels, topic: one.topic, partition: String(one.partition) };
        if (now !== null) show(own, Number(now));
      }
    }
  });
}

function atLeast0(n: bigint): bigint {
  return n < 0n ? 0n : n;
}
