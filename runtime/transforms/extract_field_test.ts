import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Schema } from "apache-arrow";
import { FatalError, recordBatch, SinkBatch, types } from "../api/mod.ts";
import { extractField } from "./extract_field.ts";
import { parseFieldPath } from "./field_path.ts";
import { hoistField } from "./hoist_field.ts";
import { anySide, anyTestBatch, reference, refuse, type Row, testBatch, transformed } from "./side_test_support.ts";

const isStruct = (value: unknown): value is Row => typeof value === "object" && value !== null && !Array.isArray(value);

Deno.test("ExtractField makes of each record what is in its field, and null of null", () => {
  const path = fc.array(fc.constantFrom("f0", "f1"), { minLength: 1, maxLength: 3 });
  fc.assert(fc.property(anyTestBatch(), anySide, path, (given, side, steps) => {
    const options = { field: steps.join("."), "field.syntax.version": "V2" } as const;
    const got = transformed(extractField, options, given, side);
    const schema = side === "key" ? given.keySchema : given.valueSchema;
    let fields = schema.fields;
    let field = null;
    for (const step of steps) {
      field = fields.find(({ name }) => name === step) ?? null;
      fields = field?.type.typeId === types.struct([]).typeId ? field.type.children : [];
    }
    const wanted = reference(given, side, (row) => {
      if (field === null) {
        if (row === null) return null;
        refuse("no such field", options.field);
      }
      const value = steps.reduce<unknown>((at, step) => isStruct(at) ? at[step] : null, row);
      if (value === null) return null;
      return field.type.typeId === types.struct([]).typeId ? value as Row : { value: value as Row[string] };
    });
    assertEquals({ rows: got.rows, rejects: got.rejects }, wanted);
  }));
});

Deno.test("ExtractField undoes HoistField, for keys and values, records and single values", () => {
  fc.assert(fc.property(anyTestBatch(1), anySide, (given, side) => {
    const hoisted = transformed(hoistField, { field: "whole" }, given, side);
    assertEquals(hoisted.rows, given.records.map((record) => ({ whole: record[side] })));
    const back = transformed(extractField, { field: "whole" }, { batch: hoisted.out }, side);
    assertEquals(back.rows, given.records.map((record) => record[side]));
    // A single value, too.
    const single = transformed(extractField, { field: "f0" }, given, side);
    if (single.schema.names.join() !== "value") return;
    const again = transformed(hoistField, { field: "f0" }, { batch: single.out }, side);
    assertEquals(again.rows, given.records.map((record) => ({ f0: record[side]?.f0 ?? null })));
  }));
});

Deno.test("ExtractField of Debezium's after makes deletions tombstones", () => {
  const after = types.struct([types.field("id", types.int64(), false)]);
  const schema = new Schema([types.field("op", types.utf8()), types.field("after", after)]);
  const given = testBatch(new Schema([]), schema, [
    { key: null, value: { op: "c", after: { id: 1n } } },
    { key: null, value: { op: "d", after: null } },
  ]);
  assertEquals(transformed(extractField, { field: "after" }, given).rows, [{ id: 1n }, null]);
});

Deno.test("ExtractField$Key needs keys that are decoded, HoistField$Key takes bytes", () => {
  const schema = new Schema([types.field("a", types.int8())]);
  const { batch } = testBatch(schema, schema, [{ key: { a: 1 }, value: { a: 1 } }, { key: null, value: { a: 1 } }]);
  const bytes = { batch: new SinkBatch(batch.data, batch.origin, batch.from, batch.to) };
  assertThrows(() => transformed(extractField, { field: "a" }, bytes, "key"), FatalError, "key.converter");
  assertEquals(transformed(hoistField, { field: "id" }, bytes, "key").rows, [{ id: "6b" }, { id: null }]);
});

Deno.test("parseFieldPath() reads Connect's examples", () => {
  const v2 = (path: string) => parseFieldPath(path, "v2");
  assertEquals(parseFieldPath("foo.bar", "V1"), ["foo.bar"]);
  assertEquals(v2("foo"), ["foo"]);
  assertEquals(v2("foo.bar.baz"), ["foo", "bar", "baz"]);
  assertEquals(v2("`foo.bar`.baz"), ["foo.bar", "baz"]);
  assertEquals(v2("foo.`bar.baz`"), ["foo", "bar.baz"]);
  assertEquals(v2("foo`bar`.baz"), ["foo`bar`", "baz"]);
  assertEquals(v2("`foo`bar.baz`"), ["foo`bar.baz"]);
  assertEquals(v2("`foo\\`.bar`"), ["foo`.bar"]);
  assertEquals(v2("foo.."), ["foo", "", ""]);
  assertThrows(() => v2("`foo.bar"), FatalError, "backtick at 0");
  assertThrows(() => v2("foo.`bar\\`"), FatalError, "backtick at 4");
});

Deno.test("HoistField$Value makes records of tombstones, also where a batch has nothing else", () => {
  const schema = new Schema([types.field("a", types.int32())]);
  const { batch } = testBatch(schema, schema, [{ key: null, value: null }, { key: null, value: null }]);
  // As decode makes them of records without values.
  const unknown = batch.withData(recordBatch(new Schema([]), [], 2));
  for (const each of [batch, unknown]) {
    const { out } = transformed(hoistField, { field: "w" }, { batch: each });
    assertEquals([out.isTombstone(0), out.isTombstone(1)], [false, false]);
  }
});
