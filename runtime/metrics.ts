/**
 * Metrics in Prometheus' text form, on the main thread. Names are Kafka Connect's where Connect has one (KIP-196 metrics,
 * groups and dashes to underscores), `sluice_...` where it has none. This file is the only door to prom-client.
 *
 * @module
 */
import { cpuUsage } from "node:process";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { TopicPartition } from "./api/offsets.ts";
import type { CommitReport } from "./commit.ts";
import { type StateMakers, stateMetrics, topicMetrics } from "./state_metrics.ts";
import { storageMetrics } from "./storage_metrics.ts";
import { mergeUsage } from "./storage_usage.ts";
import type { PartitionMetrics, RejectCount, TaskMetrics } from "./task_meter.ts";

/** What the worker tells, and what /metrics shows. */
export interface Metrics {
  /** The figures that a task sent last, in place of those before. */
  task(connector: string, task: number, snapshot: TaskMetrics): void;
  taskState(connector: string, task: number, state: string): void;
  connectorState(connector: string, state: string): void;
  topicState(connector: string, topic: string, state: string): void;
  /** A run begins: no topic of it has failed. */
  topicsStarted(connector: string): void;
  committed(connector: string, report: CommitReport): void;
  assigned(connector: string, partitions: readonly TopicPartition[]): void;
  rebalanced(connector: string): void;
  /** The page of now. */
  text(): Promise<string>;
  readonly contentType: string;
}

interface TaskEntry {
  readonly connector: string;
  readonly task: string;
  /** Counts of earlier lives of the task: a counter never goes back. */
  before: TaskMetrics;
  last: TaskMetrics;
}

