import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { DataError } from "../../../mod.ts";
import { MAPPING } from "./columns.ts";
import { columnsOfJsonSchema } from "./schema_columns.ts";
import { rowColumns } from "./columns.ts";
import { readDocuments } from "./documents.ts";
import { resolveShape } from "./resolve.ts";
import { describe, type Json } from "./test_support.ts";

const DRAFT_7 = "http://json-schema.org/draft-07/schema#";
const DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema";

/** The columns of a schema. */
const columns = (schema: Json) => columnsOfJsonSchema(JSON.stringify(schema), []).fields.map(describe);

/** The column of a property `a`. */
const columnOf = (schema: Json, more: { [keyword: string]: Json } = {}) =>
  columns({ type: "object", properties: { a: schema }, ...more }).map((text) => text.replace(/^a: /, "")).join("; ");

/** By other options than the defaults. */
function columnsBy(schema: Json, given: Partial<Parameters<typeof rowColumns>[1]>): string[] {
  const options = {
    additional: "json",
    unions: "struct",
    truncateNanos: false,
    jsonPaths: new Set<string>(),
    isStrict: false,
  } as const;
  const slot = resolveShape(readDocuments(JSON.stringify(schema)));
  return rowColumns(slot, { ...options, ...given }, () => () => true).fields.map(describe);
}

const CARD: Json = { type: "object", properties: { no: { type: "string" } }, required: ["no"] };
const CASH: Json = { type: "object", properties: { eur: { type: "number" } } };

Deno.test("columnsOfJsonSchema() types scalars by type, format, enum and Connect's own words", () => {
  const cases: readonly (readonly [Json, string])[] = [
    [{ type: "boolean" }, "Bool"],
    [{ type: "integer" }, "Int64"],
    [{ type: "number" }, "Float64"],
    [{ type: ["integer", "number"] }, "Float64"],
    [{ type: "string" }, "Utf8"],
    [{ type: "string", format: "date-time" }, "Timestamp<MICROSECOND, UTC>"],
    [{ type: "string", format: "date" }, "Date32<DAY>"],
    [{ type: "string", format: "time" }, "Utf8"],
    [{ type: "string", format: "uuid" }, "Utf8"],
    [{ type: "string", contentEncoding: "base64" }, "Utf8"],
    [{ type: "null" }, "json"],
    [{ enum: ["x", "y", null] }, "Utf8"],
    [{ const: 5 }, "Int64"],
    [{ enum: [1, 2.5] }, "Float64"],
    [{ enum: ["x", 1] }, "{string: Utf8, integer: Int64}"],
    [{ enum: [{ x: 1 }] }, "json"],
    [{ type: "integer", "connect.type": "int8" }, "Int8"],
    [{ type: "integer", "connect.type": "int16" }, "Int16"],
    [{ type: "integer", "connect.type": "int32" }, "Int32"],
    [{ type: "number", "connect.type": "float32" }, "Float32"],
    [{ type: "string", "connect.type": "bytes" }, "Binary"],
    [{ type: "integer", title: "org.apache.kafka.connect.data.Date", "connect.type": "int32" }, "Date32<DAY>"],
    [{ type: "integer", title: "org.apache.kafka.connect.data.Timestamp" }, "Timestamp<MICROSECOND, UTC>"],
    [{
      ...{ type: "number", title: "org.apache.kafka.connect.data.Decimal", "connect.type": "bytes" },
      "connect.parameters": { scale: "2", "connect.decimal.precision": "9" },
    }, "Decimal[9e+2]"],
    [{}, "json"],
    [true, "json"],
  ];
  for (const [schema, wanted] of cases) assertEquals(columnOf(schema), wanted, JSON.stringify(schema));
});

Deno.test("columnsOfJsonSchema() makes a property nullable by null or by its absence from required", () => {
  const required = { required: ["a"] };
  assertEquals(columnOf({ type: "integer" }, required), "Int64!");
  assertEquals(columnOf({ type: ["integer", "null"] }, required), "Int64");
  assertEquals(columnOf({ oneOf: [{ type: "null" }, { type: "integer" }] }, required), "Int64");
  assertEquals(columnOf({ anyOf: [{ type: "integer" }, { type: "null" }] }, required), "Int64");
  assertEquals(columnOf({ type: ["integer", "null"], enum: [1, 2] }, required), "Int64!");
  assertEquals(columnOf({ type: "integer" }), "Int64");
});

