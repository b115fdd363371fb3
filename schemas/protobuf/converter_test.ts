import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError, type Converter, SCHEMA_SUBJECT, type Values } from "../../mod.ts";
import { rowsOf } from "../../tests/conformance/rows.ts";
import { startFakeRegistry } from "../registry_fake.ts";
import type { RegisteredSchema } from "../registry.ts";
import { allOf, collectRejects, contextOf, registeredConfig, slabOf } from "../testing.ts";
import { protobufConverter, type protobufOptions } from "./mod.ts";

await protobufConverter.load!();

type Config = Values<typeof protobufOptions>;

const NONE = { "value.schema": null, "value.message": null, "key.schema": null, "key.message": null };

function converter(url: string | null, more: Partial<Config> = {}, jsonPaths: string[] = []): Converter {
  return protobufConverter.create({ ...registeredConfig(url), ...NONE, ...more }, contextOf(() => null, jsonPaths));
}

async function decoded(of: Converter, values: string[]) {
  const records = slabOf(values.map((hex) => Uint8Array.fromHex(hex.replaceAll(" ", ""))));
  const { rejects, reject } = collectRejects();
  const runs = await of.decode(records, allOf(records), reject);
  return {
    runs: runs.map(({ data, rows }) => ({ rows: [...rows], values: rowsOf(data) })),
    rejects: [...rejects].map(([index, { details: { reason } }]) => [index, reason]),
    subjects: runs.map(({ data }) => data.schema.metadata.get(SCHEMA_SUBJECT)),
  };
}

const SCHEMAS = [
  {
    id: 1,
    subject: "orders-value",
    version: 3,
    schemaType: "PROTOBUF",
    references: [{ name: "shop/money.proto", subject: "money", version: 1 }],
    schema: 'syntax = "proto3"; package shop; import "shop/money.proto"; ' +
      "message Order { Money price = 1; message Line { int32 n = 1; message Part { bool p = 1; } } } message Gone { string why = 1; }",
  },
  {
    id: 2,
    subject: "money",
    version: 1,
    schemaType: "PROTOBUF",
    references: [],
    schema: 'syntax = "proto3"; package shop; message Money { int64 cents = 1; }',
  },
  {
    id: 3,
    subject: "r",
    version: 1,
    schemaType: "PROTOBUF",
    references: [],
    schema: 'syntax = "proto3"; message R { R r = 1; }',
  },
  { id: 4, subject: "a", version: 1, schemaType: "AVRO", references: [], schema: '"int"' },
] satisfies RegisteredSchema[];

Deno.test("protobufConverter finds the message by the indexes of the frame, and ends a run where it changes", async () => {
  const registry = startFakeRegistry([...SCHEMAS]);
  try {
    const { runs, rejects, subjects } = await decoded(converter(registry.url), [
      "0000000001 00 0a 02 08 05",
      // [0], spelled out.
      "0000000001 02 00 0a 02 08 06",
      "0000000001 02 02 0a 01 78",
      "0000000001 04 00 00 08 07",
      "0000000001 06 00 00 00 08 01",
      "0000000001 02 04",
      "0000000001",
      "0000000003 00",
      "0000000004 00 02",
      "0000000001 00 0a 02 08",
      "0000000001 00 0a 02 08 08",
    ]);
    assertEquals(runs, [
      { rows: [0, 1], values: [{ price: { cents: 5n } }, { price: { cents: 6n } }] },
      { rows: [2], values: [{ why: "x" }] },
      { rows: [3], values: [{ n: 7 }] },
      { rows: [4], values: [{ p: true }] },
      { rows: [10], values: [{ price: { cents: 8n } }] },
    ]);
    assertEquals(rejects, [
      [5, "unknown message index"],
      [6, "no schema id frame"],
      [7, "recursive schema"],
      [8, "not a protobuf schema"],
      [9, "bad length"],
    ]);
    assertEquals(subjects[0]?.startsWith("orders-value"), true);
  } finally {
    await registry.stop();
  }
});

Deno.test("protobufConverter holds as JSON text what columns.json names, recursive types too", async () => {
  const registry = startFakeRegistry([...SCHEMAS]);
  try {
    const { runs, rejects } = await decoded(converter(registry.url, {}, ["r"]), ["0000000003 00 0a 02 0a 00"]);
    assertEquals(rejects, []);
    assertEquals(runs, [{ rows: [0], values: [{ r: '{"r":{"r":null}}' }] }]);
  } finally {
    await registry.stop();
  }
});

Deno.test("protobufConverter reads bare payloads of a message in a .proto file, with its imports beside it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/shop`);
    await Deno.writeTextFile(`${folder}/order.proto`, SCHEMAS[0].schema);
    await Deno.writeTextFile(`${folder}/shop/money.proto`, SCHEMAS[1].schema);
    const path = `${folder}/order.proto`;
    const first = await decoded(converter(null, { "value.schema": path }), ["0a 02 08 05", "0a"]);
    assertEquals(first.runs, [{ rows: [0], values: [{ price: { cents: 5n } }] }]);
    assertEquals(first.rejects, [[1, "truncated"]]);
    const named = converter(null, { "value.schema": path, "value.message": "shop.Order.Line" });
    assertEquals((await decoded(named, ["08 05"])).runs, [{ rows: [0], values: [{ n: 5 }] }]);
    const config = { "value.schema": path, "value.message": "shop.Nobody" };
    assertThrows(() => converter(null, config), ConfigError, "value.message");
    await Deno.remove(`${folder}/shop/money.proto`);
    assertThrows(() => converter(null, { "value.schema": path }), ConfigError, "shop/money.proto");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("protobufConverter refuses a configuration with neither or both of a registry and a schema", () => {
  assertThrows(() => converter(null), ConfigError, "value.schema: missing");
  assertThrows(() => converter(null, { "value.schema": "/nowhere.proto" }), ConfigError, "cannot be read");
  const both = { "value.schema": "x.proto", "value.message": "X" };
  const { problems } = assertThrows(() => converter("http://127.0.0.1:1", both), ConfigError);
  assertEquals(problems.map(({ key }) => key), ["value.schema", "value.message"]);
});
