/**
 * Metrics whose library is loaded when somebody looks at them: what is told before that waits.
 *
 * @module
 */
import type { Clock } from "./api/clock.ts";
import { systemClock } from "./clock.ts";
import type { Metrics } from "./metrics.ts";

/** What waits at most; then the library is loaded, and takes it in. Further ones wait until it is there. */
const WAITING_MAX = 1_000;

type Told = (metrics: Metrics) => void;

type Time = Pick<Clock, "now" | "monotonic">;

/**
 * Metrics of `load()`, which is called once: at the first look at them, or when too much waits. The clock that it is given
 * says of what waited when it was told.
 */
export function deferredMetrics(load: (clock: Time) => Promise<Metrics>, clock: Time = systemClock): Metrics {
  let loaded: Metrics | null = null;
  let loading: Promise<Metrics> | null = null;
  const waiting: { readonly told: Told; readonly nowMs: number; readonly monotonicMs: number }[] = [];
  let then: (typeof waiting)[number] | null = null;
  const time: Time = { now: () => then?.nowMs ?? clock.now(), monotonic: () => then?.monotonicMs ?? clock.monotonic() };
  const waits = (told: Told) => ({ told, nowMs: clock.now(), monotonicMs: clock.monotonic() });
  /** Where a task's last figures wait: newer ones take their place until its state changes. */
  const figures = new Map<string, number>();
  const take = async () => {
    const metrics = await load(time);
    for (then of waiting.splice(0)) then.told(metrics);
    then = null;
    return loaded = metrics;
  };
  const ready = () => loading ??= take();
  /** What comes next of the connector's tasks is another life's. */
  const forget = (connector: string) => {
    for (const key of figures.keys()) if (key.startsWith(`${connector}\0`)) figures.delete(key);
  };
  const tell = (told: Told) => {
    if (loaded) return told(loaded);
    waiting.push(waits(told));
    if (waiting.length > WAITING_MAX) void ready();
  };
  return {
    task(connector, task, snapshot) {
      const key = `${connector}\0${task}`;
      const told: Told = (metrics) => metrics.task(connector, task, snapshot);
      const at = figures.get(key);
      if (!loaded && at !== undefined) return void (waiting[at] = waits(told));
      figures.set(key, waiting.length);
      tell(told);
    },
    taskState(connector, task, state) {
      figures.delete(`${connector}\0${task}`);
      tell((metrics) => metrics.taskState(connector, task, state));
    },
    tasks(connector, count) {
      forget(connector);
      tell((metrics) => metrics.tasks(connector, count));
    },
    removed(connector) {
      forget(connector);
      tell((metrics) => metrics.removed(connector));
    },
    connectorPlugin: (...given) => tell((metrics) => metrics.connectorPlugin(...given)),
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
