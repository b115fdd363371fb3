import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { FatalError } from "../../mod.ts";
import { AvroMessages } from "../avro/message.ts";
import { parseSchema } from "../avro/schema.ts";
import { silentLog } from "../testing.ts";
import type { RegisteredRule, RuleSet } from "./rule_set.ts";
import { json, read, rule, type Written } from "./test_support.ts";

const ORDER = {
  type: "record",
  name: "Order",
  namespace: "shop",
  fields: [
    { name: "id", type: "long" },
    { name: "name", type: ["null", "string"], default: null },
    { name: "amount", type: "double", default: 1 },
  ],
};

function avro(schema: unknown, version: number, value: unknown): Written {
  return [version, new AvroMessages(parseSchema(JSON.stringify(schema)), {}).write(value, "json")];
}

const order = (id: number, name: string | null = "a", amount = 1) => avro(ORDER, 1, { id, name, amount });

function readOrders(
  rules: readonly RegisteredRule[],
  records: readonly Written[],
  config: Record<string, unknown> = {},
  ruleSet: Partial<RuleSet> = {},
) {
  return read("AVRO", [{ schema: ORDER, ruleSet: { domainRules: rules, ...ruleSet } }], records, config);
}

const POSITIVE = rule({ name: "positive", expr: "message.id > 0", doc: "ids begin at 1" });

Deno.test("a condition sets records aside that do not keep it, with the rule's name and doc, others pass", async () => {
  const { rows, rejects, batches } = await readOrders([POSITIVE], [order(1), order(-1), order(2), order(0), order(3)]);
  assertEquals(Object.values(rows).map(({ id }) => id), [1n, 2n, 3n]);
  assertEquals(batches, 1);
  const error = rejects.get(1)!;
  assertEquals(error.details, {
    reason: "rule positive",
    schemaId: 1,
    subject: "orders-value",
    stage: "VALIDATION",
  });
  assertEquals(
    error.message,
    "Cannot accept the record: rule positive of schema 1 (orders-value@1) is not kept: ids begin at 1",
  );
  assertEquals([...rejects.keys()], [1, 3]);
});

Deno.test("onFailure NONE lets a record pass, DLQ and ERROR set it aside; of a pair the second counts for reads", async () => {
  const outcomes: Record<string, number> = {};
  for (const onFailure of ["NONE", "ERROR", "DLQ", "", "ERROR,NONE", "NONE,ERROR", "NONE,DLQ"]) {
    const rules = [{ ...POSITIVE, mode: "WRITEREAD", onFailure }];
    outcomes[onFailure] = Object.keys((await readOrders(rules, [order(-1)])).errors).length;
  }
  assertEquals(outcomes, {
    "NONE": 0,
    "ERROR": 1,
    "DLQ": 1,
    "": 1,
    "ERROR,NONE": 0,
    "NONE,ERROR": 1,
    "NONE,DLQ": 1,
  });
  const onSuccess = await readOrders([{ ...POSITIVE, onSuccess: "ERROR" }], [order(1), order(-1)]);
  assertEquals(onSuccess.errors, { 0: "VALIDATION: rule positive", 1: "VALIDATION: rule positive" });
});

Deno.test("a rule's dlq.topic is told, once, and the letter's message has it", async () => {
  const warned: unknown[] = [];
  const log = { ...silentLog, warn: (message: string, fields?: object) => void warned.push([message, fields]) };
  const rules = [{ ...POSITIVE, onFailure: "DLQ", params: { "dlq.topic": "bad-orders" } }];
  const { rejects } = await read(
    "AVRO",
    [{ schema: ORDER, ruleSet: { domainRules: rules } }],
    [order(-1), order(-2)],
    {},
    { log },
  );
  assertMatch(rejects.get(0)!.message, /its dlq\.topic is bad-orders/);
  assertEquals(warned.length, 1);
});

Deno.test("rules that are disabled, of other modes or enabled elsewhere are not run, and none without rules.enabled", async () => {
  const bad = [order(-1)];
  const counts: number[] = [];
  for (const given of [{ disabled: true }, { mode: "WRITE" }, { mode: "UPGRADE" }, { mode: "READ" }]) {
    counts.push((await readOrders([{ ...POSITIVE, ...given }], bad)).rejects.size);
  }
  for (const enableAt of ["ALL", "CLIENT", "CLUSTER", "NONE"]) {
    counts.push((await readOrders([POSITIVE], bad, {}, { enableAt })).rejects.size);
  }
  counts.push((await readOrders([POSITIVE], bad, { "rules.enabled": false })).rejects.size);
  assertEquals(counts, [0, 0, 0, 1, 1, 1, 0, 0, 0]);
});

