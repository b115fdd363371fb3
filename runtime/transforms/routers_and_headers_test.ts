import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Schema } from "apache-arrow";
import { type ConfigDef, SinkBatch, type TransformPlugin, types, type Values } from "../api/mod.ts";
import { convertHeaders } from "../api/header_converter.ts";
import { createTransformStage } from "../transform.ts";
import { dropHeaders } from "./drop_headers.ts";
import { hasHeaderKey } from "./has_header_key.ts";
import { headerFrom } from "./header_from.ts";
import { insertHeader } from "./insert_header.ts";
import { compileJavaPattern } from "./java_pattern.ts";
import { recordIsTombstone } from "./record_is_tombstone.ts";
import { regexRouter } from "./regex_router.ts";
import { timestampRouter } from "./timestamp_router.ts";
import { batchOf, type Plain, rowsOf } from "../../tests/conformance/rows.ts";
import { slabOf, type SlabRecord } from "../../tests/conformance/slab.ts";

type Row = { [name: string]: Plain };
const SCHEMA = new Schema([types.field("a", types.int32()), types.field("d", types.float64())]);

function sample(records: readonly (SlabRecord & { readonly row?: Row | null })[], schema = SCHEMA): SinkBatch {
  const raw = slabOf(records, { from: 10n });
  const bits = new Uint8Array((records.length + 7) >> 3);
  records.forEach(({ row }, i) => bits[i >> 3] |= row === null ? 1 << (i & 7) : 0);
  const none = Object.fromEntries(schema.names.map((name) => [name, null]));
  const data = batchOf(schema, records.map(({ row }) => row ?? none));
  return new SinkBatch(data, { raw, rows: Int32Array.from(records.keys()) }, raw.from, raw.to, bits);
}

function run<Def extends ConfigDef>(
  plugin: TransformPlugin<Def>,
  options: Partial<Values<Def>>,
  batch: SinkBatch,
  side: "key" | "value" = "value",
) {
  const defaults = Object.entries(plugin.options).map(([key, { default: value }]) => [key, value]);
  const config = { ...Object.fromEntries(defaults), ...options } as Values<ConfigDef>;
  const rejects: [bigint, string][] = [];
  const stage = createTransformStage([{ alias: "t", plugin, config, side, predicate: null, negate: false }]);
  const [out, ...more] = stage.transform(
    batch,
    (of, row, error) => rejects.push([of.offset(row), error.details.reason]),
  );
  assertEquals(more, []);
  return { out, rejects, headers: Array.from({ length: out.numRows }, (_, row) => textsOf(out, row)) };
}

function textsOf(batch: SinkBatch, row: number): string[] {
  return batch.headers(row).map(({ key, value }) =>
    `${key}=${value === null ? "null" : new TextDecoder().decode(value)}`
  );
}

const header = (key: string, value: string) => ({ key, value: new TextEncoder().encode(value) });
const anyHeaders = fc.array(
  fc.tuple(fc.constantFrom("a", "b", "c"), fc.constantFrom("1", "2")).map(([key, value]) => header(key, value)),
  { maxLength: 4 },
);

Deno.test("DropHeaders and InsertHeader treat headers as a loop over each record's does", () => {
  const lists = fc.array(anyHeaders, { minLength: 1, maxLength: 10 });
  fc.assert(fc.property(lists, fc.subarray(["a", "b", "x"], { minLength: 1 }), (all, names) => {
    const batch = sample(all.map((headers) => ({ headers, row: { a: 1, d: 1 } })));
    const texts = all.map((headers) => headers.map(({ key, value }) => `${key}=${new TextDecoder().decode(value)}`));
    const dropped = run(dropHeaders, { headers: names }, batch);
    assertEquals(dropped.headers, texts.map((each) => each.filter((text) => !names.includes(text[0]))));
    const inserted = run(insertHeader, { header: "n", "value.literal": "v" }, dropped.out.select(Int32Array.of(0)));
    assertEquals(inserted.headers, [[...dropped.headers[0], "n=v"]]);
    assertEquals(batch.headers(0).length, all[0].length); // what a dead letter would have
  }));
});

Deno.test("InsertHeader's null is no value, and header.converter leaves what transforms made alone", () => {
  const { out } = run(insertHeader, { header: "h", "value.literal": "null" }, sample([{ row: { a: 1, d: 1 } }]));
  assertEquals(out.headers(0), [{ key: "h", value: null, isText: true }]);
  const given = [header("raw", "x"), { ...header("made", "y"), isText: true as const }];
  const upper = { isText: true, convert: () => new TextEncoder().encode("converted") };
  const texts = convertHeaders(upper, given).map(({ value }) => new TextDecoder().decode(value!));
  assertEquals(texts, ["converted", "y"]);
});

