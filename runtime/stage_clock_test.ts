import { assertEquals } from "@std/assert";
import { StageClock } from "./stage_clock.ts";

Deno.test("StageClock gives every moment to one stage", () => {
  let now = 100;
  const stages = new StageClock({ monotonic: () => now }, "idle");
  now += 5;
  assertEquals(stages.enter("decode"), "idle");
  now += 7;
  const before = stages.enter("prepare"); // a message that is served while decode waits
  now += 2;
  stages.enter(before);
  now += 1;
  assertEquals(stages.totals(), { idle: 5, decode: 8, prepare: 2 });
  now += 3;
  assertEquals(stages.totals(), { idle: 5, decode: 11, prepare: 2 });
});

Deno.test("StageClock.spent() takes work that was done in another stage's turn out of that", () => {
  let now = 0;
  const stages = new StageClock({ monotonic: () => now }, "idle");
  now += 10;
  stages.spent("consume", 4); // a response came in while the task waited for it
  assertEquals(stages.totals(), { consume: 4, idle: 6 });
  now += 2;
  assertEquals(stages.totals(), { consume: 4, idle: 8 });
});

Deno.test("StageClock.takePuts() tells how many puts there were, their time, and the longest since the last look", async () => {
  let now = 0;
  const stages = new StageClock({ monotonic: () => now }, "idle");
  const during = (stage: string, ms: number) => stages.during(stage, () => Promise.resolve(void (now += ms)));
  await during("put", 30);
  await during("decode", 500);
  await during("put", 10);
  assertEquals(stages.takePuts(), { count: 2, ms: 40, msMax: 30 });
  await during("put", 5);
  assertEquals(stages.takePuts(), { count: 3, ms: 45, msMax: 5 });
  const failing = stages.during("put", () => {
    now += 2;
    return Promise.reject(new Error("no"));
  });
  await failing.catch(() => {}); // that one is noted, too
  assertEquals(stages.takePuts(), { count: 4, ms: 47, msMax: 2 });
});
