import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { collectingLog } from "../../tests/support/log.ts";
import { ConfigError, FatalError } from "../api/mod.ts";
import { createMetrics } from "../metrics.ts";
import type { RunObserver } from "../run_parts.ts";
import { RequestRefused } from "../worker_api.ts";
import { ConfigStorage, type KeyValueStore } from "./config_storage.ts";
import { Connectors } from "./connectors.ts";
import { FakeRun } from "./life_fixture.ts";

/** A worker's connectors whose runs are fakes; a configuration with `bad` is refused. */
function world(
  prepare: (name: string, n: number, signal: AbortSignal) => FakeRun | Promise<FakeRun> = () => new FakeRun(),
) {
  const clock = new FakeClock();
  const kept: Map<string, string> & { delay?: Promise<void> } = new Map();
  const store: KeyValueStore = {
    load: () => Promise.resolve(kept),
    put: async (entries) => {
      await kept.delay;
      for (const [key, value] of entries) value === null ? kept.delete(key) : kept.set(key, value);
    },
    close: () => Promise.resolve(),
  };
  const runs = new Map<string, FakeRun[]>();
  const observers: RunObserver[] = [];
  const log = collectingLog();
  const metrics = createMetrics(clock);
  const connectors = new Connectors({
    workerId: () => "here:1",
    storage: new ConfigStorage(store),
    plugins: { connectors: [], converters: [], transforms: [], predicates: [] },
    kafka: () => Promise.reject(new Error("there is none")),
    factory: {
      parse: () => Promise.reject(new Error("nothing to parse")),
      check: (name, { flat }) => {
        if ("bad" in flat) throw new ConfigError([{ key: `connectors.${name}.bad`, why: "is bad" }]);
        return Promise.resolve();
      },
      prepare: async (name, _, observer, signal) => {
        const own = runs.get(name) ?? [];
        runs.set(name, own);
        const run = await prepare(name, own.length, signal);
        own.push(run);
        observers.push(observer);
        observer.onTasks?.(run.tasks);
        for (let task = 0; task < run.tasks; task++) observer.onTaskState(task, "RUNNING");
        return run.prepared();
      },
      kafka: () => Promise.reject(new Error("there is none")),
      release: () => {},
      forget: () => {},
    },
    managed: {
      clock,
      metrics,
      restart: { max: 1, backoffMs: 100, backoffMsMax: 100 },
      stopTimeoutMs: 1000,
    },
    clock,
    random: () => 0.5,
    log,
    onEnded: () => {},
  });
  const states = (name: string) => {
    const { connector, tasks } = connectors.status(name);
    return [connector.state, ...tasks.map(({ state }) => state)].join(" ");
  };
  return { connectors, clock, kept, runs, states, observers, metrics };
}

const refused = async (status: number, work: () => Promise<unknown>) => {
  const error = await assertRejects(work, RequestRefused);
  assertEquals(error.status, status, error.message);
};

Deno.test("Connectors takes a connector through every state, and keeps what is wanted", async () => {
  const { connectors, clock, kept, runs, states } = world();
  await connectors.create("a", { topics: "t" }, "RUNNING");
  assert(states("a").startsWith("UNASSIGNED"));
  await clock.advance(0);
  assertEquals(states("a"), "RUNNING RUNNING RUNNING");
  await connectors.pause("a");
  assertEquals([states("a"), runs.get("a")!.length], ["PAUSED PAUSED PAUSED", 1]);
  assertEquals(kept.get("target-state-a"), '{"state":"PAUSED"}');
  await connectors.restart("a", { includeTasks: true, onlyFailed: false });
  assertEquals(states("a"), "PAUSED PAUSED PAUSED", "what is paused stays so");
  await connectors.resume("a");
  await clock.advance(0);
  assertEquals([states("a"), kept.has("target-state-a")], ["RUNNING RUNNING RUNNING", false]);
  await connectors.stopConnector("a");
  assertEquals(states("a"), "STOPPED");
  assertEquals(runs.get("a")!.map(({ isClosed }) => isClosed), [true, true]);
  await connectors.resume("a");
  await clock.advance(0);
  await connectors.delete("a");
  assertEquals([connectors.names(), kept.size, runs.get("a")!.at(-1)!.isClosed], [[], 0, true]);
  for (const ask of [() => connectors.delete("a"), () => connectors.resume("a"), () => connectors.offsets("a")]) {
    await refused(404, ask);
  }
  assertThrows(() => connectors.status("a"), RequestRefused);
});

