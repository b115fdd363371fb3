/**
 * Columns to a Parquet file, a row group at a time, on hyparquet-writer: the only folder that knows it.
 *
 * Flat columns go in as typed arrays, PLAIN or with a dictionary where few values differ; their statistics are computed
 * here, from the arrays. Nested columns go in as objects and the library computes their statistics.
 *
 * @module
 */
import type { Data, RecordBatch, Schema } from "apache-arrow";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import type { SchemaElement } from "hyparquet";
import { constants, zstdCompressSync } from "node:zlib";
import { isNested } from "./arrow_data.ts";
import { type Bound, emptyExtent, type Extent, widen } from "./extent.ts";
import { flatValues } from "./flat_values.ts";
import { nestedValues } from "./nested_values.ts";
import { parquetSchema, physicalSchema } from "./schema.ts";

/** What a file is written with. */
export interface ParquetFileOptions {
  readonly schema: Schema;
  readonly codec: ParquetCodec;
  /** 1 (default, fastest) to 22. */
  readonly zstdLevel?: number;
}

/** How pages are compressed; snappy is the one that the oldest readers know. */
export type ParquetCodec = "zstd" | "snappy" | "uncompressed";

/** A file in the making: whoever owns it writes the chunks out in order. */
export interface ParquetFile {
  /** Encodes the rows of `batches`, all of the file's schema, as one row group; returns the bytes to write out now. */
  appendRowGroup(batches: readonly RecordBatch[]): Uint8Array[];
  /** The footer. The file is complete; nothing may be appended after it. */
  finish(): Uint8Array[];
  /** Rows in the row groups so far. */
  readonly rows: number;
  /** Bytes handed out so far. */
  readonly bytes: number;
}

/** A row group is full at about this many rows, or at this many bytes of columns (`batchBytes`): the caller's to keep. */
export const ROW_GROUP_ROWS = 128 * 1024;
/** See `ROW_GROUP_ROWS`. */
export const ROW_GROUP_BYTES = 64 * 1024 * 1024;

/** Begins a file. Throws FatalError for a schema without columns or with a type that is not the framework's. */
export function createParquetFile(options: ParquetFileOptions): ParquetFile {
  return new LibraryFile(options);
}

/** What a file takes while it waits: small, since there is one for every open partition value. */
const BUFFER_BYTES = 4096;

const CODECS = { zstd: "ZSTD", snappy: "SNAPPY", uncompressed: "UNCOMPRESSED" } as const;

class LibraryFile implements ParquetFile {
  private readonly schema: Schema;
  private readonly elements: SchemaElement[];
  private readonly out = new ByteWriter(BUFFER_BYTES);
  private readonly writer: ParquetWriter;
  private taken = 0;

  constructor({ schema, codec, zstdLevel = 1 }: ParquetFileOptions) {
    this.schema = schema;
    this.elements = parquetSchema(schema);
    const params = { [constants.ZSTD_c_compressionLevel]: zstdLevel };
    this.writer = new ParquetWriter({
      writer: this.out,
      schema: physicalSchema(schema),
      codec: CODECS[codec],
      compressors: { ZSTD: (bytes) => zstdCompressSync(bytes, { params }) },
      createdBy: "sluice",
    });
  }

  get rows(): number {
    return Number(this.writer.num_rows);
  }

  get bytes(): number {
    return this.taken;
  }

  appendRowGroup(batches: readonly RecordBatch[]): Uint8Array[] {
    const filled = batches.filter((batch) => batch.numRows > 0);
    const length = filled.reduce((sum, batch) => sum + batch.numRows, 0);
    if (length === 0) return [];
    const extents: Extent[] = [];
    const columnData = this.schema.fields.map(({ name, type }, c) => {
      const parts = filled.map((batch) => batch.data.children[c]);
      if (isNested(type)) {
        return { name, data: parts.flatMap(nestedValues), encoding: "PLAIN" as const, statistics: true };
      }
      extents[c] = extentOf(parts);
      const { values, fewDistinct } = flatValues(type, parts, length);
      return { name, data: values, encoding: fewDistinct ? undefined : "PLAIN" as const, statistics: false };
    });
    this.writer.write({ columnData, rowGroupSize: length });
    this.addStatistics(filled, extents);
    return this.take();
  }

  finish(): Uint8Array[] {
    // The footer has the logical types; only the pages were written without (see physicalSchema).
    this.writer.schema = this.elements;
    this.writer.finish();
    return this.take();
  }

  private addStatistics(batches: readonly RecordBatch[], extents: readonly (Extent | undefined)[]): void {
    const { columns } = this.writer.row_groups.at(-1)!;
    this.schema.fields.forEach(({ name }, c) => {
      const extent = extents[c];
      if (!extent) return;
      const meta = columns.find(({ meta_data }) => meta_data!.path_in_schema[0] === name)!.meta_data!;
      const nulls = batches.reduce((sum, batch) => sum + batch.data.children[c].nullCount, 0);
      // Parquet format, ColumnOrder: a zero is -0 as a minimum and +0 as a maximum.
      meta.statistics = {
        null_count: BigInt(nulls),
        min_value: zero(extent.min, -0),
        max_value: zero(extent.max, 0),
      };
    });
  }

  private take(): Uint8Array[] {
    const chunk = this.out.getBytes();
    // The buffer goes with the bytes: grown for a row group, it would stay with the file for as long as that is open.
    this.out.buffer = new ArrayBuffer(BUFFER_BYTES);
    this.out.view = new DataView(this.out.buffer);
    this.out.index = 0;
    this.taken += chunk.length;
    return chunk.length > 0 ? [chunk] : [];
  }
}

function extentOf(parts: readonly Data[]): Extent {
  const extent = emptyExtent();
  for (const part of parts) widen(extent, part);
  return extent;
}

function zero(bound: Bound | null, signed: number): Bound | undefined {
  return bound === 0 ? signed : bound ?? undefined;
}
