import { assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { type Field, Schema, Type } from "apache-arrow";
import { types } from "../api/mod.ts";
import { flatten } from "./flatten.ts";
import { anySide, anyTestBatch, reference, type Row, testBatch, transformed } from "./side_test_support.ts";

/** Connect's way: a struct that is null leaves its fields null. */
function flat(fields: readonly Field[], row: Row | null, before: string, delimiter: string): Row {
  return Object.assign(
    {},
    ...fields.map(({ name, type }) => {
      const value = row?.[name] ?? null;
      return type.typeId === Type.Struct
        ? flat(type.children as Field[], value as Row | null, before + name + delimiter, delimiter)
        : { [before + name]: value };
    }),
  );
}

Deno.test("Flatten names nested fields by their path", () => {
  fc.assert(fc.property(anyTestBatch(3), anySide, fc.constantFrom(".", "_", "->"), (given, side, delimiter) => {
    const { fields } = side === "key" ? given.keySchema : given.valueSchema;
    const got = transformed(flatten, { delimiter }, given, side);
    assertEquals(
      { rows: got.rows, rejects: got.rejects },
      reference(given, side, (row) => row && flat(fields, row, "", delimiter)),
    );
  }));
});

Deno.test("Flatten makes a field nullable where a struct around it is, and keeps what is flat", () => {
  const inner = types.struct([types.field("x", types.int8(), false), types.field("l", types.list(types.int8()))]);
  const schema = new Schema([types.field("a", inner), types.field("b", inner, false), types.field("c", types.utf8())]);
  const given = testBatch(schema, schema, [{ key: null, value: { a: null, b: { x: 1, l: [1] }, c: "c" } }]);
  const { rows, schema: out } = transformed(flatten, {}, given);
  assertEquals(rows, [{ "a.x": null, "a.l": null, "b.x": 1, "b.l": [1], c: "c" }]);
  assertEquals(out.fields.map(({ nullable }) => nullable), [true, true, false, true, true]);
  assertStrictEquals(out.fields[4], schema.fields[2]);
  assertStrictEquals(transformed(flatten, {}, given).out.data.schema.fields.length, 5);
});

Deno.test("Flatten refuses records of which two fields would have one name", () => {
  const schema = new Schema([
    types.field("a", types.struct([types.field("b", types.int8())])),
    types.field("a.b", types.int8()),
  ]);
  const given = testBatch(schema, schema, [{ key: null, value: { a: { b: 1 }, "a.b": 2 } }, {
    key: null,
    value: null,
  }]);
  const { rows, rejects } = transformed(flatten, {}, given);
  assertEquals([rows, rejects], [[null], [[0, "field name is taken", "a.b"]]]);
});
