import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { DataError } from "../../mod.ts";
import { type Plain, rowsOf } from "../../tests/conformance/rows.ts";
import { Decoder } from "./decoder.ts";
import { parseProto } from "./proto.ts";
import { MAPPING } from "./types.ts";

const unhex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));

/** The decoder of the first message; `body` is what stands in it, or a whole file. */
function decoderOf(body: string, jsonPaths: readonly string[] = []): Decoder {
  const text = body.startsWith("syntax") ? body : `syntax = "proto3"; message M { ${body} }`;
  const schema = parseProto(text);
  return new Decoder(schema.messageAt([0]), schema, { jsonPaths: new Set(jsonPaths) });
}

function decode(body: string, payload: string, jsonPaths: readonly string[] = []): { [name: string]: Plain } {
  const decoder = decoderOf(body, jsonPaths);
  const bytes = unhex(payload);
  const error = decoder.append(bytes, 0, bytes.length);
  if (error) throw error;
  return rowsOf(decoder.rows.finish())[0];
}

/** Why a payload is refused: reason, path, position. */
function refused(body: string, payload: string): (string | number | undefined)[] {
  const { details } = assertThrows(() => decode(body, payload), DataError);
  return [details.reason, details.fieldPath, details.bytePosition];
}

/** Why a schema is refused. */
function unheld(body: string): (string | undefined)[] {
  const { details } = assertThrows(() => decoderOf(body), DataError);
  return [details.reason, details.fieldPath];
}

const proto2 = (body: string) => `syntax = "proto2"; message M { ${body} }`;
const hexText = (text: string) => new TextEncoder().encode(text).toHex();

Deno.test("Decoder keeps every bit of 64 bit integers", () => {
  assertEquals(decode("int64 a = 1;", "08 ffffffffffffffffff01"), { a: -1n });
  assertEquals(decode("uint64 a = 1;", "08 ffffffffffffffffff01"), { a: 2n ** 64n - 1n });
  assertEquals(decode("fixed64 a = 1;", "09 0000000000000080"), { a: 2n ** 63n });
  assertEquals(decode("sfixed64 a = 1;", "09 0000000000000080"), { a: -(2n ** 63n) });
  assertEquals(decode("sint64 a = 1;", "08 ffffffffffffffffff01"), { a: -(2n ** 63n) });
  assertEquals(decode("uint32 a = 1;", "08 ffffffff0f"), { a: 2n ** 32n - 1n });
  assertEquals(decode("fixed32 a = 1;", "0d ffffffff"), { a: 2n ** 32n - 1n });
});

Deno.test("Decoder refuses varints that are too long or too wide for the field", () => {
  assertEquals(refused("int64 a = 1;", "08 ffffffffffffffffff02"), ["bad varint", "a", 1]);
  assertEquals(refused("int64 a = 1;", "08 8080808080808080808000"), ["bad varint", "a", 1]);
  assertEquals(refused("int32 a = 1;", "08 8080808010"), ["value out of range", "a", 1]);
  assertEquals(refused("uint32 a = 1;", "08 ffffffffffffffffff01"), ["value out of range", "a", 1]);
  // Five bytes for a negative number: not canonical, but what it means is clear.
  assertEquals(decode("int32 a = 1;", "08 ffffffff0f"), { a: -1 });
  assertEquals(decode("bool a = 1;", "08 80808010"), { a: true });
});

Deno.test("Decoder says where bytes end too early, and in which field", () => {
  assertEquals(refused("int32 a = 1;", "08"), ["truncated", "a", 1]);
  assertEquals(refused("int32 a = 1;", "08 80"), ["truncated", "a", 2]);
  assertEquals(refused("double a = 1;", "09 00"), ["truncated", "a", 1]);
  assertEquals(refused("string a = 1;", "0a 03 61"), ["bad length", "a", 1]);
  assertEquals(refused("string a = 1;", "0a ffffffffffffffffff01 61"), ["bad length", "a", 1]);
  assertEquals(refused("N n = 1; message N { int32 b = 1; }", "0a 01 08 01"), ["truncated", "n.b", 3]);
  assertEquals(refused("N n = 1; message N { string b = 1; }", "0a 02 0a 01 61"), ["bad length", "n.b", 3]);
  assertEquals(refused("int32 a = 1;", "80"), ["truncated", undefined, 1]);
});

Deno.test("Decoder refuses tags that mean nothing, and known fields of another wire type", () => {
  assertEquals(refused("int32 a = 1;", "00 01"), ["bad tag", undefined, 0]);
  assertEquals(refused("int32 a = 1;", "0e"), ["bad tag", undefined, 0]);
  assertEquals(refused("int32 a = 1;", "0c"), ["wrong wire type", "a", 1]);
  assertEquals(refused("int32 a = 1;", "14"), ["bad group", undefined, 1]);
  assertEquals(refused("int32 a = 1;", "0a 01 01"), ["wrong wire type", "a", 1]);
  assertEquals(refused("repeated string a = 1;", "08 01"), ["wrong wire type", "a", 1]);
  assertEquals(refused("N n = 1; message N { int32 b = 1; }", "08 01"), ["wrong wire type", "n", 1]);
});

