import { assertEquals } from "@std/assert";
import type { ConsumeStage } from "./consume.ts";
import type { RetentionWatch } from "./retention_watch.ts";
import type { StageClock } from "./stage_clock.ts";
import { TaskMeter } from "./task_meter.ts";

Deno.test("TaskMeter.rejected() counts each of many reasons, and further ones as one: a plugin may put values in them", () => {
  const consume = { positions: [] } as unknown as ConsumeStage;
  const retention = { look: () => {} } as unknown as RetentionWatch;
  const puts = { count: 0, ms: 0, msMax: 0 };
  const stages = { takePuts: () => puts, totals: () => ({}) } as unknown as StageClock;
  const meter = new TaskMeter(consume, () => ({ slabs: 0, files: 0 }), retention, stages);
  for (let i = 0; i < 1_000; i++) meter.rejected("TASK_PUT", `no room for ${i}`);
  meter.rejected("TASK_PUT", "no room for 7");
  const { rejects } = meter.snapshot();
  assertEquals(rejects.length, 201);
  assertEquals(rejects.find(({ reason }) => reason === "no room for 7")?.count, 2);
  assertEquals(rejects.at(-1), { stage: "TASK_PUT", reason: "other reasons", count: 800 });
});
