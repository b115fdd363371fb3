import { assert, assertEquals, assertThrows } from "@std/assert";
import { type DataType, type Field, type RecordBatch, Schema, Type } from "apache-arrow";
import fc from "fast-check";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { zstdDecompressSync } from "node:zlib";
import { FatalError, types } from "../../../mod.ts";
import { childFields } from "./arrow_data.ts";
import { createParquetFile, type ParquetCodec } from "./parquet_file.ts";
import { anyRows, anySchema, batchOf } from "./test_support.ts";

function fileOf(schema: Schema, groups: readonly (readonly RecordBatch[])[], codec: ParquetCodec = "zstd"): Uint8Array {
  const file = createParquetFile({ schema, codec });
  const chunks = groups.flatMap((batches) => [...batches.flatMap((batch) => file.append(batch)), ...file.flush()]);
  chunks.push(...file.finish());
  const bytes = new Uint8Array(file.bytes);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  assertEquals(at, file.bytes);
  return bytes;
}

function read(bytes: Uint8Array): Promise<Record<string, unknown>[]> {
  return parquetReadObjects({
    file: bytes.buffer as ArrayBuffer,
    compressors: { ZSTD: (input) => new Uint8Array(zstdDecompressSync(input)) },
    utf8: false,
    parsers: {
      dateFromDays: (days: number) => days,
      timestampFromMicroseconds: (micros: bigint) => micros,
      timestampFromMilliseconds: (ms: bigint) => ms,
      timestampFromNanoseconds: (nanos: bigint) => nanos,
      stringFromBytes: (utf8: Uint8Array) => utf8 && new TextDecoder("utf-8", { ignoreBOM: true }).decode(utf8),
      geometryFromBytes: (bytes: Uint8Array) => bytes,
      geographyFromBytes: (bytes: Uint8Array) => bytes,
    } as never,
  });
}

/** A plain value as hyparquet gives it back. */
function asRead(value: unknown, type: DataType): unknown {
  if (value === null) return null;
  const children = childFields(type) as Field[];
  switch (type.typeId) {
    case Type.Decimal: {
      const { scale } = type as unknown as { scale: number };
      return Number(value as bigint) * 10 ** -scale;
    }
    case Type.List:
      return (value as unknown[]).map((element) => asRead(element, children[0].type));
    case Type.Map: {
      const [key, item] = childFields(children[0].type);
      const out: Record<string, unknown> = {};
      for (const [k, v] of value as [unknown, unknown][]) out[String(asRead(k, key.type))] = asRead(v, item.type);
      return out;
    }
    case Type.Struct:
      return Object.fromEntries(
        children.map(({ name, type }) => [name, asRead((value as Record<string, unknown>)[name], type)]),
      );
    default:
      return value;
  }
}

function normal(value: unknown): string {
  return JSON.stringify(value, (_, v) => {
    if (typeof v === "bigint") return `${v}n`;
    if (typeof v === "number" && !Number.isSafeInteger(v)) return Number.isNaN(v) ? "NaN" : v.toPrecision(7);
    if (Object.is(v, -0)) return "-0";
    if (v instanceof Uint8Array) return [...v];
    return v === undefined ? null : v;
  });
}

const withRows = anySchema().chain((schema) => fc.tuple(fc.constant(schema), anyRows(schema), anyRows(schema)));

Deno.test("createParquetFile() writes any columns so that hyparquet reads the same values", async () => {
  const codecs = fc.constantFrom<ParquetCodec[]>("zstd", "snappy", "uncompressed");
  await fc.assert(
    fc.asyncProperty(withRows, codecs, async ([schema, first, second], codec) => {
      const [a, b] = [batchOf(schema, first), batchOf(schema, second)];
      const groups = [[a, b], [b], []];
      const rows = await read(fileOf(schema, groups, codec));
      const expected = [...first, ...second, ...second].map((row) =>
        Object.fromEntries(schema.fields.map(({ name, type }, c) => [name, asRead(row[c], type)]))
      );
      assertEquals(rows.map(normal), expected.map(normal));
    }),
    { numRuns: 150 },
  );
});

Deno.test("createParquetFile() writes slices of batches like the batches themselves", async () => {
  await fc.assert(
    fc.asyncProperty(withRows, fc.nat(10), async ([schema, rows], from) => {
      const whole = batchOf(schema, rows);
      const slice = whole.slice(from, rows.length);
      const [cut, all] = [await read(fileOf(schema, [[slice]])), await read(fileOf(schema, [[whole]]))];
      assertEquals(cut.map(normal), all.slice(from).map(normal));
    }),
    { numRuns: 50 },
  );
});

