import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { OffsetSet } from "./offset_set.ts";

const offsets = fc.array(fc.tuple(fc.nat(3), fc.bigInt(0n, 200n)), { maxLength: 100 });

function setOf(pairs: readonly (readonly [number, bigint])[]): OffsetSet {
  const set = new OffsetSet();
  const sorted = [...new Map(pairs.map(([p, o]) => [`${p}/${o}`, [p, o] as const])).values()]
    .sort((a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : 1));
  for (const [partition, offset] of sorted) set.add(partition, offset);
  return set;
}

Deno.test("OffsetSet has what was added, and so has what its texts say", () => {
  fc.assert(
    fc.property(offsets, fc.integer({ min: 1, max: 5 }), (pairs, rangesMax) => {
      const set = setOf(pairs);
      const again = OffsetSet.parse(set.texts(rangesMax));
      const added = new Set(pairs.map(([p, o]) => `${p}/${o}`));
      assertEquals([set.size, again.size], [added.size, added.size]);
      for (let partition = 0; partition < 4; partition++) {
        for (let offset = 0n; offset <= 201n; offset++) {
          const wanted = added.has(`${partition}/${offset}`);
          assertEquals([set.has(partition, offset), again.has(partition, offset)], [wanted, wanted]);
        }
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test("OffsetSet.texts() keeps a run of offsets as two numbers", () => {
  const set = new OffsetSet();
  for (let offset = 5n; offset < 10_000n; offset++) set.add(2, offset);
  set.add(2, 10_001n);
  assertEquals([...set.texts(100)], ["2:5+9995,1"]);
  assertEquals(set.span(2), [5n, 10_002n]);
});

Deno.test("OffsetSet refuses offsets out of order, and texts that are none", () => {
  const set = setOf([[0, 5n]]);
  assertThrows(() => set.add(0, 5n), RangeError);
  for (const text of ["0:", "x:1", "0:1,-2", "0:1+x"]) {
    assertThrows(() => OffsetSet.parse([text]), SyntaxError, "as offsets");
  }
});
