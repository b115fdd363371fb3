import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { ConfigError, FatalError } from "../../mod.ts";
import { AvroMessages } from "../avro/message.ts";
import { avroConverter } from "../avro/mod.ts";
import { parseSchema } from "../avro/schema.ts";
import { contextOf, registeredConfig } from "../testing.ts";
import type { RegisteredRule } from "./rule_set.ts";
import { json, read, rule, type Version, type Written } from "./test_support.ts";

const LATEST = { "use.latest.version": true };

const up = (expr: string, given: Partial<RegisteredRule> = {}) =>
  rule({ name: "up", kind: "TRANSFORM", mode: "UPGRADE", type: "JSONATA", expr, ...given });
const down = (expr: string) => up(expr, { name: "down", mode: "DOWNGRADE" });

const record = (fields: unknown[]) => ({ type: "record", name: "R", fields });
const ID = { name: "id", type: "long" };

const AVRO: readonly Version[] = [
  { schema: record([ID, { name: "first", type: "string" }, { name: "last", type: "string" }]) },
  {
    schema: record([ID, { name: "name", type: "string" }]),
    ruleSet: {
      migrationRules: [
        up("$merge([$sift($, function($v, $k) { $k != 'first' and $k != 'last' }), {'name': first & ' ' & last}])"),
        down("{'id': id, 'first': $substringBefore(name, ' '), 'last': $substringAfter(name, ' ')}"),
      ],
    },
  },
  {
    schema: record([ID, { name: "person", type: { ...record([{ name: "full", type: "string" }]), name: "Person" } }]),
    ruleSet: {
      migrationRules: [
        up("{'id': id, 'person': {'full': name}}"),
        down("{'id': id, 'name': person.full}"),
      ],
    },
  },
];

function avro(versions: readonly Version[], version: number, value: unknown): Written {
  const type = parseSchema(JSON.stringify(versions[version - 1].schema));
  return [version, new AvroMessages(type, {}).write(value, "json")];
}

Deno.test("use.latest.version brings Avro records of three versions up to the last, in one run", async () => {
  const records = [
    avro(AVRO, 1, { id: 1, first: "A", last: "B" }),
    avro(AVRO, 2, { id: 2, name: "C D" }),
    avro(AVRO, 3, { id: 3, person: { full: "E F" } }),
    avro(AVRO, 1, { id: 4, first: "G", last: "H" }),
  ];
  const { rows, errors, batches } = await read("AVRO", AVRO, records, LATEST);
  assertEquals([errors, batches], [{}, 1]);
  assertEquals(Object.values(rows), [
    { id: 1n, person: { full: "A B" } },
    { id: 2n, person: { full: "C D" } },
    { id: 3n, person: { full: "E F" } },
    { id: 4n, person: { full: "G H" } },
  ]);
});

Deno.test("use.latest.with.metadata brings records down to the version that it names", async () => {
  const versions = AVRO.map((version, i) => ({ ...version, metadata: { properties: { major: String(i + 1) } } }));
  const records = [
    avro(AVRO, 3, { id: 3, person: { full: "E F" } }),
    avro(AVRO, 2, { id: 2, name: "C D" }),
    avro(AVRO, 1, { id: 1, first: "A", last: "B" }),
  ];
  const { rows, errors } = await read("AVRO", versions, records, { "use.latest.with.metadata": ["major=1"] });
  assertEquals(errors, {});
  assertEquals(Object.values(rows), [
    { id: 3n, first: "E", last: "F" },
    { id: 2n, first: "C", last: "D" },
    { id: 1n, first: "A", last: "B" },
  ]);
});

Deno.test("integers beyond 2^53 are moved exactly, and refused where a rule would calculate with them", async () => {
  const id = 2n ** 63n - 1n;
  const big = (expr: string): readonly Version[] => [
    { schema: record([ID]) },
    { schema: record([{ name: "key", type: "long" }]), ruleSet: { migrationRules: [up(expr)] } },
  ];
  const written: Written = [
    1,
    new AvroMessages(parseSchema(JSON.stringify(record([ID]))), {}).write({ id }, "message"),
  ];
  assertEquals((await read("AVRO", big("{'key': id}"), [written], LATEST)).rows[0], { key: id });
  for (const expr of ["{'key': id + 1}", "{'key': $string(id)}", "{'key': $number(id)}", "$ ~> |$|{'key': id}|"]) {
    const { errors } = await read("AVRO", big(expr), [written], LATEST);
    assertMatch(errors[0], /^TRANSFORMATION: /, expr);
  }
});

