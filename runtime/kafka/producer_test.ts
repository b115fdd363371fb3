import { assertEquals } from "@std/assert";
import { toMessage } from "./producer.ts";

Deno.test("toMessage() takes any timestamp that a record may have: one that cannot be sent would hold up a connector", () => {
  const sent = (timestampMs: number) =>
    toMessage({ topic: "t", key: null, value: null, headers: [], timestampMs }).timestamp;
  assertEquals([-1, 5, 2 ** 62].map(sent), [-1n, 5n, 2n ** 62n]);
  assertEquals([Number(2n ** 63n - 1n), -(2 ** 63)].map(sent), [2n ** 63n - 1n, -(2n ** 63n)]);
});
