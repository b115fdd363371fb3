import { assertEquals, assertMatch, assertStrictEquals, assertThrows } from "@std/assert";
import { ConfigError, FIELD_UNDECLARED, SCHEMA_ID, SCHEMA_SUBJECT } from "../../../mod.ts";
import { startFakeRegistry } from "../../registry_fake.ts";
import type { RegisteredSchema } from "../../registry.ts";
import { contextOf } from "../../testing.ts";
import { decode } from "../test_support.ts";
import { jsonSchemaConverter } from "./mod.ts";
import { config, converter, describe, framed, type Json } from "./test_support.ts";

/** The rows of values that are all valid, and the columns. */
async function rowsOf(schema: Json, values: readonly string[], ...rest: [Record<string, unknown>?, string[]?]) {
  const { run, rows, rejects } = await decode(converter(schema, ...rest), values);
  for (const error of rejects.values()) throw error;
  return { rows, columns: run!.data.schema.fields.map(describe), fields: run!.data.schema.fields };
}

/** Why a value is rejected. */
async function rejected(schema: Json, value: string | Uint8Array, given: Record<string, unknown> = {}) {
  const { rejects } = await decode(converter(schema, given), [value]);
  const { message, details } = rejects.get(0)!;
  return { message, ...details };
}

const integer: Json = { type: "integer" };
const text: Json = { type: "string" };

Deno.test("json-schema reads integers of 64 bits exactly, whatever JSON.parse makes of them", async () => {
  const values = ["9223372036854775807", "-9223372036854775808", "9007199254740993", "5.0", "1e3"];
  const { rows } = await rowsOf({ properties: { a: integer } }, values.map((value) => `{"a":${value}}`));
  assertEquals(rows, [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, 5n, 1000n].map((a) => ({ a })));
  for (const value of ["9223372036854775808", "1e30"]) {
    const { reason, fieldPath } = await rejected({ properties: { a: integer } }, `{"a":${value}}`);
    assertEquals([reason, fieldPath], ["number out of range", "a"]);
  }
  // A double would be whole.
  assertEquals((await rejected({ properties: { a: integer } }, '{"a":9007199254740993.5}')).reason, "type mismatch");
});

Deno.test("json-schema reads dates, timestamps with their offset, and Connect's own types", async () => {
  const properties = {
    at: { type: "string", format: "date-time" },
    day: { type: "string", format: "date" },
    price: {
      ...{ type: "number", title: "org.apache.kafka.connect.data.Decimal", "connect.type": "bytes" },
      "connect.parameters": { scale: "2" },
    },
    since: { type: "integer", title: "org.apache.kafka.connect.data.Date" },
    seen: { type: "integer", title: "org.apache.kafka.connect.data.Timestamp" },
    raw: { type: "string", "connect.type": "bytes" },
    small: { type: "integer", "connect.type": "int8" },
  };
  const value = {
    ...{ at: "2024-02-29T23:30:00.123+01:30", day: "2024-02-29", price: 12.34, since: 1, seen: 1_700_000_000_123 },
    ...{ raw: "AQI=", small: -128 },
  };
  const { rows } = await rowsOf({ properties }, [JSON.stringify(value)]);
  assertEquals(rows, [{
    at: Date.parse("2024-02-29T22:00:00.123Z"),
    day: Date.parse("2024-02-29"),
    price: 1234n,
    since: 86_400_000,
    seen: 1_700_000_000_123,
    raw: [1, 2],
    small: -128,
  }]);
  const bad = { at: "2024-02-30T00:00:00Z", day: "today", price: 0.001, since: 3e9, seen: 1e18, raw: "!", small: 128 };
  const reasons = {
    ...{ at: "schema validation failed", day: "schema validation failed", price: "number out of range" },
    ...{
      since: "number out of range",
      seen: "number out of range",
      raw: "type mismatch",
      small: "number out of range",
    },
  };
  for (const [name, value] of Object.entries(bad)) {
    const { reason, fieldPath } = await rejected({ properties }, JSON.stringify({ [name]: value }));
    assertEquals([name, reason, fieldPath], [name, reasons[name as keyof typeof reasons], name]);
  }
});

