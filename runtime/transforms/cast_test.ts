import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Field, Schema, Type } from "apache-arrow";
import { types } from "../api/mod.ts";
import { parseConfig } from "../config/parse_config.ts";
import { anyType, type Plain } from "../../tests/conformance/rows.ts";
import { cast } from "./cast.ts";
import type { CastTarget } from "./column_cast.ts";
import { decimalText, doubleOf, doubleText, floatOf, floatText } from "./java_text.ts";
import { anyRecords, anySide, anyTestBatch, reference, refuse, testBatch, transformed } from "./side_test_support.ts";

const TARGETS = ["int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string"] as const;
const BITS: { [target: string]: number } = { int8: 8, int16: 16, int32: 32, int64: 64 };
const BAD = "value does not fit the type";

type AnyType = Field["type"];
const bitWidth = (type: AnyType) => (type as unknown as { bitWidth: number }).bitWidth;
const isFloat32 = (type: AnyType) =>
  type.typeId === Type.Float && (type as unknown as { precision: number }).precision === 1;

/** The whole number that Java's `longValue` cuts a number to, without its bounds; null: there is none. */
function cut(value: Plain, type: AnyType): bigint | null {
  switch (type.typeId) {
    case Type.Bool:
      return value ? 1n : 0n;
    case Type.Decimal:
      return (value as bigint) / 10n ** BigInt((type as unknown as { scale: number }).scale);
    case Type.Timestamp: {
      const micros = value as bigint;
      return micros < 0n ? (micros - 999n) / 1000n : micros / 1000n;
    }
    case Type.Utf8:
      return /^[-+]?[0-9]+$/.test(value as string) ? BigInt((value as string).replace("+", "")) : null;
    default:
      return Number.isFinite(Number(value))
        ? BigInt(typeof value === "bigint" ? value : Math.trunc(Number(value)))
        : null;
  }
}

/** A number, as text of all its digits: floats are rounded from that once. */
function exactly(value: Plain, type: AnyType): string | null {
  if (type.typeId === Type.Utf8) {
    return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test((value as string).trim()) ? (value as string).trim() : null;
  }
  if (type.typeId === Type.Decimal) return decimalText(value as bigint, (type as unknown as { scale: number }).scale);
  return type.typeId === Type.Float ? String(value) : String(cut(value, type));
}

/** Connect's Cast of one value, but that what does not fit is refused. */
function castOne(value: Plain, type: AnyType, target: CastTarget, name: string): Plain {
  if (value === null) return null;
  if ([Type.Struct, Type.List, Type.Map].includes(type.typeId)) refuse("cannot cast the type", name);
  if (type.typeId === Type.Binary && target !== "string") refuse("cannot cast the type", name);
  if (target === "string") return textOf(value, type);
  if (target === "boolean") {
    if (type.typeId === Type.Utf8) return (value as string).toLowerCase() === "true";
    return type.typeId === Type.Float && !Number.isFinite(value) ? !Number.isNaN(value) : cut(value, type) !== 0n;
  }
  if (target in BITS) {
    const whole = cut(value, type);
    if (whole === null || BigInt.asIntN(BITS[target], whole) !== whole) refuse(BAD, name);
    return target === "int64" ? whole : Number(whole);
  }
  if (type.typeId === Type.Float && !Number.isFinite(value)) return value;
  const text = exactly(value, type);
  if (text === null) refuse(BAD, name);
  const number = target === "float64" ? Number(text) : nearestFloat(text);
  return Number.isFinite(number) ? number : refuse(BAD, name);
}

function textOf(value: Plain, type: AnyType): string {
  switch (type.typeId) {
    case Type.Float:
      return isFloat32(type) ? floatText(value as number) : doubleText(value as number);
    case Type.Decimal:
      return decimalText(value as bigint, (type as unknown as { scale: number }).scale);
    case Type.Date: {
      const year = new Date((value as number) * 86_400_000).toISOString();
      return year.slice(0, year.indexOf("T"));
    }
    case Type.Timestamp: {
      const micros = value as bigint;
      const below = ((micros % 1000n) + 1000n) % 1000n;
      let time;
      try {
        time = new Date(Number((micros - below) / 1000n)).toISOString().slice(0, -1);
      } catch {
        return refuse(BAD, "f0");
      }
      const zone = (type as unknown as { timezone: string | null }).timezone === null ? "" : "Z";
      return time + (below === 0n ? "" : String(below).padStart(3, "0")) + zone;
    }
    case Type.Binary:
      return Uint8Array.fromHex(value as string).toBase64();
    default:
      return String(value);
  }
}

