/**
 * The metrics of connectors, topics and tables, and of the worker: Connect's groups connector-metrics,
 * connect-worker-metrics and connect-worker-rebalance-metrics, and what has no name there.
 *
 * @module
 */
import type { ConnectorState } from "../worker_api.ts";
import type { ConnectorFigures, Startups, TableFigures, WorkerFigures } from "./connector_figures.ts";
import type { Labels, Page, Show } from "./page.ts";

/** Of connectors and tasks. */
export const STATES: readonly ConnectorState[] = [
  ...["UNASSIGNED", "RUNNING", "PAUSED", "STOPPED", "FAILED", "RESTARTING"] as const,
];
const TOPIC_STATES: readonly ConnectorState[] = ["RUNNING", "FAILED", "RESTARTING"];

/** 1 for the state that holds, 0 for the others. */
export function showStates(show: Show, labels: Labels, states: readonly string[], state: string): void {
  for (const each of states) show({ ...labels, status: each.toLowerCase() }, each === state ? 1 : 0);
}

/** Declares them. `nowMs` is monotonic. */
export function statesPage(page: Page, worker: WorkerFigures, nowMs: () => number): void {
  connectors(page, worker);
  workerGroup(page, worker, nowMs);
  rebalances(page, worker, nowMs);
  topics(page, worker);
  tables(page, worker);
}

function connectors(page: Page, { connectors }: WorkerFigures): void {
  const status = "kafka_connect_connector_status";
  page.gauge(status, "1 for the state that the connector is in.", ["connector", "status"], (show) => {
    for (const [connector, { state }] of connectors) showStates(show, { connector }, STATES, state);
  });
  const labels = ["connector", "connector_type", "connector_class", "connector_version"];
  page.gauge("kafka_connect_connector_info", "1; what the connector is, since its first start.", labels, (show) => {
    for (const [connector, { plugin }] of connectors) {
      if (plugin === null) continue;
      show({ connector, connector_type: "sink", connector_class: plugin.name, connector_version: plugin.version }, 1);
    }
  });
}

function workerGroup(page: Page, worker: WorkerFigures, nowMs: () => number): void {
  const { connectors, connectorStartups, taskStartups } = worker;
  const name = (metric: string) => `kafka_connect_worker_${metric}`;
  page.gauge(name("connector_count"), "Connectors of this worker, in whatever state.", [], (show) => {
    show({}, connectors.size);
  });
  page.gauge(name("task_count"), "Tasks of this worker, in whatever state.", [], (show) => {
    show({}, [...worker.tasks()].length);
  });
  const startups = (what: string, of: Startups) => {
    const count = (metric: string, help: string, value: () => number) =>
      page.counter(name(`${what}_startup_${metric}_total`), help, [], (show) => show({}, value()));
    count("attempts", `Starts of ${what}s that have succeeded or failed.`, () => of.succeeded + of.failed);
    count("success", `Starts of ${what}s that have succeeded.`, () => of.succeeded);
    count("failure", `Starts of ${what}s that have failed.`, () => of.failed);
    const part = (metric: string, help: string, value: 0 | 1) =>
      page.gauge(name(`${what}_startup_${metric}_percentage`), help, [], (show) => {
        show({}, of.lately.share(value, nowMs()));
      });
    part("success", `The part (0 to 1) of them that succeeded lately.`, 1);
    part("failure", `The part (0 to 1) of them that failed lately.`, 0);
  };
  startups("connector", connectorStartups);
  startups("task", taskStartups);
  const tasks = (metric: string, help: string, counts: (state: string) => boolean) =>
    page.gauge(name(`connector_${metric}_task_count`), help, ["connector"], (show) => {
      for (const [connector, { tasks }] of connectors) {
        show({ connector }, [...tasks.values()].filter(({ state }) => counts(state)).length);
      }
    });
  tasks("total", "The connector's tasks.", () => true);
  for (const state of ["running", "paused", "failed", "unassigned", "restarting", "destroyed"]) {
    const help = state === "destroyed"
      ? "Always 0: what is deleted has no series."
      : `Those that are ${state.toUpperCase()}.`;
    tasks(state, help, (each) => each === state.toUpperCase());
  }
}

