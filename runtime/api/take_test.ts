import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Schema } from "apache-arrow";
import { emptyBatch, isNull, nulls, recordBatch, take, takeBatch, types } from "./mod.ts";
import { anySchema, anyType, anyValue, appendPlain, batchOf, plain, rowsOf } from "../../tests/conformance/rows.ts";
import { createColumn } from "./columns.ts";

const column = anyType(2).chain((type) =>
  fc.tuple(fc.constant(type), fc.array(anyValue(type), { minLength: 1, maxLength: 80 }), fc.array(fc.nat()))
).map(([type, values, picks]) => {
  const builder = createColumn(type);
  for (const value of values) appendPlain(builder, value);
  return { values, data: builder.finish(), picks };
});

Deno.test("take() picks the entries at the indices, -1 as null, for every type", () => {
  fc.assert(fc.property(column, ({ data, values, picks }) => {
    const indices = Int32Array.from(picks, (pick) => pick % (values.length + 1) - 1);
    const taken = take(data, indices);
    const wanted = [...indices].map((index) => index < 0 ? null : plain(data, index));
    assertEquals(wanted.map((_, i) => plain(taken, i)), wanted);
    assertEquals(wanted.map((_, i) => isNull(taken, i)), wanted.map((value) => value === null));
    assertEquals(taken.length, wanted.length);
    assertEquals(taken.nullCount, wanted.filter((value) => value === null).length);
  }));
});

Deno.test("take() picks out of slices, also when taken twice", () => {
  fc.assert(fc.property(column, fc.nat(), ({ data, values, picks }, cut) => {
    const from = cut % values.length;
    const slice = data.slice(from, values.length - from);
    const indices = Int32Array.from(picks, (pick) => pick % slice.length);
    const once = take(slice, indices);
    const wanted = [...indices].map((index) => plain(data, from + index));
    assertEquals(wanted.map((_, i) => plain(once, i)), wanted);
    const back = Int32Array.from(wanted, (_, i) => wanted.length - 1 - i);
    assertEquals(wanted.map((_, i) => plain(take(once, back), i)), wanted.toReversed());
  }));
});

Deno.test("takeBatch() keeps the very schema", () => {
  const cases = anySchema(1).chain((schema) => {
    const row = fc.record(Object.fromEntries(schema.fields.map((f) => [f.name, anyValue(f.type)])));
    return fc.tuple(fc.constant(schema), fc.array(row, { maxLength: 30 }));
  });
  fc.assert(fc.property(cases, ([schema, rows]) => {
    const batch = batchOf(schema, rows);
    const odd = Int32Array.from(rows.keys()).filter((i) => i % 2 === 1);
    const taken = takeBatch(batch, odd);
    assertStrictEquals(taken.schema, schema);
    assertEquals(rowsOf(taken), rowsOf(batch).filter((_, i) => i % 2 === 1));
  }));
});

Deno.test("nulls() is a column of nulls, for every type", () => {
  fc.assert(fc.property(anyType(2), fc.nat({ max: 70 }), (type, length) => {
    const data = nulls(types.field("f", type), length);
    assertEquals([data.length, data.nullCount], [length, length]);
    assertEquals(Array.from({ length }, (_, i) => plain(data, i)), Array(length).fill(null));
  }));
});

Deno.test("emptyBatch() has no rows and the very schema", () => {
  fc.assert(fc.property(anySchema(2), (schema) => {
    const batch = emptyBatch(schema);
    assertStrictEquals(batch.schema, schema);
    assertEquals(batch.numRows, 0);
  }));
});

Deno.test("recordBatch() keeps the very schema, and counts rows where there are no columns", () => {
  const schema = new Schema([]);
  const batch = recordBatch(schema, [], 3);
  assertStrictEquals(batch.schema, schema);
  assertEquals(batch.numRows, 3);
  assertEquals(takeBatch(batch, Int32Array.of(0, 2)).numRows, 2);
});

Deno.test("recordBatch() refuses columns of unequal length instead of padding them", () => {
  const schema = new Schema([types.field("a", types.int32()), types.field("b", types.int32())]);
  const [a, b] = schema.fields;
  assertThrows(() => recordBatch(schema, [nulls(a, 2), nulls(b, 1)], 2), RangeError, "entries");
  assertThrows(() => recordBatch(schema, [nulls(a, 2)], 2), RangeError, "fields a,b");
});