Deno.test("a rule of a type that cannot be run here stops the topic, unless it is disabled, for writers or ignored", async () => {
  const encrypt = rule({ name: "pii", kind: "TRANSFORM", type: "ENCRYPT", mode: "WRITEREAD", tags: ["PII"] });
  const error = await assertRejects(() => readOrders([encrypt], [order(1)]), FatalError);
  assertMatch(error.message, /rule "pii" of schema 1 \(orders-value@1\): its type is ENCRYPT/);
  assertMatch(error.message, /rules\.unknown: ignore/);
  const payload = { encodingRules: [rule({ name: "p", type: "ENCRYPT_PAYLOAD", mode: "WRITEREAD" })] };
  await assertRejects(() => readOrders([], [order(1)], {}, payload), FatalError, "ENCRYPT_PAYLOAD");
  for (
    const [rules, config] of [
      [[{ ...encrypt, disabled: true }], {}],
      [[{ ...encrypt, mode: "WRITE" }], {}],
      [[encrypt], { "rules.unknown": "ignore" }],
      [[encrypt], { "rules.enabled": false }],
    ] as const
  ) assertEquals((await readOrders(rules, [order(1)], config)).rejects.size, 0);
  const bad = [{ ...POSITIVE, expr: "message.id >" }, { ...POSITIVE, kind: "X" }, { ...POSITIVE, onFailure: "LOG" }];
  for (const each of bad) await assertRejects(() => readOrders([each], [order(1)]), FatalError, "positive");
});

Deno.test("a guard decides which records a rule is asked of; one that cannot be evaluated leaves them out", async () => {
  const guarded = (expr: string, kind = "CONDITION") => readOrders([rule({ expr, kind })], [order(-1, "x"), order(-2)]);
  assertEquals((await guarded("message.name == 'x' ; message.id > 0")).errors, { 0: "VALIDATION: rule r" });
  assertEquals((await guarded("message.missing == 'x' ; message.id > 0")).errors, {});
  assertEquals((await guarded(" ; message.id == -1")).errors, { 1: "VALIDATION: rule r" });
  const text = rule({ expr: "message.name != ';'", params: { "cel.ignore.guard.separator": "true" } });
  assertEquals((await readOrders([text], [order(1, ";"), order(2)])).errors, { 0: "VALIDATION: rule r" });
});

Deno.test("an expression that fails, or gives no boolean, is a failure of its own reason", async () => {
  for (const expr of ["message.missing > 0", "message.id / 0 == 1", "message.id", "message.name > 5"]) {
    assertEquals((await readOrders([rule({ expr })], [order(1)])).errors, {
      0: "VALIDATION: rule r cannot be evaluated",
    }, expr);
  }
  const isNull = rule({ expr: "!has(message.name) && message.name == null" });
  assertEquals((await readOrders([isNull], [order(1, null), order(2)])).errors, { 1: "VALIDATION: rule r" });
});

Deno.test("a CEL transform replaces the message; what does not fit the schema is the rule's failure", async () => {
  const swap = (expr: string, onFailure?: string) =>
    readOrders([rule({ name: "swap", kind: "TRANSFORM", expr, onFailure })], [order(1, "a", 2.5)]);
  const whole = await swap("{'id': message.id + 1, 'name': message.name + '!', 'amount': 2}");
  assertEquals(whole.rows[0], { id: 2n, name: "a!", amount: 2 });
  assertEquals((await swap("{'id': message.id}")).rows[0], { id: 1n, name: null, amount: 1 });
  assertEquals((await swap("message")).rows[0], { id: 1n, name: "a", amount: 2.5 });
  for (const expr of ["{'name': 'x'}", "{'id': 'x'}", "{'id': 1.5}", "5", "null", "{'id': 1, 'amount': 'x'}"]) {
    assertEquals((await swap(expr)).errors, { 0: "TRANSFORMATION: rule swap" }, expr);
    assertEquals((await swap(expr, "NONE")).rows[0], { id: 1n, name: "a", amount: 2.5 }, expr);
  }
  const { rejects } = await swap("{'id': 'x'}");
  assertEquals(rejects.get(0)!.details.fieldPath, "id");
});

