import { assert, assertEquals } from "@std/assert";
import { deferredMetrics } from "./deferred_metrics.ts";
import { createMetrics, NO_TASK_METRICS } from "./metrics.ts";

Deno.test("deferredMetrics() shows what was told before and after it is loaded, as if it had always been there", async () => {
  let loads = 0;
  const deferred = deferredMetrics(() => {
    loads++;
    return Promise.resolve(createMetrics());
  });
  const direct = createMetrics();
  const read = (recordsRead: number) => ({ ...NO_TASK_METRICS, recordsRead });
  for (const metrics of [deferred, direct]) {
    metrics.topicsStarted("a");
    metrics.task("a", 0, read(5));
    metrics.task("a", 0, read(9));
    metrics.task("a", 1, read(1));
    metrics.taskState("a", 0, "FAILED"); // its next life counts from 0
    metrics.taskState("a", 0, "RUNNING");
    metrics.task("a", 0, read(3));
    metrics.task("a", 0, read(4));
    metrics.rebalanced("a");
  }
  assertEquals(loads, 0);
  const shown = async ({ text }: typeof direct) => (await text()).replaceAll(/^process_.*$/gm, "");
  assertEquals(await shown(deferred), await shown(direct));
  assert((await direct.text()).includes('sink_record_read_total{connector="a",task="0"} 13'));
  for (const metrics of [deferred, direct]) metrics.task("a", 1, read(2));
  assertEquals(await shown(deferred), await shown(direct));
  assertEquals([loads, deferred.contentType], [1, direct.contentType]);
});

Deno.test("deferredMetrics() loads what takes the figures in where too many wait", async () => {
  let loads = 0;
  const { rebalanced, text } = deferredMetrics(() => {
    loads++;
    return Promise.resolve(createMetrics());
  });
  for (let i = 0; i < 1_001; i++) rebalanced("a");
  assertEquals(loads, 1);
  assert((await text()).includes('rebalances_total{connector="a"} 1001'));
});
