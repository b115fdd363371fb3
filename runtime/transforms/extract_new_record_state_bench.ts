/**
 * Prints how many change events a second ExtractNewRecordState unwraps: `deno run -A <this file>`.
 *
 * @module
 */
import { Schema } from "apache-arrow";
import { SinkBatch, types } from "../api/mod.ts";
import { createTransformStage } from "../transform.ts";
import { extractNewRecordState } from "./extract_new_record_state.ts";
import { batchOf } from "../../tests/conformance/rows.ts";
import { slabOf } from "../../tests/conformance/slab.ts";

const ROWS = 20_000;
const ROUNDS = 30;
const ROW = [
  types.field("id", types.int64()),
  types.field("name", types.utf8()),
  types.field("price", types.float64()),
];
const SCHEMA = new Schema([
  types.field("before", types.struct(ROW)),
  types.field("after", types.struct(ROW)),
  types.field("source", types.struct([types.field("table", types.utf8())])),
  types.field("op", types.utf8()),
]);

const raw = slabOf(Array.from({ length: ROWS }, () => ({})), { from: 0n });
const batchWith = (deletes: boolean) => {
  const rows = Array.from({ length: ROWS }, (_, i) => {
    const row = { id: BigInt(i), name: `name ${i}`, price: i / 7 };
    const isDelete = deletes && i % 10 === 0;
    const source = { table: "t" };
    return isDelete ? { before: row, after: null, source, op: "d" } : { before: null, after: row, source, op: "c" };
  });
  return new SinkBatch(batchOf(SCHEMA, rows), { raw, rows: Int32Array.from(rows.keys()) }, raw.from, raw.to);
};

const defaults = Object.fromEntries(
  Object.entries(extractNewRecordState.options).map(([key, { default: value }]) => [key, value]),
);
for (const mode of ["tombstone", "rewrite"]) {
  for (const deletes of [false, true]) {
    const config = { ...defaults, "delete.tombstone.handling.mode": mode, "add.fields": ["op", "table"] };
    const plugin = extractNewRecordState;
    const stage = createTransformStage([{ alias: "t", plugin, config, side: "value", predicate: null, negate: false }]);
    const batch = batchWith(deletes);
    let best = Infinity;
    for (let round = 0; round < ROUNDS; round++) {
      const started = performance.now();
      stage.transform(batch, () => {});
      best = Math.min(best, performance.now() - started);
    }
    const perSecond = Math.round(ROWS / best * 1000);
    console.log(`ExtractNewRecordState ${mode}${deletes ? ", every tenth a delete" : ""}: ${perSecond} records/s`);
  }
}
