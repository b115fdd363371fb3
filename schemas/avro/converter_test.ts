import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ConfigError, type Converter, type DataError, RetriableError, SCHEMA_SUBJECT } from "../../mod.ts";
import type { RegisteredSchema } from "../registry.ts";
import { contextOf, registeredConfig } from "../testing.ts";
import { avroConverter } from "./mod.ts";
import { batchRows, framed, slab, unhex } from "./test_support.ts";

await avroConverter.load!();

/** A registry behind `fetch`; `away` makes it answer nothing. */
class Registry {
  away = false;
  asked = 0;
  constructor(private readonly schemas: Record<string, Partial<RegisteredSchema>>) {}
  readonly fetch = ((input: string | URL | Request) => {
    this.asked++;
    if (this.away) return Promise.reject(new TypeError("connection refused"));
    const path = new URL(input instanceof Request ? input.url : input).pathname;
    const schema = this.schemas[path.slice(path.lastIndexOf("/") + 1)];
    const body = schema ?? { error_code: 40403, message: "Schema not found" };
    return Promise.resolve(new Response(JSON.stringify(body), { status: schema ? 200 : 404 }));
  }) as typeof fetch;
}

function converter(registry: Registry | null, more: { "value.schema"?: string } = {}): Converter {
  const config = registeredConfig(registry ? "http://registry" : null);
  const context = { ...contextOf(), topic: "t", fetch: registry?.fetch ?? fetch };
  return avroConverter.create(
    { ...config, "value.schema": null, "key.schema": null, "timestamp.nanos": "long", ...more },
    context,
  );
}

async function decoded(of: Converter, values: Uint8Array[]) {
  const rejects: [number, string][] = [];
  const indices = Int32Array.from(values, (_, i) => i);
  const reject = (index: number, error: DataError) => void rejects.push([index, error.details.reason]);
  const runs = await of.decode(slab(values), indices, reject);
  return { runs: runs.map(({ data, rows }) => ({ rows: [...rows], values: batchRows(data) })), rejects, raw: runs };
}

const schemas = {
  1: { schema: '{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}' },
  2: { schema: '{"type":"record","name":"R","fields":[{"name":"a","type":"long"},{"name":"b","type":"string"}]}' },
  3: { schema: '{"type":"record","name":"R","fields":[{"name":"next","type":["null","R"]}]}', subject: "t-value" },
  4: { schema: "message M {}", schemaType: "PROTOBUF" as const },
};
const one = (a: string) => framed(1, unhex(a));
const two = framed(2, unhex("06 02 7a"));

Deno.test("avroConverter ends a run where the schema changes and rejects each bad record once", async () => {
  const of = converter(new Registry(schemas));
  const values = [
    one("02"),
    one("04"),
    two,
    unhex("7b7d"),
    one("ff"),
    one("06"),
    framed(3, unhex("00")),
    framed(4, unhex("")),
    framed(9, unhex("00")),
  ];
  const { runs, rejects, raw } = await decoded(of, values);
  assertEquals(runs, [
    { rows: [0, 1], values: [{ a: 1 }, { a: 2 }] },
    { rows: [2], values: [{ a: 3n, b: "z" }] },
    { rows: [5], values: [{ a: 3 }] },
  ]);
  assertEquals(raw[0].data.schema === raw[2].data.schema, true);
  assertEquals(rejects, [
    [3, "no schema id frame"],
    [4, "truncated"],
    [6, "recursive schema"],
    [7, "not an avro schema"],
    [8, "unknown schema id"],
  ]);
});

Deno.test("avroConverter names the registered schema in the metadata of its columns, where the registry says it", async () => {
  const known = {
    ...schemas,
    5: { ...schemas[1], subject: "orders-value", version: 3 },
    6: { ...schemas[1], subject: "s" },
  };
  const of = converter(new Registry(known));
  const { raw } = await decoded(of, [one("02"), framed(5, unhex("02")), framed(6, unhex("02"))]);
  assertEquals(raw.map(({ data }) => data.schema.metadata.get(SCHEMA_SUBJECT)), [undefined, "orders-value@3", "s"]);
});

Deno.test("avroConverter decodes all writers to one run of the reader schema", async () => {
  const reader =
    '{"type":"record","name":"R","fields":[{"name":"b","type":["null","string"],"default":null},{"name":"a","type":"long"}]}';
  const of = converter(new Registry(schemas), { "value.schema": reader });
  const { runs, rejects } = await decoded(of, [one("02"), two, one("04")]);
  assertEquals(rejects, []);
  assertEquals(runs, [{ rows: [0, 1, 2], values: [{ b: null, a: 1n }, { b: "z", a: 3n }, { b: null, a: 2n }] }]);
});

Deno.test("avroConverter decodes nothing while the registry is away, and everything afterwards", async () => {
  const registry = new Registry(schemas);
  const of = converter(registry);
  registry.away = true;
  const rejects: number[] = [];
  const values = slab([unhex("7b"), one("02")]);
  const call = () => of.decode(values, Int32Array.of(0, 1), (index) => rejects.push(index));
  await assertRejects(call, RetriableError);
  assertEquals(rejects, []);
  registry.away = false;
  const asked = registry.asked;
  assertEquals((await call()).map(({ rows }) => [...rows]), [[1]]);
  await call();
  // Once for the schema, once for its subjects.
  assertEquals([rejects, registry.asked - asked], [[0, 0], 2]);
});

Deno.test("avroConverter reads bare payloads with value.schema where there is no registry", async () => {
  const { runs, rejects } = await decoded(converter(null, { "value.schema": '"int"' }), [unhex("02"), unhex("")]);
  assertEquals(runs, [{ rows: [0], values: [{ value: 1 }] }]);
  assertEquals(rejects, [[1, "truncated"]]);
});

Deno.test("avroConverter refuses a configuration without a schema, or with one that cannot be used", () => {
  assertThrows(() => converter(null), ConfigError, "value.schema");
  assertThrows(() => converter(null, { "value.schema": "/nowhere.avsc" }), ConfigError, "/nowhere.avsc");
  assertThrows(() => converter(null, { "value.schema": '{"type":"recor"}' }), ConfigError, "avsc refuses it");
});
