import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { batchesOf, footprintOf } from "./batches.ts";
import { letterOf } from "./letters_fixture.ts";

Deno.test("batchesOf() holds all letters in order, within the limits but for letters that are too large alone", async () => {
  const letters = fc.array(
    fc.record({ value: fc.nat(60), header: fc.nat(60), trace: fc.nat(60) }).map((sizes) =>
      letterOf({
        value: new Uint8Array(sizes.value),
        headers: [{ key: "h", value: new Uint8Array(sizes.header) }],
        trace: "t".repeat(sizes.trace),
      })
    ),
  );
  await fc.assert(fc.asyncProperty(letters, async (all) => {
    const limits = { letters: 4, bytes: 300 };
    const stream = (async function* () {
      yield* await Promise.resolve(all);
    })();
    const batches = await Array.fromAsync(batchesOf(stream, limits, (letter) => letter));
    assertEquals(batches.flat(), all);
    for (const batch of batches) {
      assert(batch.length > 0 && batch.length <= limits.letters);
      const before = batch.slice(0, -1).reduce((sum, letter) => sum + footprintOf(letter), 0);
      assert(before < limits.bytes);
    }
  }));
});
