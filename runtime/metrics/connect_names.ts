/**
 * Every metric of Kafka Connect that concerns a sink (ConnectMetricsRegistry), and what became of it here: the tables of
 * METRICS.md, held against the page by a test.
 *
 * @module
 */

/** The name on the page where it differs from the usual rules', or why there is none. */
export type Fate = { readonly as: string } | { readonly absent: string } | null;

const PER_INFO = "kafka_connect_connector_info";
const NO_LEADER = "workers have no leader: Kafka's group of each connector spreads its partitions";

/** By group; null: emitted under the name that `emittedName` says. */
export const CONNECT_METRICS: Readonly<Record<string, Readonly<Record<string, Fate>>>> = {
  "connector-metrics": {
    "status": null,
    "connector-type": { as: PER_INFO },
    "connector-class": { as: PER_INFO },
    "connector-version": { as: PER_INFO },
  },
  "connector-task-metrics": {
    "status": null,
    "running-ratio": null,
    "pause-ratio": null,
    "offset-commit-max-time-ms": null,
    "offset-commit-avg-time-ms": null,
    "offset-commit-success-percentage": null,
    "offset-commit-failure-percentage": null,
    "batch-size-max": null,
    "batch-size-avg": null,
  },
  "sink-task-metrics": {
    "sink-record-read-rate": null,
    "sink-record-read-total": null,
    "sink-record-send-rate": null,
    "sink-record-send-total": null,
    "sink-record-lag-max": null,
    "partition-count": null,
    "offset-commit-seq-no": null,
    "offset-commit-completion-rate": null,
    "offset-commit-completion-total": null,
    "offset-commit-skip-rate": null,
    "offset-commit-skip-total": null,
    "put-batch-max-time-ms": null,
    "put-batch-avg-time-ms": null,
    "sink-record-active-count": null,
    "sink-record-active-count-max": null,
    "sink-record-active-count-avg": null,
  },
  "task-error-metrics": {
    "total-record-failures": null,
    "total-record-errors": null,
    "total-records-skipped": null,
    "total-retries": null,
    "total-errors-logged": null,
    "deadletterqueue-produce-requests": null,
    "deadletterqueue-produce-failures": null,
    "last-error-timestamp": null,
  },
  "connect-worker-metrics": {
    "connector-count": null,
    "task-count": null,
    "connector-startup-attempts-total": null,
    "connector-startup-success-total": null,
    "connector-startup-success-percentage": null,
    "connector-startup-failure-total": null,
    "connector-startup-failure-percentage": null,
    "task-startup-attempts-total": null,
    "task-startup-success-total": null,
    "task-startup-success-percentage": null,
    "task-startup-failure-total": null,
    "task-startup-failure-percentage": null,
    "connector-total-task-count": null,
    "connector-running-task-count": null,
    "connector-paused-task-count": null,
    "connector-failed-task-count": null,
    "connector-unassigned-task-count": null,
    "connector-destroyed-task-count": null,
    "connector-restarting-task-count": null,
  },
  "connect-worker-rebalance-metrics": {
    "leader-name": { absent: NO_LEADER },
    "epoch": { absent: NO_LEADER },
    "completed-rebalances-total": null,
    "rebalancing": null,
    "rebalance-avg-time-ms": null,
    "rebalance-max-time-ms": null,
    "time-since-last-rebalance-ms": null,
  },
};

/** As the usual rules of the JMX exporter name it (its examples/kafka-connect.yml). */
export function emittedName(group: string, metric: string): string {
  const fate = CONNECT_METRICS[group]?.[metric];
  if (fate && "as" in fate) return fate.as;
  const name = group.replace(/-metrics$/, "").replace(/^connect-/, "");
  return `kafka_connect_${name}_${metric}`.replaceAll("-", "_");
}
