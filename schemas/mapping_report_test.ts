import { assert, assertEquals } from "@std/assert";
import type { Schema } from "apache-arrow";
import { DataError } from "../mod.ts";
import { type MappingReport, mappingReport } from "./mapping_report.ts";
import type { RegisteredSchema } from "./registry.ts";

/** What a table refuses: names with blanks. */
function holds({ fields }: Schema): void {
  const bad = fields.find(({ name }) => name.includes(" "));
  if (bad) throw new DataError("no such name", { reason: "invalid column name", fieldPath: bad.name });
}

function report(
  schemaType: RegisteredSchema["schemaType"],
  schema: unknown,
  references: Readonly<Record<string, string>> = {},
): MappingReport {
  const text = typeof schema === "string" ? schema : JSON.stringify(schema);
  const registered = { id: 1, version: 2, schemaType, schema: text, references: [], subject: "t-value" };
  const named = Object.entries(references).map(([name, schema]) => ({ name, schema: { ...registered, schema } }));
  return mappingReport(registered, named, holds);
}

function noteAt({ lines }: MappingReport, path: string): string {
  const line = lines.find((each) => each.path === path);
  assert(line, `no line of ${path}: ${lines.map((each) => each.path)}`);
  return `${line.decide ? "! " : ""}${line.note ?? ""}`;
}

function starts({ lines }: MappingReport): string[] {
  return lines.map(({ path, writer, type, nullable }) => `${path}: ${writer} -> ${type}${nullable ? "" : "!"}`);
}

const avro = (fields: unknown[], references = {}) => report("AVRO", { type: "record", name: "R", fields }, references);

Deno.test("mappingReport() tells of an Avro schema's fields, nested ones too, and of their columns", () => {
  const part = { type: "record", name: "Part", fields: [{ name: "sku", type: "string" }] };
  const made = avro([
    { name: "id", type: "long" },
    { name: "amount", type: { type: "bytes", logicalType: "decimal", precision: 10, scale: 2 } },
    { name: "parts", type: { type: "array", items: part } },
    { name: "labels", type: { type: "map", values: ["null", "int"] } },
    { name: "nothing", type: "null" },
  ]);
  assertEquals(starts(made), [
    "id: long -> Int64!",
    "amount: decimal(10,2) -> Decimal[10e+2]!",
    "parts: array of record Part -> List<Struct<{sku:Utf8}>>!",
    "parts[].sku: string -> Utf8!",
    "labels: map of null | int -> Map<{key:Utf8, value:Int32}>!",
    "nothing: null -> null",
  ]);
  assertEquals([made.converter, made.refused, made.columnsJson, made.lines.filter(({ decide }) => decide)], [
    ...["avro", null],
    [],
    [],
  ]);
});

Deno.test("mappingReport() finds the traps of Avro schemas, and makes JSON text of what has no column", () => {
  const node = { type: "record", name: "Node", fields: [{ name: "next", type: ["null", "Node"] }] };
  const bytes = (more: unknown) => ({ type: "bytes", logicalType: "decimal", ...more as object });
  const made = avro([
    { name: "tree", type: node },
    { name: "choice", type: ["null", "long", "string"] },
    { name: "whole", type: bytes({ precision: 9 }) },
    { name: "loose", type: ["null", bytes({})] },
    { name: "huge", type: bytes({ precision: 50, scale: 3 }) },
    { name: "nanos", type: { type: "long", logicalType: "timestamp-nanos" } },
    { name: "local", type: { type: "long", logicalType: "local-timestamp-millis" } },
    { name: "odd", type: { type: "string", logicalType: "timestamp-millis" } },
    { name: "nulls", type: { type: "array", items: "null" } },
    {
      name: "alike",
      type: { type: "record", name: "A", fields: [{ name: "x", type: "int" }, { name: "X", type: "int" }] },
    },
  ]);
  assertEquals(made.refused, null);
  assertEquals(made.columnsJson.toSorted(), ["alike", "huge", "nulls[]", "tree.next"]);
  assert(noteAt(made, "tree.next").startsWith("! contains itself"));
  assert(noteAt(made, "choice").startsWith("! a union"));
  assert(noteAt(made, "whole").startsWith("! a decimal without a scale"));
  assert(noteAt(made, "loose").startsWith("! a decimal without a precision"));
  assert(noteAt(made, "huge").includes("precision 50"), noteAt(made, "huge"));
  assert(noteAt(made, "nanos").startsWith("! nanoseconds"));
  assert(noteAt(made, "local").includes("timestampNtz"));
  assert(noteAt(made, "odd").includes("timestamp-millis"));
  assert(noteAt(made, "alike").includes("alike but for case"));
  assert(noteAt(made, "nulls[]").startsWith("! "));
  assertEquals(made.columns?.fields.length, 10);
});