/** By comparing all digits with the two floats around: no rounding to a double in between. */
function nearestFloat(text: string): number {
  const guess = Math.fround(Number(text));
  if (!Number.isFinite(guess)) return guess;
  const bits = new Int32Array(Float32Array.of(guess).buffer);
  const around = [-1, 0, 1].map((step) => new Float32Array(Int32Array.of(bits[0] + step).buffer)[0])
    .filter(Number.isFinite);
  const distance = (float: number) => {
    const difference = scaled(text) - scaled(decimalDigits(float));
    return difference < 0n ? -difference : difference;
  };
  return around.reduce((best, next) => distance(next) < distance(best) ? next : best, guess);
}

const decimalDigits = (value: number): string => {
  let [rest, halvings] = [value, 0];
  for (; !Number.isInteger(rest); halvings++) rest *= 2;
  return `${BigInt(rest) * 5n ** BigInt(halvings)}e-${halvings}`;
};

/** Times 10^400. */
function scaled(text: string): bigint {
  const [, sign, whole, fraction = "", exponent = "0"] = /^([-+]?)(\d*)\.?(\d*)(?:e([-+]?\d+))?$/i.exec(text)!;
  const shift = 400 + Number(exponent) - fraction.length;
  const digits = BigInt(sign.replace("+", "") + (whole + fraction || "0"));
  return shift < 0 ? digits / 10n ** BigInt(-shift) : digits * 10n ** BigInt(shift);
}

const numberText = fc.oneof(
  fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n }).map(String),
  fc.integer({ min: -200, max: 200 }).map((n) => (n > 0 ? "+" : "") + n),
  fc.double({ min: -1e50, max: 1e50, noNaN: true }).map(String),
  fc.constantFrom("", "-", "+", "1.", ".5", " 7 ", "1e3", "0x10", "TRUE", "true", "yes", "--1", "1e999", "NaN1"),
);

Deno.test("Cast gives what Java's conversions give, and refuses what a type cannot hold", () => {
  const flat = anyType(0).filter(({ typeId }) => typeId !== Type.Utf8);
  const given = flat.chain((type) => anyRecords(new Schema([types.field("f0", type), types.field("f1", type)])));
  fc.assert(
    fc.property(given, fc.constantFrom(...TARGETS), anySide, (batch, target, side) => {
      const { type } = batch.valueSchema.fields[0];
      const got = transformed(cast, { spec: [`f0:${target}`] }, batch, side);
      const wanted = reference(batch, side, (row) => row && { ...row, f0: castOne(row.f0, type, target, "f0") });
      assertEquals({ rows: got.rows, rejects: got.rejects }, wanted);
    }),
    { numRuns: 600 },
  );
});

Deno.test("Cast reads numbers out of text as Java does, digit by digit", () => {
  const schema = new Schema([types.field("f0", types.utf8())]);
  const given = fc.array(fc.option(numberText), { minLength: 1, maxLength: 40 })
    .map((texts) => testBatch(schema, schema, texts.map((f0) => ({ key: null, value: { f0 } }))));
  fc.assert(
    fc.property(given, fc.constantFrom(...TARGETS), (batch, target) => {
      const got = transformed(cast, { spec: [`f0:${target}`] }, batch);
      const wanted = reference(batch, "value", (row) => ({ f0: castOne(row!.f0, types.utf8(), target, "f0") }));
      assertEquals({ rows: got.rows, rejects: got.rejects }, wanted);
    }),
    { numRuns: 400 },
  );
});

Deno.test("Cast treats nested fields by what is in them, and the fields that it does not name not at all", () => {
  const spec = fc.subarray(["f0", "f1", "f2", "x"], { minLength: 1 });
  fc.assert(fc.property(anyTestBatch(2), anySide, spec, fc.constantFrom(...TARGETS), (given, side, names, target) => {
    const schema = side === "key" ? given.keySchema : given.valueSchema;
    if (schema.fields.some(({ type, name }) => names.includes(name) && type.typeId === Type.Timestamp)) return;
    const got = transformed(cast, { spec: names.map((name) => `${name}:${target}`) }, given, side);
    const wanted = reference(given, side, (row) =>
      row && Object.fromEntries(schema.fields.map(({ name, type }) => [
        name,
        names.includes(name) ? castOne(row[name], type, target, name) : row[name],
      ])));
    assertEquals({ rows: got.rows, rejects: got.rejects }, wanted);
    assertEquals(
      got.schema.fields.map(({ type }) => bitWidth(type)),
      schema.fields.map(({ name, type }) => names.includes(name) ? bitWidth(TYPES[target]()) : bitWidth(type)),
    );
  }));
});