Deno.test("columnsOfJsonSchema() holds arrays as lists, and tuples where one type holds all places", () => {
  assertEquals(columnOf({ type: "array", items: { type: "integer" } }), "[Int64!]");
  assertEquals(columnOf({ type: "array", items: { type: ["integer", "null"] } }), "[Int64]");
  assertEquals(columnOf({ type: "array" }), "[json]");
  const pair: Json = [{ type: "integer" }, { type: "integer" }];
  assertEquals(columnOf({ type: "array", items: pair, additionalItems: false }), "[Int64!]");
  assertEquals(columnOf({ type: "array", items: pair }), "json");
  assertEquals(columnOf({ type: "array", prefixItems: pair, items: { type: "number" } }), "[Float64!]");
  const mixed: Json = [{ type: "integer" }, { type: "string" }];
  assertEquals(columnOf({ type: "array", prefixItems: mixed, items: false }), "json");
});

Deno.test("columnsOfJsonSchema() holds objects as structs, maps or JSON text", () => {
  const integer: Json = { type: "integer" };
  assertEquals(columnOf({ type: "object", properties: { b: integer } }), "{b: Int64}");
  assertEquals(columnOf({ properties: { b: integer } }), "{b: Int64}");
  assertEquals(columnOf({ type: "object", properties: { b: integer }, additionalProperties: false }), "{b: Int64}");
  const open: Json = { type: "object", properties: { b: integer }, additionalProperties: integer };
  assertEquals(columnOf(open), "{b: Int64, _additional_properties: json}");
  assertEquals(columnsBy(open, { additional: "map" }), ["b: Int64", "_additional_properties: map<Int64!>"]);
  assertEquals(columnsBy(open, { additional: "reject" }), ["b: Int64"]);
  assertEquals(columnsBy({ properties: { _Additional_Properties: integer }, additionalProperties: true }, {}), [
    "_Additional_Properties: Int64",
    "_additional_properties_: json",
  ]);
  assertEquals(columnOf({ type: "object", additionalProperties: integer }), "map<Int64!>");
  assertEquals(columnOf({ type: "object", patternProperties: { "^.*$": integer } }), "map<Int64!>");
  const patterns: Json = { "^a": integer, "^b": { type: "number" } };
  const closed: Json = { type: "object", patternProperties: patterns, additionalProperties: false };
  assertEquals(columnOf(closed), "map<Float64!>");
  assertEquals(columnOf({ type: "object", patternProperties: patterns }), "json");
  for (const free of [{ type: "object" }, { type: "object", additionalProperties: true }] as Json[]) {
    assertEquals(columnOf(free), "json");
    assertEquals(columnsBy({ properties: { a: free } }, { additional: "map" }), ["a: map<json>"]);
  }
});

Deno.test("columnsOfJsonSchema() makes a union a struct of branches, or JSON text", () => {
  const definitions = { card: CARD, cash: CASH };
  const pay: Json = { oneOf: [{ $ref: "#/definitions/card" }, { $ref: "#/definitions/cash" }, { type: "null" }] };
  assertEquals(columnOf(pay, { definitions }), "{card: {no: Utf8!}, cash: {eur: Float64}}");
  assertEquals(columnOf({ type: ["string", "integer", "null"] }), "{string: Utf8, integer: Int64}");
  const titled: Json = { anyOf: [{ ...CARD as object, title: "Card" }, { ...CASH as object, title: "Card" }] };
  assertEquals(columnOf(titled), "{Card: {no: Utf8!}, Card_2: {eur: Float64}}");
  assertEquals(columnOf({ oneOf: [CARD, { type: "string" }] }), "{object: {no: Utf8!}, string: Utf8}");
  assertEquals(columnOf({ oneOf: [CARD, {}] }), "json");
  assertEquals(columnOf({ oneOf: [{ type: "integer" }, { type: "number" }] }), "Float64");
  assertEquals(columnsBy({ properties: { a: pay }, definitions }, { unions: "json" }), ["a: json"]);
  // At the top, branches are columns.
  assertEquals(columns({ ...pay as object, definitions }), ["card: {no: Utf8!}", "cash: {eur: Float64}"]);
});

