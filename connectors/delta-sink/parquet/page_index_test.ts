import { assert, assertEquals } from "@std/assert";
import { type DataType, type RecordBatch, Schema, Type } from "apache-arrow";
import fc from "fast-check";
import { parquetMetadata, readColumnIndex, readOffsetIndex, type SchemaElement } from "hyparquet";
import { types } from "../../../mod.ts";
import { childFields } from "./arrow_data.ts";
import { leavesOf } from "./leaf.ts";
import { createParquetFile, type ParquetFileOptions } from "./parquet_file.ts";
import { anyRows, anySchema, batchOf, bytesOf } from "./test_support.ts";

/** What a leaf column holds of a value: its own values and nulls, in order. */
function leafValues(value: unknown, type: DataType, path: readonly string[]): unknown[] {
  const children = childFields(type);
  if (value === null || value === undefined) return [null];
  switch (type.typeId) {
    case Type.Struct: {
      const child = children.find(({ name }) => name === path[0])!;
      return leafValues((value as Record<string, unknown>)[child.name], child.type, path.slice(1));
    }
    case Type.List: {
      const elements = value as unknown[];
      return elements.length === 0
        ? [null]
        : elements.flatMap((element) => leafValues(element, children[0].type, path.slice(2)));
    }
    case Type.Map: {
      const entries = value as [unknown, unknown][];
      const which = path[1] === "key" ? 0 : 1;
      return entries.length === 0
        ? [null]
        : entries.flatMap((entry) =>
          leafValues(entry[which], childFields(children[0].type)[which].type, path.slice(2))
        );
    }
    default:
      return [value];
  }
}

/** Statistics are read as they are stored. */
const RAW = {
  dateFromDays: (days: number) => days,
  timestampFromMicroseconds: (micros: bigint) => micros,
  stringFromBytes: (utf8: Uint8Array) => utf8,
} as never;

function compare(a: unknown, b: unknown): number {
  if (a instanceof Uint8Array) {
    const other = b as Uint8Array;
    for (let i = 0; i < Math.min(a.length, other.length); i++) if (a[i] !== other[i]) return a[i] - other[i];
    return a.length - other.length;
  }
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
}

/** A plain value as it is compared. */
function comparable(value: unknown, type: DataType): unknown {
  if (typeof value === "string") return new TextEncoder().encode(value);
  if (type.typeId === Type.Decimal) {
    return Number(value as bigint) * 10 ** -(type as unknown as { scale: number }).scale;
  }
  return value;
}

/** Checks bounds and null count against the values; the values are in no order and have nulls. */
function check(
  values: unknown[],
  type: DataType,
  claim: { min: unknown; max: unknown; nulls: unknown; minExact?: boolean; maxExact?: boolean },
): void {
  const there = values.filter((value) => value !== null).map((value) => comparable(value, type));
  assertEquals(Number(claim.nulls), values.length - there.length);
  if (claim.min === undefined || claim.max === undefined) {
    const isCut = there.some((value) => value instanceof Uint8Array && value.length > 64);
    assert(there.length === 0 || isCut || there.some((value) => Number.isNaN(value)), "bounds are missing");
    return;
  }
  const sorted = there.toSorted(compare);
  assert(compare(claim.min, sorted[0]) <= 0 && compare(claim.max, sorted.at(-1)) >= 0, "bounds do not hold");
  if (claim.minExact) assertEquals(compare(claim.min, sorted[0]), 0);
  if (claim.maxExact) assertEquals(compare(claim.max, sorted.at(-1)), 0);
}

