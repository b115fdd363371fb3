import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import type { LogBounds } from "../kafka/types.ts";
import { letterOf } from "./letters_fixture.ts";
import { Copies, copyKey, queueRanges } from "./queue.ts";

/** A topic `dead` with these logs. */
function adminOf(logs: readonly (readonly [number, number])[]) {
  return {
    describeTopics: () => Promise.resolve([{ topic: "dead", topicId: "id", partitions: logs.length }]),
    logBounds: () =>
      Promise.resolve(logs.map(([start, end], partition): LogBounds => (
        { topic: "dead", topicId: "id", partition, logStartOffset: BigInt(start), endOffset: BigInt(end) }
      ))),
  };
}

Deno.test("queueRanges() has every offset that was chosen and is there, once", async () => {
  const range = fc.record({
    partition: fc.nat(2),
    from: fc.option(fc.nat(12), { nil: undefined }),
    to: fc.option(fc.nat(12), { nil: undefined }),
  });
  await fc.assert(fc.asyncProperty(
    fc.array(fc.tuple(fc.nat(5), fc.nat(6)), { minLength: 3, maxLength: 3 }),
    fc.option(fc.array(range, { minLength: 1, maxLength: 6 }), { nil: undefined }),
    async (shapes, chosen) => {
      const logs = shapes.map(([start, count]) => [start, start + count] as const);
      const offsets = chosen?.map(({ partition, from, to }) => ({
        partition,
        ...(from === undefined ? {} : { from: BigInt(from) }),
        ...(to === undefined ? {} : { to: BigInt(to) }),
      }));
      const found = (await queueRanges(adminOf(logs), "dead", { offsets })).flatMap(({ partition, from, to }) =>
        Array.from({ length: Number(to - from) }, (_, i) => `${partition}@${Number(from) + i}`)
      );
      const wanted = logs.flatMap(([start, end], partition) =>
        Array.from({ length: end - start }, (_, i) => start + i).filter((offset) =>
          chosen === undefined ||
          chosen.some((each) => each.partition === partition && offset >= (each.from ?? 0) && offset < (each.to ?? 99))
        ).map((offset) => `${partition}@${offset}`)
      );
      assertEquals(found.sort(), wanted.sort());
    },
  ));
});

Deno.test("queueRanges() refuses topics and partitions that are not there", async () => {
  await assertRejects(() => queueRanges(adminOf([[0, 1]]), "other"), Error, 'no topic "other"');
  const choice = { offsets: [{ partition: 3 }] };
  await assertRejects(() => queueRanges(adminOf([[0, 1]]), "dead", choice), Error, "it has 1, 0 to 0");
});

Deno.test("Copies tells letters by their keys and attempts", () => {
  const places = fc.record({
    topic: fc.constantFrom("a", "b"),
    partition: fc.nat(2),
    offset: fc.oneof(fc.bigInt(0n, 3n), fc.constant(2n ** 60n)),
  });
  fc.assert(fc.property(
    fc.array(fc.record({
      ...{ origin: fc.option(places), at: places, attempts: fc.integer({ min: 1, max: 3 }) },
      ...{ connector: fc.constantFrom("x", "y"), recordId: fc.constantFrom("~1", "~2") },
    })),
    (all) => {
      const [copies, seen] = [new Copies(), new Set<string>()];
      for (const changes of all) {
        const letter = letterOf(changes);
        assertEquals(copies.isCopy(letter), seen.has(copyKey(letter)));
        seen.add(copyKey(letter));
      }
      assertEquals(copies.count, all.length - seen.size);
    },
  ));
});
