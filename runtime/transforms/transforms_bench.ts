/**
 * Rows per second of the transforms that work on every row: `deno bench -A runtime/transforms/transforms_bench.ts`.
 *
 * @module
 */
import { Schema } from "apache-arrow";
import { type SinkBatch, types } from "../api/mod.ts";
import { cast } from "./cast.ts";
import { maskField } from "./mask_field.ts";
import { replaceField } from "./replace_field.ts";
import { testBatch } from "./side_test_support.ts";

const ROWS = 10_000;
const schema = new Schema([
  types.field("id", types.int64()),
  types.field("count", types.int32()),
  types.field("price", types.float64()),
  types.field("name", types.utf8()),
  types.field("digits", types.utf8()),
]);
const rows = Array.from({ length: ROWS }, (_, i) => ({
  id: BigInt(i),
  count: i % 10 === 0 ? null : i,
  price: i / 4,
  name: `customer ${i}`,
  digits: String(i * 7919),
}));
const { batch } = testBatch(new Schema([]), schema, rows.map((value) => ({ key: null, value })));
const NULLS = { "replace.null.with.default": true };
const LISTS = { include: [], exclude: [], renames: [], whitelist: [], blacklist: [], ...NULLS };

const castTo = (...spec: string[]) => cast.create({ spec, ...NULLS }, "value");
const steps = {
  "Cast: long to int, int to long, double to int": castTo("id:int32", "count:int64", "price:int32"),
  "Cast: text to long": castTo("digits:int64"),
  "Cast: long and double to text": castTo("id:string", "price:string"),
  "ReplaceField: one dropped, one renamed": replaceField.create(
    { ...LISTS, exclude: ["name"], renames: ["id:key"] },
    "value",
  ),
  "MaskField: long and text": maskField.create({ fields: ["id", "name"], replacement: "0", ...NULLS }, "value"),
};

const refuse = () => {
  throw new Error("nothing is refused here");
};
for (const [name, step] of Object.entries(steps)) {
  let out: SinkBatch = batch;
  Deno.bench(`${name} (${ROWS} rows)`, () => {
    out = step.apply(batch, refuse);
  });
  if (out.numRows !== ROWS) throw new Error(`${name} lost rows`);
}
