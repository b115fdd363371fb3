/**
 * What follows the row groups: column indexes, offset indexes and the footer (Parquet format, `FileMetaData`).
 *
 * @module
 */
import type { SchemaElement } from "hyparquet";
import { boundBytes } from "./bounds.ts";
import type { FinishedChunk } from "./column_chunk.ts";
import { CODECS, type ParquetCodec } from "./compress.ts";
import { Encoding } from "./leaf_values.ts";
import { type ColumnIndex, columnIndexOf, writeColumnIndex, writeOffsetIndex } from "./page_index.ts";
import { writeSchemaElement } from "./schema_element.ts";
import { ThriftType, ThriftWriter } from "./thrift.ts";

/** A row group that is written. */
export interface RowGroup {
  readonly rows: number;
  readonly offset: number;
  readonly chunks: readonly WrittenChunk[];
}

/** What the footer says about a chunk. */
export interface WrittenChunk extends Omit<FinishedChunk, "parts" | "pages" | "extent" | "bloomFilter"> {
  readonly offset: number;
  readonly bounds: ReturnType<typeof boundBytes>;
  /** Encodings of the data pages, each with how many have it. */
  readonly pagesByEncoding: ReadonlyMap<number, number>;
  /** Sizes and rows of the data pages. */
  readonly pageSizes: readonly number[];
  readonly pageRows: readonly number[];
  readonly columnIndex: ColumnIndex | null;
  bloomFilter: { readonly offset: number; readonly size: number } | null;
}

/** What is kept of a chunk that was written at `offset`: not its bytes. */
export function writtenChunk(chunk: FinishedChunk, offset: number): WrittenChunk {
  const { leaf, dictionarySize, pages, entries, nulls, size, uncompressedSize, extent } = chunk;
  const pagesByEncoding = new Map<number, number>();
  for (const { encoding } of pages) pagesByEncoding.set(encoding, (pagesByEncoding.get(encoding) ?? 0) + 1);
  return {
    leaf,
    dictionarySize,
    entries,
    nulls,
    size,
    uncompressedSize,
    offset,
    bounds: boundBytes(leaf.element, extent),
    pagesByEncoding,
    pageSizes: pages.map(({ size }) => size),
    pageRows: pages.map(({ rows }) => rows),
    columnIndex: columnIndexOf(leaf.element, pages),
    bloomFilter: null,
  };
}

interface Indexed {
  columnIndex: { offset: number; size: number } | null;
  offsetIndex: { offset: number; size: number };
}

const TYPES = ["BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"];
const DATA_PAGE = 0;
const DICTIONARY_PAGE = 2;

/** All that follows the row groups of a file, which end at `offset`. */
export function writeFooter(
  elements: readonly SchemaElement[],
  groups: readonly RowGroup[],
  codec: ParquetCodec,
  offset: number,
): Uint8Array {
  const thrift = new ThriftWriter();
  const { out } = thrift;
  const indexed = new Map<WrittenChunk, Indexed>();
  const chunks = groups.flatMap(({ chunks }) => chunks);
  for (const chunk of chunks) {
    const from = out.length;
    if (chunk.columnIndex !== null) writeColumnIndex(thrift, chunk.columnIndex);
    const columnIndex = chunk.columnIndex && { offset: offset + from, size: out.length - from };
    indexed.set(chunk, { columnIndex, offsetIndex: { offset: 0, size: 0 } });
  }
  for (const chunk of chunks) {
    const from = out.length;
    writeOffsetIndex(thrift, chunk.offset + chunk.dictionarySize, chunk.pageSizes, chunk.pageRows);
    indexed.get(chunk)!.offsetIndex = { offset: offset + from, size: out.length - from };
  }
  const from = out.length;
  thrift.begin();
  thrift.i32(1, 2);
  thrift.list(2, ThriftType.STRUCT, elements.length);
  for (const element of elements) writeSchemaElement(thrift, element);
  thrift.i64(3, groups.reduce((sum, { rows }) => sum + rows, 0));
  thrift.list(4, ThriftType.STRUCT, groups.length);
  groups.forEach((group, ordinal) => writeRowGroup(thrift, group, ordinal, codec, indexed));
  thrift.binary(6, "sluice version 1");
  const leaves = elements.filter(({ type }) => type !== undefined);
  thrift.list(7, ThriftType.STRUCT, leaves.length);
  for (let i = 0; i < leaves.length; i++) {
    thrift.begin();
    thrift.struct(1); // TYPE_ORDER
    thrift.end();
    thrift.end();
  }
  thrift.end();
  out.word(out.length - from);
  out.append(MAGIC);
  return out.view().slice();
}