const TYPES = { ...types, string: types.utf8 };

Deno.test("Cast of a whole value needs a single one", () => {
  const single = new Schema([types.field("value", types.int64())]);
  const record = new Schema([types.field("a", types.int64()), types.field("b", types.int64())]);
  const given = (schema: Schema, values: { [name: string]: bigint }[]) =>
    testBatch(schema, schema, values.map((value) => ({ key: value, value })));
  const { rows, rejects } = transformed(
    cast,
    { spec: ["int32"] },
    given(single, [{ value: 5n }, { value: 2n ** 31n }]),
    "key",
  );
  assertEquals([rows, rejects], [[{ value: 5 }], [[1, BAD, "value"]]]);
  const refused = transformed(cast, { spec: ["string"] }, given(record, [{ a: 1n, b: 2n }]));
  assertEquals(refused.rejects, [[0, "cannot cast a record", undefined]]);
});

Deno.test("Cast says what is wrong with its spec", () => {
  const problem = (spec: string[]) => {
    const keys = new Map([["spec", { value: spec, source: "test", parts: [] }]]);
    return () => parseConfig(cast.options, keys);
  };
  assertThrows(problem([]), Error, "spec");
  assertThrows(problem(["a:b:int8"]), Error, "must be field:type");
  assertThrows(problem(["a:in8"]), Error, 'did you mean "int8"?');
  assertThrows(problem(["int8", "a:int8"]), Error, "only entry");
  assertThrows(problem(["a:int8", "a:int16"]), Error, "casts a twice");
  problem(["a:INT8", "b: Boolean"])();
});

Deno.test("floatText() and doubleText() write what Float.toString and Double.toString do", () => {
  const doubles = [
    1,
    100,
    0.001,
    1e-4,
    9999999,
    1e7,
    1.5e10,
    123456.789,
    -0,
    5e-324,
    2e-323,
    1.7976931348623157e308,
    NaN,
  ];
  assertEquals(doubles.map(doubleText), [
    "1.0",
    "100.0",
    "0.001",
    "1.0E-4",
    "9999999.0",
    "1.0E7",
    "1.5E10",
    "123456.789",
    "-0.0",
    "4.9E-324",
    "2.0E-323",
    "1.7976931348623157E308",
    "NaN",
  ]);
  assertEquals([0.1, 1e10, 16777216, 1.4e-45, -Infinity].map((n) => floatText(Math.fround(n))), [
    "0.1",
    "1.0E10",
    "1.6777216E7",
    "1.4E-45",
    "-Infinity",
  ]);
  fc.assert(fc.property(fc.double(), fc.float(), (double, float) => {
    assertEquals([Number(doubleText(double)), Math.fround(Number(floatText(float)))], [double, float]);
  }));
});

Deno.test("floatOf() rounds once where a double on the way would lie midway", () => {
  // 1 + 2^-24 is midway between two floats; a little more is beyond it, and no double can say so.
  assertEquals(floatOf("1.000000059604644775390625"), 1);
  assertEquals(floatOf("1.00000005960464477539062500000001"), 1 + 2 ** -23);
  assertEquals(floatOf("-1.00000005960464477539062500000001"), -1 - 2 ** -23);
  assertEquals(floatOf("1.5f"), 1.5);
});

Deno.test("decimalText() writes what BigDecimal.toString does", () => {
  const texts = [[12345n, 2], [-5n, 3], [1n, 7], [0n, 10], [-123n, 10], [7n, 0]] as const;
  assertEquals(texts.map(([unscaled, scale]) => decimalText(unscaled, scale)), [
    "123.45",
    "-0.005",
    "1E-7",
    "0E-10",
    "-1.23E-8",
    "7",
  ]);
});

Deno.test("doubleOf() takes time by the length of a text, blanks in its middle too", () => {
  const text = `x${" ".repeat(1_000_000)}x`;
  // Ninety minutes, were each blank a place to begin at.
  assertEquals([doubleOf(text), floatOf(text), doubleOf(` \t1.5d${" ".repeat(1_000_000)}`)], [null, null, 1.5]);
  assertEquals([doubleOf("1f"), doubleOf(".d"), doubleOf("d"), doubleOf("1.F"), doubleOf("1ff")], [
    1,
    null,
    null,
    1,
    null,
  ]);
});
