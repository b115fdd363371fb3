import { assertEquals } from "@std/assert";
import { Schema } from "apache-arrow";
import { type DataError, SinkBatch, slabOf, types } from "./api/mod.ts";
import { createColumnSetters } from "./cel_columns.ts";
import { batchOf, rowsOf } from "../tests/conformance/rows.ts";

const SCHEMA = new Schema([types.field("a", types.int32()), types.field("b", types.utf8())]);

function run(
  sets: readonly (readonly [string, string])[],
  rows: Parameters<typeof batchOf>[1],
  schema = SCHEMA,
) {
  const raw = slabOf(rows.map(() => ({ value: "" })));
  const batch = new SinkBatch(batchOf(schema, rows), { raw, rows: Int32Array.from(rows.keys()) }, 0n, raw.to);
  const rejected: [number, string][] = [];
  const reject = (of: SinkBatch, row: number, { details }: DataError) =>
    rejected.push([Number(of.offset(row)), details.reason]);
  const { data } = createColumnSetters(sets)(batch, reject);
  return { rows: rowsOf(data), types: data.schema.fields.map(({ type }) => String(type)), rejected };
}

Deno.test("createColumnSetters() sets fields that are there in their type, and adds others", () => {
  const { rows, types, rejected } = run(
    [["a", "int(value.b) * 2"], ["c", "value.a + 1"], ["d", "value.b == '1' ? 0.5 : 1.0"], ["b", "null"]],
    [{ a: null, b: "1" }, { a: 7, b: "2" }],
  );
  assertEquals(types, ["Int32", "Utf8", "Int64", "Float64"]);
  assertEquals(rows, [{ a: 2, b: null, c: 3n, d: 0.5 }, { a: 4, b: null, c: 5n, d: 1 }]);
  assertEquals(rejected, []);
});

Deno.test("createColumnSetters() rejects rows whose value cannot be had, or does not fit, and goes on with the others", () => {
  const { rows, rejected } = run(
    [["a", "int(value.b)"], ["e", "1 / value.a"]],
    [{ a: 1, b: "x" }, { a: 1, b: "3000000000" }, { a: 1, b: "0" }, { a: 1, b: "1" }],
  );
  assertEquals(rows, [{ a: 1, b: "1", e: 1n }]);
  assertEquals(rejected, [
    [0, "expression cannot be evaluated"],
    [1, "expression does not fit the field"],
    [2, "expression cannot be evaluated"],
  ]);
});

Deno.test("createColumnSetters() sets fields of structs, and decimals", () => {
  const schema = new Schema([
    types.field("price", types.decimal(5, 2)),
    types.field("who", types.struct([types.field("name", types.utf8(), false), types.field("age", types.int32())])),
  ]);
  const { rows, types: all, rejected } = run(
    [["price", "value.price * 2.0"], ["who.age", "value.who.age + 1"], ["who.is", "true"]],
    [{ price: 125n, who: { name: "a", age: 1 } }, { price: 90000n, who: { name: "a", age: 1 } }],
    schema,
  );
  assertEquals(all, ["Decimal[5e+2]", "Struct<{name:Utf8, age:Int32, is:Bool}>"]);
  assertEquals(rows, [{ price: 250n, who: { name: "a", age: 2, is: true } }]);
  assertEquals(rejected, [[1, "expression does not fit the field"]]);
  const none = run([["who.name.x", "1"]], [{ price: null, who: null }], schema);
  assertEquals([none.rows, none.rejected], [[], [[0, "path does not lead into a struct"]]]);
});