Deno.test("columnsOfJsonSchema() merges allOf, what stands beside a reference, and conditional properties", () => {
  const text: Json = { type: "string" };
  assertEquals(
    columns({
      definitions: { base: { type: "object", properties: { a: text }, required: ["a"] } },
      allOf: [{ $ref: "#/definitions/base" }, { properties: { b: text }, required: ["b"] }],
    }),
    ["a: Utf8!", "b: Utf8!"],
  );
  assertEquals(
    columns({
      type: "object",
      properties: { kind: text },
      required: ["kind"],
      oneOf: [
        { properties: { kind: { const: "card" }, no: text }, required: ["no"] },
        { properties: { kind: { const: "cash" }, eur: { type: "number" } }, required: ["eur"] },
      ],
    }),
    ["kind: Utf8!", "no: Utf8", "eur: Float64"],
  );
  assertEquals(
    columns({
      type: "object",
      properties: { a: text },
      if: { required: ["a"] },
      then: { properties: { b: text } },
      else: { properties: { c: text } },
      dependencies: { a: { properties: { d: text } }, b: ["a"] },
    }),
    ["a: Utf8", "b: Utf8", "c: Utf8", "d: Utf8"],
  );
  assertEquals(columnOf({ $ref: "#/$defs/t", type: "string", format: "date" }, { $defs: { t: text } }), "Date32<DAY>");
});

Deno.test("columnsOfJsonSchema() keeps the order of the text, or connect.index", () => {
  const integer = { type: "integer" };
  assertEquals(columns({ properties: { z: integer, a: integer } }), ["z: Int64", "a: Int64"]);
  const indexed = {
    ...{ x: integer, z: { ...integer, "connect.index": 1 }, a: { ...integer, "connect.index": 0 }, b: integer },
  };
  assertEquals(columns({ properties: indexed }), ["a: Int64", "z: Int64", "x: Int64", "b: Int64"]);
});

Deno.test("columnsOfJsonSchema() holds a recursive type as JSON text, and what columns.json names", () => {
  const tree: Json = { type: "object", properties: { v: { type: "integer" }, left: { $ref: "#" } } };
  assertEquals(columns(tree), ["v: Int64", "left: json"]);
  const nodes: Json = { properties: { n: { $ref: "#/$defs/n" } }, $defs: { n: { items: { $ref: "#/$defs/n" } } } };
  assertEquals(columns(nodes), ["n: [json]"]);
  assertEquals(columnsBy({ properties: { t: CARD } }, { jsonPaths: new Set(["t"]) }), ["t: json"]);
  const nested: Json = { properties: { a: { items: CARD }, m: { additionalProperties: CASH } } };
  assertEquals(columnsBy(nested, { jsonPaths: new Set(["a[].no", "m{}"]) }), ["a: [{no: json!}!]", "m: map<json!>"]);
});

Deno.test("columnsOfJsonSchema() holds values that are no objects in one column", () => {
  assertEquals(columns({ type: "integer" }), ["value: Int64!"]);
  assertEquals(columns({ type: "array", items: { type: "string" } }), ["value: [Utf8!]!"]);
  assertEquals(columns({ type: "object", additionalProperties: { type: "string" } }), ["value: map<Utf8!>!"]);
  assertEquals(columns({}), ["value: json"]);
  assertEquals(columns(true), ["value: json"]);
});

