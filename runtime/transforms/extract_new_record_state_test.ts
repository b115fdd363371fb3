import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Schema } from "apache-arrow";
import { type ConfigDef, SinkBatch, types, type Values } from "../api/mod.ts";
import { createTransformStage } from "../transform.ts";
import { extractNewRecordState } from "./extract_new_record_state.ts";
import { batchOf, type Plain, rowsOf } from "../../tests/conformance/rows.ts";
import { slabOf } from "../../tests/conformance/slab.ts";

type Row = { [name: string]: Plain };
const ROW = [types.field("id", types.int32(), false), types.field("name", types.utf8())];
const SOURCE = types.struct([types.field("table", types.utf8()), types.field("ts_ms", types.int64())]);

/** As Debezium's Avro envelopes are; JSON's are alike, with every field nullable. */
const ENVELOPE = new Schema([
  types.field("before", types.struct(ROW)),
  types.field("after", types.struct(ROW)),
  types.field("source", SOURCE),
  types.field("op", types.utf8()),
  types.field("ts_ms", types.int64()),
]);

function sample(events: readonly (Row | null)[], schema = ENVELOPE): SinkBatch {
  const raw = slabOf(events.map((event) => ({ value: event && "v" })), { from: 10n });
  const bits = new Uint8Array((events.length + 7) >> 3);
  events.forEach((event, i) => bits[i >> 3] |= event === null ? 1 << (i & 7) : 0);
  const none = Object.fromEntries(schema.names.map((name) => [name, null]));
  const tombstones = events.includes(null) ? bits : null;
  const data = batchOf(schema, events.map((event) => event ?? none));
  return new SinkBatch(data, { raw, rows: Int32Array.from(events.keys()) }, raw.from, raw.to, tombstones);
}

type Options = Values<typeof extractNewRecordState.options>;

function run(options: Partial<Values<ConfigDef>>, batch: SinkBatch) {
  const defaults = Object.entries(extractNewRecordState.options).map(([key, { default: value }]) => [key, value]);
  const config = { ...Object.fromEntries(defaults), ...options } as Values<ConfigDef>;
  const rejects: [bigint, string][] = [];
  const plugin = extractNewRecordState;
  const stage = createTransformStage([{ alias: "t", plugin, config, side: "value", predicate: null, negate: false }]);
  const [out] = stage.transform(batch, (of, row, error) => rejects.push([of.offset(row), error.details.reason]));
  const rows = rowsOf(out.data).map((row, i): [bigint, Row | null] => [
    out.offset(i),
    out.isTombstone(i) ? null : row as Row,
  ]);
  return { out, rows, rejects };
}