Deno.test("a rule that is ignored is told", async () => {
  const warned: unknown[] = [];
  const log = { ...silentLog, warn: (message: string, fields?: object) => void warned.push([message, fields]) };
  const versions = [{ schema: ORDER, ruleSet: { domainRules: [rule({ name: "pii", type: "ENCRYPT" })] } }];
  const { rows } = await read("AVRO", versions, [order(1)], { "rules.unknown": "ignore" }, { log });
  assertEquals(Object.keys(rows), ["0"]);
  const schema = "schema 1 (orders-value@1)";
  assertEquals(warned, [["a rule is ignored, by rules.unknown", { rule: "pii", type: "ENCRYPT", schema }]]);
});

Deno.test("rules run one after the other, the last registered first, and see what those before have made", async () => {
  const rules = [
    rule({ name: "last", expr: "message.name == 'ab'" }),
    rule({ name: "second", kind: "TRANSFORM", type: "CEL_FIELD", tags: [], expr: "name == 'name' ; value + 'b'" }),
    rule({ name: "first", kind: "TRANSFORM", expr: "{'id': message.id, 'name': 'a'}" }),
  ];
  assertEquals((await readOrders(rules, [order(1, "x")])).rows[0].name, "ab");
  assertEquals((await readOrders([...rules].reverse(), [order(1, "x")])).errors, { 0: "VALIDATION: rule last" });
});

const NESTED = {
  type: "record",
  name: "Order",
  namespace: "shop",
  fields: [
    { name: "id", type: "long" },
    { name: "card", type: ["null", "string"], "confluent:tags": ["PII"] },
    { name: "raw", type: "bytes", "confluent:tags": ["PII"] },
    {
      name: "lines",
      type: {
        type: "array",
        items: {
          type: "record",
          name: "Line",
          fields: [{ name: "sku", type: "string" }, { name: "n", type: ["null", "int", "long"] }],
        },
      },
    },
    { name: "labels", type: { type: "map", values: "string" }, "confluent:tags": ["PII"] },
  ],
};
const NESTED_ROW = {
  id: 1,
  card: "4711",
  raw: "\u0001",
  lines: [{ sku: "a", n: { long: 5 } }, { sku: "b", n: null }],
  labels: { k: "v" },
};

Deno.test("CEL_FIELD visits the fields of its tags, inline and of the metadata, in records, lists, maps and unions", async () => {
  const mask = rule({
    name: "mask",
    kind: "TRANSFORM",
    type: "CEL_FIELD",
    tags: ["PII"],
    expr: "typeName == 'STRING' ; value + '/' + name + '/' + fullName + '/' + tags[0] + '/' + string(size(message))",
  });
  const versions = [{
    schema: NESTED,
    ruleSet: { domainRules: [mask] },
    metadata: { tags: { "shop.Line.s*": ["X", "PII"], "**.id": ["PII"], "shop.*": ["none"] } },
  }];
  const records = [avro(NESTED, 1, NESTED_ROW), avro(NESTED, 1, { ...NESTED_ROW, card: null })];
  const { rows, errors } = await read("AVRO", versions, records);
  assertEquals(errors, {});
  assertEquals(rows[0], {
    id: 1n,
    card: "4711/card/shop.Order.card/PII/5",
    raw: "01",
    lines: [
      { sku: "a/sku/shop.Line.sku/X/2", n: { int: null, long: 5n } },
      { sku: "b/sku/shop.Line.sku/X/2", n: null },
    ],
    labels: [["k", "v/labels/shop.Order.labels/PII/5"]],
  });
  assertEquals(rows[1].card, null);
});

