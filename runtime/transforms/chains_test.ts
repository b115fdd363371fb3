import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Data, Schema } from "apache-arrow";
import {
  type DataError,
  recordBatch,
  type RecordHeader,
  type RecordSide,
  SinkBatch,
  type TransformPlugin,
  types,
} from "../api/mod.ts";
import { recycle } from "../api/buffers.ts";
import type { NamedPlugin, TransformStep } from "../config/resolve_instance.ts";
import { createTransformStage } from "../transform.ts";
import { anySchema, anyValue, batchOf, type Plain, rowsOf } from "../../tests/conformance/rows.ts";
import { slabOf } from "../../tests/conformance/slab.ts";
import { BUILT_IN_PREDICATES, BUILT_IN_TRANSFORMS } from "./mod.ts";
import { configOf, type Row } from "./side_test_support.ts";

/** A record as it is read: null is no key, or a tombstone. */
interface Read {
  readonly key: Row | null;
  readonly value: Row | null;
  readonly headers: readonly string[];
}

interface Topic {
  readonly keys: Schema;
  readonly values: Schema;
  readonly records: readonly Read[];
}

type Options = Readonly<Record<string, unknown>>;

const anyName = fc.constantFrom("f0", "f1", "f2", "f3", "w", "value", "id");
const someNames = fc.uniqueArray(anyName, { minLength: 1, maxLength: 3 });
const anyTarget = fc.constantFrom("int8", "int32", "int64", "float32", "float64", "boolean", "string");

/** Options that fit a configuration, for each transform. */
const OPTIONS: Readonly<Record<string, fc.Arbitrary<Options>>> = {
  Cast: fc.oneof(
    someNames.chain((names) =>
      fc.tuple(...names.map((name) => anyTarget.map((type) => `${name}:${type}`))).map((spec) => ({ spec }))
    ),
    anyTarget.map((type) => ({ spec: [type] })),
  ),
  DropHeaders: fc.constant({ headers: ["h1"] }),
  ExtractField: fc.oneof(
    anyName.map((field) => ({ field })),
    fc.tuple(anyName, anyName).map(([a, b]) => ({ field: `${a}.${b}`, "field.syntax.version": "V2" })),
  ),
  ExtractNewRecordState: fc.constant({}),
  Filter: fc.constant({}),
  Flatten: fc.constantFrom({}, { delimiter: "" }, { delimiter: "_" }),
  HeaderFrom: fc.tuple(anyName, fc.constantFrom("move", "copy"))
    .map(([name, operation]) => ({ fields: [name], headers: ["h2"], operation })),
  HoistField: fc.constantFrom({ field: "w" }, { field: "f0" }),
  InsertField: fc.constantFrom(
    { "topic.field": "topic", "offset.field": "offset!" },
    { "partition.field": "id", "static.field": "w", "static.value": "x" },
    { "timestamp.field": "at!" },
  ),
  InsertHeader: fc.constant({ header: "h3", "value.literal": "x" }),
  MaskField: fc.tuple(someNames, fc.constantFrom(null, "7", "x"))
    .map(([fields, replacement]) => ({ fields, replacement })),
  RegexRouter: fc.constantFrom({ regex: "o(.*)", replacement: "$1" }, { regex: ".*-(.)", replacement: "p-$1" }),
  ReplaceField: fc.oneof(
    someNames.map((exclude) => ({ exclude })),
    someNames.map((include) => ({ include })),
    fc.tuple(anyName, anyName).map(([a, b]) => ({ renames: [`${a}:${b}`] })),
  ),
  SetSchemaMetadata: fc.constant({ "schema.name": "n" }),
  TimestampConverter: fc.tuple(anyName, fc.constantFrom("unix", "Date", "Time", "Timestamp", "string"))
    .map(([field, target]) => ({ field, "target.type": target, format: "yyyy-MM-dd" })),
  TimestampRouter: fc.constant({ "timestamp.format": "SSS" }),
  ValueToKey: someNames.map((fields) => ({ fields })),
};
const PREDICATES: Readonly<Record<string, fc.Arbitrary<Options>>> = {
  HasHeaderKey: fc.constantFrom({ name: "h1" }, { name: "h2" }),
  RecordIsTombstone: fc.constant({}),
  TopicNameMatches: fc.constantFrom({ pattern: ".*1" }, { pattern: "orders" }),
};

const anyStep = (plugin: TransformPlugin): fc.Arbitrary<TransformStep<NamedPlugin>> =>
  fc.record({
    alias: fc.constant("t"),
    plugin: fc.constant(plugin),
    config: OPTIONS[plugin.name].map((options) => configOf(plugin, options)),
    side: fc.constantFrom<RecordSide>(...plugin.sides ?? ["value"]),
    predicate: fc.option(
      fc.constantFrom(...BUILT_IN_PREDICATES).chain((plugin) =>
        PREDICATES[plugin.name].map((config) => ({ plugin, config }))
      ),
      // All rows are dropped often enough.
      { freq: plugin.name === "Filter" ? 12 : 2 },
    ) as fc.Arbitrary<TransformStep<NamedPlugin>["predicate"]>,
    negate: fc.boolean(),
  });
const anyChain = fc.array(fc.constantFrom(...BUILT_IN_TRANSFORMS).chain(anyStep), { minLength: 1, maxLength: 5 });

const WHOLE = new Schema([types.field("value", types.utf8())]);
const anyRowOf = (schema: Schema): fc.Arbitrary<Row | null> =>
  fc.option(fc.record(Object.fromEntries(schema.fields.map((f) => [f.name, anyValue(f.type)]))), { freq: 6 });