Deno.test("Decoder refuses text that is not UTF-8, in values and in keys", () => {
  assertEquals(refused("string a = 1;", "0a 02 c3 28"), ["bad utf-8", "a", 2]);
  assertEquals(refused("map<string, int32> m = 1;", "0a 03 0a 01 ff"), ["bad utf-8", "m", 4]);
  assertEquals(decode("bytes a = 1;", "0a 02 c3 28"), { a: "c328" });
});

Deno.test("Decoder skips unknown fields of every wire type, groups within groups too", () => {
  const unknown = "10 01  19 0000000000000000  22 01 00  2b 33 30 01 34 2c  3d 00000000";
  assertEquals(decode("int32 a = 1;", `${unknown} 08 05 ${unknown}`), { a: 5 });
  assertEquals(refused("int32 a = 1;", "2b 30 01"), ["truncated", undefined, 3]);
  assertEquals(refused("int32 a = 1;", "2b".repeat(101)), ["nested too deeply", undefined, 101]);
});

Deno.test("Decoder takes the last of single values and merges messages", () => {
  assertEquals(decode("int32 a = 1; string s = 2;", "08 01 12 01 61 08 02 12 01 62"), { a: 2, s: "b" });
  const nested =
    "N n = 1; message N { int32 b = 1; int32 c = 2; repeated int32 l = 3; N2 m = 4; } message N2 { bool x = 1; bool y = 2; }";
  assertEquals(
    decode(nested, "0a 06 08 01 18 01 22 02 08 01".replace("0a 06", "0a 08") + "0a 08 10 02 18 02 22 02 10 01"),
    {
      n: { b: 1, c: 2, l: [1, 2], m: { x: true, y: true } },
    },
  );
});

Deno.test("Decoder has one column for each member of a oneof, and only the last one set", () => {
  const body =
    "oneof o { int32 a = 1; string b = 2; N n = 3; google.protobuf.StringValue w = 4; } message N { repeated int32 l = 1; }";
  const file = `syntax = "proto3"; import "google/protobuf/wrappers.proto"; message M { ${body} }`;
  const none = { a: null, b: null, n: null, w: null };
  assertEquals(decode(file, ""), none);
  assertEquals(decode(file, "08 00"), { ...none, a: 0 });
  assertEquals(decode(file, "08 00 12 01 61"), { ...none, b: "a" });
  assertEquals(decode(file, "1a 02 08 07 12 00"), { ...none, b: "" });
  assertEquals(decode(file, "1a 02 08 07 12 00 1a 02 08 08"), { ...none, n: { l: [8] } });
  assertEquals(decode(file, "1a 02 08 07 1a 02 08 08"), { ...none, n: { l: [7, 8] } });
  assertEquals(decode(file, "1a 00 22 03 0a 01 61 08 09"), { ...none, a: 9 });
});

Deno.test("Decoder knows what is unset where the schema does: null, or the default", () => {
  const body =
    "int32 a = 1; optional int32 b = 2; repeated int32 c = 3; map<int32, int32> d = 4; N n = 5; E e = 6; message N { string s = 1; } enum E { ZERO = 0; }";
  assertEquals(decode(body, ""), { a: 0, b: null, c: [], d: [], n: null, e: "ZERO" });
  assertEquals(decode(body, "10 00 2a 00"), { a: 0, b: 0, c: [], d: [], n: { s: "" }, e: "ZERO" });
  const old = proto2(
    "optional int32 a = 1 [default = 7]; optional E e = 2 [default = TWO]; enum E { ONE = 1; TWO = 2; }",
  );
  assertEquals(decode(old, ""), { a: null, e: null });
  assertEquals(decoderOf(body).rows.schema.fields.map(({ nullable }) => nullable), [
    false,
    true,
    false,
    false,
    true,
    false,
  ]);
});

Deno.test("Decoder refuses a record without a required field", () => {
  const body = proto2("required int32 a = 1; optional group G = 2 { required string s = 1; }");
  assertEquals(refused(body, ""), ["missing required field", "a", 0]);
  assertEquals(refused(body, "08 01 13 14"), ["missing required field", "g.s", 4]);
  assertEquals(decode(body, "08 01 13 0a 01 61 14"), { a: 1, g: { s: "a" } });
  assertEquals(refused(body, "08 01 13 0a 01 61"), ["truncated", "g", 6]);
  assertEquals(refused(body, "08 01 13 0a 01 61 1c"), ["bad group", "g", 7]);
  assertEquals(refused(body, "08 01 12 03 0a 01 61"), ["wrong wire type", "g", 3]);
});

