import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { DataError } from "../../mod.ts";
import { Decoder, Rows } from "./decoder.ts";
import { parseSchema } from "./schema.ts";
import { MAPPING } from "./types.ts";
import { batchRows, type Json, unhex } from "./test_support.ts";

function decoderOf(schema: Json, reader: Json = schema, timestampNanos: "long" | "truncate" = "long"): Decoder {
  const rows = new Rows(parseSchema(JSON.stringify(reader)), { timestampNanos });
  return new Decoder(schema === reader ? rows.type : parseSchema(JSON.stringify(schema)), rows);
}

/** The value of the one column. */
function decode(schema: Json, payload: string, reader: Json = schema, nanos: "long" | "truncate" = "long"): unknown {
  const decoder = decoderOf(schema, reader, nanos);
  const bytes = unhex(payload);
  const error = decoder.append(bytes, 0, bytes.length);
  if (error) throw error;
  return Object.values(batchRows(decoder.rows.finish())[0])[0];
}

function refused(schema: Json, payload: string, reader: Json = schema): Record<string, unknown> {
  return { ...assertThrows(() => decode(schema, payload, reader), DataError).details };
}

const record = (...fields: { name: string; type: Json; [key: string]: unknown }[]): Json => ({
  type: "record",
  name: "R",
  fields,
});
const logical = (type: string, logicalType: string): Json => ({ type, logicalType });

Deno.test("Decoder keeps every bit of a long", () => {
  assertEquals(decode("long", "ffffffffffffffffff01"), -(2n ** 63n));
  assertEquals(decode("long", "feffffffffffffffff01"), 2n ** 63n - 1n);
  assertEquals(decode("long", "8180808080808020"), -(2n ** 53n) - 1n);
});

Deno.test("Decoder refuses varints that are too long or too wide", () => {
  assertEquals(refused("long", "ffffffffffffffffff02").reason, "bad varint");
  assertEquals(refused("long", "8080808080808080808000").reason, "bad varint");
  assertEquals(refused("int", "ffffffff1f").reason, "bad varint");
  assertEquals(refused("long", "ffff"), { reason: "truncated", fieldPath: "value", bytePosition: 2 });
});

Deno.test("Decoder reads array and map blocks with and without their size", () => {
  const ints = { type: "array", items: "int" };
  assertEquals(decode(ints, "02 04 01 02 06 00"), [2, 3]);
  assertEquals(decode(ints, "03 04 02 04 02 06 00"), [1, 2, 3]);
  assertEquals(refused(ints, "03 06 02 04 02 06 00").reason, "bad length");
  assertEquals(decode({ type: "map", values: "int" }, "01 06 02 61 0a 00"), [["a", 5]]);
});

Deno.test("Decoder does not allocate for counts that the bytes cannot hold", () => {
  assertEquals(refused({ type: "array", items: "int" }, "feffffffff1f 00").reason, "bad length");
  const free = { type: "array", items: { type: "record", name: "N", fields: [] } };
  assertEquals((decode(free, "0600") as unknown[]).length, 3);
  assertEquals(refused(free, "feffffffff1f 00").reason, "too many items");
});

Deno.test("Decoder names reason, field and byte of what is malformed", () => {
  const lines = record({ name: "lines", type: { type: "array", items: record({ name: "sku", type: "string" }) } });
  const nested = JSON.parse(JSON.stringify(lines).replace('"name":"R"', '"name":"Order"'));
  assertEquals(refused(nested, "02 04 c3 28 00"), { reason: "bad utf-8", fieldPath: "lines[].sku", bytePosition: 2 });
  assertEquals(refused("string", "01").reason, "bad length");
  assertEquals(refused("boolean", "02").reason, "bad boolean");
  assertEquals(refused(["null", "int"], "04").reason, "bad union index");
  assertEquals(refused({ type: "enum", name: "E", symbols: ["A"] }, "02").reason, "bad enum index");
  assertEquals(refused("int", "0200"), { reason: "trailing bytes", bytePosition: 1 });
  assertEquals(refused(logical("long", "timestamp-millis"), "feffffffffffffffff01").reason, "timestamp out of range");
});

Deno.test("Decoder checks a decimal's precision for every length of bytes", () => {
  const decimal = (precision: number): Json => ({ type: "bytes", logicalType: "decimal", precision, scale: 1 });
  assertEquals(decode(decimal(3), "0403e7"), 999n);
  assertEquals(refused(decimal(3), "0403e8").reason, "decimal out of precision");
  assertEquals(decode(decimal(17), "10016345785d89ffff"), 10n ** 17n - 1n);
  assertEquals(refused(decimal(17), "10016345785d8a0000").reason, "decimal out of precision");
  assertEquals(refused(decimal(38), `26 01${"00".repeat(18)}`).reason, "decimal out of precision");
  assertEquals(decode(decimal(38), `28${"ff".repeat(20)}`), -1n);
  assertEquals(refused(decimal(3), "00").reason, "bad decimal");
});

Deno.test("Decoder converts units of time exactly, towards the past", () => {
  assertEquals(decode(logical("long", "timestamp-millis"), "01"), -1000n);
  assertEquals(decode(logical("long", "timestamp-nanos"), "01"), -1n);
  const nanos = logical("long", "timestamp-nanos");
  assertEquals(decode(nanos, "01", nanos, "truncate"), -1n);
  assertEquals(decode(nanos, "cf0f", nanos, "truncate"), -1n);
  assertEquals(decode(nanos, "d10f", nanos, "truncate"), -2n);
  const micros = logical("long", "timestamp-micros");
  assertEquals(decode(logical("long", "timestamp-millis"), "02", micros), 1000n);
  assertEquals(decode(micros, "02", nanos), 1000n);
  assertEquals(decode(logical("int", "time-millis"), "02", logical("long", "time-micros")), 1000n);
});