Deno.test("CEL_FIELD conditions name the field, in a list too; nulls pass, results of another type do not", async () => {
  const schema = (rules: RegisteredRule[]) => [{ schema: NESTED, ruleSet: { domainRules: rules } }];
  const fields = (expr: string, kind = "CONDITION") =>
    read("AVRO", schema([rule({ type: "CEL_FIELD", kind, expr })]), [
      avro(NESTED, 1, NESTED_ROW),
      avro(NESTED, 1, { ...NESTED_ROW, card: null }),
    ]);
  const sku = await fields("name == 'sku' ; value == 'a'");
  assertEquals(sku.errors, { 0: "VALIDATION: rule r", 1: "VALIDATION: rule r" });
  assertEquals(sku.rejects.get(0)!.details.fieldPath, "lines.sku");
  assertEquals((await fields("name == 'card' ; size(value) < 4")).errors, { 0: "VALIDATION: rule r" });
  const unfit = await fields("name == 'id' ; 'x'", "TRANSFORM");
  assertEquals(unfit.rejects.get(0)!.details.fieldPath, "id");
  assertEquals(Object.values(unfit.errors), Array(2).fill("TRANSFORMATION: rule r"));
  const wide = await fields("name == 'n' ; value + 5000000000", "TRANSFORM");
  assertEquals(wide.rows[0].lines, [{ sku: "a", n: { int: null, long: 5_000_000_005n } }, { sku: "b", n: null }]);
  assertEquals((await fields("name == 'card' ; null", "TRANSFORM")).rows[0].card, null);
});

Deno.test("of CEL_FIELD transforms with the same tags the first registered one is run", async () => {
  const add = (name: string, tags: string[]) =>
    rule({ name, kind: "TRANSFORM", type: "CEL_FIELD", tags, expr: `typeName == 'STRING' ; value + '${name}'` });
  const versions = [{
    schema: NESTED,
    ruleSet: { domainRules: [add("a", ["PII", "Q"]), add("b", ["Q", "PII"]), add("c", ["PII"])] },
  }];
  assertEquals((await read("AVRO", versions, [avro(NESTED, 1, NESTED_ROW)])).rows[0].card, "4711ca");
});

const JSON_ORDER = {
  type: "object",
  properties: {
    id: { type: "integer" },
    ratio: { type: "number" },
    card: { oneOf: [{ type: "null" }, { type: "string" }], "confluent:tags": ["PII"] },
    lines: { type: "array", items: { $ref: "#/definitions/line" } },
    free: {},
  },
  definitions: {
    line: { type: "object", properties: { sku: { type: ["string", "null"], "confluent:tags": ["PII"] } } },
  },
};

Deno.test("JSON: rules see integers and digits, change fields by tag, and the schema is held to what they made", async () => {
  const rules = [
    rule({ name: "mask", kind: "TRANSFORM", type: "CEL_FIELD", tags: ["PII"], expr: "fullName + ':' + value" }),
    rule({ name: "half", kind: "TRANSFORM", type: "CEL_FIELD", expr: "typeName == 'DOUBLE' ; value * 0.5" }),
    rule({ name: "big", expr: "message.id > 9007199254740992" }),
  ];
  const text =
    '{"id":9007199254740993,"ratio":4,"card":"c","lines":[{"sku":"s"},{"sku":null}],"free":{"x":1.00000000000000000001,"__proto__":1}}';
  const { rows, errors } = await read("JSON", [{ schema: JSON_ORDER, ruleSet: { domainRules: rules } }], [
    json(1, text),
    json(1, { id: 5 }),
    json(1, "[1"),
    json(1, '{"id":1e400}'),
  ]);
  assertEquals(rows[0], {
    id: 9007199254740993n,
    ratio: 2,
    card: "$.card:c",
    lines: [{ sku: "$.lines.sku:s" }, { sku: null }],
    free: '{"x":1.00000000000000000001,"__proto__":1}',
  });
  assertEquals(errors, {
    1: "VALIDATION: rule big",
    2: "VALUE_CONVERTER: malformed json",
    3: "VALUE_CONVERTER: number out of range",
  });
  const invalid = [rule({ kind: "TRANSFORM", expr: "{'id': 'x'}" })];
  const refused = await read("JSON", [{ schema: JSON_ORDER, ruleSet: { domainRules: invalid } }], [json(1, { id: 5 })]);
  assertEquals(refused.errors, { 0: "VALUE_CONVERTER: schema validation failed" });
});

