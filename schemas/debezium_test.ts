/**
 * Debezium's events in each format, unwrapped by ExtractNewRecordState.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type ConfigDef, type Converter, SinkBatch, type Values } from "../mod.ts";
import { createTransformStage } from "../runtime/transform.ts";
import { extractNewRecordState } from "../runtime/transforms/extract_new_record_state.ts";
import { type Plain, rowsOf } from "../tests/conformance/rows.ts";
import { avroConverter } from "./avro/mod.ts";
import { converter as jsonConverter } from "./json/test_support.ts";
import { protobufConverter } from "./protobuf/mod.ts";
import { startFakeRegistry } from "./registry_fake.ts";
import type { RegisteredSchema } from "./registry.ts";
import { allOf, collectRejects, contextOf, registeredConfig, slabOf } from "./testing.ts";

interface Row {
  readonly id: number;
  readonly name: string;
}

interface Event {
  readonly before: Row | null;
  readonly after: Row | null;
  readonly op: string;
  readonly ts: number;
}

const A = { id: 1, name: "a" }, B = { id: 1, name: "b" };
const EVENTS: readonly (Event | null)[] = [
  { before: null, after: A, op: "c", ts: 10 },
  { before: A, after: B, op: "u", ts: 11 },
  { before: B, after: null, op: "d", ts: 12 },
  null,
  { before: null, after: null, op: "t", ts: 13 },
  { before: null, after: { id: 2, name: "" }, op: "r", ts: 14 },
];

const ROW_AVRO = {
  type: "record",
  name: "Value",
  fields: [{ name: "id", type: "int" }, { name: "name", type: "string" }],
};
const SCHEMAS = [
  {
    id: 1,
    subject: "orders-value",
    version: 1,
    schemaType: "AVRO",
    references: [],
    schema: JSON.stringify({
      type: "record",
      name: "Envelope",
      namespace: "db.orders",
      fields: [
        { name: "before", type: ["null", ROW_AVRO], default: null },
        { name: "after", type: ["null", "db.orders.Value"], default: null },
        { name: "op", type: "string" },
        { name: "ts_ms", type: ["null", "long"], default: null },
      ],
    }),
  },
  {
    id: 2,
    subject: "other-value",
    version: 1,
    schemaType: "PROTOBUF",
    references: [],
    schema: 'syntax = "proto3"; package db; message Envelope { Value before = 1; Value after = 2; string op = 3; ' +
      "int64 ts_ms = 4; message Value { int32 id = 1; string name = 2; } }",
  },
] satisfies RegisteredSchema[];

const text = (value: string) => [...new TextEncoder().encode(value)];

/** Numbers here are below 64: a byte each. */
function avro({ before, after, op, ts }: Event): Uint8Array {
  const row = (value: Row | null) =>
    value === null ? [0] : [2, value.id * 2, value.name.length * 2, ...text(value.name)];
  return Uint8Array.from([0, 0, 0, 0, 1, ...row(before), ...row(after), op.length * 2, ...text(op), 2, ts * 2]);
}

function protobuf({ before, after, op, ts }: Event): Uint8Array {
  const row = (field: number, value: Row | null) => {
    if (value === null) return [];
    const name = value.name === "" ? [] : [0x12, value.name.length, ...text(value.name)];
    return [field << 3 | 2, 2 + name.length, 0x08, value.id, ...name];
  };
  return Uint8Array.from([0, 0, 0, 0, 2, 0, ...row(1, before), ...row(2, after), 0x1a, 1, ...text(op), 0x20, ts]);
}

function json({ before, after, op, ts }: Event): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ before, after, source: { table: "t" }, op, ts_ms: ts }));
}

function jsonWithSchema(event: Event): Uint8Array {
  const schema = {
    type: "struct",
    name: "db.orders.Envelope",
    fields: [{ type: "string", optional: false, field: "op" }],
  };
  const payload = JSON.parse(new TextDecoder().decode(json(event)));
  return new TextEncoder().encode(JSON.stringify({ schema, payload }));
}

/** What becomes of the events by a mode: their offsets and rows. */
async function unwrapped(of: Converter, values: readonly (Uint8Array | null)[], mode: string) {
  const raw = slabOf(values);
  const { rejects, reject } = collectRejects();
  const indices = allOf(raw);
  if (await of.wants?.()) await of.learn!([raw]);
  const runs = await of.decode(raw, indices, reject);
  assertEquals([...rejects], []);
  const defaults = Object.entries(extractNewRecordState.options).map(([key, { default: value }]) => [key, value]);
  const config = {
    ...Object.fromEntries(defaults),
    "delete.tombstone.handling.mode": mode,
    "add.fields": ["op", "ts_ms"],
  } as Values<ConfigDef>;
  const { transform } = createTransformStage([
    { alias: "t", plugin: extractNewRecordState, config, side: "value", predicate: null, negate: false },
  ]);
  const rows: [bigint, { [name: string]: Plain } | null][] = [];
  for (const { data, rows: of } of runs) {
    const batches = transform(new SinkBatch(data, { raw, rows: of }, raw.from, raw.to), (_, row, error) => {
      throw new Error(`row ${row}: ${error.message}`);
    });
    for (const batch of batches) {
      rowsOf(batch.data).forEach((row, i) => rows.push([batch.offset(i), batch.isTombstone(i) ? null : row]));
    }
  }
  return rows.map(([offset, row]) => [Number(offset), row]);
}

const registered = (url: string) => ({
  ...registeredConfig(url),
  "value.schema": null,
  "key.schema": null,
  "value.message": null,
  "key.message": null,
  "timestamp.nanos": "long" as const,
});

Deno.test("ExtractNewRecordState unwraps the same rows of Avro, of protobuf, and of JSON with and without schemas", async () => {
  await Promise.all([avroConverter.load!(), protobufConverter.load!()]);
  const registry = startFakeRegistry([...SCHEMAS]);
  try {
    const formats: Readonly<Record<string, readonly [() => Converter, (event: Event) => Uint8Array]>> = {
      avro: [() => avroConverter.create(registered(registry.url) as never, contextOf()), avro],
      protobuf: [() => protobufConverter.create(registered(registry.url) as never, contextOf()), protobuf],
      json: [() => jsonConverter(() => null), json],
      "json with schema": [() => jsonConverter(() => null), jsonWithSchema],
    };
    for (const [format, [create, write]] of Object.entries(formats)) {
      // JSON's integers are long.
      const integer = (value: number) => format.startsWith("json") ? BigInt(value) : value;
      const row = (of: Row, op: string, ts: number, more = {}) => (
        { id: integer(of.id), name: of.name, ...more, __op: op, __ts_ms: BigInt(ts) }
      );
      const values = EVENTS.map((event) => event && write(event));
      assertEquals(await unwrapped(create(), values, "tombstone"), [
        [0, row(A, "c", 10)],
        [1, row(B, "u", 11)],
        [2, null],
        [5, row({ id: 2, name: "" }, "r", 14)],
      ], format);
      const now = { __deleted: "false" };
      assertEquals(await unwrapped(create(), values, "rewrite"), [
        [0, row(A, "c", 10, now)],
        [1, row(B, "u", 11, now)],
        [2, row(B, "d", 12, { __deleted: "true" })],
        [5, row({ id: 2, name: "" }, "r", 14, now)],
      ], format);
    }
  } finally {
    await registry.stop();
  }
});
