import { assertEquals, assertThrows } from "@std/assert";
import { type CelInput, isCelError, run } from "@bufbuild/cel";
import { Schema } from "apache-arrow";
import fc from "fast-check";
import { DataError, type HeaderConverter, SinkBatch, types } from "./api/mod.ts";
import { celProblem, createCelRules } from "./cel.ts";
import { createValidateStage } from "./validate.ts";
import { batchOf, type Plain, rowsOf } from "../tests/conformance/rows.ts";
import { slabOf, type SlabRecord } from "../tests/conformance/slab.ts";

type Row = { [name: string]: Plain };

const SCHEMA = new Schema([
  types.field("i", types.int64()),
  types.field("n", types.int16()),
  types.field("d", types.float64()),
  types.field("m", types.decimal(12, 2)),
  types.field("s", types.utf8()),
  types.field("b", types.boolean()),
  types.field("raw", types.binary()),
  types.field("at", types.timestamp()),
  types.field("day", types.date()),
  types.field("o", types.struct([types.field("x", types.int32()), types.field("y", types.utf8())])),
  types.field("l", types.list(types.int32())),
  types.field("t", types.map(types.utf8(), types.int64())),
]);

function batchFrom(
  schema: Schema,
  rows: readonly Row[],
  records: readonly SlabRecord[] = rows.map(() => ({})),
  headerConverter?: HeaderConverter,
): SinkBatch {
  const raw = slabOf(records, { from: 50n, partition: 3 });
  const origin = { raw, rows: Int32Array.from(rows.keys()), headerConverter };
  return new SinkBatch(batchOf(schema, rows), origin, raw.from, raw.to);
}

/** What each row is refused for; null: it is kept. */
function outcomes(expression: string, batch: SinkBatch): (string | null)[] {
  const rules = createCelRules([{ name: "r", expression, message: null }]);
  const check = rules(batch);
  return Array.from({ length: batch.numRows }, (_, row) => check(row)?.message ?? null);
}

/** The outcome that the library gives for plain objects made of the row. */
function wanted(expression: string, value: Row): string | null {
  const outcome = run(expression, { value: celOf(SCHEMA, value) } as unknown as Record<string, CelInput>);
  if (outcome === true) return null;
  if (isCelError(outcome)) return `Cannot accept the record: rule r cannot be evaluated: ${outcome.message}`;
  if (outcome === false) return `Cannot accept the record: rule r is not kept: ${expression}`;
  return "Cannot accept the record: rule r cannot be evaluated: the expression gives neither true nor false";
}

function celOf({ fields }: { fields: readonly { name: string }[] }, row: Row): CelInput {
  return Object.fromEntries(fields.map(({ name }) => [name, plainOf(name, row[name])])) as CelInput;
}

function plainOf(name: string, value: Plain): unknown {
  if (value === null) return null;
  switch (name) {
    case "n":
      return BigInt(value as number);
    case "m":
      return Number(value as bigint) / 100;
    case "raw":
      return Uint8Array.fromHex(value as string);
    case "at":
    case "day": {
      const micros = name === "at" ? value as bigint : BigInt(value as number) * 86_400_000_000n;
      const seconds = micros / 1_000_000n - (micros % 1_000_000n < 0n ? 1n : 0n);
      const nanos = Number(micros - seconds * 1_000_000n) * 1000;
      return { $typeName: "google.protobuf.Timestamp", seconds, nanos };
    }
    case "o": {
      const { x, y } = value as Row;
      return { x: x === null ? null : BigInt(x as number), y };
    }
    case "l":
      return (value as (number | null)[]).map((each) => each === null ? null : BigInt(each));
    case "t":
      return new Map(value as [string, bigint][]);
    default:
      return value;
  }
}