const PROTO = `syntax = "proto3"; package shop; import "confluent/meta.proto"; import "google/protobuf/timestamp.proto";
  message Order {
    uint64 id = 1; string card = 2 [(confluent.field_meta) = { tags: ["PII", "X"] }];
    Line first = 3; repeated Line rest = 4; optional string note = 5 [(confluent.field_meta).tags = "PII"];
    oneof one { string a = 6 [(confluent.field_meta).tags = "PII"]; int32 b = 7; }
    google.protobuf.Timestamp at = 8; enum E { ZERO = 0; ONE = 1; } E kind = 9;
    message Line { string sku = 1; int32 n = 2; }
  }`;

Deno.test("protobuf: fields of tags, nested and repeated ones, oneofs, enums, times and unset fields", async () => {
  const rules = [
    rule({ name: "mask", kind: "TRANSFORM", type: "CEL_FIELD", tags: ["PII"], expr: "value + '|' + fullName" }),
    rule({ name: "up", kind: "TRANSFORM", type: "CEL_FIELD", expr: "typeName == 'INT' ; value + 1" }),
    rule({
      name: "ok",
      expr: "message.kind == 1 && message.at > timestamp('2026-01-01T00:00:00Z') && !has(message.note) && " +
        "message.id > 18446744073709551614u",
    }),
  ];
  const versions = [{
    schema: PROTO,
    ruleSet: { domainRules: rules },
    metadata: { tags: { "shop.Order.Line.sku": ["PII"] } },
  }];
  const hex = "08ffffffffffffffffff01" + "120163" + "1a050a01731001" + "22050a01741002" + "320161" +
    "420608d0b2a8d306" +
    "4801";
  const { rows, errors } = await read("PROTOBUF", versions, [[1, Uint8Array.fromHex(hex)], [1, new Uint8Array(0)]]);
  assertEquals(rows[0], {
    id: 2n ** 64n - 1n,
    card: "c|shop.Order.card",
    first: { sku: "s|shop.Order.Line.sku", n: 2 },
    rest: [{ sku: "t|shop.Order.Line.sku", n: 3 }],
    note: null,
    a: "a|shop.Order.a",
    b: null,
    at: rows[0].at,
    kind: "ONE",
  });
  assertEquals(Object.keys(errors), ["1"]);
});

Deno.test("JSONata is a domain rule too, as a condition and as a transform", async () => {
  const rules = [
    rule({ name: "add", kind: "TRANSFORM", type: "JSONATA", expr: "$merge([$, {'name': name & '!'}])" }),
    rule({ name: "few", type: "JSONATA", expr: "amount < 10" }),
  ];
  const { rows, errors } = await readOrders(rules, [order(1), order(2, "b", 11)]);
  assertEquals([rows[0].name, errors], ["a!", { 1: "VALIDATION: rule few" }]);
});

Deno.test("an expression without an end is a failure of its rule, and messages have no more than the begin of a text", async () => {
  const endless = "($f := function($x) { $f($x) + 1 }; $f(1))";
  const huge = "$count([1..10000000]) > 0";
  for (const expr of [endless, huge]) {
    const rules = [rule({ name: "endless", type: "JSONATA", expr: `id = 1 ? true : ${expr}` })];
    const { rows, errors } = await readOrders(rules, [order(1), order(2), order(1)]);
    assertEquals(Object.keys(rows), ["0", "2"]);
    assertEquals(errors, { 1: "VALIDATION: rule endless cannot be evaluated" });
  }
  const name = "x".repeat(50_000);
  for (const [type, expr] of [["CEL", "int(message.name) > 0"], ["JSONATA", "$number(name) > 0"]]) {
    const { rejects } = await readOrders([rule({ type, expr })], [order(1, name)]);
    const { message } = rejects.get(0)!;
    assertEquals(message.length < 600, true, message.slice(0, 1000));
  }
});

Deno.test("matches() takes expressions of a rule and of records, more than are kept, and names one that is none", async () => {
  const names = Array.from({ length: 250 }, (_, i) => `a{${i}}b`);
  const own = [rule({ expr: "'ab'.matches(message.name)" })];
  const { rows, errors } = await readOrders(own, [...names, "(", "a{1}b"].map((name, i) => order(i, name)));
  assertEquals(Object.keys(rows), ["0", "1", "251"]);
  assertEquals(errors[2], "VALIDATION: rule r");
  assertEquals(errors[250], "VALIDATION: rule r cannot be evaluated");
});