Deno.test("createParquetFile() uses a dictionary where few strings differ, and none where many do", async () => {
  const schema = new Schema([types.field("few", types.utf8()), types.field("many", types.utf8())]);
  const rows = Array.from({ length: 20_000 }, (_, i) => [i % 11 === 0 ? null : `country ${i % 7}`, `id ${i}`]);
  const bytes = fileOf(schema, [[batchOf(schema, rows.slice(0, 9000)), batchOf(schema, rows.slice(9000))]]);
  const [few, many] = parquetMetadata(bytes.buffer as ArrayBuffer).row_groups[0].columns.map((c) => c.meta_data!);
  assert(few.encodings.includes("RLE_DICTIONARY") && !many.encodings.includes("RLE_DICTIONARY"));
  assertEquals((await read(bytes)).map(({ few, many }) => [few, many]), rows);
});

Deno.test("createParquetFile() puts bounds and null counts into the footer", () => {
  const schema = new Schema([
    types.field("l", types.int64()),
    types.field("d", types.decimal(20, 2)),
    types.field("f", types.float64()),
    types.field("s", types.utf8()),
    types.field("n", types.int32()),
    types.field("nan", types.float64()),
  ]);
  const rows = [[5n, -300n, 0, "b", null, 1], [-7n, 20n, null, "a", null, NaN], [null, 1n, -1.5, "c", null, 2]];
  const bytes = fileOf(schema, [[batchOf(schema, rows)]]);
  const stats = parquetMetadata(bytes.buffer as ArrayBuffer).row_groups[0].columns.map((c) => c.meta_data!.statistics!);
  assertEquals(stats.map(({ min_value, max_value, null_count }) => [min_value, max_value, null_count]), [
    [-7n, 5n, 1n],
    [-3, 0.2, 0n],
    [-1.5, 0, 1n],
    ["a", "c", 0n],
    [undefined, undefined, 3n],
    [undefined, undefined, 0n], // readers do not agree where NaN is
  ]);
});

Deno.test("createParquetFile() refuses a schema without columns", () => {
  assertThrows(() => createParquetFile({ schema: new Schema([]), codec: "zstd" }), FatalError, "no columns");
});

Deno.test("DuckDB reads every column type as it was written", async () => {
  const schema = new Schema([
    types.field("i8", types.int8()),
    types.field("i16", types.int16()),
    types.field("i64", types.int64()),
    types.field("f32", types.float32()),
    types.field("d9", types.decimal(9, 2)),
    types.field("d18", types.decimal(18, 0)),
    types.field("d38", types.decimal(38, 10)),
    types.field("day", types.date()),
    types.field("at", types.timestamp()),
    types.field("local", types.localTimestamp()),
    types.field("flag", types.boolean()),
    types.field("text", types.utf8()),
    types.field("bin", types.binary()),
    types.field(
      "l",
      types.list(types.struct([types.field("x", types.decimal(20, 1)), types.field("y", types.int64())])),
    ),
    types.field("m", types.map(types.utf8(), types.list(types.timestamp()))),
  ]);
  const rows = [
    [
      -128,
      -32768,
      -(2n ** 63n),
      1.5,
      -1234n,
      10n ** 17n,
      -(10n ** 37n),
      -1,
      1_700_000_000_123_456n,
      -1n,
      true,
      "é",
      new Uint8Array([0, 255]),
      [{ x: -15n, y: 1n }, null],
      [["k", [1_000_001n, null]], ["e", []]],
    ],
    schema.fields.map(() => null),
  ];
  const path = await Deno.makeTempFile({ suffix: ".parquet" });
  try {
    await Deno.writeFile(path, fileOf(schema, [[batchOf(schema, rows)]]));
    const query = `import duckdb; c = duckdb.connect(); c.execute("set timezone='UTC'")
for t in ("typeof(COLUMNS(*))::varchar", "COLUMNS(*)::varchar"):
  print(c.execute(f"select {t} from '${path}'").fetchall())`;
    const { stdout, stderr } = await new Deno.Command("python3", { args: ["-c", query] }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    const [typesRead, values] = new TextDecoder().decode(stdout).trim().split("\n");
    assertEquals(
      typesRead.split("), (")[0],
      "[('TINYINT', 'SMALLINT', 'BIGINT', 'FLOAT', 'DECIMAL(9,2)', 'DECIMAL(18,0)', 'DECIMAL(38,10)', 'DATE', " +
        "'TIMESTAMP WITH TIME ZONE', 'TIMESTAMP', 'BOOLEAN', 'VARCHAR', 'BLOB', 'STRUCT(x DECIMAL(20,1), y BIGINT)[]', " +
        "'MAP(VARCHAR, TIMESTAMP WITH TIME ZONE[])'",
    );
    assertEquals(
      values,
      "[('-128', '-32768', '-9223372036854775808', '1.5', '-12.34', '100000000000000000', " +
        "'-1000000000000000000000000000.0000000000', '1969-12-31', '2023-11-14 22:13:20.123456+00', " +
        "'1969-12-31 23:59:59.999999', 'true', 'é', '\\\\x00\\\\xFF', \"[{'x': -1.5, 'y': 1}, NULL]\", " +
        "\"{k=['1970-01-01 00:00:01.000001+00', NULL], e=[]}\"), (" + "None, ".repeat(14) + "None)]",
    );
  } finally {
    await Deno.remove(path);
  }
});
