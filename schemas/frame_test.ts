import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { DataError } from "../mod.ts";
import { readFrame, schemaIdHeader } from "./frame.ts";
import { slabOf } from "../tests/conformance/slab.ts";

const TEXT = new TextEncoder();
const GUID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
const guidBytes = GUID.replaceAll("-", "").match(/../g)!.map((hex) => parseInt(hex, 16));

Deno.test("readFrame() reads a big-endian id and says where the payload begins", () => {
  const bytes = Uint8Array.of(9, 9, 0, 0x01, 0x02, 0x03, 0x04, 42);
  assertEquals(readFrame(bytes, 2, 8), { schema: 0x01020304, messageIndexes: [], end: 7 });
  assertEquals(readFrame(Uint8Array.of(0, 0x7f, 0xff, 0xff, 0xff), 0, 5).schema, 2147483647);
});

Deno.test("readFrame() reads a GUID", () => {
  const bytes = Uint8Array.of(9, 1, ...guidBytes, 42);
  assertEquals(readFrame(bytes, 1, bytes.length), { schema: GUID, messageIndexes: [], end: 18 });
});

Deno.test("readFrame() reads message indexes, one zero byte standing for the first message", () => {
  const indexesOf = (...after: number[]) =>
    readFrame(Uint8Array.of(0, 0, 0, 0, 7, ...after, 99), 0, 6 + after.length, true);
  assertEquals(indexesOf(0), { schema: 7, messageIndexes: [0], end: 6 });
  assertEquals(indexesOf(2, 0), { schema: 7, messageIndexes: [0], end: 7 });
  assertEquals(indexesOf(4, 2, 0x80, 0x02), { schema: 7, messageIndexes: [1, 128], end: 9 });
  const v1 = Uint8Array.of(1, ...guidBytes, 2, 2);
  assertEquals(readFrame(v1, 0, v1.length, true), { schema: GUID, messageIndexes: [1], end: 19 });
});

Deno.test("readFrame() refuses message indexes that are cut off, negative or endless", () => {
  const refused = (...after: number[]) =>
    assertThrows(() => readFrame(Uint8Array.of(0, 0, 0, 0, 7, ...after), 0, 5 + after.length, true), DataError).message;
  assertStringIncludes(refused(), "cut off");
  assertStringIncludes(refused(4, 2), "cut off");
  assertStringIncludes(refused(2, 1), "negative (-1)");
  assertStringIncludes(refused(1), "-1 message indexes");
  assertStringIncludes(refused(0xff, 0xff, 0xff, 0xff, 0xff, 1), "no varints");
});

Deno.test("readFrame() refuses what is too short, also where the slab goes on behind it", () => {
  const bytes = Uint8Array.of(0, 0, 0, 0, 1, 2, 3);
  for (let end = 0; end < 5; end++) {
    const error = assertThrows(() => readFrame(bytes, 0, end), DataError, `there are ${end} bytes`);
    assertEquals(error.details, { reason: "no schema id frame", bytePosition: end });
  }
  assertThrows(() => readFrame(new Uint8Array(40).fill(1), 0, 16), DataError, "expected at least 17");
});

Deno.test("readFrame() names foreign first bytes and negative ids", () => {
  const json = assertThrows(() => readFrame(new TextEncoder().encode('{"id":1}'), 0, 8), DataError);
  assertStringIncludes(json.message, "first byte is 123");
  assertThrows(() => readFrame(Uint8Array.of(0, 255, 255, 255, 255), 0, 5), DataError, "(-1)");
});

Deno.test("schemaIdHeader() finds the last header of its side among others, without reading the rest", () => {
  const header = (key: string, value: string | null) => ({ key, value: value === null ? null : TEXT.encode(value) });
  const headers = [
    header("a", "x"),
    header("__value_schema_id", "old"),
    header("__key_schema_id", null),
    header("__value_schema_id", "new"),
  ];
  const slab = slabOf([{ value: "one", headers }, { value: "two" }]);
  const text = (range: { start: number; end: number } | null) =>
    range && new TextDecoder().decode(slab.bytes.subarray(range.start, range.end));
  assertEquals(text(schemaIdHeader(slab, 0, "value")), "new");
  assertEquals(text(schemaIdHeader(slab, 0, "key")), "");
  assertEquals(schemaIdHeader(slab, 1, "value"), null);
});
