/**
 * The page index (Parquet format, `ColumnIndex`, `OffsetIndex`): where pages are, and what is in them.
 *
 * @module
 */
import type { SchemaElement } from "hyparquet";
import { boundBytes } from "./bounds.ts";
import type { PageInfo } from "./column_chunk.ts";
import { compareBounds, compareBytes } from "./extent.ts";
import { ThriftType, type ThriftWriter } from "./thrift.ts";

/** Bounds and nulls of a chunk's pages. */
export interface ColumnIndex {
  /** Null: the page has no values. */
  readonly pages: readonly ({ readonly min: Uint8Array; readonly max: Uint8Array } | null)[];
  readonly nulls: readonly number[];
  readonly order: number;
}

/** The `BoundaryOrder`s. */
const UNORDERED = 0, ASCENDING = 1, DESCENDING = 2;

/** The column index of a chunk; null where a page has values and no bounds. */
export function columnIndexOf(element: Omit<SchemaElement, "name">, pages: readonly PageInfo[]): ColumnIndex | null {
  const bounds: { min: Uint8Array; max: Uint8Array }[] = [];
  let before: PageInfo | null = null;
  let ascending = true, descending = true;
  const all: ColumnIndex["pages"][number][] = [];
  for (const page of pages) {
    const { extent } = page;
    if (extent.min === null && !extent.hasNaN) {
      all.push(null);
      continue;
    }
    const both = boundBytes(element, extent);
    if (both === null) return null;
    const bytes = { min: both.min.bytes, max: both.max.bytes };
    const last = bounds.at(-1);
    if (last && before) {
      // Strings in the order in which they are written, that is cut.
      const isBytes = extent.min instanceof Uint8Array;
      const min = isBytes ? compareBytes(bytes.min, last.min) : compareBounds(extent.min!, before.extent.min!);
      const max = isBytes ? compareBytes(bytes.max, last.max) : compareBounds(extent.max!, before.extent.max!);
      ascending &&= min >= 0 && max >= 0;
      descending &&= min <= 0 && max <= 0;
    }
    before = page;
    bounds.push(bytes);
    all.push(bytes);
  }
  const order = ascending ? ASCENDING : descending ? DESCENDING : UNORDERED;
  return { pages: all, nulls: pages.map(({ nulls }) => nulls), order };
}

const NOTHING = new Uint8Array(0);

/** Writes a `ColumnIndex`. */
export function writeColumnIndex(thrift: ThriftWriter, { pages, nulls, order }: ColumnIndex): void {
  thrift.begin();
  thrift.list(1, ThriftType.TRUE, pages.length);
  for (const page of pages) thrift.booleanElement(page === null);
  thrift.list(2, ThriftType.BINARY, pages.length);
  for (const page of pages) thrift.binaryElement(page?.min ?? NOTHING);
  thrift.list(3, ThriftType.BINARY, pages.length);
  for (const page of pages) thrift.binaryElement(page?.max ?? NOTHING);
  thrift.i32(4, order);
  thrift.list(5, ThriftType.I64, nulls.length);
  for (const count of nulls) thrift.integer(count);
  thrift.end();
}

/** Writes the `OffsetIndex` of data pages that follow each other from `offset`. */
export function writeOffsetIndex(
  thrift: ThriftWriter,
  offset: number,
  sizes: readonly number[],
  rows: readonly number[],
): void {
  thrift.begin();
  thrift.list(1, ThriftType.STRUCT, sizes.length);
  let row = 0;
  sizes.forEach((size, i) => {
    thrift.begin();
    thrift.i64(1, offset);
    thrift.i32(2, size);
    thrift.i64(3, row);
    thrift.end();
    offset += size;
    row += rows[i];
  });
  thrift.end();
}
