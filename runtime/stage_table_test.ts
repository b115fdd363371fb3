import { assertEquals } from "@std/assert";
import { stageTable } from "./stage_table.ts";

Deno.test("stageTable() shows each task's stages in their order, then what goes on beside", () => {
  const stageSeconds = { 0: { put: 1, mine: 0.5, idle: 0.25, decode: 0.25 }, 1: {} };
  assertEquals(
    stageTable([{ connector: "orders", stageSeconds, prepareSeconds: 1.5, commitSeconds: 0.126 }]),
    [
      "connector  task    stage    seconds   share",
      "orders     0       idle        0.25  12.5 %",
      "orders     0       decode      0.25  12.5 %",
      "orders     0       put         1.00  50.0 %",
      "orders     0       mine        0.50  25.0 %",
      "orders     beside  prepare     1.50",
      "orders     beside  commit      0.13",
    ].join("\n"),
  );
});
