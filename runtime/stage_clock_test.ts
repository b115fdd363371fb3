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