/** Makes a registry of its own: two workers in one process do not meet. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const tasks = new Map<string, TaskEntry>();
  taskMetrics(registry, tasks);
  processMetrics(registry);
  const commits = commitMetrics(registry);
  const storage = storageMetrics(registry, tasks);
  const entryOf = (connector: string, task: number) => {
    const key = `${connector}\0${task}`;
    let entry = tasks.get(key);
    if (!entry) {
      entry = { connector, task: String(task), before: NO_TASK_METRICS, last: NO_TASK_METRICS };
      tasks.set(key, entry);
    }
    return entry;
  };
  const states = stateMetrics(stateMakers(registry));
  const topics = topicMetrics(stateMakers(registry));
  return {
    task: (connector, task, snapshot) => {
      entryOf(connector, task).last = snapshot;
    },
    taskState: (connector, task, state) => {
      const entry = entryOf(connector, task);
      // The next life counts from zero.
      if (state !== "RUNNING") {
        entry.before = { ...mergeTaskMetrics(entry.before, entry.last), partitions: [] };
        entry.last = NO_TASK_METRICS;
      }
      states.task(connector, task, state);
    },
    connectorState: states.connector,
    topicState: topics.state,
    topicsStarted: topics.started,
    committed: (connector, report) => {
      commits.committed(connector, report);
      storage.committed(connector, report);
    },
    assigned: commits.assigned,
    rebalanced: commits.rebalanced,
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** Everything that comes from snapshots is set anew at each scrape. */
function taskMetrics(registry: Registry, tasks: ReadonlyMap<string, TaskEntry>): void {
  const counter = (
    name: string,
    help: string,
    labels: readonly string[],
    values: (total: TaskMetrics) => Iterable<readonly [Record<string, string>, number]>,
  ) =>
    new Counter({
      name,
      help,
      labelNames: ["connector", "task", ...labels],
      registers: [registry],
      collect() {
        this.reset();
        for (const { connector, task, before, last } of tasks.values()) {
          for (const [own, value] of values(mergeTaskMetrics(before, last))) {
            this.inc({ connector, task, ...own }, value);
          }
        }
      },
    });
  const count = (name: string, help: string, value: (total: TaskMetrics) => number) =>
    counter(name, help, [], (total) => [[{}, value(total)]]);
  const read = "kafka_connect_sink_task_sink_record";
  count(`${read}_read_total`, "Records read from Kafka.", (t) => t.recordsRead);
  count(`${read}_send_total`, "Rows put to the sink.", (t) => t.recordsPut);
  count("sluice_read_bytes_total", "Bytes of records read from Kafka.", (t) => t.bytesRead);
  const errors = "kafka_connect_task_error";
  count(`${errors}_total_retries`, "Attempts that failed and were repeated.", (t) => t.retries);
  count(`${errors}_total_records_skipped`, "Records left out on purpose.", (t) => t.recordsSkipped);
  count(`${errors}_deadletterqueue_produce_requests`, "Requests to the dead-letter topic.", (t) => t.letterRequests);
  count(`${errors}_deadletterqueue_produce_failures`, "Those of them that failed.", (t) => t.letterFailures);
  counter(
    `${errors}_total_record_failures`,
    "Records set aside.",
    ["stage", "reason"],
    (t) => t.rejects.map(({ stage, reason, count }) => [{ stage, reason }, count] as const),
  );
  counter(
    "sluice_stage_seconds_total",
    "Time of a task's thread in a stage; all of it: `idle` is what it waits for records.",
    ["stage"],
    (t) => Object.entries(t.stageMs).map(([stage, ms]) => [{ stage }, ms / 1000] as const),
  );
  count(
    "sluice_prepare_seconds_total",
    "Time from the request of a round to its durable files; records may be put meanwhile.",
    (t) => t.prepareMs / 1000,
  );

  const gauge = (name: string, help: string, value: (partition: PartitionMetrics) => bigint | null) =>
    new Gauge({
      name,
      help,
      labelNames: ["connector", "task", "topic", "partition"],
      registers: [registry],
      collect() {
        this.reset();
        for (const { connector, task, last } of tasks.values()) {
          for (const one of last.partitions) {
            const now = value(one);
            const labels = { connector, task, topic: one.topic, partition: String(one.partition) };
            if (now !== null) this.set(labels, Number(now));
          }
        }
      },
    });
  const atLeast0 = (n: bigint) => n < 0n ? 0n : n;
  gauge(
    `${read}_lag`,
    "Records between what was read and the end of the partition.",
    (p) => p.endOffset === null ? null : atLeast0(p.endOffset - p.next),
  );
  gauge(
    "sluice_retention_margin_records",
    "Records between the start of the log and what was read: 0 means loss.",
    (p) => p.logStartOffset === null ? null : atLeast0(p.next - p.logStartOffset),
  );
  new Gauge({
    name: "sluice_buffered_bytes",
    help: "Memory of slabs and of open files.",
    labelNames: ["connector", "task", "of"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { connector, task, last } of tasks.values()) {
        for (const [of, bytes] of Object.entries(last.bufferedBytes)) this.set({ connector, task, of }, bytes);
      }
    },
  });
  new Gauge({
    name: "kafka_connect_sink_task_partition_count",
    help: "Partitions that the task reads.",
    labelNames: ["connector", "task"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { connector, task, last } of tasks.values()) this.set({ connector, task }, last.partitions.length);
    },
  });
}

function stateMakers(registry: Registry): StateMakers {
  const declared = (name: string, help: string, labels: readonly string[]) => (
    { name, help, labelNames: ["connector", ...labels], registers: [registry] }
  );
  return {
    gauge: (name, help, ...labels) => new Gauge(declared(name, help, labels)),
    counter: (name, help, ...labels) => new Counter(declared(name, help, labels)),
  };
}

