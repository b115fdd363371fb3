/**
 * Metrics in Prometheus' text form, on the main thread. Names are Kafka Connect's where Connect has one, in the form that the
 * usual rules of the JMX exporter give them (`kafka_connect_<group without "-metrics">_<metric>`, dashes to underscores),
 * `sluice_...` where it has none. metrics/ holds the figures and the pages; METRICS.md lists all of them.
 *
 * @module
 */
import type { Clock } from "./api/clock.ts";
import type { TopicPartition } from "./api/offsets.ts";
import { systemClock } from "./clock.ts";
import type { CommitReport } from "./commit.ts";
import { type ConnectorPlugin, WorkerFigures } from "./metrics/connector_figures.ts";
import { type Declared, Page } from "./metrics/page.ts";
import { processPage } from "./metrics/process_page.ts";
import { statesPage } from "./metrics/states_page.ts";
import { storagePage } from "./metrics/storage_page.ts";
import { taskPage } from "./metrics/task_page.ts";
import type { TaskMetrics } from "./task_meter.ts";

export { mergeTaskMetrics, NO_TASK_METRICS } from "./metrics/merge.ts";
export type { ConnectorPlugin } from "./metrics/connector_figures.ts";

/** What the worker tells, and what /metrics shows. */
export interface Metrics {
  /** The figures that a task sent last, in place of those before. */
  task(connector: string, task: number, snapshot: TaskMetrics): void;
  taskState(connector: string, task: number, state: string): void;
  /** It has so many tasks from now on; those of a higher number are no more. */
  tasks(connector: string, count: number): void;
  connectorState(connector: string, state: string): void;
  /** What runs as this connector. */
  connectorPlugin(connector: string, plugin: ConnectorPlugin): void;
  topicState(connector: string, topic: string, state: string): void;
  /** A run begins: no topic of it has failed. */
  topicsStarted(connector: string): void;
  committed(connector: string, report: CommitReport): void;
  assigned(connector: string, partitions: readonly TopicPartition[]): void;
  /** A rebalance begins; it ends with `assigned`. */
  rebalanced(connector: string): void;
  /** The connector is no more: nothing of it is shown, and one of its name begins anew. */
  removed(connector: string): void;
  /** The page of now. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** Metrics whose declarations can be listed. */
export interface DeclaredMetrics extends Metrics {
  readonly declared: readonly Declared[];
}

/** Makes a page of its own: two workers in one process do not meet. */
export function createMetrics(clock: Pick<Clock, "now" | "monotonic"> = systemClock): DeclaredMetrics {
  const page = new Page();
  const worker = new WorkerFigures();
  const nowMs = () => clock.monotonic();
  taskPage(page, worker, nowMs);
  statesPage(page, worker, nowMs);
  const storage = storagePage(page, worker);
  processPage(page);
  const moment = () => ({ wallMs: clock.now(), ms: nowMs() });
  const task = (connector: string, task: number) => worker.of(connector).task(task, nowMs());
  return {
    task: (connector, number, snapshot) => task(connector, number).told(snapshot, moment()),
    taskState(connector, number, state) {
      const figures = task(connector, number);
      worker.taskStartups.note(figures.state, state, nowMs());
      figures.enter(state, nowMs());
    },
    tasks(connector, count) {
      const { tasks } = worker.of(connector);
      for (const number of [...tasks.keys()]) if (number >= count) tasks.delete(number);
      for (let number = 0; number < count; number++) task(connector, number).enter("UNASSIGNED", nowMs());
    },
    connectorState(connector, state) {
      const figures = worker.of(connector);
      worker.connectorStartups.note(figures.state, state, nowMs());
      figures.state = state;
    },
    connectorPlugin: (connector, { name, version }) => void (worker.of(connector).plugin = { name, version }),
    topicState: (connector, topic, state) => worker.of(connector).topicState(topic, state),
    topicsStarted: (connector) => worker.of(connector).topicsStarted(),
    committed(connector, report) {
      worker.of(connector).committed(report, moment());
      storage.committed(connector, report);
    },
    assigned: (connector, partitions) => worker.of(connector).dealt(partitions.length, moment()),
    rebalanced: (connector) => worker.of(connector).rebalancing(moment()),
    removed(connector) {
      worker.connectors.delete(connector);
      storage.removed(connector);
    },
    text: () => page.text(),
    contentType: page.contentType,
    declared: page.declared,
  };
}
