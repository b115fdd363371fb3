import { assert, assertEquals } from "@std/assert";
import { type DataType, Schema } from "apache-arrow";
import fc from "fast-check";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { zstdDecompressSync } from "node:zlib";
import { types } from "../../../mod.ts";
import { createParquetFile, type ParquetFileOptions } from "./parquet_file.ts";
import { batchOf, bytesOf } from "./test_support.ts";

type Values = (number | bigint | string | null)[];

function fileOf(type: DataType, values: Values, options: Partial<ParquetFileOptions> = {}): Uint8Array {
  const schema = new Schema([types.field("c", type)]);
  const file = createParquetFile({ schema, codec: "zstd", ...options });
  const pieces: Uint8Array[] = [];
  for (let from = 0; from < values.length; from += 700) {
    pieces.push(...file.append(batchOf(schema, values.slice(from, from + 700).map((value) => [value]))));
  }
  return bytesOf([...pieces, ...file.finish()]);
}

async function read(bytes: Uint8Array): Promise<unknown[]> {
  const rows = await parquetReadObjects({
    file: bytes.buffer as ArrayBuffer,
    compressors: { ZSTD: (input) => new Uint8Array(zstdDecompressSync(input)) },
    parsers: { timestampFromMicroseconds: (micros: bigint) => micros } as never,
  });
  return rows.map(({ c }) => c ?? null);
}

function encodingsOf(bytes: Uint8Array): string[] {
  return parquetMetadata(bytes.buffer as ArrayBuffer).row_groups.flatMap(({ columns }) =>
    columns[0].meta_data!.encodings
  );
}

/** Integers within `bits`, in shapes that each encoding likes. */
function integers(bits: number): fc.Arbitrary<bigint[]> {
  const first = fc.bigInt(-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n);
  const shape = fc.constantFrom("sorted", "small steps", "few", "runs", "wild", "in a range");
  return fc.tuple(shape, first, fc.integer({ min: 1, max: bits - 2 }), fc.infiniteStream(fc.nat()), fc.nat(2500))
    .map(([shape, start, width, chance, length]) => {
      const next = () => BigInt(chance.next().value as number);
      const few = Array.from({ length: 20 }, () => (start * next()) >> 3n);
      let value = start;
      return Array.from({ length }, () => {
        if (shape === "sorted") value += 1n;
        else if (shape === "small steps") value += (next() % 2001n) - 1000n;
        else if (shape === "few") value = few[Number(next() % 20n)];
        else if (shape === "runs" && next() % 30n === 0n) value = few[Number(next() % 20n)];
        else if (shape === "wild") value = next() * next() * next() * start;
        else if (shape === "in a range") value = start + ((next() * next() * next()) % (1n << BigInt(width)));
        return BigInt.asIntN(bits, value);
      });
    });
}

const OPTIONS = fc.record({
  pageRows: fc.constantFrom(30, 500, 20_000),
  pageBytes: fc.constantFrom(1000, 1 << 20),
  rowGroupBytesMax: fc.constantFrom(4000, 1 << 26),
  deltaEncodings: fc.boolean(),
  codec: fc.constantFrom("zstd" as const, "uncompressed" as const),
});
const NULL_EVERY = fc.constantFrom(0, 0, 2, 10);

Deno.test("createParquetFile() keeps integers of any shape and size, whatever their encoding", async () => {
  for (const bits of [32, 64]) {
    await fc.assert(
      fc.asyncProperty(integers(bits), NULL_EVERY, OPTIONS, async (numbers, nullEvery, options) => {
        const values: Values = numbers.map((value, i) =>
          nullEvery > 0 && i % nullEvery === 0 ? null : bits === 64 ? value : Number(value)
        );
        const type = bits === 64 ? types.timestamp() : types.int32();
        assertEquals(await read(fileOf(type, values, options)), values);
      }),
      { numRuns: 60 },
    );
  }
});

Deno.test("createParquetFile() keeps strings of any number and length, whatever their encoding", async () => {
  const input = fc.tuple(fc.integer({ min: 1, max: 3000 }), fc.nat(2500), fc.constantFrom(3, 60), fc.nat(1000));
  await fc.assert(
    fc.asyncProperty(input, NULL_EVERY, OPTIONS, async ([distinct, length, size, seed], nullEvery, options) => {
      const values = Array.from({ length }, (_, i) => {
        const value = (Math.imul(i + seed, 0x9e3779b1) >>> 7) % distinct;
        if (nullEvery > 0 && i % nullEvery === 0) return null;
        return `é${value}`.padEnd(value % size, "x");
      });
      assertEquals(await read(fileOf(types.utf8(), values, options)), values);
    }),
    { numRuns: 60 },
  );
});

