import { assertEquals, assertThrows } from "@std/assert";
import { type DataType, Field, List } from "apache-arrow";
import fc from "fast-check";
import { createColumn, DataError, jsonText, type StructColumn, types, type WordsColumn } from "./mod.ts";
import { anyType, anyValue, appendPlain } from "../../tests/conformance/rows.ts";

function textOf(type: DataType, value: Parameters<typeof appendPlain>[1]): string {
  const column = createColumn(type);
  appendPlain(column, value);
  return jsonText.ofColumn(column.finish(), 0);
}

Deno.test("jsonText.ofColumn() writes what JSON.parse reads, for every type", () => {
  const cases = anyType(3).chain((type) => fc.tuple(fc.constant(type), anyValue(type)));
  fc.assert(fc.property(cases, ([type, value]) => {
    JSON.parse(textOf(type, value));
  }));
});

Deno.test("jsonText.ofColumn() keeps every digit of longs and decimals", () => {
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
    const long = createColumn(types.int64()) as WordsColumn;
    long.appendBigInt(value);
    assertEquals(jsonText.ofColumn(long.finish(), 0), String(value));
    const decimal = createColumn(types.decimal(38, 7)) as WordsColumn;
    decimal.appendBigInt(value);
    const text = jsonText.ofColumn(decimal.finish(), 0);
    assertEquals([BigInt(text.replace(".", "")), text.split(".")[1].length], [value, 7]);
  }));
});

Deno.test("jsonText.timestamp() is RFC 3339 to the microsecond, before 1970 too", () => {
  assertEquals(jsonText.timestamp(-1n, true), '"1969-12-31T23:59:59.999999Z"');
  assertEquals(jsonText.timestamp(1_700_000_000_000_000n, false), '"2023-11-14T22:13:20.000000"');
  assertEquals(jsonText.timestamp(2n ** 63n - 1n, true), String(2n ** 63n - 1n));
  assertEquals([jsonText.date(-1), jsonText.date(19_000)], ['"1969-12-31"', '"2022-01-08"']);
});

Deno.test("jsonText.float() is the shortest number that reads back as the same float", () => {
  assertEquals([jsonText.float(Math.fround(0.1)), jsonText.float(Math.fround(16777216))], ["0.1", "16777216"]);
  assertEquals([jsonText.float(NaN), jsonText.number(-Infinity), jsonText.number(-0)], ['"NaN"', '"-Infinity"', "-0"]);
  fc.assert(fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
    assertEquals(Math.fround(Number(jsonText.float(value))), value);
  }));
});

Deno.test("jsonText.ofColumn() puts JSON text into its parent as it is", () => {
  const column = createColumn(types.struct([types.jsonField("j"), types.field("s", types.utf8())])) as StructColumn;
  for (const child of column.children) appendPlain(child, '{"a":1}');
  column.close();
  assertEquals(jsonText.ofColumn(column.finish(), 0), '{"j":{"a":1},"s":"{\\"a\\":1}"}');
});

Deno.test("jsonText.ofColumn() refuses a value with more levels than DEPTH_MAX", () => {
  let type: DataType = types.boolean();
  for (let i = 0; i < jsonText.DEPTH_MAX + 1; i++) type = new List(new Field("element", type, true));
  const deep = createColumn(type);
  let value: unknown = true;
  for (let i = 0; i < jsonText.DEPTH_MAX + 1; i++) value = [value];
  appendPlain(deep, value as never);
  assertThrows(() => jsonText.ofColumn(deep.finish(), 0, null, "deep"), DataError, "100 levels");
});
