import { assertEquals } from "@std/assert";
import { Schema } from "apache-arrow";
import { FIELD_UNDECLARED, types } from "../../mod.ts";
import { contextOf } from "../testing.ts";
import { jsonConverter } from "./mod.ts";
import { decode } from "./test_support.ts";

await jsonConverter.load!();

const { field } = types;
const CONFIG = { "value.schema": null, "key.schema": null, "json.timestamp.nanos": "reject" } as const;

Deno.test("json holds what is at the paths of columns.json as the record's own text", async () => {
  // What a table has by then: text where nobody else asked for it.
  const lines = types.list(types.struct([field("price", types.float64()), field("tags", types.list(types.utf8()))]));
  const target = new Schema([
    field("id", types.int64()),
    field("meta", types.utf8()),
    field("lines", lines),
    field("by", types.map(types.utf8(), types.int64())),
  ]);
  const paths = ["meta", "lines[].tags", "by{}", "new", "more.deep"];
  const { rows, rejects, run } = await decode(jsonConverter.create(CONFIG, contextOf(() => target, paths)), [
    '{"id":1,"meta":{"a": [1, null]},"lines":[{"price":1.5,"tags":["x"]},{"tags":null}],"by":{"k":{"z":1}}}',
    '{"id":2,"meta":"text","new":[1,"b"],"more":{"deep":true,"n":1}}',
    '{"id":3,"meta":null,"new":{"c":2},"more":{"deep":{}}}',
    '{"id":4,"meta":{bad}}',
  ]);
  assertEquals(rows, [
    {
      id: 1n,
      meta: '{"a": [1, null]}',
      lines: [{ price: 1.5, tags: '["x"]' }, { price: null, tags: null }],
      by: { k: '{"z":1}' },
      new: null,
      more: null,
    },
    { id: 2n, meta: '"text"', lines: null, by: null, new: '[1,"b"]', more: { deep: "true", n: 1n } },
    { id: 3n, meta: null, lines: null, by: null, new: '{"c":2}', more: { deep: "{}", n: null } },
  ]);
  assertEquals([...rejects.keys()], [3]);
  const { fields } = run!.data.schema;
  assertEquals(fields.filter(types.isJson).map(({ name }) => name), ["meta", "new"]);
  assertEquals(fields.filter(({ metadata }) => metadata.has(FIELD_UNDECLARED)).map(({ name }) => name), [
    "new",
    "more",
  ]);
});
