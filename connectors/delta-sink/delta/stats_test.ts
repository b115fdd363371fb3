import { assert, assertEquals } from "@std/assert";
import { Schema, Type } from "apache-arrow";
import fc from "fast-check";
import { types } from "../../../mod.ts";
import { createParquetFile } from "../parquet/parquet_file.ts";
import { anyRows, anySchema, batchOf } from "../parquet/test_support.ts";
import { formatStats } from "./stats.ts";

function statsOf(schema: Schema, rows: unknown[][], columnsMax?: number): string {
  const file = createParquetFile({ schema, codec: "uncompressed" });
  const half = rows.length >> 1;
  file.append(batchOf(schema, rows.slice(0, half)));
  file.append(batchOf(schema, rows.slice(half)));
  file.finish();
  return formatStats(file.rows, file.columns, columnsMax);
}

const one = (type: Parameters<typeof types.field>[1], values: unknown[]): (string | undefined)[] => {
  const text = statsOf(new Schema([types.field("c", type)]), values.map((value) => [value]));
  const [, min, max] = /"minValues":\{(?:"c":(.*?))?\},"maxValues":\{(?:"c":(.*?))?\},"null/s.exec(text)!;
  return [min, max];
};

Deno.test("formatStats() writes exact digits, dates, times and signed zeros", () => {
  assertEquals(one(types.int64(), [2n ** 63n - 1n, null, -(2n ** 63n)]), [
    "-9223372036854775808",
    "9223372036854775807",
  ]);
  assertEquals(one(types.decimal(38, 2), [-5n, 10n ** 30n]), ["-0.05", "1" + "0".repeat(28) + ".00"]);
  assertEquals(one(types.date(), [0, -1]), ['"1969-12-31"', '"1970-01-01"']);
  assertEquals(one(types.timestamp(), [-1n, 1_001n]), ['"1969-12-31T23:59:59.999Z"', '"1970-01-01T00:00:00.002Z"']);
  assertEquals(one(types.localTimestamp(), [1_000n]), ['"1970-01-01T00:00:00.001"', '"1970-01-01T00:00:00.001"']);
  assertEquals(one(types.float64(), [0, -0]), ["-0.0", "0"]);
  assertEquals(one(types.float64(), [-0]), ["-0.0", "-0.0"]);
});

Deno.test("formatStats() leaves out what JSON cannot hold or readers would take wrongly", () => {
  assertEquals(one(types.float64(), [1, NaN]), ["1", undefined]);
  assertEquals(one(types.float64(), [-Infinity, 2]), [undefined, "2"]);
  assertEquals(one(types.float64(), [NaN]), [undefined, undefined]);
  assertEquals(one(types.binary(), [new Uint8Array(1)]), [undefined, undefined]);
  assertEquals(one(types.boolean(), [true]), [undefined, undefined]);
  assertEquals(one(types.date(), [10_000_000]), [undefined, undefined]);
});

Deno.test("formatStats() cuts strings to bounds that hold and split no character", () => {
  const x31 = "x".repeat(31);
  assertEquals(one(types.utf8(), [x31 + "yz"]), [`"${x31}y"`, `"${x31}y\u007f"`]);
  assertEquals(one(types.utf8(), [x31 + "yé"]), [`"${x31}y"`, `"${x31}y\u{10ffff}"`]);
  assertEquals(one(types.utf8(), [x31 + "\u{1F600}z"]), [`"${x31}"`, `"${x31}\u{10ffff}"`]);
  assertEquals(one(types.utf8(), ["\u{10ffff}".repeat(40)])[1], undefined);
  assertEquals(one(types.utf8(), ["", "\u{1F600}", "\uffff"]), ['""', '"\u{1F600}"']);
});

Deno.test("formatStats() counts nulls of nested fields and follows the order of columns up to its limit", () => {
  const schema = new Schema([
    types.field("s", types.struct([types.field("a", types.int32()), types.field("l", types.list(types.int8()))])),
    types.field("m", types.map(types.utf8(), types.int8())),
    types.field("z", types.int32()),
  ]);
  const rows = [[{ a: 1, l: null }, null, 5], [null, [["k", 1]], null], [{ a: null, l: [1] }, [], 7]];
  assertEquals(
    statsOf(schema, rows),
    '{"numRecords":3,"minValues":{"s":{"a":1},"z":5},"maxValues":{"s":{"a":1},"z":7},' +
      '"nullCount":{"s":{"a":2,"l":2},"m":1,"z":1}}',
  );
  assertEquals(
    statsOf(schema, rows, 1),
    '{"numRecords":3,"minValues":{"s":{"a":1}},"maxValues":{"s":{"a":1}},"nullCount":{"s":{"a":2}}}',
  );
  assertEquals(statsOf(schema, rows, 0), '{"numRecords":3,"minValues":{},"maxValues":{},"nullCount":{}}');
});

Deno.test("formatStats() agrees with a plain count over rows of any schema, and its bounds hold", () => {
  const input = anySchema().chain((schema) => fc.tuple(fc.constant(schema), anyRows(schema)));
  fc.assert(
    fc.property(input, ([schema, rows]) => {
      const text = statsOf(schema, rows);
      const stats = JSON.parse(text);
      assertEquals(stats.numRecords, rows.length);
      schema.fields.forEach(({ name, type }, c) => {
        if (type.typeId === Type.Struct) return;
        const values = rows.map((row) => row[c]).filter((value) => value !== null);
        assertEquals(stats.nullCount[name], rows.length - values.length);
        const min = stats.minValues[name], max = stats.maxValues[name];
        if (type.typeId === Type.Utf8) {
          const codes = (text: string) => new TextEncoder().encode(text);
          for (const value of values as string[]) {
            assert(min === undefined || compare(codes(min), codes(value)) <= 0);
            assert(max === undefined || compare(codes(max), codes(value)) >= 0);
          }
        } else if (type.typeId === Type.Float) {
          const numbers = (values as number[]).filter((value) => !Number.isNaN(value));
          if (min !== undefined) assertEquals(min + 0, Math.min(...numbers) + 0);
          if (max !== undefined) assertEquals(max + 0, Math.max(...numbers) + 0);
        } else if (type.typeId === Type.Int && values.length > 0) {
          const sorted = (values as bigint[]).toSorted((a, b) => (a < b ? -1 : 1));
          const within = (part: string, value: unknown) =>
            assert(text.includes(part) && text.includes(`"${name}":${value}`));
          within("minValues", sorted[0]);
          within("maxValues", sorted.at(-1));
        }
      });
    }),
    { numRuns: 200 },
  );
});

function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}