Deno.test("a migration that fails, or whose result does not fit, sets the record aside; with NONE it is passed over", async () => {
  const versions = (rules: RegisteredRule[]): readonly Version[] => [
    { schema: record([ID]) },
    { schema: record([ID, { name: "n", type: "int", default: 7 }]), ruleSet: { migrationRules: rules } },
  ];
  const one = [avro([{ schema: record([ID]) }], 1, { id: 1 })];
  const outcome = async (...rules: RegisteredRule[]): Promise<unknown> => {
    const { rows, errors } = await read("AVRO", versions(rules), one, LATEST);
    return errors[0] ?? rows[0];
  };
  assertEquals(await outcome(up("$error('no')")), "TRANSFORMATION: rule up cannot be evaluated");
  assertEquals(await outcome(up("nothing")), "TRANSFORMATION: rule up");
  assertEquals(await outcome(up("{'id': 'x'}")), "TRANSFORMATION: does not fit the target schema");
  assertEquals(await outcome(up("{'id': 0.5}")), "TRANSFORMATION: does not fit the target schema");
  assertEquals(await outcome(up("$error('no')", { onFailure: "NONE" })), { id: 1n, n: 7 });
  assertEquals(await outcome(up("$error('no')", { mode: "UPDOWN", onFailure: "NONE,ERROR" })), { id: 1n, n: 7 });
  assertEquals(await outcome(up("id > 1", { kind: "CONDITION" })), "VALIDATION: rule up");
  assertEquals(await outcome(up("$merge([$, {'n': 1}])"), up("$merge([$, {'n': n + 1}])", { name: "b" })), {
    id: 1n,
    n: 2,
  });
  await assertRejects(() => outcome(up("x", { type: "CEL" })), FatalError, "its type is CEL");
});

Deno.test("without migration rules records are resolved with the latest version, whose domain rules count", async () => {
  const versions: readonly Version[] = [
    { schema: record([ID]), ruleSet: { domainRules: [rule({ name: "old", expr: "false" })] } },
    {
      schema: record([{ name: "key", aliases: ["id"], type: "double" }, { name: "n", type: "int", default: 7 }]),
      ruleSet: { domainRules: [rule({ name: "new", expr: "message.n == 7 && message.key > 0.0" })] },
    },
  ];
  const records = [avro(versions, 1, { id: 1 }), avro(versions, 1, { id: -1 }), avro(versions, 2, { key: 1, n: 7 })];
  const { rows, errors, batches } = await read("AVRO", versions, records, LATEST);
  assertEquals(rows, { 0: { key: 1, n: 7 }, 2: { key: 1, n: 7 } });
  assertEquals([errors, batches], [{ 1: "VALIDATION: rule new" }, 1]);
  const plain = await read("AVRO", versions, records, { ...LATEST, "rules.enabled": false });
  assertEquals([Object.keys(plain.rows).length, plain.batches], [3, 1]);
  assertEquals((await read("AVRO", versions, records)).errors, {
    0: "VALIDATION: rule old",
    1: "VALIDATION: rule old",
  });
});

Deno.test("JSON records are migrated as they are, and resolved by the latest version's columns", async () => {
  const versions: readonly Version[] = [
    { schema: { type: "object", properties: { id: { type: "integer" }, old: { type: "string" } } } },
    {
      schema: { type: "object", properties: { id: { type: "integer" }, new: { type: "string" } }, required: ["new"] },
      ruleSet: { migrationRules: [up("{'id': id, 'new': old}"), down("{'id': id, 'old': new}")] },
    },
  ];
  const records = [json(1, '{"id":9007199254740993,"old":"a"}'), json(2, { id: 2, new: "b" }), json(1, { id: 3 })];
  const { rows, errors } = await read("JSON", versions, records, LATEST);
  assertEquals(rows, { 0: { id: 2n ** 53n + 1n, new: "a" }, 1: { id: 2n, new: "b" } });
  assertEquals(errors, { 2: "VALUE_CONVERTER: schema validation failed" });
  const bare = versions.map(({ schema }) => ({ schema }));
  const resolved = await read("JSON", bare, [json(1, { id: 1, new: "x" }), json(2, { id: 2, new: "b" })], LATEST);
  assertEquals([resolved.rows, resolved.batches], [{ 0: { id: 1n, new: "x" }, 1: { id: 2n, new: "b" } }, 1]);
});