Deno.test("mappingReport() refuses what no option cures, and says why", () => {
  const made = avro([{ name: "a", type: "int" }, { name: "A", type: "int" }]);
  assertEquals(made.columns, null);
  assert(made.refused?.includes("differ in case only"), String(made.refused));
  assert(made.refused?.includes("another name in the schema"), String(made.refused));
});

Deno.test("mappingReport() says that a Protobuf schema's other messages have columns of their own", () => {
  const made = report(
    "PROTOBUF",
    'syntax = "proto3"; package p; message A { int32 a = 1; } message B { message C {} }',
  );
  assert(made.notes[0]?.includes("p.A") && made.notes[0].includes("(p.B)"), made.notes.join());
  assertEquals(report("PROTOBUF", 'syntax = "proto3"; message A { message C {} C c = 1; }').notes, []);
});

Deno.test("mappingReport() tells of objects that are text as a whole once, not of their members too", () => {
  const made = report("JSON", {
    type: "object",
    properties: {
      closed: { type: "object", additionalProperties: false },
      byPattern: { type: "object", patternProperties: { "^x-": {} } },
      numbers: { type: "object", additionalProperties: { type: "integer" } },
    },
    additionalProperties: false,
  });
  assertEquals(made.lines.map(({ path, decide }) => `${path} ${decide}`), [
    "closed true",
    "byPattern true",
    "numbers false",
  ]);
});

Deno.test("mappingReport() renames names with commas, which lists of YAML have room for, and not with colons", () => {
  const of = (name: string) => {
    const registered = { id: 1, version: 2, schemaType: "JSON" as const, references: [], subject: "t-value" };
    const schema = JSON.stringify({ type: "object", properties: { [name]: { type: "string" } } });
    return mappingReport({ ...registered, schema }, [], ({ fields }) => {
      const bad = fields.find((field) => /[ ,:]/.test(field.name));
      if (bad) throw new DataError("no such name", { reason: "invalid column name", fieldPath: bad.name });
    });
  };
  assertEquals(of("a,b").renames, [{ from: "a,b", to: "a_b" }]);
  assertEquals([of("a:b").renames, of("a:b").refused], [[], "no such name"]);
});

Deno.test("mappingReport() reads references, and a value that is no record", () => {
  const inner = '{"type":"record","name":"I","fields":[{"name":"n","type":"int"}]}';
  assertEquals(starts(avro([{ name: "i", type: "I" }], { I: inner })), [
    "i: record I -> Struct<{n:Int32}>!",
    "i.n: int -> Int32!",
  ]);
  assertEquals(starts(report("AVRO", '"string"')), ["value: string -> Utf8!"]);
});

Deno.test("mappingReport() finds the traps of Protobuf schemas", () => {
  const made = report(
    "PROTOBUF",
    `syntax = "proto3";
    import "google/protobuf/struct.proto";
    import "confluent/type/decimal.proto";
    import "part.proto";
    message M {
      uint64 big = 1;
      map<int32, string> byNumber = 2;
      google.protobuf.Struct free = 3;
      oneof source { string iban = 4; int32 card = 5; }
      M child = 6;
      repeated M children = 9;
      confluent.type.Decimal price = 7;
      Part part = 8;
    }`,
    { "part.proto": 'syntax = "proto3"; message Part { repeated string tags = 1; }' },
  );
  assertEquals([made.refused, made.columnsJson], [null, ["child", "children[]"]]);
  assert(noteAt(made, "big").startsWith("! unsigned 64 bit"));
  assert(noteAt(made, "byNumber").startsWith("! keys are int32"));
  assert(noteAt(made, "free").includes("JSON text"));
  assert(noteAt(made, "iban").includes("oneof source"));
  assert(noteAt(made, "child").startsWith("! contains itself"));
  assert(noteAt(made, "children").startsWith("! contains itself"));
  assert(noteAt(made, "price").startsWith("! a decimal without precision"));
  assert(starts(made).includes("part.tags: repeated string -> List<Utf8>!"), starts(made).join());
});

Deno.test("mappingReport() finds the traps of JSON Schemas, and renames what no column can be called", () => {
  const made = report("JSON", {
    type: "object",
    required: ["id"],
    properties: {
      id: { type: "integer" },
      "first name": { type: "string" },
      free: {},
      mixed: { oneOf: [{ type: "string" }, { type: "integer" }] },
      self: { $ref: "#" },
      price: { type: "number" },
    },
  });
  assertEquals([made.converter, made.refused], ["json-schema", null]);
  assertEquals(made.renames, [{ from: "first name", to: "first_name" }]);
  assert(made.columns?.fields.some(({ name }) => name === "first_name"));
  assert(noteAt(made, "free").startsWith("! the schema says nothing"));
  assert(noteAt(made, "mixed").startsWith("! of several types"));
  assert(noteAt(made, "self").includes("JSON text"));
  assert(noteAt(made, "_additional_properties").includes("schema.evolution"));
  assertEquals(made.lines.find(({ path }) => path === "id")?.nullable, false);
});
