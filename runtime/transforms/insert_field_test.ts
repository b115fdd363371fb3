import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Schema } from "apache-arrow";
import { types } from "../api/mod.ts";
import { insertField } from "./insert_field.ts";
import { anySide, anyTestBatch, reference, refuse, testBatch, transformed } from "./side_test_support.ts";
import { timestampConverter } from "./timestamp_converter.ts";

Deno.test("InsertField adds to keys and values what the record's origin says, and nothing to what is null", () => {
  const place = fc.option(fc.constantFrom("a", "a!", "a?"));
  fc.assert(fc.property(anyTestBatch(1), anySide, fc.tuple(place, place, place, place), (given, side, spec) => {
    const [topic, partition, offset, timestamp] = spec.map((each, i) => each && each.replace("a", `new${i}`));
    const options = {
      "topic.field": topic,
      "partition.field": partition,
      "offset.field": offset,
      "timestamp.field": timestamp,
      "static.field": "env",
      "static.value": "prod",
    };
    const got = transformed(insertField, options, given, side);
    const { batch } = given;
    const wanted = reference(given, side, (row, _record, i) => {
      if (row === null) return null;
      const ms = batch.timestampMs(i);
      if (timestamp === "new3!" && ms < 0) refuse("record has no timestamp", "new3");
      return {
        ...row,
        ...(topic && { new0: "orders" }),
        ...(partition && { new1: 5 }),
        ...(offset && { new2: batch.offset(i) }),
        ...(timestamp && { new3: ms < 0 ? null : BigInt(ms) * 1000n }),
        env: "prod",
      };
    });
    assertEquals({ rows: got.rows, rejects: got.rejects }, wanted);
  }));
});

Deno.test("InsertField and the other transforms say which options do not go together", () => {
  const none = Object.fromEntries(Object.keys(insertField.options).map((key) => [key, null]));
  const wrong = (options: object) => insertField.check!({ ...none, ...options } as never);
  assertEquals(wrong({})?.startsWith("inserts nothing"), true);
  assertEquals(wrong({ "static.field": "a" })?.startsWith("has static.field without"), true);
  assertEquals(wrong({ "static.field": "a", "static.value": "b" }), null);
});

Deno.test("TimestampConverter converts a whole key, and refuses a record where it should be one value", () => {
  const single = new Schema([types.field("value", types.int64())]);
  const options = { "target.type": "Timestamp", "unix.precision": "seconds" } as const;
  const given = testBatch(single, single, [{ key: { value: 5n }, value: null }, { key: null, value: null }]);
  assertEquals(transformed(timestampConverter, options, given, "key").rows, [{ value: 5_000_000n }, null]);
  const record = new Schema([types.field("a", types.int64())]);
  const refused = transformed(
    timestampConverter,
    options,
    testBatch(record, record, [{ key: { a: 1n }, value: null }]),
    "key",
  );
  assertEquals(refused.rejects, [[0, "field holds no time", undefined]]);
});
