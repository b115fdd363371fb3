import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { letterBatch, letterLine, letterOfLine } from "./export.ts";
import { letterOf } from "./letters_fixture.ts";

const bytes = fc.option(fc.uint8Array({ maxLength: 40 }));
const text = fc.string({ maxLength: 10, unit: "grapheme" });
const letters = fc.record({
  origin: fc.option(fc.record({ topic: text, partition: fc.nat(), offset: fc.bigInt(0n, 2n ** 52n) })),
  setAsideMs: fc.option(fc.nat()),
  key: bytes,
  value: bytes,
  headers: fc.array(fc.record({ key: text, value: bytes }, { noNullPrototype: true }), { maxLength: 3 }),
  timestampMs: fc.integer({ min: -1, max: 2 ** 41 }),
  message: text,
  trace: text,
  task: fc.option(fc.nat()),
  schemaId: fc.option(fc.nat()),
  fieldPath: fc.option(text),
  attempts: fc.integer({ min: 1, max: 9 }),
}, { noNullPrototype: true }).map((changes) => letterOf(changes));

Deno.test("letterOfLine() gives back every letter that letterLine() wrote, byte by byte", () => {
  fc.assert(fc.property(letters, fc.option(fc.json()), (letter, value) => {
    const line = letterLine({ letter, state: "open", value, key: null });
    const origin = letter.origin && { ...letter.origin };
    assertEquals(letterOfLine(line), { letter: { ...letter, origin }, state: "open" });
    assertEquals(JSON.parse(line).decodedValue, value === null ? null : JSON.parse(value));
  }));
});

Deno.test("letterBatch() holds the bytes and headers of letters in columns", () => {
  fc.assert(fc.property(fc.array(letters, { minLength: 1, maxLength: 5 }), (all) => {
    const batch = letterBatch(all.map((letter) => ({ letter, state: "replayed", value: "{}", key: null })));
    assertEquals(batch.numRows, all.length);
    all.forEach((letter, row) => {
      const cell = (name: string) => batch.getChild(name)!.get(row);
      assertEquals([cell("key"), cell("value")], [letter.key, letter.value]);
      assertEquals([cell("offset"), cell("topic")], [letter.origin?.offset ?? null, letter.origin?.topic ?? null]);
      assertEquals([cell("state"), cell("decodedValue"), cell("attempts")], [
        "replayed",
        "{}",
        BigInt(letter.attempts),
      ]);
      const headers = [...cell("headers")].map((header) => ({ key: header.key, value: header.value }));
      assertEquals(headers, [...letter.headers]);
    });
  }));
});