Deno.test("json-schema names field, keyword, what was wanted and what was found", async () => {
  const schema: Json = {
    type: "object",
    properties: {
      lines: { type: "array", items: { type: "object", properties: { qty: { type: "integer", minimum: 1 } } } },
      kind: { enum: ["a", "b"] },
      closed: { type: "object", properties: { x: text }, additionalProperties: false, required: ["x"] },
      either: { oneOf: [integer, text] },
      email: { type: "string", format: "email" },
    },
  };
  const of = async (value: string) => {
    const { message, reason, fieldPath } = await rejected(schema, value);
    assertEquals(reason, "schema validation failed");
    return [fieldPath, message.replace("Cannot decode JSON: it is not valid by its schema: ", "")];
  };
  assertEquals(await of('{"lines":[{"qty":1},{"qty":0}]}'), [
    ...["lines[].qty", "lines[1].qty must be >= 1 (minimum), found 0"],
  ]);
  assertEquals(await of('{"kind":"c"}'), [
    ...["kind", 'kind must be equal to one of the allowed values: ["a","b"] (enum), found "c"'],
  ]);
  assertEquals(await of('{"closed":{"x":"","y":1}}'), [
    "closed.y",
    'closed must NOT have additional properties: "y" (additionalProperties), found {"x":"","y":1}',
  ]);
  assertEquals((await of('{"closed":{}}'))[0], "closed.x");
  assertEquals((await of('{"either":true}'))[0], "either");
  assertEquals((await of('{"email":"x"}'))[1], 'email must match format "email" (format), found "x"');
  assertEquals((await of("[]"))[0], undefined);
});