Deno.test("createParquetFile() takes the encoding that serves a column", () => {
  const chosen = (type: DataType, value: (i: number) => number | bigint | string, options = {}) =>
    encodingsOf(fileOf(type, Array.from({ length: 30_000 }, (_, i) => value(i)), options))[0];
  const mix = (i: number) => Math.imul(i ^ (i >>> 7), 0x9e3779b1) >>> 3;
  assertEquals(chosen(types.int64(), (i) => BigInt(i)), "DELTA_BINARY_PACKED");
  assertEquals(
    chosen(types.timestamp(), (i) => 1_700_000_000_000_000n + BigInt(i * 1000 + mix(i) % 900)),
    "DELTA_BINARY_PACKED",
  );
  assertEquals(chosen(types.int32(), (i) => [200, 404, 500, 503][mix(i) % 4]), "RLE_DICTIONARY");
  assertEquals(chosen(types.float64(), (i) => (mix(i) % 100) / 4), "RLE_DICTIONARY");
  assertEquals(chosen(types.float64(), (i) => Math.sin(i)), "PLAIN");
  assertEquals(chosen(types.utf8(), (i) => `city ${mix(i) % 300}`), "RLE_DICTIONARY");
  assertEquals(chosen(types.utf8(), (i) => `${mix(i)} ${mix(i + 1)}`), "DELTA_LENGTH_BYTE_ARRAY");
  assertEquals(chosen(types.int64(), (i) => BigInt(i), { deltaEncodings: false }), "PLAIN");
});

Deno.test("createParquetFile() goes on without a dictionary that has grown too large", async () => {
  const values = Array.from(
    { length: 200_000 },
    (_, i) => i < 50_000 ? `value ${(Math.imul(i ^ (i >>> 7), 0x9e3779b1) >>> 3) % 100}` : `value ${i}`,
  );
  const bytes = fileOf(types.utf8(), values);
  const encodings = encodingsOf(bytes);
  assert(encodings.includes("RLE_DICTIONARY") && encodings[1] !== "RLE", encodings.join());
  assertEquals(await read(bytes), values);
});

Deno.test("createParquetFile() writes 300 columns, strings of 1 MiB, columns of nulls and files without rows", async () => {
  const schema = new Schema(
    Array.from({ length: 300 }, (_, c) => types.field(`c${c}`, c % 2 ? types.utf8() : types.int64())),
  );
  const wide = createParquetFile({ schema, codec: "zstd" });
  const rows = Array.from(
    { length: 50 },
    (_, i) => schema.fields.map((_, c) => c % 2 ? `v${i}` : c === 4 ? null : BigInt(i)),
  );
  const bytes = bytesOf([...wide.append(batchOf(schema, rows)), ...wide.finish()]);
  const back = await parquetReadObjects({
    file: bytes.buffer as ArrayBuffer,
    compressors: { ZSTD: (input) => new Uint8Array(zstdDecompressSync(input)) },
  });
  assertEquals(back.map((row) => schema.fields.map(({ name }) => row[name] ?? null)), rows);

  const long = Array.from({ length: 7 }, (_, i) => `${i}`.repeat(1 << 20));
  assertEquals(await read(fileOf(types.utf8(), long)), long);
  assertEquals(await read(fileOf(types.utf8(), [null, null])), [null, null]);
  assertEquals(await read(fileOf(types.utf8(), [])), []);
});

Deno.test("createParquetFile() keeps nothing of a batch that it was given, and nothing of a row group that is out", () => {
  const schema = new Schema([types.field("a", types.int64()), types.field("s", types.utf8())]);
  const rows = Array.from({ length: 3000 }, (_, i) => [BigInt(i * 7919), `name ${i}`]);
  const encode = (spoil: boolean): Uint8Array => {
    const file = createParquetFile({ schema, codec: "zstd" });
    const batch = batchOf(schema, rows);
    const pieces = file.append(batch);
    assert(pieces.length === 0 && file.bufferedBytes > 0 && file.bytes === 0);
    if (spoil) {
      for (const { values, valueOffsets } of batch.data.children) {
        (values as Uint8Array).fill(values[0]);
        valueOffsets?.fill(0);
      }
    }
    pieces.push(...file.flush());
    assertEquals([file.bufferedBytes, file.pageBytes, file.bytes], [0, 0, bytesOf(pieces).length]);
    return bytesOf([...pieces, ...file.finish()]);
  };
  assertEquals(encode(true), encode(false));
});
