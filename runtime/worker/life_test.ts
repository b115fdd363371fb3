import { assertEquals } from "@std/assert";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { collectingLog } from "../../tests/support/log.ts";
import { ConfigError, FatalError } from "../api/mod.ts";
import { TaskFailedError } from "../run_parts.ts";
import { ConnectorLife, type LifeParts } from "./life.ts";
import { FakeRun } from "./life_fixture.ts";

/** A life whose n-th run is what `make` makes. */
function lifeOf(make: (n: number, signal: AbortSignal) => FakeRun | Promise<FakeRun>, more: Partial<LifeParts> = {}) {
  const clock = new FakeClock();
  const states: string[] = [];
  const runs: FakeRun[] = [];
  const life = new ConnectorLife({
    clock,
    log: collectingLog(),
    restart: { max: 2, backoffMs: 100, backoffMsMax: 1000 },
    failsFast: false,
    commits: () => 0,
    prepare: async (signal) => {
      const run = await make(runs.length, signal);
      runs.push(run);
      return run.prepared();
    },
    onState: (state, error) => states.push(error instanceof Error ? `${state} ${error.message}` : state),
    ...more,
  });
  return { life, clock, states, runs };
}

function refuse(): never {
  throw new FatalError("no such topic");
}

Deno.test("ConnectorLife starts a failed connector again after a pause that doubles, and gives up at the limit", async () => {
  const { life, clock, states } = lifeOf(refuse);
  await clock.advance(99);
  assertEquals(states, ["RESTARTING no such topic"]);
  await clock.advance(1);
  assertEquals(states.length, 2);
  await clock.advance(199);
  assertEquals(states.length, 2);
  await clock.advance(1);
  await life.ended;
  assertEquals(states.at(-1), "FAILED no such topic");
  assertEquals((life.error as Error).message, "no such topic");
});

Deno.test("ConnectorLife counts anew after a run that committed", async () => {
  let commits = 0;
  const { clock, states, runs, life } = lifeOf(() => new FakeRun(), { commits: () => commits });
  for (let n = 0; n < 5; n++) {
    await clock.advance(0);
    commits++;
    runs[n].fail(new FatalError(`${n}`));
    await clock.advance(100);
  }
  assertEquals(states.filter((state) => state === "RUNNING").length, 6);
  assertEquals(runs.slice(0, 5).every(({ isClosed }) => isClosed), true);
  await life.stop(1000);
});

Deno.test("ConnectorLife gives up at once where another run would change nothing", async () => {
  for (const error of [new TaskFailedError("task 0"), new ConfigError([{ key: "k", why: "is wrong" }])]) {
    const { life, clock, states, runs } = lifeOf(() => new FakeRun());
    await clock.advance(0);
    runs[0].fail(error);
    await life.ended;
    assertEquals(states.map((state) => state.split(" ")[0]), ["RUNNING", "FAILED"]);
  }
});

Deno.test("ConnectorLife that fails fast does so only before anything has run", async () => {
  const early = lifeOf(refuse, { failsFast: true });
  await early.life.ended;
  assertEquals(early.states, ["FAILED no such topic"]);
  const late = lifeOf((n) => n === 0 ? new FakeRun() : refuse(), { failsFast: true });
  await late.clock.advance(0);
  late.runs[0].fail(new FatalError("later"));
  await late.clock.advance(100);
  assertEquals(late.states, ["RUNNING", "RESTARTING later", "RESTARTING no such topic"]);
  await late.life.stop(1000);
});

Deno.test("ConnectorLife.stop() ends a start that waits for Kafka, and the wait before a restart", async () => {
  const starting = lifeOf((_, signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
  );
  await starting.clock.advance(0);
  assertEquals(await starting.life.stop(1000), false, "nothing has run");
  await starting.life.started;
  assertEquals(starting.states, []);

  const restarting = lifeOf(refuse);
  await restarting.clock.advance(50);
  await restarting.life.stop(1000);
  assertEquals(restarting.states, ["RESTARTING no such topic"]);
  assertEquals(restarting.life.error, null);
});

Deno.test("ConnectorLife.stop() while a run is joining stops it, and never says that it runs", async () => {
  const run = new FakeRun();
  run.started = new Promise(() => {});
  const { life, clock, states } = lifeOf(() => run);
  await clock.advance(0);
  await life.stop(1000);
  assertEquals([run.isStopped, run.isClosed, states], [true, true, []]);
});

Deno.test("ConnectorLife.stop() in two voices stops once, and tells a round that was late", async () => {
  const run = new FakeRun();
  const flushed = Promise.withResolvers<boolean>();
  run.flushed = flushed.promise;
  const { life, clock } = lifeOf(() => run);
  await clock.advance(0);
  const both = [life.stop(1000), life.stop(1000)];
  flushed.resolve(false);
  assertEquals(await Promise.all(both), [false, false]);
});