Deno.test("columnsOfJsonSchema() follows references by pointer, anchor, $id and the registry's names", () => {
  const integer = { type: "integer" };
  const a = (schema: Json, references: { name: string; text: string }[] = []) =>
    columnsOfJsonSchema(JSON.stringify(schema), references).fields.map(describe);
  for (const $schema of [DRAFT_7, DRAFT_2020]) {
    const properties = { a: { $ref: "#/definitions/a~1b%20c" } };
    assertEquals(a({ $schema, properties, definitions: { "a/b c": integer } }), ["a: Int64"]);
    assertEquals(a({ $schema, properties: { a: { $ref: "#/x/y" } }, x: { y: { $ref: "#/x/z" }, z: integer } }), [
      "a: Int64",
    ]);
  }
  assertEquals(
    a({ $schema: DRAFT_2020, properties: { a: { $ref: "#n" } }, $defs: { n: { $anchor: "n", ...integer } } }),
    [
      "a: Int64",
    ],
  );
  assertEquals(a({ properties: { a: { $ref: "#n" } }, definitions: { n: { $id: "#n", ...integer } } }), ["a: Int64"]);
  assertEquals(
    a({
      $id: "http://x.org/root.json",
      properties: { a: { $ref: "part.json" }, b: { $ref: "http://x.org/part.json#/definitions/b" } },
      definitions: { p: { $id: "part.json", ...integer, definitions: { b: { type: "string" } } } },
    }),
    ["a: Int64", "b: Utf8"],
  );
  // The customer's own $id is elsewhere, and what it refers to has only the registry's name.
  const customer = { $id: "http://elsewhere.org/c.json", properties: { at: { $ref: "address.json#/definitions/at" } } };
  const address = { definitions: { at: { $ref: "#/definitions/s" }, s: { type: "string" } } };
  const references = [
    { name: "address.json", text: JSON.stringify(address) },
    { name: "customer.json", text: JSON.stringify(customer) },
  ];
  for (const $id of ["http://x.org/order.json", "order.json"]) {
    const properties = { a: { $ref: "customer.json" }, b: { $ref: "http://elsewhere.org/c.json" } };
    assertEquals(a({ $id, properties }, references), ["a: {at: Utf8}", "b: {at: Utf8}"]);
  }
  assertEquals(
    a({ properties: { a: { $ref: "com.acme.Name" } } }, [{ name: "com.acme.Name", text: '{"type":"string"}' }]),
    [
      "a: Utf8",
    ],
  );
});

Deno.test("columnsOfJsonSchema() refuses what it cannot use, and says where", () => {
  const refused = (schema: Json | string) => {
    const text = typeof schema === "string" ? schema : JSON.stringify(schema);
    const { details } = assertThrows(() => columnsOfJsonSchema(text, []), DataError);
    return [details.reason, details.fieldPath];
  };
  assertEquals(refused("{"), ["invalid schema", undefined]);
  assertEquals(refused("[]"), ["invalid schema", undefined]);
  assertEquals(refused({ properties: { a: { $ref: "#/no" } } }), ["unresolved reference", undefined]);
  assertEquals(refused({ properties: { a: { $ref: "other.json" } } }), ["unresolved reference", undefined]);
  assertEquals(refused({ $schema: "http://json-schema.org/draft-04/schema#" }), [
    ...["schema draft not supported", undefined],
  ]);
  assertEquals(refused({ properties: { x: { properties: { a: {}, A: {} } } } }), ["ambiguous names", "x.A"]);
  // Each level doubles the columns.
  const $defs = Object.fromEntries(
    Array.from({ length: 20 }, (_, i) => {
      const next = { $ref: `#/$defs/d${i + 1}` };
      return [`d${i}`, { properties: { a: next, b: next } }];
    }),
  );
  assertEquals(refused({ $ref: "#/$defs/d0", $defs: { ...$defs, d20: { type: "string" } } })[0], "schema too large");
});

Deno.test("MAPPING is what the README prints", () => {
  const readme = Deno.readTextFileSync(new URL("README.md", import.meta.url)).replace(/ +/g, " ");
  for (const { json, column } of MAPPING) assertStringIncludes(readme, `| ${json} | ${column} |`);
});

Deno.test("conditions of allOf on properties that stand beside it leave one object, not branches of every combination", () => {
  const names = Array.from({ length: 40 }, (_, i) => `p${i}`);
  const anyOf = (i: number): Json => ({ anyOf: [{ required: [`p${2 * i}`] }, { required: [`p${2 * i + 1}`] }] });
  const schema: Json = {
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name, { type: "integer" }])),
    allOf: Array.from({ length: 20 }, (_, i) => anyOf(i)),
  };
  assertEquals(columns(schema), names.map((name) => `${name}: Int64`));
});

Deno.test("alternatives that multiply without end are refused, and soon", () => {
  const pair = (i: number): Json => ({
    anyOf: [`a${i}`, `b${i}`].map((name) => ({ type: "object", required: [name] })),
  });
  const allOf = Array.from({ length: 20 }, (_, i) => pair(i));
  assertEquals(assertThrows(() => columns({ allOf }), DataError).details.reason, "schema too large");
});

Deno.test("a keyword of older drafts that the validation does not know says nothing", () => {
  assertEquals(columns({ id: "order", type: "object", properties: { id: { type: "integer" } } }), ["id: Int64"]);
});
