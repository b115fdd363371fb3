import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { groupId, Groups, isGroupId, resolveGroupId } from "./group.ts";
import type { LetterState } from "./letter.ts";
import { slabsOfLetters } from "./letter_records.ts";
import { letterOf } from "./letters_fixture.ts";
import { rawHeaders, rawKey, rawOffset, rawValue } from "../api/mod.ts";

const STATES: readonly LetterState[] = ["open", "replayed", "resolved", "quarantined"];
const letters = fc.array(
  fc.record({
    stage: fc.constantFrom("VALUE_CONVERTER", "TASK_PUT"),
    reason: fc.constantFrom("a", "b"),
    schemaId: fc.constantFrom(null, 0, 1),
    fieldPath: fc.constantFrom(null, "f"),
    timestampMs: fc.nat(50),
    origin: fc.option(fc.record({
      topic: fc.constantFrom("orders", "payments"),
      partition: fc.nat(1),
      offset: fc.bigInt(0n, 30n),
    })),
    key: fc.option(fc.uint8Array({ maxLength: 3 })),
    value: fc.option(fc.uint8Array({ maxLength: 3 })),
    headers: fc.array(
      fc.record({
        key: fc.string({ maxLength: 3, unit: "grapheme" }),
        value: fc.option(fc.uint8Array({ maxLength: 70 })),
      }),
      { maxLength: 2 },
    ),
    message: fc.constantFrom("x", "y", "z", "zz"),
    state: fc.constantFrom(...STATES),
  }),
  { maxLength: 60 },
);

Deno.test("Groups counts as a plain table of all letters does", () => {
  fc.assert(fc.property(letters, (given) => {
    const all = given.map(({ state, ...changes }, i) => ({ state, letter: letterOf(changes, i) }));
    const groups = new Groups();
    for (const { letter, state } of all) groups.add(letter, state);
    const tupleOf = (of: { stage: string; reason: string; schemaId: number | null; fieldPath: string | null }) =>
      JSON.stringify([of.stage, of.reason, of.schemaId, of.fieldPath]);
    assertEquals(groups.all().length, new Set(all.map(({ letter }) => tupleOf(letter))).size);
    assertEquals(new Set(groups.all().map(({ id }) => id)).size, groups.all().length);
    for (const group of groups.all()) {
      const own = all.filter(({ letter }) => tupleOf(letter) === tupleOf(group));
      for (const state of STATES) {
        assertEquals(group.counts[state], own.filter((each) => each.state === state).length);
      }
      const times = own.map(({ letter }) => letter.timestampMs);
      assertEquals([group.first.timeMs, group.last.timeMs], [Math.min(...times), Math.max(...times)]);
      for (const [topic, count] of group.topics) {
        assertEquals(own.filter(({ letter }) => (letter.origin?.topic ?? "") === topic).length, count);
      }
      const open = own.filter(({ state }) => state === "open").map(({ letter }) => letter);
      assertEquals(group.letters, open.length <= 20 ? open : [...open.slice(0, 10), ...open.slice(-10)]);
      assertEquals(group.samples.length, Math.min(3, new Set(own.map(({ letter }) => letter.message)).size));
    }
    const opens = groups.all().map(({ counts }) => counts.open);
    assertEquals(opens, opens.toSorted((a, b) => b - a));
  }));
});

Deno.test("slabsOfLetters() holds every letter once, as the record that it was, in order of offsets", () => {
  fc.assert(fc.property(letters, (given) => {
    const all = given.map(({ state: _, ...changes }, i) => letterOf(changes, i));
    const slabs = slabsOfLetters(all, "elsewhere");
    assertEquals(slabs.flatMap((slab) => slab.letters).length, all.length);
    assertEquals(new Set(slabs.flatMap((slab) => slab.letters)).size, all.length);
    for (const { records, letters } of slabs) {
      assertEquals(records.count, letters.length);
      letters.forEach((letter, i) => {
        const place = letter.origin ?? { ...letter.at, topic: "elsewhere" };
        assertEquals([records.topic, records.partition, rawOffset(records, i)], [
          place.topic,
          place.partition,
          place.offset,
        ]);
        assertEquals([rawKey(records, i), rawValue(records, i)], [letter.key, letter.value]);
        assertEquals(rawHeaders(records, i), letter.headers.map((header) => ({ ...header })));
        assertEquals(records.timestampsMs[i], letter.timestampMs);
        if (i > 0) assertEquals(rawOffset(records, i) > rawOffset(records, i - 1), true);
      });
      assertEquals(records.to, rawOffset(records, records.count - 1) + 1n);
    }
    const known = all.filter(({ origin }) => origin !== null).length;
    assertEquals(slabsOfLetters(all).flatMap((slab) => slab.letters).length, known);
  }));
});

Deno.test("resolveGroupId() takes a prefix of one group, and says what else there is", () => {
  const ids = ["ab12cd34", "ab99cd34", "77777777"];
  assertEquals(resolveGroupId("7", ids), "77777777");
  assertEquals(resolveGroupId("AB1", ids), "ab12cd34");
  assertThrows(() => resolveGroupId("ab", ids), Error, "ab12cd34, ab99cd34");
  assertThrows(() => resolveGroupId("ab12cd35", ids), Error, "did you mean ab12cd34?");
  assertThrows(() => resolveGroupId("f", []), Error, "no letters");
});

Deno.test("Groups keep letters within a bound of memory, however many groups there are and however large their headers", () => {
  const groups = new Groups();
  for (let i = 0; i < 400; i++) {
    const headers = [{ key: "huge", value: new Uint8Array(1024 * 1024) }];
    groups.add(letterOf({ reason: `reason ${i % 200}`, headers }, i), "open");
  }
  const kept = groups.all().flatMap(({ letters }) => letters);
  assert(kept.length > 0 && kept.length <= 64, `${kept.length} letters of 1 MiB are kept`);
  assertEquals(groups.all().map(({ counts }) => counts.open), new Array(200).fill(2));
});

Deno.test("isGroupId() is true of what groupId() gives", () => {
  assertEquals([groupId(letterOf()), "0123", "0123456g", "0123ABCD"].map(isGroupId), [true, false, false, false]);
});

Deno.test("slabsOfLetters() takes headers whose names and values are larger than a call takes arguments", () => {
  const name = "n".repeat(300_000);
  const letter = letterOf({ headers: [{ key: name, value: new Uint8Array(1_000_000).fill(7) }] });
  const [{ records }] = slabsOfLetters([letter]);
  assertEquals(rawHeaders(records, 0), letter.headers);
});
