import { assert, assertEquals, assertThrows } from "@std/assert";
import { Schema } from "apache-arrow";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { hashParquetValue, readBloomFilter, sbbfContains } from "hyparquet/src/bloom.js";
import { FatalError, types } from "../../../mod.ts";
import { createParquetFile } from "./parquet_file.ts";
import { batchOf, bytesOf } from "./test_support.ts";

const schema = new Schema([
  types.field("id", types.int64()),
  types.field("n", types.int32()),
  types.field("s", types.utf8()),
  types.field("few", types.utf8()),
  types.field("in", types.struct([types.field("b", types.binary())])),
  types.field("f", types.float64()),
]);
const PATHS = ["id", "n", "s", "few", "in.b"];
const text = (i: number) => `value ${i} ${"x".repeat(i % 50)}`;
const row = (i: number): unknown[] => [
  i % 7 === 0 ? null : BigInt(i) * 12_345_678_901n,
  i * 3,
  text(i),
  `few ${i % 20}`,
  { b: new TextEncoder().encode(text(i)) },
  i / 3,
];

Deno.test("createBloomFilter() holds every value of the row group, and few that are not there", async () => {
  const file = createParquetFile({ schema, codec: "uncompressed", bloomColumns: PATHS, pageRows: 300 });
  const rows = Array.from({ length: 4000 }, (_, i) => row(i));
  const pieces = file.append(batchOf(schema, rows.slice(0, 3000)));
  pieces.push(...file.flush(), ...file.append(batchOf(schema, rows.slice(3000))), ...file.finish());
  const bytes = bytesOf(pieces);
  const metadata = parquetMetadata(bytes.buffer as ArrayBuffer);
  const elements = metadata.schema.filter(({ type }) => type !== undefined);
  metadata.row_groups.forEach(({ columns }, group) => {
    const [from, to] = group === 0 ? [0, 3000] : [3000, 4000];
    PATHS.forEach((path, c) => {
      const { bloom_filter_offset, bloom_filter_length } = columns[c].meta_data!;
      const reader = { view: new DataView(bytes.buffer, Number(bloom_filter_offset)), offset: 0 };
      const filter = readBloomFilter(reader)!;
      assertEquals(reader.offset, bloom_filter_length);
      const has = (value: unknown) => sbbfContains(filter.blocks, hashParquetValue(value, elements[c])!);
      const valueOf = (i: number) => path === "in.b" ? text(i) : row(i)[c];
      for (let i = from; i < to; i++) assert(valueOf(i) === null || has(valueOf(i)), `${path} of row ${i}`);
      let wrong = 0;
      for (let i = 10_000; i < 12_000; i++) {
        const value = path === "few" ? `few ${i}` : valueOf(i);
        if (value !== null && has(value)) wrong++;
      }
      assert(wrong < 80, `${path}: ${wrong} of 2000`);
    });
    assertEquals(columns[5].meta_data!.bloom_filter_offset, undefined);
  });
  const back = await parquetReadObjects({ file: bytes.buffer as ArrayBuffer });
  assertEquals(back.map(({ s }) => s), rows.map((values) => values[2]));
});

Deno.test("createBloomFilter() refuses columns whose values are not looked up by their bits", () => {
  const wrong = () => createParquetFile({ schema, codec: "zstd", bloomColumns: ["f"] });
  assertThrows(wrong, FatalError, 'column "f": current type is DOUBLE');
});