/** Checks all statistics of a file of these rows: of chunks, and of pages. */
function checkFile(
  schema: Schema,
  rows: readonly (readonly unknown[])[],
  batches: RecordBatch[],
  options: object,
): number {
  const file = createParquetFile({ schema, codec: "uncompressed", ...options } as ParquetFileOptions);
  const bytes = bytesOf([...batches.flatMap((batch) => file.append(batch)), ...file.finish()]);
  const metadata = parquetMetadata(bytes.buffer as ArrayBuffer, { parsers: RAW });
  // Without the types that hyparquet cannot read the empty bounds of a page of nulls by.
  const elements = metadata.schema.filter(({ type }) => type !== undefined).map((element): SchemaElement =>
    element.converted_type === "DECIMAL" ? element : { name: element.name, type: element.type }
  );
  let from = 0, pages = 0;
  for (const group of metadata.row_groups) {
    const to = from + Number(group.num_rows);
    leavesOf(schema).forEach((leaf, i) => {
      const column = schema.fields.findIndex(({ name }) => name === leaf.path[0]);
      const valuesOf = (start: number, end: number) =>
        rows.slice(start, end).flatMap((row) =>
          leafValues(row[column], schema.fields[column].type, leaf.path.slice(1))
        );
      const chunk = group.columns[i];
      const { statistics, num_values } = chunk.meta_data!;
      const all = valuesOf(from, to);
      assertEquals(Number(num_values), all.length);
      check(all, leaf.type, {
        min: statistics!.min_value,
        max: statistics!.max_value,
        nulls: statistics!.null_count,
        minExact: statistics!.is_min_value_exact,
        maxExact: statistics!.is_max_value_exact,
      });
      const view = (offset: bigint | undefined) => ({
        view: new DataView(bytes.buffer, Number(offset)),
        offset: 0,
      });
      const { page_locations } = readOffsetIndex(view(chunk.offset_index_offset));
      const index = chunk.column_index_offset === undefined
        ? null
        : readColumnIndex(view(chunk.column_index_offset), elements[i], RAW);
      let end = page_locations[0].offset;
      page_locations.forEach(({ offset, compressed_page_size, first_row_index }, p) => {
        assertEquals(offset, end);
        end = offset + BigInt(compressed_page_size);
        pages++;
        if (index === null) return;
        const next = page_locations[p + 1]?.first_row_index ?? group.num_rows;
        const values = valuesOf(from + Number(first_row_index), from + Number(next));
        const isNull = index.null_pages[p];
        assertEquals(isNull, values.every((value) => value === null));
        check(values, leaf.type, {
          min: isNull ? undefined : index.min_values[p],
          max: isNull ? undefined : index.max_values[p],
          nulls: index.null_counts![p],
        });
      });
      if (index !== null) checkOrder(index.boundary_order, index.null_pages, index.min_values, index.max_values);
    });
    from = to;
  }
  return pages;
}

function checkOrder(order: string, isNull: boolean[], mins: unknown[], maxs: unknown[]): void {
  if (order === "UNORDERED") return;
  const pages = isNull.flatMap((none, i) => none ? [] : [i]);
  const sign = order === "ASCENDING" ? 1 : -1;
  for (let i = 1; i < pages.length; i++) {
    assert(compare(mins[pages[i - 1]], mins[pages[i]]) * sign <= 0);
    assert(compare(maxs[pages[i - 1]], maxs[pages[i]]) * sign <= 0);
  }
}

Deno.test("writeFooter() says what is true of every chunk and every page, of any columns", () => {
  const input = anySchema().chain((schema) => fc.tuple(fc.constant(schema), anyRows(schema, 60)));
  const sizes = fc.record({
    pageRows: fc.integer({ min: 1, max: 8 }),
    pageBytes: fc.constantFrom(1, 40, 1000),
    rowGroupBytesMax: fc.constantFrom(200, 1e6),
  });
  let pages = 0;
  fc.assert(
    fc.property(input, sizes, fc.integer({ min: 1, max: 30 }), ([schema, rows], sizes, batchRows) => {
      const batches: RecordBatch[] = [];
      for (let from = 0; from < rows.length; from += batchRows) {
        batches.push(batchOf(schema, rows.slice(from, from + batchRows)));
      }
      pages += checkFile(schema, rows, batches, sizes);
    }),
    { numRuns: 200 },
  );
  assert(pages > 1000);
});

Deno.test("writeFooter() cuts bounds of long strings so that they hold, whatever the characters", () => {
  const schema = new Schema([types.field("s", types.utf8()), types.field("b", types.binary())]);
  const character = fc.constantFrom("x", "é", "\ud7ff", "\u{10ffff}", "\u{1F600}");
  const text = fc.array(character, { maxLength: 200 }).map((all) => all.join(""));
  const bytes = fc.uint8Array({ maxLength: 100, min: 253 });
  fc.assert(
    fc.property(fc.array(fc.tuple(text, bytes), { maxLength: 6 }), (rows) => {
      checkFile(schema, rows, [batchOf(schema, rows)], { pageRows: 1, pageBytes: 1 });
    }),
    { numRuns: 200 },
  );
});
