import { assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { type Field, Schema } from "apache-arrow";
import { type DataError, SinkBatch, types } from "./api/mod.ts";
import type { FieldRules } from "./config/validation_rules.ts";
import { parseIsoMicros } from "./timestamp_text.ts";
import { createValidateStage } from "./validate.ts";
import { batchOf, type Plain, rowsOf } from "../tests/conformance/rows.ts";
import { slabOf } from "../tests/conformance/slab.ts";

type Row = { [name: string]: Plain };

function batchWith(schema: Schema, rows: readonly Row[], tombstones: Uint8Array | null = null): SinkBatch {
  const raw = slabOf(rows.map(() => ({})), { from: 50n });
  return new SinkBatch(
    batchOf(schema, rows),
    { raw, rows: Int32Array.from(rows.keys()) },
    raw.from,
    raw.to,
    tombstones,
  );
}

/** Validates rows of one field `f`; returns which rows were refused and why. */
function refused(type: Field["type"], rules: Omit<FieldRules, "field">, values: Plain[]): [number, string][] {
  const schema = new Schema([types.field("f", type)]);
  const rejects: [number, string][] = [];
  const batch = batchWith(schema, values.map((f) => ({ f })));
  const valid = createValidateStage([{ field: "f", ...rules }]).validate(
    batch,
    (row, error) => rejects.push([row, error.details.reason]),
  );
  const bad = new Set(rejects.map(([row]) => row));
  assertEquals(rowsOf(valid.data), rowsOf(batch.data).filter((_, row) => !bad.has(row)));
  assertEquals([valid.from, valid.to], [batch.from, batch.to]);
  return rejects;
}

const rowsRefused = (...args: Parameters<typeof refused>) => refused(...args).map(([row]) => row);

Deno.test("validate() compares integers and floats exactly; null passes, NaN does not", () => {
  assertEquals(rowsRefused(types.int32(), { min: "0", max: "10" }, [-1, 0, 10, 11, null]), [0, 3]);
  assertEquals(rowsRefused(types.float64(), { min: "0.5" }, [0.5, 0.4, NaN, Infinity, null]), [1, 2]);
  const big = 2n ** 53n;
  assertEquals(rowsRefused(types.int64(), { max: "9007199254740992" }, [big, big + 1n]), [1]);
  assertEquals(rowsRefused(types.int64(), { min: "-0.5", max: "1.5" }, [-1n, 0n, 1n, 2n]), [0, 3]);
});

Deno.test("validate() compares decimals of any scale like exact numbers", () => {
  const cents = fc.bigInt({ min: -100_000n, max: 100_000n });
  fc.assert(fc.property(cents, fc.array(cents), (bound, values) => {
    const text = `${bound < 0n ? "-" : ""}${
      `${bound < 0n ? -bound : bound}`.padStart(4, "0").replace(/(...)$/, ".$1")
    }`;
    // The bound has three digits after the point, the column two.
    const wanted = values.flatMap((value, i) => value * 10n < bound ? [i] : []);
    assertEquals(rowsRefused(types.decimal(30, 2), { min: text }, values), wanted);
  }));
  const wide = 10n ** 37n;
  assertEquals(rowsRefused(types.decimal(38, 0), { max: "1e37" }, [wide, wide + 1n, -wide]), [1]);
});

Deno.test("validate() compares dates and timestamps with ISO text", () => {
  const at = (text: string) => parseIsoMicros(text)!;
  assertEquals(
    rowsRefused(types.timestamp(), { min: "2024-01-01", max: "2024-12-31T23:59:59.999999Z" }, [
      at("2023-12-31T23:59:59.999999Z"),
      at("2024-01-01T00:00:00Z"),
      at("2025-01-01T00:00:00+01:00"),
      at("2025-01-01"),
    ]),
    [0, 3],
  );
  assertEquals(rowsRefused(types.date(), { min: "1970-01-02", max: "1970-01-03T12:00" }, [0, 1, 2, 3]), [0, 3]);
});

Deno.test("validate() counts code points of text, bytes of binaries, entries of lists", () => {
  assertEquals(rowsRefused(types.utf8(), { lengthMin: 2, lengthMax: 3 }, ["a", "äö", "😀😀😀", "abcd", null]), [0, 3]);
  assertEquals(rowsRefused(types.binary(), { lengthMax: 2 }, ["ffff", "ffffff"]), [1]);
  assertEquals(rowsRefused(types.list(types.int32()), { lengthMin: 1 }, [[], [null], null]), [0]);
});

Deno.test("validate() matches patterns and words", () => {
  assertEquals(rowsRefused(types.utf8(), { pattern: /^(?:\p{Lu}+)$/u }, ["ÄB", "Äb", ""]), [1, 2]);
  assertEquals(rowsRefused(types.utf8(), { oneOf: ["new", "paid"] }, ["new", "old", "paid"]), [1]);
  assertEquals(rowsRefused(types.int8(), { oneOf: ["1", "2"] }, [1, 3]), [1]);
  assertEquals(rowsRefused(types.boolean(), { oneOf: ["true"] }, [true, false]), [1]);
});

Deno.test("validate() refuses all values where a rule does not fit the type", () => {
  assertEquals(refused(types.utf8(), { min: "0" }, ["1", null]), [[0, "min does not fit the type"]]);
  assertEquals(refused(types.int32(), { pattern: /^1$/u }, [1]), [[0, "pattern does not fit the type"]]);
  assertEquals(refused(types.timestamp(), { min: "0" }, [1n]), [[0, "min does not fit the type"]]);
});

Deno.test("validate() requires a field, also within a struct that is null or a schema that lacks it", () => {
  const schema = new Schema([types.field("a", types.struct([types.field("b", types.int32())]))]);
  const reasons: [number, string, string][] = [];
  const reject = (row: number, error: DataError) =>
    void reasons.push([row, error.details.fieldPath!, error.details.reason]);
  createValidateStage([{ field: "a.b", required: true, min: "1" }])
    .validate(batchWith(schema, [{ a: { b: 1 } }, { a: { b: null } }, { a: null }, { a: { b: 0 } }]), reject);
  assertEquals(reasons, [
    [1, "a.b", "required field is null"],
    [2, "a.b", "required field is null"],
    [3, "a.b", "below min"],
  ]);
  reasons.length = 0;
  createValidateStage([{ field: "x", required: true }, { field: "y", min: "1" }])
    .validate(batchWith(schema, [{ a: null }]), reject);
  assertEquals(reasons, [[0, "x", "required field is missing"]]);
});

Deno.test("validate() finds a field whose name has dots", () => {
  const schema = new Schema([types.field("a.b", types.int32())]);
  const rows: number[] = [];
  createValidateStage([{ field: "a.b", min: "5" }]).validate(
    batchWith(schema, [{ "a.b": 1 }]),
    (row) => rows.push(row),
  );
  assertEquals(rows, [0]);
});

Deno.test("validate() refuses nulls where the schema allows none, at any depth, but not below a null", () => {
  const inner = types.struct([types.field("n", types.int32(), false)]);
  const schema = new Schema([
    types.field("id", types.int32(), false),
    types.field("s", inner),
    types.field("list", types.list(inner)),
    types.field("map", types.map(types.utf8(), types.int32(), false)),
  ]);
  const good = { id: 1, s: { n: 1 }, list: [{ n: 1 }], map: [["k", 1]] } as Row;
  const rejects: [number, string | undefined][] = [];
  const batch = batchWith(schema, [
    good,
    { ...good, id: null },
    { ...good, s: null, list: null, map: null },
    { ...good, s: { n: null } },
    { ...good, list: [{ n: 1 }, null, { n: null }] },
    { ...good, map: [["k", null]] },
  ]);
  const valid = createValidateStage([]).validate(batch, (row, error) => rejects.push([row, error.details.fieldPath]));
  assertEquals(rejects, [[1, "id"], [3, "s.n"], [4, "list[].n"], [5, "map.values"]]);
  assertEquals([...valid.origin.rows], [0, 2]);
});

Deno.test("validate() asks nothing of a tombstone", () => {
  const schema = new Schema([types.field("id", types.int32(), false)]);
  const batch = batchWith(schema, [{ id: null }, { id: 1 }], Uint8Array.of(1));
  const stage = createValidateStage([{ field: "id", required: true }]);
  assertStrictEquals(stage.validate(batch, () => assertEquals("rejected", "not")), batch);
});

Deno.test("validate() reports a row once, with its first failure, and shows long values cut", () => {
  const errors: DataError[] = [];
  const schema = new Schema([types.field("f", types.utf8()), types.field("g", types.int32())]);
  createValidateStage([{ field: "f", oneOf: ["x"] }, { field: "g", min: "1" }])
    .validate(batchWith(schema, [{ f: "y".repeat(5000), g: 0 }]), (_, error) => errors.push(error));
  assertEquals(errors.map(({ details }) => details.reason), ["not one of the allowed"]);
  assertEquals(errors[0].message.length < 250, true);
});

Deno.test("parseIsoMicros() reads days, times, fractions and zones, and nothing that does not exist", () => {
  assertEquals(parseIsoMicros("1970-01-01T00:00:00.000001Z"), 1n);
  assertEquals(parseIsoMicros("1969-12-31 23:59:59.9999999"), -1n);
  assertEquals(parseIsoMicros("1970-01-01T01:00+01:00"), 0n);
  for (const text of ["2024-02-30", "2024-13-01", "2024-01-01T24:00", "1", "", "2024-1-1"]) {
    assertEquals(parseIsoMicros(text), null, text);
  }
});