Deno.test("protobuf records are migrated by the names of JSON, and resolved by the numbers of their fields", async () => {
  const versions: readonly Version[] = [
    { schema: 'syntax = "proto3"; message M { int64 order_id = 1; string old = 2; }' },
    {
      // The message is found by its name, not by its place.
      schema: 'syntax = "proto3"; message First { } message M { int64 order_id = 1; string new = 3; }',
      ruleSet: { migrationRules: [up("$merge([{'orderId': orderId}, {'new': old}])")] },
    },
  ];
  const payload: Written = [1, Uint8Array.fromHex("08ffffffffffffffff7f" + "120161")];
  const { rows, errors } = await read("PROTOBUF", versions, [payload], LATEST);
  assertEquals([rows[0], errors], [{ order_id: 2n ** 63n - 1n, new: "a" }, {}]);
  const renamed: readonly Version[] = [
    versions[0],
    {
      schema: 'syntax = "proto3"; message M { int64 id = 1; string name = 2; }',
      ruleSet: { domainRules: [rule({ expr: "message.name == 'a'" })] },
    },
  ];
  const resolved = await read("PROTOBUF", renamed, [payload], LATEST);
  assertEquals([resolved.rows[0], resolved.errors], [{ id: 2n ** 63n - 1n, name: "a" }, {}]);
  const gone: readonly Version[] = [versions[0], { schema: 'syntax = "proto3"; message N { int64 id = 1; }' }];
  assertEquals((await read("PROTOBUF", gone, [payload], LATEST)).errors, { 0: "VALUE_CONVERTER: unknown message" });
});

Deno.test("the latest version is asked for again after latest.cache.ttl.sec, and else never", async () => {
  const { startFakeRegistry } = await import("../registry_fake.ts");
  const { allOf, slabOf } = await import("../testing.ts");
  const schemaOf = (version: number) => ({
    id: version,
    subject: "orders-value",
    version,
    schemaType: "AVRO" as const,
    schema: JSON.stringify(record(version === 1 ? [ID] : [ID, { name: "n", type: "int", default: 7 }])),
    references: [],
  });
  for (const [ttl, columns] of [[-1, 1], [60, 2]]) {
    const registry = startFakeRegistry([schemaOf(1)]);
    let nowMs = 0;
    const clock = { ...contextOf().clock, monotonic: () => nowMs };
    const defaults = Object.fromEntries(Object.entries(avroConverter.options).map(([key, o]) => [key, o.default]));
    const config = { ...defaults, ...registeredConfig(registry.url), ...LATEST, "latest.cache.ttl.sec": ttl };
    const converter = avroConverter.create(config as never, { ...contextOf(), clock });
    const slab = slabOf([Uint8Array.of(0, 0, 0, 0, 1, 2)]);
    const counts: number[] = [];
    for (const at of [0, 30_000, 60_000]) {
      nowMs = at;
      const [{ data }] = await converter.decode(slab, allOf(slab), () => {});
      counts.push(data.schema.fields.length);
      if (at === 0) registry.schemas.push(schemaOf(2));
    }
    await registry.stop();
    assertEquals(counts, [1, 1, columns]);
  }
});

Deno.test("a configured reader schema excludes use.latest.version", () => {
  const config = { ...registeredConfig("http://127.0.0.1:1"), ...LATEST, "key.schema": null, "value.schema": '"int"' };
  assertThrows(
    () => avroConverter.create({ ...config, "timestamp.nanos": "long" }, contextOf()),
    ConfigError,
    "excludes use.latest.version",
  );
});