Deno.test("Decoder ignores logical types that are unknown or invalid", () => {
  assertEquals(decode(logical("string", "date"), "0261"), "a");
  assertEquals(decode({ type: "bytes", logicalType: "decimal", precision: 2, scale: 3 }, "0261"), "61");
});

Deno.test("Rows refuses what no column can hold, with the path", () => {
  const refusal = (schema: Json) => assertThrows(() => decoderOf(schema), DataError).details;
  const tree = record({ name: "next", type: ["null", "R"] });
  assertEquals(refusal(tree), { reason: "recursive schema", fieldPath: "next" });
  const wide = { type: "bytes", logicalType: "decimal", precision: 39 };
  assertEquals(refusal(record({ name: "d", type: wide })), { reason: "type not supported", fieldPath: "d" });
  const twice = record({ name: "id", type: "int" }, { name: "ID", type: "int" });
  assertEquals(refusal(twice), { reason: "ambiguous names", fieldPath: "ID" });
});

Deno.test("Rows tells two branches of one short name apart by their full names", () => {
  const named = (name: string): Json => ({ type: "record", name, fields: [{ name: "x", type: "int" }] });
  assertEquals(decode([named("v1.Order"), named("v2.Order")], "02 02"), { v1_Order: null, v2_Order: { x: 1 } });
});

Deno.test("Decoder resolves renamed, new, dropped and promoted fields", () => {
  const writer = record({ name: "a", type: "int" }, { name: "gone", type: ["null", "R"] }, {
    name: "c",
    type: "string",
  });
  const reader = record(
    { name: "fresh", type: ["string", "null"], default: "x" },
    { name: "b", type: "double", aliases: ["a"] },
    { name: "c", type: ["null", "bytes"] },
    { name: "big", type: "long", default: 7 },
  );
  const decoder = decoderOf(writer, reader);
  const bytes = unhex("02 02 04 00 02 61 02 62");
  assertEquals(decoder.append(bytes, 0, bytes.length), null);
  assertEquals(batchRows(decoder.rows.finish()), [{ fresh: "x", b: 1, c: "62", big: 7n }]);
});

Deno.test("Decoder never rounds a default", () => {
  const reader = '{"type":"record","name":"R","fields":[{"name":"n","type":"long","default":9223372036854775807}]}';
  const rows = new Rows(parseSchema(reader), { timestampNanos: "long" });
  const decoder = new Decoder(parseSchema('{"type":"record","name":"R","fields":[]}'), rows);
  assertEquals(decoder.append(new Uint8Array(0), 0, 0), null);
  assertEquals(batchRows(rows.finish()), [{ n: 2n ** 63n - 1n }]);
});

Deno.test("Decoder resolves unions and enums where a payload reaches them", () => {
  assertEquals(decode(["int", "string"], "00 02", "int"), 1);
  assertEquals(refused(["int", "string"], "02 02 61", "int").reason, "schema mismatch");
  assertEquals(decode("int", "02", ["null", "double", "int"]), { double: null, int: 1 });
  assertEquals(decode("int", "02", ["null", "double", "float"]), { double: 1, float: null });
  const letters = (symbols: string[], more = {}): Json => ({ type: "enum", name: "E", symbols, ...more });
  assertEquals(decode(letters(["A", "B"]), "02", letters(["A"], { default: "A" })), "A");
  assertEquals(refused(letters(["A", "B"]), "02", letters(["A"])).reason, "schema mismatch");
  assertEquals(refused(record(), "", record({ name: "n", type: "int" })).fieldPath, "n");
  assertEquals(refused(logical("int", "date"), "02", logical("long", "timestamp-millis")).reason, "schema mismatch");
});

Deno.test("Decoder skips a recursive value, but not one without end", () => {
  const writer = record({
    name: "tree",
    type: { type: "record", name: "T", fields: [{ name: "n", type: ["null", "T"] }] },
  });
  const reader = record({ name: "id", type: "int", default: 1 });
  assertEquals(decode(writer, `${"02".repeat(900)}00`, reader), 1);
  assertEquals(refused(writer, `${"02".repeat(90_000)}00`, reader).reason, "nested too deeply");
});

Deno.test("parseSchema() resolves names from references and namespaces", () => {
  const text = '{"type":"record","name":"a.R","fields":[{"name":"e","type":"E"},{"name":"f","type":{"type":"b.F"}}]}';
  const references = [
    '{"type":"enum","name":"E","namespace":"a","symbols":["X"]}',
    '{"type":"fixed","name":"b.F","size":2}',
  ];
  const rows = new Rows(parseSchema(text, references), { timestampNanos: "long" });
  const decoder = new Decoder(rows.type, rows);
  assertEquals(decoder.append(unhex("00 0102"), 0, 3), null);
  assertEquals(batchRows(rows.finish()), [{ e: "X", f: "0102" }]);
});

Deno.test("parseSchema() says why a schema is invalid", () => {
  const bad = [
    "{",
    '"nobody"',
    '{"type":"enum","name":"E","symbols":["A"],"default":"B"}',
    "[".repeat(5000) + "]".repeat(5000),
  ];
  for (const text of bad) {
    assertEquals(assertThrows(() => parseSchema(text), DataError).details.reason, "invalid schema");
  }
});

Deno.test("MAPPING is what the README prints", () => {
  const readme = Deno.readTextFileSync(new URL("README.md", import.meta.url)).replace(/ +/g, " ");
  for (const { avro, column } of MAPPING) assertStringIncludes(readme, `| ${avro} | ${column} |`);
});
