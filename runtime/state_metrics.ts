/**
 * The metrics of what connectors, tasks and topics do: which state each is in.
 *
 * @module
 */
import type { ConnectorState } from "./worker_api.ts";

/** Makes the metrics; all have the label "connector", and those that are named. */
export interface StateMakers {
  gauge(name: string, help: string, ...labels: string[]): { set(labels: Record<string, string>, value: number): void };
  counter(name: string, help: string, ...labels: string[]): { inc(labels: Record<string, string>): void };
}

const STATES: readonly ConnectorState[] = ["UNASSIGNED", "RUNNING", "PAUSED", "STOPPED", "FAILED", "RESTARTING"];
const TOPIC_STATES: readonly ConnectorState[] = ["RUNNING", "FAILED", "RESTARTING"];

/** Of tasks and connectors. */
export function stateMetrics({ gauge, counter }: StateMakers) {
  const status = gauge("kafka_connect_connector_task_status", "1 for the state that the task is in.", "task", "status");
  const connectorStatus = gauge(
    "kafka_connect_connector_status",
    "1 for the state that the connector is in.",
    "status",
  );
  const restarts = counter("sluice_task_restarts_total", "Failed tasks that are started again.", "task");
  return {
    task(connector: string, task: number, state: string): void {
      for (const each of new Set([...STATES, state])) {
        status.set({ connector, task: String(task), status: each.toLowerCase() }, each === state ? 1 : 0);
      }
      if (state === "RESTARTING") restarts.inc({ connector, task: String(task) });
    },
    connector(connector: string, state: string): void {
      for (const each of new Set([...STATES, state])) {
        connectorStatus.set({ connector, status: each.toLowerCase() }, each === state ? 1 : 0);
      }
    },
  };
}

/** Of topics: they have series from their first failure on, for hundreds of them run. */
export function topicMetrics({ gauge, counter }: StateMakers) {
  const status = gauge(
    "sluice_topic_status",
    "1 for the state that a topic which failed is in.",
    "topic",
    "status",
  );
  const failed = gauge("sluice_failed_topics", "Topics that are not read now, since their table or records failed.");
  const restarts = counter("sluice_topic_restarts_total", "Failed topics that are started again.", "topic");
  const down = new Map<string, Set<string>>();
  const state = (connector: string, topic: string, state: string): void => {
    const topics = down.get(connector) ?? new Set();
    down.set(connector, topics);
    for (const each of TOPIC_STATES) {
      status.set({ connector, topic, status: each.toLowerCase() }, each === state ? 1 : 0);
    }
    if (state === "RUNNING") topics.delete(topic);
    else topics.add(topic);
    if (state === "RESTARTING") restarts.inc({ connector, topic });
    failed.set({ connector }, topics.size);
  };
  return {
    state,
    /** A run begins: no topic of it has failed. */
    started(connector: string): void {
      for (const topic of [...down.get(connector) ?? []]) state(connector, topic, "RUNNING");
      failed.set({ connector }, 0);
    },
  };
}