Deno.test("Decoder takes repeated values packed and one by one, whatever is declared", () => {
  assertEquals(decode("repeated sint32 a = 1;", "08 01 0a 02 03 05 08 02"), { a: [-1, -2, -3, 1] });
  assertEquals(decode("repeated fixed32 a = 1 [packed = false];", "0a 08 0100000002000000"), { a: [1n, 2n] });
  assertEquals(refused("repeated fixed32 a = 1;", "0a 05 0100000002"), ["truncated", "a[]", 6]);
  assertEquals(refused("repeated int32 a = 1;", "0a 02 01 80"), ["truncated", "a[]", 4]);
});

Deno.test("Decoder names enum values, and keeps numbers without a name as digits", () => {
  const body = "E e = 1; repeated E l = 2; enum E { option allow_alias = true; A = 0; B = 5; C = 5; N = -1; }";
  assertEquals(decode(body, "08 05 12 03 00 05 07 10 ffffffffffffffffff01"), { e: "B", l: ["A", "B", "7", "N"] });
  assertEquals(decode(proto2("optional E e = 1; enum E { A = 1; }"), "08 63"), { e: "99" });
});

Deno.test("Decoder keeps the last of a map's entries with one key, in few entries and in many", () => {
  const text = (key: string, value: number) => {
    const bytes = hexText(key);
    const [size, all] = [bytes.length / 2, bytes.length / 2 + 4].map((n) => n.toString(16).padStart(2, "0"));
    return `0a ${all} 0a ${size} ${bytes} 10 ${value.toString(16).padStart(2, "0")}`;
  };
  assertEquals(decode("map<string, int32> m = 1;", text("a", 1) + text("b", 2) + text("a", 3)), {
    m: [["b", 2], ["a", 3]],
  });
  const many = Array.from({ length: 40 }, (_, i) => text(`k${i % 30}`, i)).join("");
  const { m } = decode("map<string, int32> m = 1;", many);
  assertEquals((m as Plain[]).length, 30);
  assertEquals((m as Plain[])[29], ["k9", 39]);
  // The same key in five bytes and in ten.
  assertEquals(decode("map<int32, bool> m = 1;", "0a 08 08 ffffffff0f 10 01" + "0a 0b 08 ffffffffffffffffff01"), {
    m: [[-1, false]],
  });
});

Deno.test("Decoder fills in keys and values that a map's entry leaves out", () => {
  const body = "map<string, N> m = 1; message N { int32 a = 1; repeated int32 l = 2; }";
  assertEquals(decode(body, "0a 00"), { m: [["", { a: 0, l: [] }]] });
  assertEquals(decode(body, "0a 07 12 02 08 07 0a 01 6b"), { m: [["k", { a: 7, l: [] }]] });
  assertEquals(refused(body, "0a 04 12 02 08 80"), ["truncated", "m{}.a", 6]);
});

Deno.test("Decoder holds messages without fields as whether they are set", () => {
  const body = "Nothing a = 1; repeated Nothing l = 2; message Nothing {}";
  assertEquals(decode(body, "12 00 12 02 08 01"), { a: null, l: [true, true] });
  assertEquals(decode(body, "0a 00"), { a: true, l: [] });
  assertEquals(decode('syntax = "proto3"; message M {}', "08 01"), {});
});

Deno.test("Decoder refuses what columns cannot hold, with the path", () => {
  assertEquals(unheld("N n = 1; message N { repeated N again = 1; }"), ["recursive schema", "n.again[]"]);
  assertEquals(unheld("M m = 1;"), ["recursive schema", "m"]);
  assertEquals(unheld("int32 a_b = 1; int32 A_B = 2;"), ["ambiguous names", "A_B"]);
  const { message } = assertThrows(() => decoderOf("M m = 1;"), DataError);
  assertStringIncludes(message, 'columns.json: ["m"]');
});

Deno.test("Decoder cuts back a row that fails half-way, in every column", () => {
  const decoder = decoderOf(
    "int32 a = 1; N n = 2; repeated N l = 3; map<string, N> m = 4; message N { repeated string s = 1; }",
  );
  const good = unhex("08 01 12 03 0a 01 61 1a 03 0a 01 62 22 08 0a 01 6b 12 03 0a 01 63");
  const bad = unhex("08 02 12 03 0a 01 78 1a 03 0a 01 79 22 08 0a 01 6b 12 03 0a 01 ff");
  for (const bytes of [good, bad, good, bad.subarray(0, 14), good]) decoder.append(bytes, 0, bytes.length);
  const row = { a: 1, n: { s: ["a"] }, l: [{ s: ["b"] }], m: [["k", { s: ["c"] }]] };
  assertEquals(rowsOf(decoder.rows.finish()), [row, row, row]);
});

Deno.test("MAPPING is the table of the README", () => {
  const table = Deno.readTextFileSync(new URL("README.md", import.meta.url));
  const rows = table.split("\n").filter((line) => line.startsWith("|")).map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );
  for (const { protobuf, column } of MAPPING) {
    assertEquals(rows.find(([first]) => first === protobuf), [protobuf, column]);
  }
});
