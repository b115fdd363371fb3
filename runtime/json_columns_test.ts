import { assertEquals, assertStrictEquals } from "@std/assert";
import { type Field, Schema, Type } from "apache-arrow";
import fc from "fast-check";
import { jsonText, types } from "./api/mod.ts";
import { createJsonColumns } from "./json_columns.ts";
import { anySchema, anyValue, batchOf, type Plain, rowsOf } from "../tests/conformance/rows.ts";

/** Every path of a schema, as `columns.json` writes it. */
function pathsOf(fields: readonly Field[], path = ""): string[] {
  return fields.flatMap(({ name, type }) => {
    const at = path === "" ? name : `${path}.${name}`;
    const children = (type.children ?? []) as Field[];
    switch (type.typeId) {
      case Type.Struct:
        return [at, ...pathsOf(children, at)];
      case Type.List:
        return [at, ...within(children[0], `${at}[]`)];
      case Type.Map:
        return [at, ...within((children[0].type.children as Field[])[1], `${at}{}`)];
      default:
        return [at];
    }
  });
}

function within({ type }: Field, path: string): string[] {
  return pathsOf([types.field("x", type)]).map((below) => path + below.slice(1));
}

Deno.test("createJsonColumns() turns the column at any path to text, and only that one", () => {
  const cases = anySchema(2).chain((schema) => {
    const row = fc.record(Object.fromEntries(schema.fields.map((f) => [f.name, anyValue(f.type)])));
    return fc.tuple(fc.constant(schema), fc.array(row, { maxLength: 5 }), fc.constantFrom(...pathsOf(schema.fields)));
  });
  fc.assert(fc.property(cases, ([schema, rows, path]) => {
    const batch = batchOf(schema, rows);
    const texts = createJsonColumns(new Set([path]))(batch);
    const parts = path.match(/[^.[\]{}]+|\[\]|\{\}/g)!;
    const wanted = rowsOf(batch).map((row) => replaced(row, schema.fields, parts));
    assertEquals(rowsOf(texts), wanted);
  }));
});

/** The row with text at the path; the text is that of a column of this one value. */
function replaced(value: Plain, fields: readonly Field[], [name, ...rest]: readonly string[]): Plain {
  const row = { ...value as { [name: string]: Plain } };
  const { type } = fields.find((field) => field.name === name)!;
  row[name] = inner(row[name], type, rest);
  return row;
}

function inner(value: Plain, type: Field["type"], rest: readonly string[]): Plain {
  if (value === null) return null;
  if (rest.length === 0) {
    const { data } = batchOf(new Schema([types.field("x", type)]), [{ x: value }]);
    return jsonText.ofColumn(data.children[0], 0);
  }
  const children = type.children as Field[];
  if (rest[0] === "[]") return (value as Plain[]).map((item) => inner(item, children[0].type, rest.slice(1)));
  if (rest[0] === "{}") {
    const { type: of } = (children[0].type.children as Field[])[1];
    return (value as [Plain, Plain][]).map(([key, item]) => [key, inner(item, of, rest.slice(1))]);
  }
  return replaced(value, children, rest);
}

Deno.test("createJsonColumns() leaves JSON text alone, and gives one schema the very same one", () => {
  const schema = new Schema([types.jsonField("j"), types.field("s", types.utf8())]);
  const batch = () => batchOf(schema, [{ j: "[1]", s: "x" }]);
  assertStrictEquals(createJsonColumns(new Set(["j", "nobody"]))(batch()).schema, schema);
  const both = createJsonColumns(new Set(["j", "s"]));
  assertEquals(rowsOf(both(batch())), [{ j: "[1]", s: '"x"' }]);
  assertStrictEquals(both(batch()).schema, both(batch()).schema);
});