const anyTopic: fc.Arbitrary<Topic> = fc
  .tuple(
    fc.oneof(anySchema(1), fc.constant(WHOLE)),
    fc.oneof({ weight: 5, arbitrary: anySchema(2) }, fc.constant(WHOLE)),
  )
  .chain(([keys, values]) =>
    fc.record({
      keys: fc.constant(keys),
      values: fc.constant(values),
      records: fc.array(
        fc.record({
          key: anyRowOf(keys),
          value: anyRowOf(values),
          headers: fc.subarray(["h1", "h2"]),
        }),
        { minLength: 1, maxLength: 9 },
      ),
    })
  );

/** The records `[from, to)` of a topic, from orders-5 at 90, 92 ... */
function batchFrom({ keys, values, records }: Topic, from = 0, to = records.length): SinkBatch {
  const some = records.slice(from, to);
  const raw = slabOf(
    some.map(({ key, value, headers }, i) => ({
      offset: 90n + 2n * BigInt(from + i),
      timestampMs: (from + i) % 4 === 3 ? -1 : 1000 + from + i,
      key: key && "k",
      value: value && "v",
      headers: headers.map((name): RecordHeader => ({ key: name, value: new TextEncoder().encode(name) })),
    })),
    { from: 90n + 2n * BigInt(from), to: 90n + 2n * BigInt(to), partition: 5 },
  );
  const bits = new Uint8Array((some.length + 7) >> 3);
  some.forEach(({ value }, i) => bits[i >> 3] |= value === null ? 1 << (i & 7) : 0);
  // Slices of longer columns, so that nothing begins where its buffers do.
  const columns = (schema: Schema, rows: readonly (Row | null)[]) => {
    const padded = batchOf(schema, [...Array(3).fill({}), ...rows.map((row) => row ?? {}), {}]);
    return recordBatch(schema, padded.data.children.map((child: Data) => child.slice(3, rows.length)), rows.length);
  };
  return new SinkBatch(
    columns(values, some.map(({ value }) => value)),
    { raw, rows: Int32Array.from(some.keys()) },
    raw.from,
    raw.to,
    bits.some((byte) => byte !== 0) ? bits : null,
    columns(keys, some.map(({ key }) => key)),
  );
}

/** What became of each record, by its offset: what it is now, or why it was set aside; absent: it was dropped. */
type Outcome = Map<bigint, unknown>;

function treated(stage: ReturnType<typeof createTransformStage>, batch: SinkBatch): Outcome {
  const outcome: Outcome = new Map();
  const put = (offset: bigint, what: unknown) => {
    if (outcome.has(offset)) throw new Error(`the record at ${offset} came twice`);
    outcome.set(offset, what);
  };
  const parts = stage.transform(batch, (of, row, { details }: DataError) => {
    assertEquals(of.origin.raw, batch.origin.raw);
    put(of.offset(row), [details.reason, details.fieldPath]);
  });
  for (const part of parts) {
    const values = rowsOf(part.data), keys = part.keys && rowsOf(part.keys);
    for (let row = 0; row < part.numRows; row++) {
      if (part.isTombstone(row)) assertEquals(bare(values[row]), {}, "a tombstone has no values");
      put(part.offset(row), {
        value: part.isTombstone(row) ? null : bare(values[row]),
        // Keys without any field are none.
        key: part.hasKey(row) ? bare(keys![row]) : {},
        headers: part.headers(row).map(({ key, value }) => `${key}=${value && new TextDecoder().decode(value)}`),
        topic: part.routedTopic(row),
      });
    }
  }
  assertEquals([parts[0].from, parts.at(-1)!.to], [batch.from, batch.to]);
  parts.slice(1).forEach(({ from }, i) => assertEquals(from, parts[i].to));
  return outcome;
}

/** A batch has a column for all of its rows, a record only its own. */
function bare(row: object): { [name: string]: Plain } {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
}

/** All memory that columns look at. */
function buffersOf(data: Data): Uint8Array[] {
  const own = [data.values, data.valueOffsets, data.nullBitmap]
    .flatMap((array) => array ? [new Uint8Array(array.buffer)] : []);
  return [...own, ...data.children.flatMap(buffersOf)];
}

function columnsOf({ data, keys }: SinkBatch): Data[] {
  return [...data.data.children, ...keys!.data.children];
}

Deno.test("chains of built-in transforms treat each record of a batch as if it were alone", () => {
  fc.assert(
    fc.property(anyTopic, anyChain, (topic, chain) => {
      const together = treated(createTransformStage(chain), batchFrom(topic));
      const stage = createTransformStage(chain);
      const alone: Outcome = new Map(
        topic.records.flatMap((_, i) => [...treated(stage, batchFrom(topic, i, i + 1))]),
      );
      assertEquals(new Map([...together].sort()), new Map([...alone].sort()));
    }),
    { numRuns: 100 },
  );
});

Deno.test("chains of built-in transforms leave a batch's memory as it is, and keep none of it for later ones", () => {
  fc.assert(
    fc.property(anyTopic, anyChain, (topic, chain) => {
      const wanted = treated(createTransformStage(chain), batchFrom(topic));
      const stage = createTransformStage(chain);
      for (let round = 0; round < 2; round++) {
        const batch = batchFrom(topic);
        const buffers = [batch.origin.raw.bytes, ...columnsOf(batch).flatMap(buffersOf)];
        const before = buffers.map((bytes) => bytes.slice());
        assertEquals(treated(stage, batch), wanted);
        assertEquals(buffers, before, "the memory of others is not written to");
        // After the put: the columns' memory is somebody else's.
        columnsOf(batch).forEach(recycle);
        for (const bytes of buffers) bytes.fill(0xee);
      }
    }),
    { numRuns: 100 },
  );
});
