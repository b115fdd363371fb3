import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import * as arrow from "apache-arrow";
import fc from "fast-check";
import { createRequire } from "node:module";
import { SCHEMA_SUBJECT, SinkBatch, takeBatch, type Transform, types } from "../api/mod.ts";
import { anySchema, anyValue, batchOf, rowsOf } from "../../tests/conformance/rows.ts";
import { slabOf } from "../../tests/conformance/slab.ts";
import { guarded } from "./guard.ts";
import { ownBatch, ownSchema } from "./own_columns.ts";

/** Another copy of Arrow: its modules for `require`. */
const other: typeof arrow = createRequire(import.meta.url)("apache-arrow");

/** The batch by the other copy's classes, through Arrow's own format. */
function foreign(batch: arrow.RecordBatch): arrow.RecordBatch {
  return other.tableFromIPC(arrow.tableToIPC(new arrow.Table(batch))).batches[0];
}

const anyBatch = anySchema().chain((schema) =>
  fc.array(fc.record(Object.fromEntries(schema.fields.map((f) => [f.name, anyValue(f.type)]))), {
    minLength: 1,
    maxLength: 20,
  }).map((rows) => batchOf(schema, rows))
);

Deno.test("ownBatch() makes any columns of another copy of Arrow ours, value for value", () => {
  assert(other.Int32 !== arrow.Int32, "there is but one copy");
  fc.assert(
    fc.property(anyBatch, (batch) => {
      const given = foreign(batch);
      const own = ownBatch(given);
      assertEquals(rowsOf(own), rowsOf(batch));
      assertEquals(own.schema.toString(), batch.schema.toString());
      assertStrictEquals(own.schema, ownSchema(given.schema));
      // What follows in the pipeline asks for classes.
      const picked = takeBatch(own, Int32Array.from({ length: own.numRows }, (_, i) => own.numRows - 1 - i));
      assertEquals(rowsOf(picked), rowsOf(batch).reverse());
    }),
    { numRuns: 25 },
  );
});

Deno.test("ownBatch() leaves our own columns alone, and keeps metadata of others", () => {
  const field = new other.Field("a", new other.Int32() as never, true, new Map([["f", "1"]]));
  const schema = new other.Schema([field], new Map([[SCHEMA_SUBJECT, "s@1"]])) as unknown as arrow.Schema;
  const own = ownSchema(schema);
  assertEquals([own.metadata.get(SCHEMA_SUBJECT), own.fields[0].metadata.get("f")], ["s@1", "1"]);
  assertStrictEquals(own.constructor, arrow.Schema);
  const batch = batchOf(own, [{ a: 1 }]);
  assertStrictEquals(ownBatch(batch), batch);
});

Deno.test("a transform with copies of its own of Arrow and SinkBatch gives batches that the next step can use", () => {
  const schema = new arrow.Schema([types.field("id", types.int64())]);
  const raw = slabOf([{ value: "x" }, { value: "y" }]);
  const given = new SinkBatch(
    batchOf(schema, [{ id: 1n }, { id: 2n }]),
    { raw, rows: Int32Array.of(0, 1) },
    raw.from,
    raw.to,
  );
  class OtherBatch extends SinkBatch {}
  const plugin = {
    name: "it",
    options: {},
    create: () => ({
      apply: ({ data, origin, from, to }: SinkBatch) => new OtherBatch(foreign(data), origin, from, to),
    }),
  };
  const step = (guarded(plugin, "transform", "x") as unknown as { create(): Transform }).create();
  const out = step.apply(given, () => {});
  assertStrictEquals(out.constructor, SinkBatch);
  assertEquals(rowsOf(out.select(Int32Array.of(1)).data), [{ id: 2n }]);
});