function rebalances(page: Page, { connectors }: WorkerFigures, nowMs: () => number): void {
  const name = (metric: string) => `kafka_connect_worker_rebalance_${metric}`;
  page.counter(
    name("completed_rebalances_total"),
    "Rebalances of the group that have ended.",
    ["connector"],
    (show) => {
      for (const [connector, { rebalances }] of connectors) show({ connector }, rebalances);
    },
  );
  const gauge = (metric: string, help: string, value: (figures: ConnectorFigures, ms: number) => number | null) =>
    page.gauge(metric, help, ["connector"], (show) => {
      for (const [connector, figures] of connectors) {
        const now = value(figures, nowMs());
        if (now !== null) show({ connector }, now);
      }
    });
  gauge(
    name("rebalancing"),
    "1 while the group deals its partitions out anew.",
    ({ rebalanceSinceMs }) => rebalanceSinceMs === null ? 0 : 1,
  );
  gauge(name("rebalance_max_time_ms"), "The longest rebalance lately, ms.", (c, ms) => c.rebalanceMs.max(ms));
  gauge(name("rebalance_avg_time_ms"), "Mean time of a rebalance lately, ms.", (c, ms) => c.rebalanceMs.avg(ms));
  gauge(
    name("time_since_last_rebalance_ms"),
    "Time since the group last dealt its partitions out, ms.",
    ({ lastRebalanceMs }, ms) => lastRebalanceMs === null ? null : ms - lastRebalanceMs,
  );
  gauge("sluice_assigned_partitions", "Partitions that the group gave to this worker.", ({ assigned }) => assigned);
}

/** They have series from their first failure on, for hundreds of them run. */
function topics(page: Page, { connectors }: WorkerFigures): void {
  const help = "1 for the state that a topic which failed is in.";
  page.gauge("sluice_topic_status", help, ["connector", "topic", "status"], (show) => {
    for (const [connector, { topics }] of connectors) {
      for (const [topic, { state }] of topics) showStates(show, { connector, topic }, TOPIC_STATES, state);
    }
  });
  const failed = "Topics that are not read now, since their table or records failed.";
  page.gauge("sluice_failed_topics", failed, ["connector"], (show) => {
    for (const [connector, { topics }] of connectors) {
      show({ connector }, [...topics.values()].filter(({ state }) => state !== "RUNNING").length);
    }
  });
  const restarted = "Failed topics that are started again.";
  page.counter("sluice_topic_restarts_total", restarted, ["connector", "topic"], (show) => {
    for (const [connector, { topics }] of connectors) {
      for (const [topic, { restarts }] of topics) if (restarts > 0) show({ connector, topic }, restarts);
    }
  });
}

function tables(page: Page, { connectors }: WorkerFigures): void {
  const each = function* (): Iterable<[{ connector: string; table: string }, TableFigures]> {
    for (const [connector, { tables }] of connectors) {
      for (const [table, figures] of tables) yield [{ connector, table }, figures];
    }
  };
  const labels = ["connector", "table"];
  const stale = "Shares that were discarded and read again.";
  page.counter("sluice_commit_stale_total", stale, [...labels, "why"], (show) => {
    for (const [own, figures] of each()) for (const [why, count] of figures.stale) show({ ...own, why }, count);
  });
  const count = (name: string, help: string, value: (figures: TableFigures) => number) =>
    page.counter(name, help, labels, (show) => {
      for (const [own, figures] of each()) show(own, value(figures));
    });
  count("sluice_written_rows_total", "Rows committed.", ({ rows }) => rows);
  count("sluice_written_files_total", "Data files committed.", ({ files }) => files);
  count("sluice_written_bytes_total", "Bytes of data files committed.", ({ bytes }) => bytes);
  page.gauge("sluice_table_version", "The version that our last commit made.", labels, (show) => {
    for (const [own, { version }] of each()) if (version !== null) show(own, version);
  });
}