Deno.test("Connectors shows a failure for good with its trace, and neighbours go on", async () => {
  const { connectors, clock, states } = world((name) => {
    if (name === "bad-topic") throw new FatalError("Kafka has no topic");
    return new FakeRun();
  });
  await connectors.create("bad-topic", {}, "RUNNING");
  await connectors.create("good", {}, "RUNNING");
  await clock.advance(0);
  assertEquals([states("bad-topic"), states("good")], ["RESTARTING", "RUNNING RUNNING RUNNING"]);
  await clock.advance(100);
  assertEquals([states("bad-topic"), states("good")], ["FAILED", "RUNNING RUNNING RUNNING"]);
  assert(connectors.status("bad-topic").connector.trace?.includes("Kafka has no topic"));
  assertEquals(connectors.all[0].notReady(), ['connector "bad-topic" has failed: Kafka has no topic']);
  await connectors.shutDown();
});

Deno.test("Connectors.restart() begins a failed connector anew, and with onlyFailed leaves one that runs alone", async () => {
  const { connectors, clock, runs, states } = world();
  await connectors.create("a", {}, "RUNNING");
  await clock.advance(0);
  await connectors.restart("a", { includeTasks: true, onlyFailed: true });
  assertEquals(runs.get("a")!.length, 1);
  for (let n = 0; n < 2; n++) {
    runs.get("a")!.at(-1)!.fail(new FatalError("no"));
    await clock.advance(100);
  }
  assertEquals(states("a"), "FAILED UNASSIGNED UNASSIGNED");
  await connectors.restart("a", { includeTasks: true, onlyFailed: true });
  await clock.advance(0);
  assertEquals(states("a"), "RUNNING RUNNING RUNNING");
  await connectors.restart("a", { includeTasks: false, onlyFailed: false });
  await clock.advance(0);
  assertEquals(runs.get("a")!.length, 4);
  await connectors.restartTask("a", 1);
  assertEquals(runs.get("a")!.length, 4, "a task alone is no new run");
  await refused(404, () => connectors.restartTask("a", 2));
  await connectors.shutDown();
});

Deno.test("Connectors refuses a configuration without touching the one that runs, and replaces it otherwise", async () => {
  const { connectors, clock, kept, runs } = world();
  await assertRejects(() => connectors.create("a", { bad: "1" }, "RUNNING"), ConfigError);
  assertEquals([connectors.names(), kept.size], [[], 0]);
  await connectors.putConfig("a", { topics: "t", "sasl.password": "hush", "x.token": "${env:T}" });
  await connectors.create("b", {}, "RUNNING");
  await refused(409, () => connectors.create("a", {}, "RUNNING"));
  await clock.advance(0);
  await assertRejects(() => connectors.putConfig("a", { bad: "1" }), ConfigError);
  assertEquals([runs.get("a")!.length, runs.get("a")![0].isStopped], [1, false]);
  const { config } = connectors.info("a");
  assertEquals(config, { name: "a", topics: "t", "sasl.password": "[hidden]", "x.token": "${env:T}" });
  const { created } = await connectors.putConfig("a", { ...config, topics: "u" });
  assertEquals(created, false);
  assertEquals(JSON.parse(kept.get("connector-a")!).properties, {
    topics: "u",
    "sasl.password": "hush",
    "x.token": "${env:T}",
  });
  const registry = { "schema.registry.url": "http://r:8081,https://me:hush@s:8081" };
  await connectors.patchConfig("a", registry);
  const shown = connectors.info("a").config["schema.registry.url"];
  assertEquals(shown, "[hidden]", "a password in an address is one");
  await connectors.patchConfig("a", { "schema.registry.url": shown });
  assertEquals(JSON.parse(kept.get("connector-a")!).properties["schema.registry.url"], registry["schema.registry.url"]);
  await connectors.patchConfig("a", { "schema.registry.url": null, topics: null, "tasks.max": "3" });
  await clock.advance(0);
  assertEquals(Object.keys(connectors.info("a").config).sort(), ["name", "sasl.password", "tasks.max", "x.token"]);
  assertEquals([runs.get("a")!.length, runs.get("b")!.length], [5, 1], "only what it touches starts again");
  await assertRejects(() => connectors.putConfig("b", { "s3.secret": "[hidden]" }), ConfigError, "not known");
  await assertRejects(() => connectors.putConfig("b", { name: "c" }), ConfigError, "not the connector's name");
  await connectors.shutDown();
});

