/**
 * Encodes columns: the eight that the whole pipeline is measured by, next to hyparquet-writer, and varied ones.
 * `deno run -A` this file prints rows per second and per CPU second; the best of many runs, since machines are busy.
 */
import { type RecordBatch, Schema } from "apache-arrow";
import type { DecodedArray } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import process from "node:process";
import { constants, zstdCompressSync } from "node:zlib";
import { recordBatch, types } from "../../../mod.ts";
import { formatStats } from "../delta/stats.ts";
import { createParquetFile, type ParquetCodec } from "./parquet_file.ts";
import { VARIED, variedBatches } from "./varied_columns.ts";

const ROWS = 128 * 1024;
const BATCH_ROWS = 8192;
const RUNS = 12;

/** Three 64 bit integers, a double, strings of 12, 2 and 60 bytes, a boolean. */
const EIGHT = ["id", "amount", "at", "price", "user", "country", "url", "active"];

function ours(batches: readonly RecordBatch[], codec: ParquetCodec): number {
  const file = createParquetFile({ schema: batches[0].schema, codec });
  for (const batch of batches) file.append(batch);
  file.finish();
  formatStats(file.rows, file.columns);
  return file.bytes;
}

/** What hyparquet-writer takes fastest: typed arrays, byte views, PLAIN, no logical types; its statistics are off. */
function library(batches: readonly RecordBatch[]): number {
  const writer = new ByteWriter();
  const { fields } = batches[0].schema;
  const schema = [
    { name: "schema", num_children: fields.length },
    ...fields.map(({ name }) => ({ name, type: physicalType(name), repetition_type: "OPTIONAL" as const })),
  ];
  const params = { [constants.ZSTD_c_compressionLevel]: 1 };
  const compressors = { ZSTD: (bytes: Uint8Array) => zstdCompressSync(bytes, { params }) };
  const parquet = new ParquetWriter({ writer, schema, codec: "ZSTD", compressors });
  const columnData = fields.map(({ name }, c) => ({
    name,
    data: libraryValues(batches, c) as DecodedArray,
    encoding: "PLAIN" as const,
    statistics: false,
  }));
  parquet.write({ columnData, rowGroupSize: ROWS });
  parquet.finish();
  return writer.getBytes().length;
}

function physicalType(name: string): "BYTE_ARRAY" | "DOUBLE" | "BOOLEAN" | "INT64" {
  if (name === "price") return "DOUBLE";
  if (name === "active") return "BOOLEAN";
  return ["user", "country", "url"].includes(name) ? "BYTE_ARRAY" : "INT64";
}

function libraryValues(batches: readonly RecordBatch[], c: number): unknown {
  const parts = batches.map((batch) => batch.data.children[c]);
  const { values } = parts[0];
  if (values instanceof BigInt64Array || values instanceof Float64Array) {
    const all = values instanceof BigInt64Array ? new BigInt64Array(ROWS) : new Float64Array(ROWS);
    parts.forEach((part, i) => all.set(part.values.subarray(0, part.length), i * BATCH_ROWS));
    return all;
  }
  return parts.flatMap(({ valueOffsets, values, length }) =>
    Array.from(
      { length },
      (_, i) =>
        valueOffsets
          ? (values as Uint8Array).subarray(valueOffsets[i], valueOffsets[i + 1])
          : ((values as Uint8Array)[i >> 3] & (1 << (i & 7))) !== 0,
    )
  );
}

/** The same columns several times, under other names. */
function repeated(batches: readonly RecordBatch[], times: number): RecordBatch[] {
  const schema = new Schema(
    Array.from(
      { length: times },
      (_, t) => batches[0].schema.fields.map(({ name, type }) => types.field(`${name}${t}`, type)),
    ).flat(),
  );
  return batches.map((batch) =>
    recordBatch(schema, Array.from({ length: times }, () => batch.data.children).flat(), batch.numRows)
  );
}

function measure(name: string, rows: number, run: () => number): void {
  const times: number[] = [], cpu: number[] = [];
  let bytes = 0;
  for (let i = 0; i < RUNS; i++) {
    const from = performance.now(), before = process.cpuUsage();
    bytes = run();
    const { user, system } = process.cpuUsage(before);
    times.push(performance.now() - from);
    cpu.push((user + system) / 1000);
  }
  const rate = (ms: number[]) => `${(rows / Math.min(...ms)).toFixed(0).padStart(6)} k`;
  console.log(
    `${name.padEnd(38)} ${rate(times)} rows/s ${rate(cpu)} rows/CPU s ${(bytes / rows).toFixed(1)} bytes/row`,
  );
}

if (import.meta.main) {
  const eight = variedBatches(EIGHT, ROWS, BATCH_ROWS);
  measure("8 columns, zstd 1", ROWS, () => ours(eight, "zstd"));
  measure("the same by hyparquet-writer", ROWS, () => library(eight));
  measure("8 columns, snappy", ROWS, () => ours(eight, "snappy"));
  measure("8 columns, uncompressed", ROWS, () => ours(eight, "uncompressed"));
  const some = ROWS / 8;
  for (let from = 0; from < 3; from++) {
    const rounds = [64, 1024, BATCH_ROWS][from];
    const small = variedBatches(EIGHT, rounds, rounds);
    measure(`8 columns, a file of ${rounds} rows`, rounds, () => ours(small, "zstd"));
  }
  const wide = repeated(variedBatches([...EIGHT, "status", "day"], some, BATCH_ROWS), 5);
  measure("50 columns", some, () => ours(wide, "zstd"));
  for (
    const [name, columns] of Object.entries({
      "long strings (text, json)": ["text", "json"],
      "nulls (sparse, half, none)": ["sparse", "half", "none"],
      "high cardinality (uuid, hash, customer)": ["uuid", "hash", "customer"],
      "low cardinality (5 columns)": ["country", "status", "active", "small", "price_cents"],
      "decimals (3 columns)": ["d9", "d18", "d38"],
      "nested (list, struct, map)": ["tags", "inner", "counts"],
      "all kinds": Object.keys(VARIED),
    })
  ) {
    const batches = variedBatches(columns, some, BATCH_ROWS);
    measure(name, some, () => ours(batches, "zstd"));
  }
}
