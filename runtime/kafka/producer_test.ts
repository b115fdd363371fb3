import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { requests, toMessage } from "./producer.ts";

Deno.test("toMessage() takes any timestamp that a record may have: one that cannot be sent would hold up a connector", () => {
  const sent = (timestampMs: number) =>
    toMessage({ topic: "t", key: null, value: null, headers: [], timestampMs }).timestamp;
  assertEquals([-1, 5, 2 ** 62].map(sent), [-1n, 5n, 2n ** 62n]);
  assertEquals([Number(2n ** 63n - 1n), -(2 ** 63)].map(sent), [2n ** 63n - 1n, -(2n ** 63n)]);
});

Deno.test("requests() holds all records in order, and none of a topic whose timestamps are too far apart for the client", () => {
  const time = fc.oneof(fc.integer({ min: 0, max: 2 ** 41 }), fc.constantFrom(-1, 2 ** 62, 2 ** 63, 1.7e12, 1.7e15));
  const record = fc.record({ topic: fc.constantFrom("a", "b"), timestampMs: time })
    .map((some) => ({ ...some, key: null, value: new Uint8Array(10), headers: [] }));
  fc.assert(fc.property(fc.array(record), (records) => {
    const found = [...requests(records, 400)];
    assertEquals(found.flat(), records);
    for (const [first, ...others] of found.flatMap((some) => [...Map.groupBy(some, ({ topic }) => topic).values()])) {
      for (const { timestampMs } of others) assert(Math.abs(timestampMs - first.timestampMs) < 2 ** 31);
    }
  }));
  const near = Array.from(
    { length: 9 },
    (_, i) => ({ topic: "a", timestampMs: i, key: null, value: null, headers: [] }),
  );
  assertEquals([...requests(near, 1e6)].length, 1);
});