Deno.test("Connectors.delete() of one that is starting ends the start, and one that asks later finds nothing", async () => {
  const { connectors, clock } = world((_, __, signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
  );
  await connectors.create("a", {}, "RUNNING");
  await clock.advance(0);
  const deleted = connectors.delete("a");
  const late = refused(404, () => connectors.pause("a"));
  await deleted;
  await late;
  assertEquals(connectors.names(), []);
});

Deno.test("Connectors.pause() while a connector waits for its restart ends the wait", async () => {
  const { connectors, clock, states } = world(() => {
    throw new FatalError("no");
  });
  await connectors.create("a", {}, "RUNNING");
  await clock.advance(50);
  assertEquals(states("a"), "RESTARTING");
  await connectors.pause("a");
  await clock.advance(1000);
  assertEquals([states("a"), connectors.status("a").connector.trace], ["PAUSED", undefined]);
});

Deno.test("Connectors lets a stop wait for the last round, and other connectors for nothing", async () => {
  const { connectors, clock, runs, states } = world();
  await connectors.create("a", {}, "RUNNING");
  await connectors.create("b", {}, "RUNNING");
  await clock.advance(0);
  const flushed = Promise.withResolvers<boolean>();
  runs.get("a")![0].flushed = flushed.promise;
  const stopped = connectors.stopConnector("a");
  const resumed = connectors.resume("a");
  await connectors.pause("b");
  assertEquals(states("b"), "PAUSED PAUSED PAUSED");
  assertEquals(runs.get("a")!.length, 1, "the resume waits for its turn");
  flushed.resolve(true);
  await stopped;
  await resumed;
  await clock.advance(0);
  assertEquals([states("a"), runs.get("a")!.length], ["RUNNING RUNNING RUNNING", 2]);
  await connectors.shutDown();
  await refused(409, () => connectors.pause("a"));
});

Deno.test("Connectors.shutDown() in the middle of a restart, a resume or a new configuration starts nothing after it", async () => {
  const { connectors, clock, runs } = world();
  const flushed = Promise.withResolvers<boolean>();
  for (const name of ["a", "b", "c"]) await connectors.create(name, {}, "RUNNING");
  await clock.advance(0);
  for (const name of ["a", "b", "c"]) runs.get(name)![0].flushed = flushed.promise;
  const asked = Promise.all([
    connectors.restart("a", { includeTasks: true, onlyFailed: false }),
    connectors.putConfig("b", { topics: "u" }),
    connectors.stopConnector("c"),
  ]);
  const resumed = assertRejects(() => connectors.resume("c"), RequestRefused, "stopping");
  await clock.advance(0);
  const ended = connectors.shutDown();
  flushed.resolve(true);
  await Promise.all([asked, resumed, ended]);
  await clock.advance(0);
  assertEquals([...runs.values()].map(({ length }) => length), [1, 1, 1]);
});

Deno.test("Connectors.shutDown() waits for what was asked before it, as long as a stop may take", async () => {
  const { connectors, clock, kept } = world();
  await connectors.create("a", {}, "STOPPED");
  const put = Promise.withResolvers<void>();
  kept.delay = put.promise;
  let isResumed = false;
  let hasEnded = false;
  void connectors.resume("a").then(() => isResumed = true);
  await clock.advance(0);
  const ended = connectors.shutDown().then(() => hasEnded = true);
  await clock.advance(999);
  assertEquals([isResumed, hasEnded], [false, false]);
  await clock.advance(1);
  await ended;
  assertEquals(isResumed, false, "what hangs is left");
  put.resolve();
});

Deno.test("Connectors leaves what stands in a file to the file, and offsets to connectors that are stopped", async () => {
  const { connectors, clock, states } = world();
  connectors.add("a", { flat: { topics: "t" }, file: "sluice.yaml" }, "RUNNING").begin();
  await clock.advance(0);
  const { message } = await assertRejects(() => connectors.putConfig("a", { topics: "u" }), RequestRefused);
  assert(message.includes("sluice.yaml"), message);
  await refused(409, () => connectors.delete("a"));
  await refused(409, () => connectors.alterOffsets("a", []));
  await connectors.pause("a");
  await refused(409, () => connectors.resetOffsets("a"));
  assertEquals(states("a"), "PAUSED PAUSED PAUSED");
});

Deno.test("Connectors tells metrics the state of each connector and its tasks, and when it is no more", async () => {
  const { connectors, clock, observers, metrics } = world();
  const shown = async (name: string) => {
    const lines = (await metrics.text()).split("\n").filter((line) => line.includes(`connector="${name}"`));
    const states = lines.filter((line) => /_status\{/.test(line) && line.endsWith(" 1"));
    return { lines, states: states.map((line) => /status="(\w+)"/.exec(line)![1]).join(" ") };
  };
  await connectors.create("asleep", {}, "STOPPED");
  assertEquals((await shown("asleep")).states, "stopped");
  await connectors.create("a", {}, "RUNNING");
  await clock.advance(0);
  assertEquals((await shown("a")).states, "running running running");
  observers[0].onPlugin?.({ name: "delta-sink", version: "1" });
  await connectors.pause("a");
  assertEquals((await shown("a")).states, "paused paused paused");
  await connectors.stopConnector("a");
  assertEquals((await shown("a")).states, "stopped", "it has no tasks");
  await connectors.resume("a");
  await clock.advance(0);
  assertEquals((await shown("a")).states, "running running running");
  assert((await shown("a")).lines.includes(
    'kafka_connect_connector_info{connector="a",connector_type="sink",connector_class="delta-sink",connector_version="1"} 1',
  ));
  await connectors.delete("a");
  assertEquals((await shown("a")).lines, []);
  assertEquals((await shown("asleep")).states, "stopped");
  await connectors.shutDown();
});
