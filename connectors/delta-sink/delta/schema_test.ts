import { assert, assertEquals, assertThrows } from "@std/assert";
import { Schema } from "apache-arrow";
import { DataError, FatalError, types } from "../../../mod.ts";
import { compareSchemas } from "./compare_schemas.ts";
import {
  arrowToDelta,
  type DeltaField,
  type DeltaStruct,
  deltaToArrow,
  type DeltaType,
  parseDeltaSchema,
  usesTimestampNtz,
} from "./schema.ts";

const field = (name: string, type: DeltaType, nullable = true): DeltaField => ({ name, type, nullable, metadata: {} });
const struct = (...fields: DeltaField[]): DeltaStruct => ({ type: "struct", fields });
const array = (elementType: DeltaType): DeltaType => ({ type: "array", elementType, containsNull: true });
const map = (keyType: DeltaType, valueType: DeltaType): DeltaType => ({
  type: "map",
  keyType,
  valueType,
  valueContainsNull: true,
});

const ALL = struct(
  field("bool", "boolean"),
  field("i8", "byte"),
  field("i16", "short"),
  field("i32", "integer"),
  field("i64", "long"),
  field("f32", "float"),
  field("f64", "double"),
  field("dec", "decimal(38,10)"),
  field("text", "string"),
  field("bytes", "binary"),
  field("day", "date"),
  field("at", "timestamp"),
  field("local", "timestamp_ntz"),
  field("list", array(struct(field("x", array("long"))))),
  field("map", map("string", map("integer", "decimal(5,0)"))),
  field("struct", struct(field("y", struct(field("z", "string"))))),
);

Deno.test("arrowToDelta() gives back every type that deltaToArrow() made of a table", () => {
  assertEquals(arrowToDelta(deltaToArrow(ALL)), ALL);
  assertEquals(parseDeltaSchema(JSON.stringify(ALL)), ALL);
});

Deno.test("arrowToDelta() makes every field nullable", () => {
  const schema = new Schema([types.field("a", types.list(types.int64(), false), false)]);
  assertEquals(arrowToDelta(schema), struct(field("a", array("long"))));
});

Deno.test("deltaToArrow() keeps what the table forbids to be null", () => {
  const [a] =
    deltaToArrow(struct(field("a", { type: "array", elementType: "long", containsNull: false }, false))).fields;
  assert(!a.nullable && !a.type.children[0].nullable);
});

Deno.test("arrowToDelta() refuses names, duplicates by case and empty structs with their path", () => {
  const inner = (...fields: ReturnType<typeof types.field>[]) =>
    new Schema([types.field("o", types.list(types.struct(fields)))]);
  const refused = (schema: Schema) => assertThrows(() => arrowToDelta(schema), DataError).details;
  assertEquals(refused(inner(types.field("a b", types.int8()))), {
    reason: "invalid column name",
    fieldPath: "o[].a b",
  });
  assertEquals(refused(inner(types.field("a", types.int8()), types.field("A", types.int8()))), {
    reason: "duplicate column name",
    fieldPath: "o[].A",
  });
  assertEquals(refused(inner()), { reason: "empty struct", fieldPath: "o[]" });
});

Deno.test("deltaToArrow() refuses types that no column type has, with the path", () => {
  for (const type of ["variant", "void", "interval day to second", "decimal(39,0)", "constructor"]) {
    const schema = struct(field("o", array(struct(field("x", type)))));
    assertThrows(() => deltaToArrow(schema), FatalError, `"o[].x" has type ${type}`);
  }
});

Deno.test("parseDeltaSchema() reads decimals however they are spaced and keeps metadata", () => {
  const json = `{"type":"struct","fields":[{"name":"d","type":"decimal(10, 2)","nullable":false,"metadata":{"c":1}},
    {"name":"e","type":"decimal","nullable":true}]}`;
  assertEquals(parseDeltaSchema(json).fields, [
    { name: "d", type: "decimal(10,2)", nullable: false, metadata: { c: 1 } },
    field("e", "decimal(10,0)"),
  ]);
});

Deno.test("parseDeltaSchema() refuses what is no schema, with the path", () => {
  const refuse = (value: unknown, path: string) =>
    assertThrows(() => parseDeltaSchema(JSON.stringify(value)), FatalError, path);
  assertThrows(() => parseDeltaSchema("{"), FatalError, "not JSON");
  refuse("long", "its top");
  refuse({ type: "struct" }, "its top");
  refuse(struct(field("a", struct(field("b", { type: "set" } as never)))), `"a.b"`);
  refuse(struct(field("a", "long"), field("A", "long")), `"A"`);
  refuse(struct({ name: "a", type: "long" } as never), `"a"`);
});

Deno.test("compareSchemas() takes rows with fewer columns, in any order and case", () => {
  const rows = struct(field("STRUCT", struct(field("Y", struct(field("z", "string"))))), field("i64", "long"));
  assertEquals(compareSchemas(ALL, rows), { kind: "subset" });
  assertEquals(compareSchemas(ALL, struct()), { kind: "subset" });
});

Deno.test("compareSchemas() adds nullable columns at the end of their struct, nested ones too", () => {
  const table = struct(
    field("s", struct(field("a", "long", false)), false),
    field("l", array(struct(field("a", "long")))),
    field("m", map("string", struct(field("a", "long")))),
  );
  const rows = struct(
    field("new", struct(field("q", "long", false)), false),
    field("M", map("string", struct(field("d", "string"), field("A", "long")))),
    field("l", array(struct(field("c", "string")))),
    field("s", struct(field("a", "long"), field("b", "string", false))),
  );
  assertEquals(compareSchemas(table, rows), {
    kind: "adds",
    added: ["s.b", "l[].c", "m{}.d", "new"],
    merged: struct(
      field("s", struct(field("a", "long", false), field("b", "string")), false),
      field("l", array(struct(field("a", "long"), field("c", "string")))),
      field("m", map("string", struct(field("a", "long"), field("d", "string")))),
      field("new", struct(field("q", "long"))),
    ),
  });
});

Deno.test("compareSchemas() names every conflict: types, keys, missing columns that may not be null", () => {
  const table = struct(
    field("a", "integer"),
    field("m", map("string", "long")),
    field("s", struct(field("x", "long", false))),
    field("l", array("long")),
  );
  const rows = struct(
    field("a", "long"),
    field("m", map("integer", "long")),
    field("s", struct(field("y", "long"))),
    field("l", array(struct(field("e", "long")))),
  );
  assertEquals(compareSchemas(table, rows), {
    kind: "conflict",
    diff: [
      "a: the table has integer, the rows have long",
      "m: the table has map<string, long>, the rows have map<integer, long>",
      "s.x: the table has long NOT NULL, the rows lack it",
      "l[]: the table has long, the rows have struct<e: long>",
    ],
  });
});

Deno.test("usesTimestampNtz() looks into nested types", () => {
  assert(usesTimestampNtz(struct(field("a", map("string", array(struct(field("b", "timestamp_ntz"))))))));
  assert(!usesTimestampNtz(struct(field("a", map("string", array("timestamp"))))));
});
