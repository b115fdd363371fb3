import { assert, assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type DataType, Field, Schema, Type } from "apache-arrow";
import fc from "fast-check";
import { DataError, FIELD_UNDECLARED, type RawRecords, SCHEMA_SUBJECT, SinkBatch, types } from "../../mod.ts";
import { childFields } from "./parquet/arrow_data.ts";
import { nestedValues } from "./parquet/nested_values.ts";
import { anyRows, anySchema, batchOf } from "./parquet/test_support.ts";
import { createProjector } from "./project.ts";

const { field } = types;

function sinkBatch(schema: Schema, rows: readonly (readonly unknown[])[]): SinkBatch {
  const origin = { raw: {} as RawRecords, rows: Int32Array.from(rows, (_, i) => i) };
  return new SinkBatch(batchOf(schema, rows), origin, 0n, BigInt(rows.length));
}

/** Plain values of a batch: strings decoded, objects without order. */
function valuesOf({ data }: SinkBatch): unknown[][] {
  const columns = data.data.children.map(nestedValues);
  return Array.from({ length: data.numRows }, (_, row) => columns.map((column) => plain(column[row])));
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return new TextDecoder("utf-8", { ignoreBOM: true }).decode(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

function run(table: Schema | null, batchSchema: Schema, rows: unknown[][], evolution: "none" | "add" = "none") {
  const projector = createProjector(table, batchSchema, evolution);
  const rejects: [number, DataError][] = [];
  const out = projector.project(sinkBatch(batchSchema, rows), (_, row, error) => rejects.push([row, error]));
  return { projector, rows: valuesOf(out), rejects, reasons: rejects.map(([row, e]) => [row, e.details.reason]) };
}

Deno.test("createProjector() hands on batches that fit as they are", () => {
  const schema = new Schema([field("a", types.int64()), field("l", types.list(types.utf8()))]);
  const other = new Schema([field("a", types.int64()), field("l", types.list(types.utf8()))]);
  const batch = sinkBatch(other, [[1n, ["x"]], [null, null]]);
  for (const evolution of ["none", "add"] as const) {
    const projector = createProjector(schema, other, evolution);
    assertStrictEquals(projector.schema, schema);
    assertStrictEquals(projector.project(batch, () => {}), batch);
  }
});

Deno.test("createProjector() orders, fills and widens, whatever the case of names", () => {
  const table = new Schema([
    field("a", types.int64()),
    field("gone", types.list(types.utf8())),
    field("d", types.decimal(20, 4)),
    field("f", types.float64()),
    field("s", types.struct([field("x", types.int32()), field("y", types.float64())])),
    field("e", types.decimal(12, 2)),
  ]);
  const batch = new Schema([
    field("S", types.struct([field("Y", types.int32()), field("X", types.int8())])),
    field("F", types.float32()),
    field("D", types.decimal(10, 2)),
    field("A", types.int32()),
    field("e", types.int32()),
  ]);
  const { rows, projector } = run(table, batch, [
    [{ Y: 7, X: -1 }, 1.5, -123n, -5, 9],
    [null, null, null, null, null],
  ]);
  assertStrictEquals(projector.schema, table);
  assertEquals(rows, [[-5n, null, -12300n, 1.5, { x: -1, y: 7 }, 900n], [null, null, null, null, null, null]]);
});

Deno.test("createProjector() none: rejects records with values that the table lacks, nested ones too", () => {
  const inner = (...more: ReturnType<typeof field>[]) => types.struct([field("x", types.int32()), ...more]);
  const table = new Schema([
    field("a", types.int32()),
    field("l", types.list(inner())),
    field("m", types.map(types.utf8(), inner())),
  ]);
  const wide = inner(field("y", types.utf8()));
  const batch = new Schema([
    field("a", types.int32()),
    field("l", types.list(wide)),
    field("m", types.map(types.utf8(), wide)),
    field("n", types.utf8()),
  ]);
  const { rows, rejects, reasons } = run(table, batch, [
    [1, [{ x: 1, y: null }], [["k", { x: 2, y: null }]], null],
    [2, null, null, "new"],
    [3, [null, { x: 1, y: "v" }], null, null],
    [4, [], [["k", { x: 1, y: "v" }]], null],
    [5, null, null, null],
  ]);
  assertEquals(rows, [[1, [{ x: 1 }], [{ key: "k", value: { x: 2 } }]], [5, null, null]]);
  assertEquals(reasons, [1, 2, 3].map((row) => [row, "schema change needed"]));
  assertEquals(rejects.map(([, error]) => error.details.fieldPath), ["n", "l[].y", "m{}.y"]);
  assertStringIncludes(rejects[0][1].message, "+ l[].y: string, + m{}.y: string, + n: string");
  assertStringIncludes(rejects[0][1].message, "deno task table schema apply");
});

Deno.test("createProjector() none: the message has the command to run, with the table's URI and the subject where known", () => {
  const table = new Schema([field("a", types.int32())]);
  const sources = [["orders-value@3", "orders-value@3"], ["orders-value", "orders-value@latest"], [
    null,
    "SUBJECT@VERSION",
  ]];
  for (const [given, shown] of sources) {
    const metadata = new Map(given === null ? [] : [[SCHEMA_SUBJECT, given]]);
    const wide = new Schema([field("a", types.int32()), field("b", types.utf8())], metadata);
    const messages: string[] = [];
    createProjector(table, wide, "none", "s3://lake/orders").project(
      sinkBatch(wide, [[1, "x"]]),
      (_, _row, error) => messages.push(error.message),
    );
    assertEquals(messages.length, 1);
    assertStringIncludes(messages[0], `"deno task table schema apply s3://lake/orders --subject ${shown}"`);
  }
});

Deno.test("createProjector() add: appends nullable columns, nested ones too", () => {
  const table = new Schema([field("s", types.struct([field("x", types.int32())])), field("a", types.int32(), false)]);
  const batch = new Schema([
    field("new", types.list(types.int8(), false), false),
    field("A", types.int32()),
    field("s", types.struct([field("y", types.utf8(), false), field("x", types.int32())])),
  ]);
  const { rows, projector, reasons } = run(
    table,
    batch,
    [[[1], 1, { y: "v", x: 2 }], [[2], null, { y: "w", x: null }]],
    "add",
  );
  assertEquals(projector.added, ["s.y", "new"]);
  assertEquals(projector.schema.fields.map(({ name, nullable }) => [name, nullable]), [["s", true], ["a", false], [
    "new",
    true,
  ]]);
  assert(childFields(projector.schema.fields[2].type)[0].nullable);
  assertEquals(rows, [[{ x: 2, y: "v" }, 1, [1]]]);
  assertEquals(reasons, [[1, "null in a NOT NULL column"]]);
});

Deno.test("createProjector() rejects values of other types with path and both types, and lets nulls pass", () => {
  const table = new Schema([field("a", types.int32()), field("l", types.list(types.float32()))]);
  const batch = new Schema([field("a", types.int64()), field("l", types.list(types.utf8()))]);
  const { rows, rejects, reasons } = run(
    table,
    batch,
    [[1n, null], [null, ["x"]], [null, [null]], [null, null]],
    "add",
  );
  assertEquals(rows, [[null, [null]], [null, null]]);
  assertEquals(reasons, [[0, "type mismatch"], [1, "type mismatch"]]);
  assertStringIncludes(rejects[1][1].message, `"l[]" is of type string, the table's is float`);
});

Deno.test("createProjector() rejects nulls where the table forbids them, but not within a struct that is null", () => {
  const table = new Schema([
    field("s", types.struct([field("x", types.int32(), false), field("z", types.int32())])),
    field("l", types.list(types.int32(), false)),
  ]);
  const batch = new Schema([
    field("s", types.struct([field("x", types.int32())])),
    field("l", types.list(types.int32())),
  ]);
  const { rows, rejects } = run(table, batch, [[null, [1]], [{ x: null }, null], [{ x: 1 }, [2, null]], [
    { x: 2 },
    [],
  ]]);
  assertEquals(rows, [[null, [1]], [{ x: 2, z: null }, []]]);
  assertEquals(rejects.map(([row, { details }]) => [row, details.fieldPath]), [[1, "s.x"], [2, "l[]"]]);
  const lacking = run(table, new Schema([field("s", types.struct([field("z", types.int32())]))]), [[{ z: 1 }], [null]]);
  assertEquals(lacking.rejects.map(([row, { details }]) => [row, details.fieldPath]), [[0, "s.x"]]);
});

Deno.test("createProjector() makes a new table of nullable columns, and refuses names that it cannot have", () => {
  const batch = new Schema([field("a", types.struct([field("x", types.int8(), false)]), false)]);
  const { projector, rows } = run(null, batch, [[{ x: 1 }]]);
  const [a] = projector.schema.fields;
  assert(a.nullable && childFields(a.type)[0].nullable);
  assertEquals([rows, projector.added], [[[{ x: 1 }]], []]);
  assertThrows(() => createProjector(null, new Schema([field("a b", types.int8())]), "none"), DataError);
  assertThrows(() => createProjector(null, new Schema([]), "none"), DataError);
  // With a table that gets no columns, the odd name is a reject only where it has a value.
  const odd = run(new Schema([field("a", types.int8())]), new Schema([field("a b", types.int8())]), [[1], [null]]);
  assertEquals([odd.rows, odd.reasons], [[[null]], [[0, "schema change needed"]]]);
});

Deno.test("createProjector() agrees with a projection row by row, on any columns", () => {
  const input = fc.tuple(anySchema(2), anySchema(2)).chain(([table, batch]) =>
    fc.tuple(fc.constant(table), fc.constant(batch), anyRows(batch), fc.constantFrom<("none" | "add")[]>("none", "add"))
  );
  fc.assert(
    fc.property(input, ([table, batch, rows, evolution]) => {
      let projector;
      try {
        projector = createProjector(table, batch, evolution);
      } catch (error) {
        assert(error instanceof DataError);
        return;
      }
      const rejected = new Set<number>();
      const source = sinkBatch(batch, rows);
      const actual = valuesOf(projector.project(source, (_, row) => rejected.add(row)));
      const plainRows = valuesOf(source);
      const type = (schema: Schema) => types.struct(schema.fields);
      const names = batch.fields.map(({ name }) => name);
      const wanted = projector.schema.fields.map(({ name }) => name);
      const expected = plainRows.map((row) =>
        reference(Object.fromEntries(row.map((v, c) => [names[c], v])), type(batch), type(projector.schema), evolution)
      );
      assertEquals([...rejected], expected.flatMap((row, i) => row === BAD ? [i] : []));
      const kept = expected.filter((row) => row !== BAD) as Record<string, unknown>[];
      assertEquals(actual, kept.map((row) => wanted.map((name) => row[name])));
    }),
    { numRuns: 300 },
  );
});

const BAD = Symbol("does not fit");

/** One value fitted to a type; BAD where it cannot. Without widening, save the kinds that plain values do not show. */
function reference(value: unknown, from: DataType, to: DataType, evolution: "none" | "add"): unknown {
  if (value === null) return null;
  const [inner, outer] = [childFields(from), childFields(to)];
  if (from.typeId === Type.Struct && to.typeId === Type.Struct) {
    const row = value as Record<string, unknown>;
    const out: Record<string, unknown> = {};
    for (const { name, type } of inner) {
      const target = outer.find((field) => field.name.toLowerCase() === name.toLowerCase());
      const fitted = target ? reference(row[name], type, target.type, evolution) : row[name] === null ? null : BAD;
      if (fitted === BAD) return BAD;
      if (target) Object.defineProperty(out, target.name, { value: fitted, enumerable: true });
    }
    for (const { name } of outer) {
      if (!Object.hasOwn(out, name)) Object.defineProperty(out, name, { value: null, enumerable: true });
    }
    return Object.fromEntries(outer.map(({ name }) => [name, Object.getOwnPropertyDescriptor(out, name)!.value]));
  }
  if (from.typeId === Type.List && to.typeId === Type.List) {
    const all = (value as unknown[]).map((element) => reference(element, inner[0].type, outer[0].type, evolution));
    return all.includes(BAD) ? BAD : all;
  }
  if (from.typeId === Type.Map && to.typeId === Type.Map) {
    const all = (value as unknown[]).map((entry) => reference(entry, inner[0].type, outer[0].type, evolution));
    return all.includes(BAD) ? BAD : all;
  }
  if (String(from) === String(to)) return value;
  const bits = (type: DataType) => type.typeId === Type.Int ? (type as unknown as { bitWidth: number }).bitWidth : 0;
  const isDouble = to.typeId === Type.Float && to.ArrayType === Float64Array;
  if (bits(from) > 0 && bits(to) > bits(from)) return bits(to) === 64 ? BigInt(value as number) : value;
  if (isDouble && (from.typeId === Type.Float || (bits(from) > 0 && bits(from) <= 32))) return value;
  if (to.typeId === Type.Decimal) {
    const { precision, scale } = to as unknown as { precision: number; scale: number };
    const source = from.typeId === Type.Decimal
      ? from as unknown as { precision: number; scale: number }
      : { precision: ({ 8: 3, 16: 5, 32: 10, 64: 19 } as Record<number, number>)[bits(from)] ?? 99, scale: 0 };
    if (precision - scale >= source.precision - source.scale && scale >= source.scale) {
      return BigInt(value as number) * 10n ** BigInt(scale - source.scale);
    }
  }
  return BAD;
}

Deno.test("createProjector() makes a table of declared fields alone under none, of all under add, nested ones too", () => {
  const undeclared = new Map([[FIELD_UNDECLARED, "true"]]);
  const extra = (name: string) => new Field(name, types.int32(), true, undeclared);
  const inner = types.struct([field("x", types.int32()), extra("y")]);
  const schema = new Schema([field("a", types.int32(), false), field("s", inner), extra("b")]);
  const rows = [[1, { x: 1, y: null }, null], [2, { x: 2, y: 3 }, null], [3, { x: 3, y: null }, 4]];

  const none = run(null, schema, rows);
  assertEquals(none.projector.schema.fields.map(String), ["a: Int32", "s: Struct<{x:Int32}>"]);
  assertEquals(none.rows, [[1, { x: 1 }]]);
  assertEquals(none.reasons, [[1, "schema change needed"], [2, "schema change needed"]]);
  assert(none.projector.schema.fields[0].nullable, "a created table never forbids nulls");

  const add = run(null, schema, rows, "add");
  assertEquals(add.projector.schema.fields.map(({ name }) => name), ["a", "s", "b"]);
  assertEquals(add.rows.length, 3);
});

Deno.test("createProjector() refuses fields that differ by case at most, of which one would hide the other", () => {
  const twice = [field("a", types.int32()), field("A", types.int32())];
  const nested = new Schema([field("s", types.struct(twice))]);
  for (const evolution of ["none", "add"] as const) {
    for (const table of [null, new Schema([field("a", types.int32())])]) {
      const error = assertThrows(() => createProjector(table, new Schema(twice), evolution), DataError);
      assertEquals(error.details, { reason: "duplicate column name", fieldPath: "A" });
    }
    const table = new Schema([field("s", types.struct([field("a", types.int32())]))]);
    const error = assertThrows(() => createProjector(table, nested, evolution), DataError);
    assertEquals(error.details.fieldPath, "s.A");
  }
});

Deno.test("createProjector() rejects only the rows with a value in an undeclared column that no table can have", () => {
  const undeclared = (name: string) => new Field(name, types.int32(), true, new Map([[FIELD_UNDECLARED, "true"]]));
  const inner = types.struct([field("b", types.int32()), undeclared("x=y")]);
  const batch = new Schema([field("a", types.int32()), field("s", inner), undeclared("p q"), undeclared("new")]);
  const rows = [[1, { b: 1, "x=y": null }, null, null], [2, null, 7, null], [3, { b: 3, "x=y": 9 }, null, 5], [
    4,
    null,
    null,
    6,
  ]];
  const table = new Schema([field("a", types.int32()), field("s", types.struct([field("b", types.int32())]))]);
  const { projector, rows: kept, reasons } = run(table, batch, rows, "add");
  assertEquals(projector.schema.names, ["a", "s", "new"]);
  assertEquals(kept, [[1, { b: 1 }, null], [4, null, 6]]);
  assertEquals(reasons, [[1, "invalid column name"], [2, "invalid column name"]]);
  const flat = new Schema([field("a", types.int32()), undeclared("p q")]);
  const created = run(null, flat, [[1, null], [2, 7]], "add");
  assertEquals(created.projector.schema.names, ["a"]);
  assertEquals([created.rows, created.reasons], [[[1]], [[1, "invalid column name"]]]);
});