Deno.test("HeaderFrom writes values as SimpleHeaderConverter does", () => {
  const list = types.list(types.utf8());
  const schema = new Schema([
    ...[types.boolean(), types.int64(), types.float64(), types.float32(), types.decimal(10, 2), types.utf8()],
    ...[
      types.binary(),
      types.date(),
      types.timestamp(),
      types.timestamp(),
      list,
      types.map(types.utf8(), types.int8()),
    ],
    types.struct([types.field("x", types.int8()), types.field("y", types.utf8())]),
  ].map((type, i) => types.field(`f${i}`, type)));
  const values: Plain[] = [
    true,
    -5n,
    1e10,
    0.1,
    1250n,
    'a "b"',
    "00ff",
    19_782,
    1_709_208_000_000_000n,
    1_709_164_800_000_000n,
    ['a"b\\', null],
    [["k", 1]],
    { x: 1, y: null },
  ];
  const row = Object.fromEntries(values.map((value, i) => [`f${i}`, i === 3 ? Math.fround(0.1) : value]));
  const fields = schema.names.map(String);
  const { headers } = run(headerFrom, { fields, headers: fields, operation: "copy" }, sample([{ row }], schema));
  assertEquals(headers[0].map((text) => text.slice(text.indexOf("=") + 1)), [
    ...[
      "true",
      "-5",
      "1.0E10",
      "0.1",
      "12.50",
      'a "b"',
      "AP8=",
      "2024-02-29",
      "2024-02-29T12:00:00.000Z",
      "2024-02-29",
    ],
    ...['["a\\"b\\\\",null]', '{"k":1}', '{"x":1,"y":null}'],
  ]);
});

Deno.test("HeaderFrom moves fields of values and keys, and refuses records without them", () => {
  const batch = sample([{ row: { a: 1, d: 0.5 } }, { row: null }, { row: { a: null, d: 2 } }]);
  const moved = run(headerFrom, { fields: ["a"], headers: ["h"], operation: "move" }, batch);
  assertEquals(moved.rejects, [[11n, "record has no value"]]);
  assertEquals([moved.headers, rowsOf(moved.out.data)], [[["h=1"], ["h=null"]], [{ d: 0.5 }, { d: 2 }]]);
  const missing = run(headerFrom, { fields: ["x"], headers: ["h"], operation: "copy" }, batch);
  assertEquals(missing.rejects.map(([, reason]) => reason), [
    "field is missing",
    "record has no value",
    "field is missing",
  ]);
  const keys = new Schema([types.field("id", types.int32())]);
  const keyed = sample([{ key: "k", row: { a: 1, d: 1 } }]).withKeys(batchOf(keys, [{ id: 7 }]));
  const ofKey = run(headerFrom, { fields: ["id"], headers: ["h"], operation: "move" }, keyed, "key");
  assertEquals([ofKey.headers, ofKey.out.keys!.schema.names, ofKey.out.hasKey(0)], [[["h=7"]], [], true]);
  const wrong = { fields: ["a", "b"], headers: ["h"], operation: "copy" } as const;
  assertEquals(
    headerFrom.check!({ ...wrong, "replace.null.with.default": true })?.includes("2 fields"),
    true,
  );
});

Deno.test("RegexRouter names topics as Java's replaceFirst does", () => {
  const cases = [
    ["orders-(.*)", "$1", "orders-eu", "eu"],
    ["(.*)-(?<place>eu|us)", "${place}.$1", "orders-eu", "eu.orders"],
    ["orders", "x", "orders-eu", "orders-eu"], // the whole name must match
    ["a|ab", "x", "ab", "xb"], // the first match is replaced
    ["(o)(.*)", "$10", "orders", "o0"], // as many digits as there are groups for
    ["(.*)", "\\$1\\\\", "orders", "$1\\"],
    ["(?i)ORDERS\\-(\\w+)", "$1", "orders-eu", "eu"],
    ["(x)?orders", "[$1]", "orders", "[]"],
  ];
  for (const [regex, replacement, topic, wanted] of cases) {
    const route = regexRouter.routing!({ regex, replacement });
    assert(typeof route === "function");
    assertEquals(route(topic), wanted, regex);
  }
  const wrong = (replacement: string) => regexRouter.check!({ regex: "(a)", replacement });
  assertEquals(["$2", "${x}", "$", "\\"].map((each) => wrong(each) !== null), [true, true, true, true]);
  assertEquals([wrong("$1"), compileJavaPattern("(")], [null, null]);
});

Deno.test("TimestampRouter names each row's topic by its record, after RegexRouter", () => {
  const times = fc.array(fc.integer({ min: -1, max: 4_000_000_000 }), { minLength: 1, maxLength: 10 });
  fc.assert(fc.property(times, (seconds) => {
    const records = seconds.map((each) => ({ row: { a: 1, d: 1 }, timestampMs: each < 0 ? -1 : each * 1000 }));
    const routed = run(regexRouter, { regex: "(.*)s", replacement: "$1" }, sample(records)).out;
    const { out, rejects } = run(timestampRouter, {}, routed);
    const dated = seconds.filter((each) => each >= 0);
    const wanted = dated.map((each) => `order-${new Date(each * 1000).toISOString().slice(0, 10).replaceAll("-", "")}`);
    assertEquals(dated.map((_, row) => out.routedTopic(row)), wanted);
    assertEquals(rejects.length, seconds.length - dated.length);
    assertEquals(out.topic, "orders");
  }));
});

Deno.test("HasHeaderKey and RecordIsTombstone hold row by row", () => {
  const batch = sample([{ headers: [header("x", "1")], row: { a: 1, d: 1 } }, { row: null }, { row: { a: 1, d: 1 } }]);
  assertEquals([...hasHeaderKey.create({ name: "x" }).holds(batch) as Uint8Array], [1, 0, 0]);
  assertEquals([...recordIsTombstone.create({}).holds(batch) as Uint8Array], [0, 1, 0]);
});