const option = <T>(of: fc.Arbitrary<T>) => fc.option(of, { freq: 5 });
const row: fc.Arbitrary<Row> = fc.record({
  i: option(fc.oneof(fc.bigInt({ min: -3n, max: 3n }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))),
  n: option(fc.integer({ min: -3, max: 3 })),
  d: option(fc.oneof(fc.double(), fc.integer({ min: -3, max: 3 }))),
  m: option(fc.bigInt({ min: -300n, max: 300n })),
  s: option(fc.constantFrom("", "EUR", "USD", "🚀")),
  b: option(fc.boolean()),
  raw: option(fc.constantFrom("", "ff00")),
  at: option(fc.bigInt({ min: -2_000_000n, max: 2_000_000n })),
  day: option(fc.integer({ min: -1, max: 1 })),
  o: option(fc.record({ x: option(fc.integer({ min: -3, max: 3 })), y: option(fc.constantFrom("a", "b")) })),
  l: option(fc.array(option(fc.integer({ min: -3, max: 3 })), { maxLength: 3 })),
  t: option(fc.uniqueArray(fc.tuple(fc.constantFrom("a", "b"), fc.bigInt({ min: 0n, max: 3n })), {
    maxLength: 2,
    selector: ([key]) => key,
  })),
});
const EXPRESSIONS = [
  "value.i > 0 && value.s in ['EUR', 'USD']",
  "value.i == 9223372036854775807 || value.i + 1 > value.i",
  "value.n > value.d",
  "value.m >= 1.5",
  "has(value.s) ? size(value.s) <= 1 : value.b",
  "value.o.x > 1 || value.o.y == 'a'",
  "has(value.o.x) && value.o.x > 0",
  "value.s == null || value.s.startsWith('E')",
  "value.at > timestamp('1970-01-01T00:00:00.000001Z')",
  "value.at - value.day > duration('1s')",
  "value.day.getDayOfWeek() == 4",
  "value.l.all(x, x > 0)",
  "value.l.exists(x, x == value.i) && size(value.l) == 2",
  "value.t.a == value.t['b']",
  "value.t.exists(k, value.t[k] > 2)",
  "value.raw == b'\\xff\\x00'",
  "value.nobody == 1",
  "has(value.nobody) || value.b",
  "value.s",
];

Deno.test("createCelRules() agrees with the library on plain objects, for every type of column", () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 6 }), fc.constantFrom(...EXPRESSIONS), (rows, expression) => {
      const given = outcomes(expression, batchFrom(SCHEMA, rows));
      const expected = rows.map((value) => wanted(expression, value));
      const notBoolean = (text: string | null) =>
        text?.replace(/cannot be evaluated: the expr.*|is not kept: v.*/, "!");
      if (expression === "value.s") assertEquals(given.map(notBoolean), expected.map(notBoolean));
      else assertEquals(given, expected);
    }),
    { numRuns: 300 },
  );
});

Deno.test("createCelRules() gives the record's place, key and headers", () => {
  const text = (value: string) => new TextEncoder().encode(value);
  const records = [{
    key: "k",
    timestampMs: 1_700_000_000_001,
    headers: [{ key: "h", value: text("one") }, { key: "h", value: text("two") }, { key: "none", value: null }],
  }];
  const isText: HeaderConverter = { isText: true, convert: (value) => value };
  const schema = new Schema([types.field("a", types.int32())]);
  const batch = batchFrom(schema, [{ a: 1 }], records, isText);
  for (
    const expression of [
      "message.a == 1 && value.a == 1",
      "topic == 'orders' && partition == 3 && offset == 50",
      "timestamp == timestamp('2023-11-14T22:13:20.001Z')",
      "headers['h'] == 'two' && has(headers.h) && !('other' in headers) && headers.none == null",
      "key == b'k'",
    ]
  ) assertEquals(outcomes(expression, batch), [null], expression);
  const single = new Schema([types.field("value", types.int64())]);
  const pair = new Schema([types.field("id", types.int64()), types.field("p", types.utf8())]);
  assertEquals(outcomes("key == 7", batch.withKeys(batchOf(single, [{ value: 7n }]))), [null]);
  assertEquals(outcomes("key.id == 7 && !has(key.p)", batch.withKeys(batchOf(pair, [{ id: 7n, p: null }]))), [null]);
  assertEquals(outcomes("key == null", batchFrom(schema, [{ a: 1 }])), [null]);
});

