import { assertEquals } from "@std/assert";
import { letterSummary } from "../../dlq/export.ts";
import { letterOf } from "../../dlq/letters_fixture.ts";
import { Newest } from "./list.ts";

Deno.test("Newest keeps no bytes of letters, but their sizes: 140 letters of 5 MB would be 700 MB", () => {
  const newest = new Newest(2);
  const value = new Uint8Array(5_000_000);
  for (let i = 0; i < 1000; i++) {
    newest.add({ letter: letterOf({ value, trace: "t" }, i), state: "open" });
  }
  const kept = newest.all();
  assertEquals([newest.seen, kept.map(({ letter }) => letter.at.offset)], [1000, [999n, 998n]]);
  assertEquals(kept.map(({ letter }) => [letter.value, letter.trace]), [[null, ""], [null, ""]]);
  assertEquals(kept.map((each) => letterSummary(each, each.sizes).valueBytes), [5_000_000, 5_000_000]);
});