const anyRow = fc.record({ id: fc.integer({ min: 0, max: 99 }), name: fc.option(fc.constantFrom("a", "b")) });
const anyEvent = fc.option(
  fc.record({
    before: fc.option(anyRow),
    after: fc.option(anyRow),
    source: fc.option(fc.record({ table: fc.constantFrom("t", "u"), ts_ms: fc.constant(5n) })),
    op: fc.constantFrom("c", "u", "d", "t", "r"),
    ts_ms: fc.constant(7n),
  }),
  { freq: 6 },
);
const anyMode = fc.constantFrom("drop", "tombstone", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone");

Deno.test("ExtractNewRecordState unwraps events as one after the other", () => {
  const events = fc.array(anyEvent, { maxLength: 20 });
  const anyAdded = fc.subarray(["op", "table", "source.ts_ms", "ts_ms:at", "lsn"]);
  fc.assert(fc.property(events, anyMode, anyAdded, (events, mode, added) => {
    const { rows, rejects, out } = run({ "delete.tombstone.handling.mode": mode, "add.fields": added }, sample(events));
    const isRewrite = mode.startsWith("rewrite");
    const wanted: [bigint, Row | null][] = [], refused: bigint[] = [];
    events.forEach((event, i) => {
      const offset = 10n + BigInt(i);
      if (event === null) {
        if (mode === "rewrite-with-tombstone") wanted.push([offset, null]);
        return;
      }
      const { before, after, source, op, ts_ms } = event;
      const isDelete = after === null && (before !== null || op === "d");
      if (after === null && !isDelete) return;
      if (isDelete && mode === "drop") return;
      if (isDelete && !isRewrite) return wanted.push([offset, null]);
      const row = after ?? before;
      if (row === null) return refused.push(offset);
      wanted.push([offset, {
        ...row,
        ...(isRewrite && { __deleted: `${isDelete}` }),
        ...(added.includes("op") && { __op: op }),
        ...(added.includes("table") && { __table: source?.table ?? null }),
        ...(added.includes("source.ts_ms") && { __source_ts_ms: source?.ts_ms ?? null }),
        ...(added.includes("ts_ms:at") && { __at: ts_ms }),
      }]);
    });
    assertEquals(rows, wanted);
    assertEquals(rejects.map(([offset]) => offset), refused);
    for (let row = 0; row < out.numRows; row++) {
      if (out.isTombstone(row)) {
        assertEquals(Object.values(rowsOf(out.data)[row]).every((value) => value === null), true);
      }
    }
  }));
});

Deno.test("ExtractNewRecordState takes the older options, and refuses them beside the newer one", () => {
  const event = { before: { id: 1, name: "x" }, after: null, source: null, op: "d", ts_ms: 1n };
  const batch = sample([event, null]);
  const rows = (options: Partial<Options>) => run(options, batch).rows;
  assertEquals(rows({ "drop.tombstones": "false" }), [[11n, null]]);
  assertEquals(rows({ "delete.handling.mode": "none" }), [[10n, null]]);
  assertEquals(rows({ "delete.handling.mode": "rewrite" }), [[10n, { id: 1, name: "x", __deleted: "true" }]]);
  assertEquals(rows({}), [[10n, null]]);
  const given = { "delete.tombstone.handling.mode": "drop", "drop.tombstones": "true", "delete.handling.mode": "" };
  assertEquals(extractNewRecordState.check!(given as Options)?.includes("keep the former"), true);
});

Deno.test("ExtractNewRecordState adds headers, d to tombstones as well", () => {
  const event = { before: null, after: { id: 1, name: "x" }, source: { table: "t", ts_ms: 5n }, op: "c", ts_ms: 1n };
  const options = {
    "delete.tombstone.handling.mode": "rewrite-with-tombstone",
    "add.headers": ["op", "source.table:from"],
  };
  const { out } = run(options, sample([event, null]));
  const texts = [0, 1].map((row) =>
    out.headers(row).map(({ key, value }) => `${key}=${new TextDecoder().decode(value!)}`)
  );
  assertEquals(texts, [["__op=c", "__from=t"], ["__op=d"]]);
});

Deno.test("ExtractNewRecordState lets what is no change event pass, and names rows' topics by a field", () => {
  const other = new Schema([types.field("ts_ms", types.int64()), types.field("ddl", types.utf8())]);
  const batch = sample([{ ts_ms: 1n, ddl: "create table t" }], other);
  assertEquals(run({}, batch).out.data, batch.data);
  const event = { before: null, after: { id: 1, name: "there" }, source: null, op: "c", ts_ms: 1n };
  assertEquals(run({ "route.by.field": "name" }, sample([event])).out.routedTopic(0), "there");
  const twice = run({ "add.fields": ["op:name"], "add.fields.prefix": "" }, sample([event]));
  assertEquals(twice.rejects, [[10n, "field name is taken"]]);
  const nothing = { before: null, after: null, source: null, op: null, ts_ms: 1n };
  assertEquals(run({}, sample([nothing])).rejects, [[10n, "not a change event"]]);
});

Deno.test("ExtractNewRecordState refuses no record that it drops, nor tombstones, where the rest cannot be named", () => {
  const row = { id: 1, name: "x" };
  const event = { before: null, after: row, source: null, op: "u", ts_ms: 1n };
  const truncate = { ...event, after: null, op: "t" };
  const deletion = { ...truncate, before: row, op: "d" };
  const batch = sample([event, deletion, truncate, null]);
  for (const options of [{ "route.by.field": "nosuch" }, { "route.by.field": "id" }]) {
    const given = (mode: string) => run({ ...options, "delete.tombstone.handling.mode": mode }, batch);
    assertEquals(given("drop").rejects.map(([offset]) => offset), [10n], "an update alone");
    assertEquals(given("rewrite-with-tombstone").rejects.map(([offset]) => offset), [10n, 11n]);
    assertEquals(given("rewrite-with-tombstone").rows, [[13n, null]]);
  }
  const twice = { "add.fields": ["op:name"], "add.fields.prefix": "" };
  const { rejects, rows, out } = run(twice, batch);
  assertEquals(rejects, [[10n, "field name is taken"]]);
  assertEquals(rows, [[11n, null]], "the delete is a tombstone");
  assertEquals(rowsOf(out.data), [{ id: null, name: null }], "without values");
});

Deno.test("ExtractNewRecordState takes a topic's name as it stands, and none that is blank", () => {
  const events = ["t", " t ", " ", "", null].map((name) => (
    { before: null, after: { id: 1, name }, source: null, op: "c", ts_ms: 1n }
  ));
  const batch = sample(events);
  const { out } = run({ "route.by.field": "name" }, batch);
  assertEquals([0, 1, 2, 3, 4].map((row) => out.routedTopic(row)), ["t", " t ", batch.topic, batch.topic, batch.topic]);
});

Deno.test("ExtractNewRecordState makes a field nullable that rewritten deletes may lack", () => {
  const fields = (isNullable: boolean) => types.struct([types.field("id", types.int32(), isNullable)]);
  const schema = new Schema([
    types.field("before", fields(true)),
    types.field("after", fields(false)),
    ENVELOPE.fields[3],
  ]);
  const { rows, out } = run(
    { "delete.tombstone.handling.mode": "rewrite" },
    sample([{ before: { id: null }, after: null, op: "d" }], schema),
  );
  assertEquals(rows, [[10n, { id: null, __deleted: "true" }]]);
  assertEquals(out.data.schema.fields[0].nullable, true);
});
