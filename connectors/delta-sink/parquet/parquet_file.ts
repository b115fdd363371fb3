/**
 * Record batches to a Parquet file: columns are encoded as they come, bytes come back whenever a row group is complete.
 *
 * @module
 */
import type { RecordBatch, Schema } from "apache-arrow";
import type { SchemaElement } from "hyparquet";
import { ColumnChunk } from "./column_chunk.ts";
import { compressor, type ParquetCodec } from "./compress.ts";
import { MAGIC, type RowGroup, writeFooter, type WrittenChunk, writtenChunk } from "./footer.ts";
import { leavesOf } from "./leaf.ts";
import { parquetSchema } from "./schema.ts";
import { appendColumn, type ShreddedColumn, shreddedColumn } from "./shred.ts";

export type { ParquetCodec } from "./compress.ts";

/** What a file is written with. */
export interface ParquetFileOptions {
  readonly schema: Schema;
  readonly codec: ParquetCodec;
  /** 1 (default, fastest) to 22. */
  readonly zstdLevel?: number;
  /** A row group is complete once its values take this much uncompressed: 64 MiB unless told. */
  readonly rowGroupBytesMax?: number;
  /** Delta encodings (default true), which readers older than about 2022 do not all know. */
  readonly deltaEncodings?: boolean;
  /** Rows of a page, about (`ChunkOptions`): 20,000 unless told. */
  readonly pageRows?: number;
  /** Bytes of a page before it is compressed, about: 1 MiB unless told. */
  readonly pageBytes?: number;
  /** Leaf columns by their path in the file, e.g. "id" or "customer.id", that get bloom filters; others are none. */
  readonly bloomColumns?: readonly string[];
}

/** A file in the making: whoever owns it writes the bytes out in order. */
export interface ParquetFile {
  /** Takes the rows of a batch of the file's schema, whose buffers are free afterwards; returns the bytes to write out. */
  append(batch: RecordBatch): Uint8Array[];
  /** Ends the row group: afterwards nothing but what the footer needs is in memory. */
  flush(): Uint8Array[];
  /** The last row group and the footer. The file is complete; nothing may be appended after it. */
  finish(): Uint8Array[];
  /** Gives up: what is in memory is free for others. */
  abort(): void;
  /** Rows so far. */
  readonly rows: number;
  /** Bytes handed out so far. */
  readonly bytes: number;
  /** Bytes of complete pages that wait for their row group. */
  readonly pageBytes: number;
  /** Memory: those and the open pages. */
  readonly bufferedBytes: number;
  /** Ranges and nulls of the columns so far; after `flush` or `finish` of all of them. */
  readonly columns: readonly ShreddedColumn[];
}

/** See `ParquetFileOptions`. */
const ROW_GROUP_BYTES = 64 * 1024 * 1024;
/** A row group is also complete with this many rows. */
const ROW_GROUP_ROWS = 1024 * 1024;

/** Begins a file. Throws FatalError for a schema without columns or with a type that is not the framework's. */
export function createParquetFile(options: ParquetFileOptions): ParquetFile {
  return new EncodedFile(options);
}

class EncodedFile implements ParquetFile {
  rows = 0;
  bytes = 0;
  pageBytes = 0;
  bufferedBytes = 0;
  readonly columns: readonly ShreddedColumn[];
  readonly #codec: ParquetCodec;
  readonly #elements: readonly SchemaElement[];
  readonly #chunks: readonly ColumnChunk[];
  readonly #rowGroupBytesMax: number;
  readonly #groups: RowGroup[] = [];
  #groupRows = 0;

  constructor(options: ParquetFileOptions) {
    const { schema, codec, zstdLevel = 1, deltaEncodings = true, rowGroupBytesMax = ROW_GROUP_BYTES } = options;
    const { pageRows = 20_000, pageBytes = 1024 * 1024, bloomColumns = [] } = options;
    this.#codec = codec;
    this.#elements = parquetSchema(schema);
    this.#rowGroupBytesMax = rowGroupBytesMax;
    const compress = compressor(codec, zstdLevel);
    const chunkOptions = { compress, useDelta: deltaEncodings, pageRows, pageBytes, bloomColumns };
    this.#chunks = leavesOf(schema).map((leaf) => new ColumnChunk(leaf, chunkOptions));
    let leaf = 0;
    this.columns = schema.fields.map(({ name, type }) => shreddedColumn(name, type, () => this.#chunks[leaf++]));
  }

  append(batch: RecordBatch): Uint8Array[] {
    this.columns.forEach((column, i) => appendColumn(column, batch.data.children[i]));
    this.rows += batch.numRows;
    this.#groupRows += batch.numRows;
    let plainBytes = 0, pageBytes = 0, bufferedBytes = 0;
    for (const chunk of this.#chunks) {
      plainBytes += chunk.plainBytes;
      pageBytes += chunk.size;
      bufferedBytes += chunk.bufferedBytes;
    }
    this.pageBytes = pageBytes;
    this.bufferedBytes = bufferedBytes;
    return plainBytes >= this.#rowGroupBytesMax || this.#groupRows >= ROW_GROUP_ROWS ? this.flush() : [];
  }

  flush(): Uint8Array[] {
    return joined(this.#endGroup());
  }

  finish(): Uint8Array[] {
    const parts = this.#endGroup();
    if (this.bytes === 0) this.#add(parts, MAGIC);
    this.#add(parts, writeFooter(this.#elements, this.#groups, this.#codec, this.bytes));
    return joined(parts);
  }

  abort(): void {
    for (const chunk of this.#chunks) chunk.release();
    this.#groupRows = this.pageBytes = this.bufferedBytes = 0;
  }

  #endGroup(): Uint8Array[] {
    const parts: Uint8Array[] = [];
    if (this.#groupRows === 0) return parts;
    if (this.bytes === 0) this.#add(parts, MAGIC);
    const offset = this.bytes;
    const bloomFilters: [WrittenChunk, Uint8Array][] = [];
    const chunks = this.#chunks.map((chunk): WrittenChunk => {
      const finished = chunk.finish();
      const written = writtenChunk(finished, this.bytes);
      for (const part of finished.parts) this.#add(parts, part);
      if (finished.bloomFilter !== null) bloomFilters.push([written, finished.bloomFilter]);
      return written;
    });
    for (const [written, part] of bloomFilters) {
      written.bloomFilter = { offset: this.bytes, size: part.length };
      this.#add(parts, part);
    }
    this.#groups.push({ rows: this.#groupRows, offset, chunks });
    this.#groupRows = this.pageBytes = this.bufferedBytes = 0;
    return parts;
  }

  #add(parts: Uint8Array[], part: Uint8Array): void {
    parts.push(part);
    this.bytes += part.length;
  }
}

/** What is handed out at a time is about this much: neither a write for each page nor a copy of a whole row group. */
const PIECE_BYTES = 1024 * 1024;

function joined(parts: readonly Uint8Array[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let from = 0; from < parts.length;) {
    let size = parts[from].length, to = from + 1;
    while (to < parts.length && size + parts[to].length <= PIECE_BYTES) size += parts[to++].length;
    const piece = to === from + 1 ? parts[from] : new Uint8Array(size);
    if (to > from + 1) {
      for (let i = from, at = 0; i < to; at += parts[i++].length) piece.set(parts[i], at);
    }
    pieces.push(piece);
    from = to;
  }
  return pieces;
}
