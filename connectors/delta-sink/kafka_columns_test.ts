import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Schema } from "apache-arrow";
import { DataError, type HeaderConverter, SinkBatch, types } from "../../mod.ts";
import { batchOf, rowsOf } from "../../tests/conformance/rows.ts";
import { slabOf, type SlabRecord } from "../../tests/conformance/slab.ts";
import { createKafkaColumns } from "./kafka_columns.ts";

const VALUES = new Schema([types.field("n", types.int32())]);
const upper: HeaderConverter = {
  isText: true,
  convert(value) {
    if (value[0] === 0x21) throw new DataError("it begins with !", { reason: "bad header" });
    return new TextEncoder().encode(new TextDecoder().decode(value).toUpperCase());
  },
};

function batchFrom(records: readonly SlabRecord[], headerConverter?: HeaderConverter): SinkBatch {
  const raw = slabOf(records);
  const data = batchOf(VALUES, records.map((_, n) => ({ n })));
  return new SinkBatch(data, { raw, rows: Int32Array.from(records.keys()), headerConverter }, raw.from, raw.to);
}

const header = (key: string, value: string | null) => ({ key, value: value === null ? null : bytes(value) });
const bytes = (text: string) => new TextEncoder().encode(text);
const noRejects = () => {
  throw new Error("nothing is rejected here");
};

Deno.test("createKafkaColumns() holds every header in order, repeated names and nulls too", () => {
  const batch = batchFrom([
    { headers: [header("a", "x"), header("a", "y"), header("b", null)] },
    { headers: [] },
  ], upper);
  assertEquals(rowsOf(createKafkaColumns(["headers"])(batch, noRejects).data), [
    {
      n: 0,
      _kafka_headers: [{ key: "a", value: "X" }, { key: "a", value: "Y" }, { key: "b", value: null }],
    },
    { n: 1, _kafka_headers: [] },
  ]);
  const raw = createKafkaColumns(["headers"])(batchFrom([{ headers: [header("a", "x")] }]), noRejects);
  assertEquals(rowsOf(raw.data), [{ n: 0, _kafka_headers: [{ key: "a", value: "78" }] }]);
});

Deno.test("createKafkaColumns() rejects rows whose headers cannot be converted, with stage and name", () => {
  const batch = batchFrom([{ headers: [header("ok", "x")] }, { headers: [header("sad", "!")] }, {}], upper);
  const rejects: [bigint, string, DataError["details"]][] = [];
  const out = createKafkaColumns(["offset", "headers"])(
    batch,
    (of, row, { message, details }) => rejects.push([of.offset(row), message, details]),
  );
  assertEquals(rejects, [[1n, 'Cannot convert the header "sad": it begins with !', {
    reason: "bad header",
    stage: "HEADER_CONVERTER",
    fieldPath: "sad",
  }]]);
  assertEquals(rowsOf(out.data).map((row) => row._kafka_offset), [0n, 2n]);
  assertEquals([out.from, out.to], [batch.from, batch.to]);
});

Deno.test("createKafkaColumns() holds keys as their converter decodes them", () => {
  const batch = batchFrom([{ key: "k" }, { key: null }]);
  const key = (of: SinkBatch) => rowsOf(createKafkaColumns(["key"])(of, noRejects).data).map((row) => row._kafka_key);
  assertEquals(key(batch), ["6b", null]);
  const text = new Schema([types.field("value", types.utf8())]);
  assertEquals(key(batch.withKeys(batchOf(text, [{ value: "k" }, { value: null }]))), ["k", null]);
  const pair = new Schema([types.field("id", types.int64()), types.field("part", types.utf8())]);
  const record = batch.withKeys(batchOf(pair, [{ id: 1n, part: null }, { id: null, part: null }]));
  assertEquals(key(record), [{ id: 1n, part: null }, null]);
  // None of the rows has a key, and their schema is not known: there is no column to add.
  const unknown = createKafkaColumns(["key"])(batch.withKeys(batchOf(new Schema([]), [{}, {}])), noRejects);
  assertEquals(unknown.data.schema.names, ["n"]);
});

Deno.test("createKafkaColumns() gives one schema of values and keys the very same schema", () => {
  const add = createKafkaColumns(["topic", "key", "headers"]);
  const one = add(batchFrom([{ key: "k" }], upper), noRejects).data.schema;
  assertStrictEquals(add(batchFrom([{ key: "l" }, {}], upper), noRejects).data.schema, one);
  assertEquals(one.names, ["n", "_kafka_topic", "_kafka_key", "_kafka_headers"]);
});

Deno.test("createKafkaColumns() has no timestamp where the record has none, and rejects one that no column holds", () => {
  const timestamps = [1_700_000_000_001, -1, 1_700_000_000_000_000_000, 253_402_300_799_999];
  const batch = batchFrom(timestamps.map((timestampMs) => ({ timestampMs })));
  const rejects: [bigint, string][] = [];
  const out = createKafkaColumns(["timestamp"])(
    batch,
    (of, row, { details }) => rejects.push([of.offset(row), details.reason]),
  );
  assertEquals(rejects, [[2n, "timestamp out of range"]]);
  assertEquals(
    rowsOf(out.data).map((row) => row._kafka_timestamp),
    [1_700_000_000_001_000n, null, 253_402_300_799_999_000n],
  );
});

Deno.test("createKafkaColumns() refuses values with a field of the same name, in any case, instead of losing it", () => {
  for (const name of ["_kafka_offset", "_Kafka_Offset"]) {
    const values = batchOf(new Schema([types.field(name, types.utf8())]), [{ [name]: "mine" }]);
    const batch = batchFrom([{}]).withData(values);
    const { details } = assertThrows(() => createKafkaColumns(["offset"])(batch, noRejects), DataError);
    assertEquals([details.reason, details.fieldPath], ["ambiguous names", name]);
    assertEquals(createKafkaColumns(["topic"])(batch, noRejects).data.schema.names, [name, "_kafka_topic"]);
  }
});
