/** Encodes row groups of the eight columns that the whole pipeline is measured by: `deno bench -A` this file. */
import type { Data, DataType, RecordBatch } from "apache-arrow";
import { Field, Schema } from "apache-arrow";
import {
  BoolColumn,
  BytesColumn,
  type Column,
  createColumn,
  NumberColumn,
  recordBatch,
  types,
  WordsColumn,
} from "../../../mod.ts";
import { formatStats } from "../delta/stats.ts";
import { createParquetFile, type ParquetCodec } from "./parquet_file.ts";

const ROWS = 128 * 1024;
const BATCHES = 16;

const FIELDS: Record<string, [DataType, (row: number) => unknown]> = {
  id: [types.int64(), (row) => row],
  amount: [types.int64(), (row) => (row * 7919) % 1_000_003],
  at: [types.timestamp(), (row) => 1.7e15 + row * 1000],
  price: [types.float64(), (row) => Math.sin(row) * 1000],
  user: [types.utf8(), (row) => `user${String((row * 104729) % 100_000_000).padStart(8, "0")}`],
  country: [types.utf8(), (row) => ["CH", "DE", "FR", "IT", "AT"][row % 5]],
  url: [types.utf8(), (row) => `https://example.com/${((row * 2654435761) % 4294967296).toString(36)}`.padEnd(60, "x")],
  active: [types.boolean(), (row) => row % 3 === 0],
};

const schema = new Schema(Object.entries(FIELDS).map(([name, [type]]) => new Field(name, type, true)));

function makeBatch(from: number, length: number, nullEvery: number): RecordBatch {
  const columns = Object.values(FIELDS).map(([type, make]): Data => {
    const column: Column = createColumn(type);
    for (let row = from; row < from + length; row++) {
      const value = make(row);
      if (nullEvery > 0 && row % nullEvery === 0) column.appendNull();
      else if (column instanceof WordsColumn) column.appendNumber(value as number);
      else if (column instanceof NumberColumn) column.append(value as number);
      else if (column instanceof BoolColumn) column.append(value as boolean);
      else (column as BytesColumn).appendString(value as string);
    }
    return column.finish();
  });
  return recordBatch(schema, columns, length);
}

function rowGroup(nullEvery: number): RecordBatch[] {
  const length = ROWS / BATCHES;
  return Array.from({ length: BATCHES }, (_, i) => makeBatch(i * length, length, nullEvery));
}

const full = rowGroup(0);
const sparse = rowGroup(10);

function encode(batches: readonly RecordBatch[], codec: ParquetCodec): void {
  const file = createParquetFile({ schema, codec });
  for (const batch of batches) file.append(batch);
  file.finish();
  formatStats(file.rows, file.columns);
}

Deno.bench(
  "131072 rows x 8 columns, zstd 1, with statistics",
  { group: "codec", baseline: true },
  () => encode(full, "zstd"),
);
Deno.bench("the same, a tenth null", { group: "codec" }, () => encode(sparse, "zstd"));
Deno.bench("the same, snappy", { group: "codec" }, () => encode(full, "snappy"));
Deno.bench("the same, uncompressed", { group: "codec" }, () => encode(full, "uncompressed"));