/** The first and the last bytes of a file. */
export const MAGIC: Uint8Array = new TextEncoder().encode("PAR1");

function writeRowGroup(
  thrift: ThriftWriter,
  { rows, offset, chunks }: RowGroup,
  ordinal: number,
  codec: ParquetCodec,
  indexed: ReadonlyMap<WrittenChunk, Indexed>,
): void {
  thrift.begin();
  thrift.list(1, ThriftType.STRUCT, chunks.length);
  for (const chunk of chunks) {
    const { columnIndex, offsetIndex } = indexed.get(chunk)!;
    thrift.begin();
    thrift.i64(2, chunk.offset);
    thrift.struct(3);
    writeColumnMetaData(thrift, chunk, codec);
    thrift.end();
    thrift.i64(4, offsetIndex.offset);
    thrift.i32(5, offsetIndex.size);
    if (columnIndex !== null) {
      thrift.i64(6, columnIndex.offset);
      thrift.i32(7, columnIndex.size);
    }
    thrift.end();
  }
  thrift.i64(2, chunks.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0));
  thrift.i64(3, rows);
  thrift.i64(5, offset);
  thrift.i64(6, chunks.reduce((sum, { size }) => sum + size, 0));
  if (ordinal < 2 ** 15) thrift.i16(7, ordinal);
  thrift.end();
}

function writeColumnMetaData(thrift: ThriftWriter, chunk: WrittenChunk, codec: ParquetCodec): void {
  const { leaf, dictionarySize, offset, bounds, pagesByEncoding, bloomFilter } = chunk;
  const encodings = new Set([...pagesByEncoding.keys(), Encoding.RLE]);
  if (dictionarySize > 0) encodings.add(Encoding.PLAIN);
  thrift.i32(1, TYPES.indexOf(leaf.element.type!));
  thrift.list(2, ThriftType.I32, encodings.size);
  for (const encoding of encodings) thrift.integer(encoding);
  thrift.list(3, ThriftType.BINARY, leaf.path.length);
  for (const name of leaf.path) thrift.binaryElement(name);
  thrift.i32(4, CODECS[codec]);
  thrift.i64(5, chunk.entries);
  thrift.i64(6, chunk.uncompressedSize);
  thrift.i64(7, chunk.size);
  thrift.i64(9, offset + dictionarySize);
  if (dictionarySize > 0) thrift.i64(11, offset);
  thrift.struct(12);
  thrift.i64(3, chunk.nulls);
  if (bounds !== null) {
    thrift.binary(5, bounds.max.bytes);
    thrift.binary(6, bounds.min.bytes);
    thrift.boolean(7, bounds.max.exact);
    thrift.boolean(8, bounds.min.exact);
  }
  thrift.end();
  thrift.list(13, ThriftType.STRUCT, pagesByEncoding.size + (dictionarySize > 0 ? 1 : 0));
  if (dictionarySize > 0) writeEncodingStats(thrift, DICTIONARY_PAGE, Encoding.PLAIN, 1);
  for (const [encoding, count] of pagesByEncoding) writeEncodingStats(thrift, DATA_PAGE, encoding, count);
  if (bloomFilter !== null) {
    thrift.i64(14, bloomFilter.offset);
    thrift.i32(15, bloomFilter.size);
  }
}

function writeEncodingStats(thrift: ThriftWriter, pageType: number, encoding: number, count: number): void {
  thrift.begin();
  thrift.i32(1, pageType);
  thrift.i32(2, encoding);
  thrift.i32(3, count);
  thrift.end();
}
