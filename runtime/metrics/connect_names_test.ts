import { assert, assertEquals } from "@std/assert";
import { createMetrics } from "../metrics.ts";
import { CONNECT_METRICS, emittedName } from "./connect_names.ts";

/** ConnectMetricsRegistry, as far as it concerns sinks. */
const REGISTRY = `
connector-metrics: status connector-{type,class,version}
connector-task-metrics: status running-ratio pause-ratio offset-commit-{max,avg}-time-ms
  offset-commit-{success,failure}-percentage batch-size-{max,avg}
sink-task-metrics: sink-record-{read,send}-{rate,total} sink-record-lag-max partition-count offset-commit-seq-no
  offset-commit-{completion,skip}-{rate,total} put-batch-{max,avg}-time-ms sink-record-active-count{,-max,-avg}
task-error-metrics: total-record-failures total-record-errors total-records-skipped total-retries total-errors-logged
  deadletterqueue-produce-{requests,failures} last-error-timestamp
connect-worker-metrics: connector-count task-count {connector,task}-startup-{attempts,success,failure}-total
  {connector,task}-startup-{success,failure}-percentage
  connector-{total,running,paused,failed,unassigned,destroyed,restarting}-task-count
connect-worker-rebalance-metrics: leader-name epoch completed-rebalances-total rebalancing rebalance-{avg,max}-time-ms
  time-since-last-rebalance-ms`;

/** Labels beside which a metric may have others. */
const TAGS: Readonly<Record<string, readonly string[]>> = {
  "connector-metrics": ["connector"],
  "connector-task-metrics": ["connector", "task"],
  "sink-task-metrics": ["connector", "task"],
  "task-error-metrics": ["connector", "task"],
  "connect-worker-metrics": [],
  "connect-worker-rebalance-metrics": ["connector"],
};

Deno.test("CONNECT_METRICS knows every metric of Connect that concerns a sink, and no other", () => {
  const known = Object.entries(CONNECT_METRICS).map(([group, metrics]) => [group, Object.keys(metrics).sort()]);
  const groups = REGISTRY.trim().split(/\n(?=\S)/).map((text) => {
    const [group, metrics] = text.split(": ");
    return [group, metrics.trim().split(/\s+/).flatMap(expanded).sort()];
  });
  assertEquals(known, groups);
});

Deno.test("CONNECT_METRICS says of every metric under which name it is served, or why it is not", () => {
  const { declared } = createMetrics();
  for (const [group, metrics] of Object.entries(CONNECT_METRICS)) {
    for (const [metric, fate] of Object.entries(metrics)) {
      const served = declared.find(({ name }) => name === emittedName(group, metric));
      if (fate && "absent" in fate) {
        assert(!served && fate.absent.length > 20, `${group} ${metric}: it is served, or nobody says why not`);
        continue;
      }
      assert(served, `${group} ${metric}: no ${emittedName(group, metric)} is served`);
      const missing = TAGS[group].filter((tag) => !served.labels.includes(tag));
      assertEquals(missing, [], `${served.name} has labels ${served.labels}`);
    }
  }
});

Deno.test("emittedName() names as the usual rules of the JMX exporter do", () => {
  assertEquals(
    emittedName("sink-task-metrics", "put-batch-max-time-ms"),
    "kafka_connect_sink_task_put_batch_max_time_ms",
  );
  assertEquals(emittedName("connect-worker-metrics", "task-count"), "kafka_connect_worker_task_count");
  assertEquals(
    emittedName("connect-worker-rebalance-metrics", "rebalancing"),
    "kafka_connect_worker_rebalance_rebalancing",
  );
});

/** `a-{b,c}` as `a-b` and `a-c`. */
function expanded(name: string): string[] {
  const braces = /\{([^}]*)\}/.exec(name);
  if (!braces) return [name];
  return braces[1].split(",").flatMap((each) => expanded(name.replace(braces[0], each)));
}
