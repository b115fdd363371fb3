import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { DataError } from "../mod.ts";
import { readFrame } from "./frame.ts";

Deno.test("readFrame() reads a big-endian id and says where the payload begins", () => {
  const bytes = Uint8Array.of(9, 9, 0, 0x01, 0x02, 0x03, 0x04, 42);
  assertEquals(readFrame(bytes, 2, 8), { schemaId: 0x01020304, payloadStart: 7 });
  assertEquals(readFrame(Uint8Array.of(0, 0x7f, 0xff, 0xff, 0xff), 0, 5), { schemaId: 2147483647, payloadStart: 5 });
});

Deno.test("readFrame() refuses what is too short, also where the slab goes on behind it", () => {
  const bytes = Uint8Array.of(0, 0, 0, 0, 1, 2, 3);
  for (let end = 0; end < 5; end++) {
    const error = assertThrows(() => readFrame(bytes, 0, end), DataError, `has ${end} bytes`);
    assertEquals(error.details, { reason: "no schema id frame", bytePosition: end });
  }
});

Deno.test("readFrame() names wire format v1 and foreign first bytes", () => {
  const v1 = assertThrows(() => readFrame(new Uint8Array(20).fill(1), 0, 20), DataError, "wire format v1");
  assertEquals(v1.details, { reason: "no schema id frame", bytePosition: 0 });
  const json = assertThrows(() => readFrame(new TextEncoder().encode('{"id":1}'), 0, 8), DataError);
  assertStringIncludes(json.message, "first byte is 123");
});

Deno.test("readFrame() refuses a negative id", () => {
  const error = assertThrows(() => readFrame(Uint8Array.of(0, 255, 255, 255, 255), 0, 5), DataError, "(-1)");
  assertEquals(error.details.reason, "no schema id frame");
});
