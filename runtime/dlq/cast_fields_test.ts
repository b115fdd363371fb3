import { assertEquals, assertStringIncludes } from "@std/assert";
import { Schema } from "apache-arrow";
import { type DataError, SinkBatch, slabOf, types } from "../api/mod.ts";
import { batchOf, rowsOf } from "../../tests/conformance/rows.ts";
import { castProblem, createFieldChanges } from "./cast_fields.ts";

function run(casts: readonly string[], drops: readonly string[], schema: Schema, rows: Parameters<typeof batchOf>[1]) {
  const raw = slabOf(rows.map(() => ({ value: "" })));
  const batch = new SinkBatch(batchOf(schema, rows), { raw, rows: Int32Array.from(rows.keys()) }, 0n, raw.to);
  const rejected: [number, string][] = [];
  const reject = (of: SinkBatch, row: number, { details }: DataError) =>
    rejected.push([Number(of.offset(row)), details.reason]);
  const [{ data }] = createFieldChanges(casts, drops)(batch, reject);
  return { rows: rowsOf(data), types: data.schema.fields.map(({ type }) => String(type)), rejected };
}

Deno.test("createFieldChanges() casts and drops fields of structs, and casts to decimals", () => {
  const inner = types.struct([types.field("x", types.utf8()), types.field("y", types.float64())]);
  const schema = new Schema([
    types.field("a", inner),
    types.field("n", types.decimal(9, 3)),
    types.field("only", inner),
  ]);
  const { rows, types: all, rejected } = run(
    ["a.x:decimal(4,1)", "n:Decimal(3, 0)", "gone:int8"],
    ["a.y", "only.x", "only.y", "gone"],
    schema,
    [
      { a: { x: "12.25", y: 1 }, n: 1500n, only: { x: "", y: 1 } },
      { a: null, n: null, only: null },
      { a: { x: "many", y: 1 }, n: 1000n, only: null },
      { a: { x: null, y: 2 }, n: -999500n, only: null },
    ],
  );
  assertEquals(all, ["Struct<{x:Decimal[4e+1]}>", "Decimal[3e0]"]);
  assertEquals(rows, [{ a: { x: 123n }, n: 2n }, { a: null, n: null }]);
  assertEquals(rejected, [[2, "value does not fit the type"], [3, "value does not fit the type"]]);
});

Deno.test("createFieldChanges() refuses rows whose path leads into a list, and casts that no value survives", () => {
  const schema = new Schema([types.field("l", types.list(types.struct([types.field("x", types.utf8())])))]);
  for (const [casts, drops] of [[["l.x:int8"], []], [[], ["l.x"]], [["l:decimal(3,1)"], []]]) {
    const { rows, rejected } = run(casts, drops, schema, [{ l: [{ x: "1" }] }]);
    assertEquals([rows.length, rejected.length], [0, 1]);
  }
});

Deno.test("castProblem() names the types that there are", () => {
  assertEquals(["a:int8", "a.b:decimal(38,38)", "a:b:STRING"].map(castProblem), [null, null, null]);
  for (const text of ["a", ":int8", "a:decimal(39,1)", "a:decimal(3,4)", "a:decimal"]) {
    assertStringIncludes(castProblem(text)!, /^:|^a$/.test(text) ? "FIELD:TYPE" : "decimal(P,S)");
  }
  assertStringIncludes(castProblem("a:int46")!, "int64");
});
