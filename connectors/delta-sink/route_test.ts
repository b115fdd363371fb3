import { assert, assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Schema } from "apache-arrow";
import fc from "fast-check";
import { ConfigError, DataError, type RawRecords, SinkBatch, types } from "../../mod.ts";
import { nestedValues } from "./parquet/nested_values.ts";
import { batchOf } from "./parquet/test_support.ts";
import { deltaSinkOptions } from "./config.ts";
import { parsePartitionBy } from "./partition_by.ts";
import { createRouter } from "./route.ts";

const { field } = types;

function sinkBatch(schema: Schema, rows: readonly (readonly unknown[])[], timestampMs = 0): SinkBatch {
  const raw = { timestampsMs: new Float64Array(rows.length).fill(timestampMs) } as unknown as RawRecords;
  const origin = { raw, rows: Int32Array.from(rows, (_, i) => i) };
  return new SinkBatch(batchOf(schema, rows), origin, 0n, BigInt(rows.length));
}

const fail = () => {
  throw new Error("nothing is to be rejected");
};

Deno.test("parsePartitionBy() names derived columns after their source", () => {
  assertEquals(parsePartitionBy(["a", " date( ts )", "hour(kafka.timestamp)"]), [
    { column: "a", source: "a", derive: null },
    { column: "ts_date", source: "ts", derive: "date" },
    { column: "kafka_timestamp_hour", source: "kafka.timestamp", derive: "hour" },
  ]);
});

Deno.test("partition.by is refused with the configuration, not at the start", () => {
  const { check } = deltaSinkOptions["partition.by"];
  assertEquals(check!(["day", "date(ts)"]), null);
  assertEquals(check!(["foo(bar)"]), '"foo(bar)": "foo" is not known, wanted a column, date(column) or hour(column)');
});

Deno.test("parsePartitionBy() refuses every entry that is no column, at once", () => {
  const error = assertThrows(
    () => parsePartitionBy(["a b", "month(ts)", "", "ok", "OK", "kafka.timestamp", "date()"]),
    ConfigError,
  );
  assertEquals(error.problems.map(({ value }) => value), ["a b", "month(ts)", "", "OK", "kafka.timestamp", "date()"]);
});

Deno.test("derive() adds the date and hour of fields and of the Kafka timestamp", () => {
  const schema = new Schema([field("ts", types.timestamp()), field("v", types.int32())]);
  const router = createRouter(["date(TS)", "hour(ts)", "date(kafka.timestamp)"]);
  const out = router.derive(sinkBatch(schema, [[-1n, 1], [1_700_000_000_000_000n, 2], [null, 3]], 86_400_000), fail);
  assertEquals(out.data.schema.names, ["ts", "v", "TS_date", "ts_hour", "kafka_timestamp_date"]);
  assertEquals(router.split(out).map(({ directory }) => directory), [
    "TS_date=1969-12-31/ts_hour=1969-12-31-23/kafka_timestamp_date=1970-01-02",
    "TS_date=2023-11-14/ts_hour=2023-11-14-22/kafka_timestamp_date=1970-01-02",
    "TS_date=__HIVE_DEFAULT_PARTITION__/ts_hour=__HIVE_DEFAULT_PARTITION__/kafka_timestamp_date=1970-01-02",
  ]);
});

Deno.test("derive() rejects times that no partition value can hold", () => {
  const schema = new Schema([field("ts", types.timestamp())]);
  const rejected: [number, string][] = [];
  const batch = sinkBatch(schema, [[0n], [253_402_300_800_000_000n], [1n], [-62_135_596_800_000_001n]]);
  const out = createRouter(["date(ts)"]).derive(batch, (_, row, e) => rejected.push([row, e.details.reason]));
  assertEquals(rejected, [[1, "partition value out of range"], [3, "partition value out of range"]]);
  assertEquals([...out.origin.rows], [0, 2]);
});

Deno.test("derive() refuses columns that cannot serve, with the fix, and rejects what lacks the column", () => {
  const refuse = (type: Parameters<typeof field>[1], entry: string, text: string) => {
    const batch = sinkBatch(new Schema([field("c", type), field("v", types.int8())]), [[null, null]]);
    assertStringIncludes(assertThrows(() => createRouter([entry]).derive(batch, fail), ConfigError).message, text);
  };
  refuse(types.int64(), "date(c)", "TimestampConverter");
  refuse(types.date(), "hour(c)", "wanted a timestamp");
  refuse(types.float64(), "c", "cannot partition");
  refuse(types.binary(), "c", "cannot partition");
  refuse(types.list(types.int8()), "c", "cannot partition");
  const batch = sinkBatch(new Schema([field("v", types.int8())]), [[1]]);
  const error = assertThrows(() => createRouter(["c"]).derive(batch, fail), DataError);
  assertEquals(error.details.reason, "partition column missing");
  assertThrows(() => createRouter(["v"]).split(batch), ConfigError, "a column must be left");
  const taken = sinkBatch(new Schema([field("c", types.date()), field("c_date", types.date())]), [[1, 1]]);
  assertThrows(() => createRouter(["date(c)"]).derive(taken, fail), ConfigError, "c_date");
});

