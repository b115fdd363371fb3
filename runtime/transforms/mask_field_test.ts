import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Field, Schema, Type } from "apache-arrow";
import { types } from "../api/mod.ts";
import type { Plain } from "../../tests/conformance/rows.ts";
import { maskField } from "./mask_field.ts";
import { anySide, anyTestBatch, reference, refuse, testBatch, transformed } from "./side_test_support.ts";

const BAD = "cannot mask the type";

/** Connect's null value of a type; bytes are masked as well. */
function masked(value: Plain, { type, name }: Field, replacement: string | null): Plain {
  if (value === null) return null;
  const whole = replacement !== null && /^-?\d+$/.test(replacement) ? BigInt(replacement) : null;
  switch (type.typeId) {
    case Type.Utf8:
      return replacement ?? "";
    case Type.Int: {
      if (replacement === null) return typeof value === "bigint" ? 0n : 0;
      const { bitWidth } = type as unknown as { bitWidth: number };
      if (whole === null || BigInt.asIntN(bitWidth, whole) !== whole) refuse(BAD, name);
      return bitWidth === 64 ? whole : Number(whole);
    }
    case Type.Float:
      return replacement === null ? 0 : whole === null ? refuse(BAD, name) : Number(whole);
    case Type.Decimal: {
      if (replacement === null) return 0n;
      const { precision, scale } = type as unknown as { precision: number; scale: number };
      const unscaled = whole === null ? refuse(BAD, name) : whole * 10n ** BigInt(scale);
      return String(unscaled).replace("-", "").length > precision ? refuse(BAD, name) : unscaled;
    }
    case Type.Struct:
      return refuse(BAD, name);
  }
  if (replacement !== null) refuse(BAD, name);
  switch (type.typeId) {
    case Type.Bool:
      return false;
    case Type.Binary:
      return "";
    case Type.List:
    case Type.Map:
      return [];
    default:
      return typeof value === "bigint" ? 0n : 0;
  }
}

Deno.test("MaskField puts the type's null value, or the replacement, in place of what is not null", () => {
  const fields = fc.subarray(["f0", "f1", "f2", "x"], { minLength: 1 });
  const replacement = fc.option(fc.constantFrom("7", "-300", "100000", "***"));
  fc.assert(fc.property(anyTestBatch(1), anySide, fields, replacement, (given, side, names, text) => {
    const schema = side === "key" ? given.keySchema : given.valueSchema;
    const got = transformed(maskField, { fields: names, replacement: text }, given, side);
    const wanted = reference(given, side, (row) =>
      row && Object.fromEntries(schema.fields.map((field) => [
        field.name,
        names.includes(field.name) ? masked(row[field.name], field, text) : row[field.name],
      ])));
    assertEquals({ rows: got.rows, rejects: got.rejects }, wanted);
  }));
});

Deno.test("MaskField keeps decimals exact and JSON text JSON", () => {
  const schema = new Schema([types.field("d", types.decimal(9, 2)), types.jsonField("j")]);
  const given = testBatch(schema, schema, [{ key: null, value: { d: 5n, j: '{"a":1}' } }]);
  const rows = (fields: string[], replacement: string | null) =>
    transformed(maskField, { fields, replacement }, given).rows;
  assertEquals(rows(["d", "j"], null), [{ d: 0n, j: '""' }]);
  assertEquals(rows(["d", "j"], "-1.5"), [{ d: -150n, j: '"-1.5"' }]);
  assertEquals(rows(["d"], "1.005"), []);
});
