/**
 * Metrics whose library is loaded when somebody looks at them: what is told before that waits.
 *
 * @module
 */
import type { Metrics } from "./metrics.ts";

/** What waits at most; then the library is loaded, and takes it in. Further ones wait until it is there. */
const WAITING_MAX = 1_000;

type Told = (metrics: Metrics) => void;

/** Metrics of `load()`, which is called once: at the first look at them, or when too much waits. */
export function deferredMetrics(load: () => Promise<Metrics>): Metrics {
  let loaded: Metrics | null = null;
  let loading: Promise<Metrics> | null = null;
  const waiting: Told[] = [];
  /** Where a task's last figures wait: newer ones take their place until its state changes. */
  const figures = new Map<string, number>();
  const take = async () => {
    const metrics = await load();
    for (const told of waiting.splice(0)) told(metrics);
    return loaded = metrics;
  };
  const ready = () => loading ??= take();
  const tell = (told: Told) => {
    if (loaded) return told(loaded);
    waiting.push(told);
    if (waiting.length > WAITING_MAX) void ready();
  };
  return {
    task(connector, task, snapshot) {
      const key = `${connector}\0${task}`;
      const told: Told = (metrics) => metrics.task(connector, task, snapshot);
      const at = figures.get(key);
      if (!loaded && at !== undefined) return void (waiting[at] = told);
      figures.set(key, waiting.length);
      tell(told);
    },
    taskState(connector, task, state) {
      figures.delete(`${connector}\0${task}`);
      tell((metrics) => metrics.taskState(connector, task, state));
    },
    connectorState: (...given) => tell((metrics) => metrics.connectorState(...given)),
    topicState: (...given) => tell((metrics) => metrics.topicState(...given)),
    topicsStarted: (...given) => tell((metrics) => metrics.topicsStarted(...given)),
    committed: (...given) => tell((metrics) => metrics.committed(...given)),
    assigned: (...given) => tell((metrics) => metrics.assigned(...given)),
    rebalanced: (...given) => tell((metrics) => metrics.rebalanced(...given)),
    text: async () => await (await ready()).text(),
    get contentType() {
      return loaded?.contentType ?? "text/plain; charset=utf-8";
    },
  };
}
