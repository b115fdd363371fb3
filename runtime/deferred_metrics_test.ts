import { assert, assertEquals } from "@std/assert";
import { deferredMetrics } from "./deferred_metrics.ts";
import { createMetrics, type Metrics, NO_TASK_METRICS } from "./metrics.ts";

Deno.test("deferredMetrics() shows what was told before and after it is loaded, as if it had always been there", async () => {
  let loads = 0;
  let nowMs = 1_000;
  const clock = { now: () => 1_700_000_000_000 + nowMs, monotonic: () => nowMs };
  const deferred = deferredMetrics((then) => {
    loads++;
    return Promise.resolve(createMetrics(then));
  }, clock);
  const direct = createMetrics(clock);
  const read = (recordsRead: number) => ({ ...NO_TASK_METRICS, recordsRead });
  const told: ((metrics: Metrics) => void)[] = [
    (metrics) => metrics.topicsStarted("a"),
    (metrics) => metrics.tasks("a", 2),
    (metrics) => metrics.taskState("a", 0, "RUNNING"),
    (metrics) => metrics.task("a", 0, read(5)),
    (metrics) => metrics.task("a", 0, read(9)),
    (metrics) => metrics.task("a", 1, read(1)),
    (metrics) => metrics.taskState("a", 0, "FAILED"), // its next life counts from 0
    (metrics) => metrics.taskState("a", 0, "RUNNING"),
    (metrics) => metrics.task("a", 0, read(3)),
    (metrics) => metrics.task("a", 0, { ...read(4), retries: 1 }),
    (metrics) => metrics.rebalanced("a"),
    (metrics) => metrics.assigned("a", []),
    (metrics) => metrics.task("b", 0, read(7)),
    (metrics) => metrics.removed("b"),
    (metrics) => metrics.task("b", 0, read(2)),
  ];
  for (const each of told) {
    nowMs += 700;
    each(deferred);
    each(direct);
  }
  nowMs += 3_000;
  assertEquals(loads, 0);
  const shown = async ({ text }: Metrics) => (await text()).replaceAll(/^process_.*$/gm, "");
  assertEquals(await shown(deferred), await shown(direct));
  assert((await direct.text()).includes('sink_record_read_total{connector="a",task="0"} 13'));
  assert((await direct.text()).includes('sink_record_read_total{connector="b",task="0"} 2'));
  assert((await direct.text()).includes('rebalance_max_time_ms{connector="a"} 700'));
  for (const metrics of [deferred, direct]) metrics.task("a", 1, read(2));
  assertEquals(await shown(deferred), await shown(direct));
  assertEquals([loads, deferred.contentType], [1, direct.contentType]);
});

Deno.test("deferredMetrics() loads what takes the figures in where too many wait", async () => {
  let loads = 0;
  const { rebalanced, assigned, text } = deferredMetrics(() => {
    loads++;
    return Promise.resolve(createMetrics());
  });
  for (let i = 0; i < 1_001; i++) {
    rebalanced("a");
    assigned("a", []);
  }
  assertEquals(loads, 1);
  assert((await text()).includes('rebalances_total{connector="a"} 1001'));
});