Deno.test("split() gives the whole batch, uncopied, where all rows go together", () => {
  const schema = new Schema([field("c", types.utf8()), field("v", types.int32())]);
  const batch = sinkBatch(schema, [["a", 1], ["a", 2]]);
  const [group, ...others] = createRouter(["c"]).split(batch);
  assertEquals([others.length, group.rows, group.values], [0, null, { c: "a" }]);
  assertStrictEquals(group.data.data.children[0], batch.data.data.children[1]);
  assertEquals(group.data.schema.names, ["v"]);
  const [all] = createRouter([]).split(batch);
  assertStrictEquals(all.data, batch.data);
  assertEquals([all.key, all.directory], ["[]", ""]);
});

Deno.test("split() writes partition values as the protocol wants them, and escapes folders", () => {
  const one = (type: Parameters<typeof field>[1], value: unknown) => {
    const batch = sinkBatch(new Schema([field("c", type), field("v", types.int8())]), [[value, 1]]);
    const [{ values, directory }] = createRouter(["c"]).split(batch);
    return [values.c, directory];
  };
  assertEquals(one(types.utf8(), ""), [null, "c=__HIVE_DEFAULT_PARTITION__"]);
  assertEquals(one(types.utf8(), "a/b=%é x\u007f"), ["a/b=%é x\u007f", "c=a%2Fb%3D%25é x%7F"]);
  assertEquals(one(types.boolean(), true), ["true", "c=true"]);
  assertEquals(one(types.int64(), -(2n ** 63n)), ["-9223372036854775808", "c=-9223372036854775808"]);
  assertEquals(one(types.decimal(10, 2), -5n), ["-0.05", "c=-0.05"]);
  assertEquals(one(types.date(), 0), ["1970-01-01", "c=1970-01-01"]);
  assertEquals(one(types.timestamp(), -1n), ["1969-12-31T23:59:59.999999Z", "c=1969-12-31T23%3A59%3A59.999999Z"]);
  assertEquals(one(types.localTimestamp(), 0n)[0], "1970-01-01 00:00:00");
  assertEquals(one(types.localTimestamp(), 1n)[0], "1970-01-01 00:00:00.000001");
  assert(new TextEncoder().encode(one(types.utf8(), "é".repeat(300))[1]!).length <= 255);
});

Deno.test("split() agrees with a split row by row, and the groups hold all rows once", () => {
  const schema = new Schema([
    field("s", types.utf8()),
    field("v", types.int32()),
    field("b", types.boolean()),
    field("d", types.decimal(3, 1)),
  ]);
  const few = <T>(...values: T[]) => fc.option(fc.constantFrom(...values), { freq: 4 });
  const rows = fc.array(fc.tuple(few("", "x", "y"), fc.nat(), few(true, false), few(-1n, 12n)), { maxLength: 40 });
  fc.assert(
    fc.property(rows, fc.subarray(["s", "b", "d"]), fc.nat(5), (rows, columns, from) => {
      const texts = { s: (v: unknown) => v || null, b: String, d: (v: unknown) => (Number(v) / 10).toFixed(1) };
      const whole = sinkBatch(schema, rows);
      const cut = rows.slice(from);
      const origin = { raw: whole.origin.raw, rows: whole.origin.rows.slice(from) };
      const batch = new SinkBatch(whole.data.slice(from, Math.max(from, rows.length)), origin, 0n, 1n);
      const expected = new Map<string, number[]>();
      for (const row of cut) {
        const key = JSON.stringify(columns.map((name) => {
          const value = row[schema.names.indexOf(name)];
          return value === null ? null : texts[name as "s"](value);
        }));
        expected.set(key, [...expected.get(key) ?? [], row[1]]);
      }
      if (cut.length === 0) assertEquals(createRouter(columns).split(batch), []);
      else {
        const actual = createRouter(columns).split(batch).map(({ key, data }) =>
          [key, nestedValues(data.getChild("v")!.data[0])] as const
        );
        assertEquals(new Map<string, unknown>(actual), expected);
      }
    }),
    { numRuns: 300 },
  );
});