Deno.test("json-schema rejects what is not JSON with the byte, before anything is validated", async () => {
  const schema: Json = { type: "object", properties: { a: text } };
  for (const value of ["", "{", '{"a":"\\ud800"}', '{"b":1}}', "nul", '{"a":1,,}']) {
    assertEquals((await rejected(schema, value)).reason, "malformed json", value);
  }
  assertEquals(
    (await rejected(schema, Uint8Array.of(0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d))).bytePosition,
    6,
  );
  const deep = `{"b":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
  assertEquals((await rejected(schema, deep)).reason, "nested too deeply");
  assertEquals((await rowsOf(schema, ['\ufeff {"a":"x"} '])).rows, [{ a: "x" }]);
});

Deno.test("json-schema does not take what objects inherit for members", async () => {
  const schema: Json = {
    type: "object",
    properties: { constructor: text, a: text },
    required: ["toString"],
  };
  assertEquals((await rejected(schema, '{"a":"x"}')).fieldPath, "toString");
  const { columns } = await rowsOf(schema, ['{"toString":1,"__proto__":{"a":1}}']);
  assertEquals(columns, ["constructor: Utf8", "a: Utf8", "_additional_properties: json"]);
});

Deno.test("json-schema keeps members that the schema does not name, each row its own", async () => {
  const inner: Json = { type: "object", properties: { x: integer } };
  const schema: Json = { properties: { a: integer, o: inner, l: { type: "array", items: inner } } };
  const values = [
    '{"a":1}',
    '{"z":9007199254740993 , "a":2,"o":{"y":{"q":[1, null]},"x":1}}',
    '{"a":true,"lost":1,"o":{"lost":2},"l":[{"lost":3}]}',
    '{"l":[{"x":1},{"q\\"":"s","r":null},null]}',
    '{"o":null,"a":5}',
  ].map((value) => value.replace("},null]", "}]").replace('"o":null,', ""));
  const json = converter(schema);
  for (let i = 0; i < 2; i++) {
    const { run, rows, rejects } = await decode(json, values);
    assertEquals([...rejects.keys()], [2]);
    assertEquals(run!.data.schema.fields.map(describe), [
      "a: Int64",
      "o: {x: Int64, _additional_properties: json}",
      "l: [{x: Int64, _additional_properties: json}!]",
      "_additional_properties: json",
    ]);
    assertEquals(run!.data.schema.fields[3].metadata.get(FIELD_UNDECLARED), "true");
    assertEquals(rows, [
      { a: 1n, o: null, l: null, _additional_properties: null },
      {
        ...{ a: 2n, o: { x: 1n, _additional_properties: '{"y":{"q":[1, null]}}' }, l: null },
        _additional_properties: '{"z":9007199254740993}',
      },
      {
        a: null,
        o: null,
        l: [{ x: 1n, _additional_properties: null }, { x: null, _additional_properties: '{"q\\"":"s","r":null}' }],
        _additional_properties: null,
      },
      { a: 5n, o: null, l: null, _additional_properties: null },
    ]);
    // What a rejected row left behind does not reach the next batch, and the columns are the declared ones again.
    const next = await decode(json, ['{"a":1}', '{"a":true,"lost":1}', '{"a":2}']);
    assertEquals(next.run!.data.schema.fields.map(describe), ["a: Int64", "o: {x: Int64}", "l: [{x: Int64}!]"]);
    assertEquals(next.rows.length, 2);
    const again = await decode(json, ['{"a":1}', '{"a":2,"z":0}']);
    assertEquals(again.rows.map((row) => (row as Record<string, unknown>)._additional_properties), [null, '{"z":0}']);
  }
});

Deno.test("json-schema holds additional members as a map, or rejects them", async () => {
  const properties = { a: integer };
  const numbers: Json = { properties, additionalProperties: { type: ["integer", "null"] } };
  const map = { "json.additional.properties": "map" };
  const { rows, columns } = await rowsOf(numbers, ['{"x":1,"a":2,"y":null}', '{"a":3}', '{"z":4}'], map);
  assertEquals(columns, ["a: Int64", "_additional_properties: map<Int64>"]);
  assertEquals(rows, [
    { a: 2n, _additional_properties: { x: 1n, y: null } },
    { a: 3n, _additional_properties: null },
    { a: null, _additional_properties: { z: 4n } },
  ]);
  const undeclared = await rowsOf({ properties }, ['{"a":1}', '{"x":"s","y":[1]}'], map);
  assertEquals(undeclared.columns, ["a: Int64", "_additional_properties: map<json>"]);
  assertEquals(undeclared.rows[1], { a: null, _additional_properties: { x: '"s"', y: "[1]" } });
  assertEquals((await rejected(numbers, '{"x":1,"x":2}', map)).reason, "duplicate map key");
  // Objects within the map have members of their own that no schema names.
  const nested: Json = { properties, additionalProperties: { properties: { b: integer } } };
  const inner = await rowsOf(nested, ['{"k":{"b":1,"c":2}}', '{"k":{"b":3}}'], map);
  assertEquals(inner.rows[0], {
    a: null,
    _additional_properties: { k: { b: 1n, _additional_properties: { c: "2" } } },
  });

  const refused = await rejected({ properties }, '{"a":1,"x":2}', { "json.additional.properties": "reject" });
  assertEquals([refused.reason, refused.fieldPath], ["undeclared member", "x"]);
});

Deno.test("json-schema gives a union's value to the branch that takes it", async () => {
  const card: Json = { type: "object", properties: { no: text }, required: ["no"] };
  const cash: Json = { type: "object", properties: { eur: { type: "number" } }, required: ["eur"] };
  const schema: Json = {
    properties: { pay: { oneOf: [{ $ref: "#/$defs/card" }, { $ref: "#/$defs/cash" }, integer, { type: "null" }] } },
    $defs: { card, cash },
  };
  const values = ['{"pay":{"eur":1}}', '{"pay":{"no":"1","x":2}}', '{"pay":5}', '{"pay":null}'];
  const { rows } = await rowsOf(schema, values);
  const none = { card: null, cash: null, integer: null };
  assertEquals(rows, [
    { pay: { ...none, cash: { eur: 1 } } },
    { pay: { ...none, card: { no: "1", _additional_properties: '{"x":2}' } } },
    { pay: { ...none, integer: 5n } },
    { pay: null },
  ]);
  const asText = await rowsOf(schema, values, { "json.unions": "json" });
  assertEquals(asText.rows, [{ pay: '{"eur":1}' }, { pay: '{"no":"1","x":2}' }, { pay: "5" }, { pay: null }]);
  // At the top.
  const top = await rowsOf({ ...schema as object, oneOf: [card, cash], properties: {} }, ['{"eur":2}', '{"no":"x"}']);
  assertEquals(top.columns, ["object: {no: Utf8!}", "object_2: {eur: Float64!}"]);
  assertEquals(top.rows, [{ object: null, object_2: { eur: 2 } }, { object: { no: "x" }, object_2: null }]);
});

Deno.test("json-schema holds JSON text for what no column can hold, strings in their quotes", async () => {
  const tree: Json = { type: "object", properties: { v: integer, kids: { type: "array", items: { $ref: "#" } } } };
  assertEquals((await rowsOf(tree, ['{"v":1,"kids":[{"v":2, "kids":[]}]}'])).rows, [
    { v: 1n, kids: ['{"v":2, "kids":[]}'] },
  ]);
  assertEquals((await rowsOf({ properties: { a: {} } }, ['{"a":"x"}', '{"a":null}', '{"a":1e400}'])).rows, [
    ...[{ a: '"x"' }, { a: null }, { a: "1e400" }],
  ]);
  const paths = await rowsOf(tree, ['{"v":1,"kids":[]}'], {}, ["kids"]);
  assertEquals([paths.columns, paths.rows], [["v: Int64", "kids: json"], [{ v: 1n, kids: "[]" }]]);
  assertEquals((await rowsOf({ type: "integer" }, ["5", "-7"])).rows, [{ value: 5n }, { value: -7n }]);
  const list = await rowsOf({ type: "array", items: { properties: { a: integer } } }, ['[{"a":1},{"z":2}]', "[]"]);
  assertEquals(list.columns, ["value: [{a: Int64, _additional_properties: json}]!"]);
  assertEquals(list.rows, [
    { value: [{ a: 1n, _additional_properties: null }, { a: null, _additional_properties: '{"z":2}' }] },
    { value: [] },
  ]);
});

Deno.test("json-schema validates nothing where json.fail.invalid.schema is off, and still drops nothing", async () => {
  const schema: Json = {
    type: "object",
    properties: { a: { type: "string", maxLength: 1 }, n: { type: "integer", minimum: 5 } },
    additionalProperties: false,
  };
  const off = { "json.fail.invalid.schema": false };
  assertEquals((await rowsOf(schema, ['{"a":"long","n":1,"x":2}'], off)).rows, [
    { a: "long", n: 1n, _additional_properties: '{"x":2}' },
  ]);
  assertEquals((await rejected(schema, '{"n":"x"}', off)).reason, "type mismatch");
});

Deno.test("json-schema follows drafts: what 2020-12 added holds there alone", async () => {
  const tuple: Json = { properties: { a: { type: "array", prefixItems: [integer], items: false } } };
  const draft2020 = { $schema: "https://json-schema.org/draft/2020-12/schema", ...tuple };
  assertEquals((await rejected(draft2020, '{"a":["x"]}')).fieldPath, "a[]");
  assertEquals((await rejected({ ...draft2020, unevaluatedProperties: false }, '{"b":1}')).fieldPath, "b");
  const draft2019 = { $schema: "https://json-schema.org/draft/2019-09/schema", dependentRequired: { a: ["b"] } };
  assertEquals(
    (await rejected({ ...draft2019, properties: { a: text } }, '{"a":""}')).reason,
    "schema validation failed",
  );
  const draft7 = { properties: { a: { items: [integer, integer], additionalItems: false } } };
  assertEquals((await rowsOf(draft7, ['{"a":[1,2]}'])).rows, [{ a: [1n, 2n] }]);
});

Deno.test("json-schema reads registered schemas with their references, and names them", async () => {
  const schema = (id: number, subject: string, body: Json, references: RegisteredSchema["references"] = []) => ({
    ...{ id, subject, version: 1, schemaType: "JSON" as const, schema: JSON.stringify(body), references },
  });
  const registry = startFakeRegistry([
    schema(1, "address", { $id: "http://x.org/address.json", type: "object", properties: { city: text } }),
    schema(2, "customer", { properties: { home: { $ref: "address.json" } } }, [
      { name: "address.json", subject: "address", version: 1 },
    ]),
    schema(3, "orders-value", { properties: { id: integer, by: { $ref: "customer.json" } }, required: ["id"] }, [
      { name: "customer.json", subject: "customer", version: 1 },
    ]),
    { ...schema(4, "avro", "string"), schemaType: "AVRO" },
    schema(5, "broken", { type: "nothing" }),
    schema(6, "dangling", { properties: { a: { $ref: "gone.json" } } }),
  ] as RegisteredSchema[]);
  try {
    const options = { "schema.registry.url": [registry.url], "schema.registry.max.retries": 0 };
    const json = jsonSchemaConverter.create(config(options), contextOf());
    const { run, rows, rejects } = await decode(json, [
      framed(3, '{"id":1,"by":{"home":{"city":"Ulm"}}}'),
      framed(3, '{"by":{}}'),
      framed(4, "{}"),
      framed(5, "{}"),
      framed(6, "{}"),
      framed(3, '{"id":1'),
      framed(3, '{"id":2}'),
    ]);
    assertEquals(rows, [{ id: 1n, by: { home: { city: "Ulm" } } }, { id: 2n, by: null }]);
    assertEquals(run!.data.schema.metadata.get(SCHEMA_ID), "3");
    assertEquals(run!.data.schema.metadata.get(SCHEMA_SUBJECT), "orders-value@1");
    assertEquals([...rejects].map(([i, { details }]) => [i, details.reason, details.schemaId]), [
      [1, "schema validation failed", 3],
      [2, "not a json schema", 4],
      [3, "invalid schema", 5],
      [4, "unresolved reference", 6],
      [5, "malformed json", 3],
    ]);
    // From the value's start, the frame included.
    assertEquals(rejects.get(5)!.details.bytePosition, 12);

    const reader = { ...options, "value.schema": JSON.stringify({ properties: { id: { type: "number" } } }) };
    const fixed = jsonSchemaConverter.create(config(reader), contextOf());
    const both = await decode(fixed, [framed(3, '{"id":1,"by":{}}'), framed(1, '{"city":"Ulm"}'), framed(3, "{}")]);
    assertEquals(both.rows, [
      { id: 1, _additional_properties: '{"by":{}}' },
      { id: null, _additional_properties: '{"city":"Ulm"}' },
    ]);
    assertEquals(both.rejects.get(2)!.details.reason, "schema validation failed");
  } finally {
    await registry.stop();
  }
});

Deno.test("json-schema takes value.schema inline or from a file, and refuses a bad one", async () => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, '{"properties":{"a":{"type":"integer"}}}');
    const json = jsonSchemaConverter.create(config({ "value.schema": file }), contextOf());
    const first = await decode(json, ['{"a":1}']);
    const second = await decode(json, ['{"a":2}']);
    assertEquals(first.rows, [{ a: 1n }]);
    assertStrictEquals(first.run!.data.schema, second.run!.data.schema);
    for (
      const [given, why] of [
        ["{", /is not JSON/],
        ['{"type":"nothing"}', /schema is invalid/],
        ['{"properties":{"a":{},"A":{}}}', /differ in case/],
        ["/no/such/file", /cannot be read as a file/],
        [null, /missing: the json-schema converter needs/],
      ] as const
    ) {
      const error = assertThrows(
        () => jsonSchemaConverter.create(config({ "value.schema": given }), contextOf()),
        ConfigError,
      );
      assertMatch(error.message, why);
    }
    const { check } = jsonSchemaConverter.options["value.schema"];
    assertEquals(check!('{"type":"object"}'), null);
    assertMatch(check!('{"type":"nothing"}')!, /schema is invalid/);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("json-schema takes a schema with the id of older drafts, which later ones do not know", async () => {
  const schema: Json = { id: "order", type: "object", properties: { id: { type: "integer", minimum: 1 } } };
  assertEquals((await rowsOf(schema, ['{"id":1}'])).rows, [{ id: 1n }]);
  assertEquals((await rejected(schema, '{"id":0}')).reason, "schema validation failed");
});

Deno.test("json-schema rejects few bytes that stand for values without number", async () => {
  const properties = Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`p${i}`, { type: "boolean" }]));
  const items: Json = { type: "object", properties };
  const schema: Json = { type: "object", properties: { all: { type: "array", items } } };
  const value = (count: number) => `{"all":[${Array(count).fill("{}").join(",")}]}`;
  const { run, rejects } = await decode(converter(schema), [value(1), value(9_000), value(1)]);
  assertEquals([[...run!.rows], rejects.get(1)?.details.reason], [[0, 2], "too many values"]);
});

Deno.test("json-schema validates by a schema of thousands of properties, also by one that holds itself", async () => {
  const wide: Json = Object.fromEntries(
    Array.from({ length: 2_500 }, (_, i) => [`p${i}`, { type: "integer", minimum: 0 }]),
  );
  const schema: Json = {
    type: "object",
    properties: { list: { type: "array", items: { type: "object", properties: wide } } },
    $defs: { tree: { type: "object", properties: { ...wide, next: { $ref: "#/$defs/tree" } } } },
    additionalProperties: { $ref: "#/$defs/tree" },
  };
  const nested = (levels: number) => `{"t":${'{"next":'.repeat(levels)}{"p7":-1}${"}".repeat(levels)}}`;
  const values = ['{"list":[{"p7":1}]}', '{"list":[{"p7":-1}]}', nested(2), nested(500), '{"list":[{"p8":1}]}'];
  const { run, rejects } = await decode(converter(schema, { "json.additional.properties": "json" }), values);
  assertEquals([...run!.rows], [0, 4]);
  assertEquals([1, 2].map((i) => rejects.get(i)!.details.reason), Array(2).fill("schema validation failed"));
  assertMatch(rejects.get(3)!.details.reason, /^(schema validation failed|nested too deeply)$/);
});
