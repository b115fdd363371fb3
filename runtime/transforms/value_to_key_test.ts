import { assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { Schema } from "apache-arrow";
import { SinkBatch, types } from "../api/mod.ts";
import { rowsOf } from "../../tests/conformance/rows.ts";
import { extractField } from "./extract_field.ts";
import { filter } from "./filter.ts";
import { setSchemaMetadata } from "./set_schema_metadata.ts";
import { anyTestBatch, reference, refuse, testBatch, transformed } from "./side_test_support.ts";
import { valueToKey } from "./value_to_key.ts";

const someFields = fc.subarray(["f0", "f1", "x"], { minLength: 1 });

Deno.test("ValueToKey makes keys of the value's fields, and leaves values as they are", () => {
  fc.assert(fc.property(anyTestBatch(1), someFields, (given, fields) => {
    const { out, rejects } = transformed(valueToKey, { fields }, given);
    const missing = fields.find((name) => !given.valueSchema.names.includes(name));
    const wanted = reference(given, "value", (row) => {
      if (row === null) refuse("tombstone");
      if (missing !== undefined) refuse("no such field", missing);
      return Object.fromEntries(fields.map((name) => [name, row[name]]));
    });
    assertEquals(rejects, wanted.rejects);
    if (out.numRows === 0) return;
    assertEquals(rowsOf(out.keys!), wanted.rows);
    assertEquals(rowsOf(out.data), given.records.map(({ value }) => value).filter((value) => value !== null));
    for (let row = 0; row < out.numRows; row++) assertEquals(out.hasKey(row), true);
  }));
});

Deno.test("ValueToKey and ExtractField$Key make the key a single value, where keys were bytes too", () => {
  const schema = new Schema([types.field("id", types.int64()), types.field("name", types.utf8())]);
  const { batch } = testBatch(schema, schema, [
    { key: null, value: { id: 1n, name: "a" } },
    { key: null, value: { id: null, name: "b" } },
  ]);
  const bytes = { batch: new SinkBatch(batch.data, batch.origin, batch.from, batch.to) };
  const keyed = transformed(valueToKey, { fields: ["id"] }, bytes);
  const { rows, schema: keys } = transformed(extractField, { field: "id" }, { batch: keyed.out }, "key");
  assertEquals([rows, keys.names], [[{ value: 1n }, null], ["value"]]);
});

Deno.test("Filter drops every record on purpose", () => {
  fc.assert(fc.property(anyTestBatch(1), (given) => {
    const { out, rejects } = transformed(filter, {}, given);
    assertEquals([out.numRows, rejects, out.from, out.to], [0, [], given.batch.from, given.batch.to]);
  }));
});

Deno.test("SetSchemaMetadata names the schema and its version, and leaves rows and other metadata alone", () => {
  fc.assert(
    fc.property(anyTestBatch(1), fc.option(fc.string({ minLength: 1 })), fc.option(fc.nat()), (given, name, n) => {
      if (name === null && n === null) return;
      const schema = new Schema(given.valueSchema.fields, new Map([["sluice.subject", "orders-value@3"]]));
      const { records } = given;
      const options = { "schema.name": name, "schema.version": n === null ? null : String(n) };
      const { rows, schema: after, out } = transformed(
        setSchemaMetadata,
        options,
        testBatch(given.keySchema, schema, records),
      );
      const { rows: wanted } = reference(given, "value", (row) => row);
      assertEquals(rows, wanted);
      assertEquals([after.metadata.get("sluice.schema.name"), after.metadata.get("sluice.schema.version")], [
        name ?? undefined,
        n === null ? undefined : String(n),
      ]);
      assertEquals(after.metadata.get("sluice.subject"), "orders-value@3");
      if (out.data.numRows > 0) assertStrictEquals(out.data.schema, after);
    }),
  );
});