Deno.test("createCelRules() passes on what a header converter refuses, and what is our own fault", () => {
  const sad: HeaderConverter = {
    isText: true,
    convert: () => {
      throw new DataError("no", { reason: "bad header" });
    },
  };
  const schema = new Schema([types.field("a", types.int32())]);
  const records = [{ headers: [{ key: "h", value: Uint8Array.of(1) }] }];
  const check = createCelRules([{ name: "r", expression: "headers.h == 'x' || true", message: null }]);
  assertEquals(check(batchFrom(schema, [{ a: 1 }], records, sad))(0)?.details.stage, "HEADER_CONVERTER");
  const bug: HeaderConverter = {
    isText: true,
    convert: () => {
      throw new TypeError("a bug");
    },
  };
  assertThrows(() => check(batchFrom(schema, [{ a: 1 }], records, bug))(0), TypeError, "a bug");
});

Deno.test("validate() asks expressions of rows that have kept all else, and names the rule", () => {
  const schema = new Schema([types.field("a", types.int32()), types.field("b", types.utf8())]);
  const rules = createCelRules([
    { name: "positive", expression: "value.a > 0", message: "a must be bought" },
    { name: "letters", expression: "value.b.matches('^[a-z]+$')", message: null },
  ]);
  const batch = batchFrom(schema, [
    { a: 1, b: "x" },
    { a: 0, b: "x" },
    { a: 2, b: "X" },
    { a: 3, b: null },
    { a: 99, b: "X" },
    { a: null, b: null },
  ]);
  const tombstoned = new SinkBatch(batch.data, batch.origin, batch.from, batch.to, Uint8Array.of(1 << 5));
  const rejects: [number, string, string][] = [];
  const valid = createValidateStage([{ field: "a", max: "50" }], rules).validate(
    tombstoned,
    (row, { message, details }) => rejects.push([row, details.reason, message]),
  );
  assertEquals(rejects, [
    [1, "rule positive", "Cannot accept the record: rule positive is not kept: a must be bought"],
    [2, "rule letters", "Cannot accept the record: rule letters is not kept: value.b.matches('^[a-z]+$')"],
    [
      3,
      "rule letters cannot be evaluated",
      "Cannot accept the record: rule letters cannot be evaluated: " +
      "found no matching overload for 'matches' applied to 'null_type.(string)'",
    ],
    [4, "above max", "Cannot accept a: must be at most 50, current value is 99"],
  ]);
  assertEquals(rowsOf(valid.data), [{ a: 1, b: "x" }, { a: null, b: null }]);
});

Deno.test("celProblem() finds what is wrong before there is a record", () => {
  const good = [
    "value.a > 0",
    "value.l.map(x, x + 1).exists(y, y > 2)",
    "type(value.a) == int && type(timestamp) == google.protobuf.Timestamp",
    "{'a': value.b}.a == 1",
  ];
  assertEquals(good.map(celProblem), good.map(() => null));
  assertEquals(
    celProblem("1 + 'a' == 2"),
    "cannot be evaluated: found no matching overload for '_+_' applied to '(int, string)'",
  );
  assertEquals(celProblem("1 < 2"), "names nothing of the record");
  assertEquals(celProblem("(value.a"), "is no CEL expression: <input>:1:9: found end of input but expecting ')'");
  assertEquals(celProblem(""), "is empty");
  assertEquals(celProblem("valu.a > 0")?.includes('did you mean "value"?'), true);
  assertEquals(celProblem("[1].exists(x, x > y)")?.startsWith('names "y"'), true);
});