function commitMetrics(registry: Registry) {
  const counter = (name: string, help: string, ...labels: string[]) =>
    new Counter({ name, help, labelNames: ["connector", ...labels], registers: [registry] });
  const commit = "kafka_connect_sink_task_offset_commit";
  const completed = counter(`${commit}_completion_total`, "Shares that were committed.", "table");
  const stale = counter("sluice_commit_stale_total", "Shares that were discarded and read again.", "table", "why");
  const rows = counter("sluice_written_rows_total", "Rows committed.", "table");
  const files = counter("sluice_written_files_total", "Data files committed.", "table");
  const bytes = counter("sluice_written_bytes_total", "Bytes of data files committed.", "table");
  const rebalances = counter("kafka_connect_worker_rebalance_completed_rebalances_total", "Rebalances of the group.");
  const gauge = (name: string, help: string, ...labels: string[]) =>
    new Gauge({ name, help, labelNames: ["connector", ...labels], registers: [registry] });
  const version = gauge("sluice_table_version", "The version that our last commit made.", "table");
  const epoch = gauge(`${commit}_seq_no`, "The number of the last round.");
  const assigned = gauge("sluice_assigned_partitions", "Partitions that the group gave to this worker.");
  const duration = new Histogram({
    name: "sluice_commit_duration_seconds",
    help: "Time of phase two of a round, a table each.",
    labelNames: ["connector", "table"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [registry],
  });
  return {
    committed(connector: string, report: CommitReport): void {
      const { table } = report;
      duration.observe({ connector, table }, report.durationMs / 1000);
      epoch.set({ connector }, report.epoch);
      report.shares.forEach(({ stats }, i) => {
        const outcome = report.outcomes[i];
        if (outcome.kind === "failed") return;
        if (outcome.kind === "stale") return stale.inc({ connector, table, why: outcome.why });
        completed.inc({ connector, table });
        rows.inc({ connector, table }, stats.rows);
        files.inc({ connector, table }, stats.files);
        bytes.inc({ connector, table }, stats.bytes);
        version.set({ connector, table }, Number(outcome.version));
      });
    },
    assigned(connector: string, partitions: readonly TopicPartition[]): void {
      assigned.set({ connector }, partitions.length);
    },
    rebalanced: (connector: string): void => rebalances.inc({ connector }),
  };
}

/** prom-client's default metrics read what Deno does not have; these two are what a sink is judged by. */
function processMetrics(registry: Registry): void {
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Memory of the process.",
    registers: [registry],
    collect() {
      this.set(Deno.memoryUsage().rss);
    },
  });
  new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time of the process, user and system.",
    registers: [registry],
    collect() {
      const { user, system } = cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
}

/** A task that has done nothing. */
export const NO_TASK_METRICS: TaskMetrics = {
  partitions: [],
  recordsRead: 0,
  recordsPut: 0,
  recordsSkipped: 0,
  bytesRead: 0,
  rejects: [],
  retries: 0,
  stageMs: {},
  prepareMs: 0,
  bufferedBytes: { slabs: 0, files: 0 },
  letterRequests: 0,
  letterFailures: 0,
  storage: [],
};

/** The counts of both, e.g. of a task before and after its restart; where the partitions stand is what `b` says. */
export function mergeTaskMetrics(a: TaskMetrics, b: TaskMetrics): TaskMetrics {
  const stageMs: Record<string, number> = { ...a.stageMs };
  for (const [stage, ms] of Object.entries(b.stageMs)) stageMs[stage] = (stageMs[stage] ?? 0) + ms;
  return {
    partitions: b.partitions,
    recordsRead: a.recordsRead + b.recordsRead,
    recordsPut: a.recordsPut + b.recordsPut,
    recordsSkipped: a.recordsSkipped + b.recordsSkipped,
    bytesRead: a.bytesRead + b.bytesRead,
    rejects: mergeRejects([...a.rejects, ...b.rejects]),
    retries: a.retries + b.retries,
    stageMs,
    prepareMs: a.prepareMs + b.prepareMs,
    bufferedBytes: b.bufferedBytes,
    letterRequests: a.letterRequests + b.letterRequests,
    letterFailures: a.letterFailures + b.letterFailures,
    storage: mergeUsage(a.storage, b.storage),
  };
}

/** Reasons are stable phrases; should some hold values after all, what exceeds this is counted under one name. */
const REASONS_MAX = 200;

function mergeRejects(all: readonly RejectCount[]): RejectCount[] {
  const merged = new Map<string, RejectCount>();
  for (const { stage, reason, count } of all) {
    const own = `${stage}\0${reason}`;
    const isNew = !merged.has(own);
    const [key, name] = isNew && merged.size >= REASONS_MAX ? [`${stage}\0other`, "other"] : [own, reason];
    merged.set(key, { stage, reason: name, count: count + (merged.get(key)?.count ?? 0) });
  }
  return [...merged.values()];
}
