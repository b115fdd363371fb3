import { assertEquals } from "@std/assert";
import { isNegativeTimeout } from "./kafkajs_warning.ts";

Deno.test("isNegativeTimeout() is true of kafkajs's negative timers and of nothing else", () => {
  const kafkajs = "at RequestQueue.scheduleCheckPendingRequests (file:///npm/kafkajs/2.2.4/src/network/requestQueue)";
  const ours = "at x (file:///app/runtime/clock.ts)";
  const warnings = [
    { name: "TimeoutNegativeWarning", stack: kafkajs },
    { name: "TimeoutNegativeWarning", stack: ours },
    { name: "TimeoutOverflowWarning", stack: kafkajs },
    { name: "DeprecationWarning", stack: kafkajs },
    { name: "Warning" },
  ];
  assertEquals(warnings.map(isNegativeTimeout), [true, false, false, false, false]);
});
