/**
 * The `stats` string of an `add` (Delta protocol, "Per-file Statistics"), from what the encoder of the file
 * has seen.
 *
 * @module
 */
import { type DataType, Type } from "apache-arrow";
import type { Bound, Extent } from "../parquet/extent.ts";
import { formatDate, formatTimestampMs, unscaledText } from "./partition_values.ts";

/** What is known of a column of a file. */
export interface ColumnStats {
  readonly name: string;
  readonly type: DataType;
  readonly nulls: number;
  /** Of a column without parts. */
  readonly extent: Extent | null;
  /** Of a struct: its fields. */
  readonly children: readonly ColumnStats[];
}

/** `delta.dataSkippingNumIndexedCols` where a table does not say. */
const INDEXED_COLUMNS_DEFAULT = 32;

/**
 * The statistics of the first `columnsMax` leaf columns (-1: of all; a list or a map counts as one) of a file of `rows`
 * rows. `columns` are those that are in the file: without partition columns.
 */
export function formatStats(
  rows: number,
  columns: readonly ColumnStats[],
  columnsMax = INDEXED_COLUMNS_DEFAULT,
): string {
  const part = (what: (leaf: ColumnStats) => string | null) =>
    object(columns, { left: columnsMax < 0 ? Infinity : columnsMax }, what) ?? "{}";
  return `{"numRecords":${rows},"minValues":${part(minText)},"maxValues":${part(maxText)},"nullCount":${
    part(({ nulls }) => String(nulls))
  }}`;
}

/** Strings are cut to this many characters, as Spark does. */
const PREFIX = 32;

/** `{"name":what,...}` with nested objects for structs; null where there is nothing in it. */
function object(
  columns: readonly ColumnStats[],
  budget: { left: number },
  what: (leaf: ColumnStats) => string | null,
): string | null {
  const parts: string[] = [];
  for (const column of columns) {
    let text: string | null = null;
    if (column.type.typeId === Type.Struct) text = object(column.children, budget, what);
    else if (budget.left-- > 0) text = what(column);
    if (text !== null) parts.push(`${JSON.stringify(column.name)}:${text}`);
  }
  return parts.length > 0 ? `{${parts.join(",")}}` : null;
}

function minText({ type, extent }: ColumnStats): string | null {
  const min = boundOf(type, extent?.min);
  if (min === null) return null;
  if (min instanceof Uint8Array) return JSON.stringify(cutBelow(text(min)));
  return type.typeId === Type.Timestamp ? timestampText(type, floorMs(min as bigint)) : plainText(type, min);
}

function maxText({ type, extent }: ColumnStats): string | null {
  const max = boundOf(type, extent?.max);
  // Readers that order NaN after all numbers would skip the file wrongly by any other maximum.
  if (max === null || extent!.hasNaN) return null;
  if (max instanceof Uint8Array) {
    const cut = cutAbove(text(max));
    return cut === null ? null : JSON.stringify(cut);
  }
  // Milliseconds are all that is kept: rounded up the bound still holds.
  return type.typeId === Type.Timestamp ? timestampText(type, -floorMs(-(max as bigint))) : plainText(type, max);
}

/** Booleans and binaries have no bounds in Delta. */
function boundOf(type: DataType, bound: Bound | null | undefined): Bound | null {
  return type.typeId === Type.Bool || type.typeId === Type.Binary ? null : bound ?? null;
}

function plainText(type: DataType, value: Exclude<Bound, Uint8Array>): string | null {
  switch (type.typeId) {
    case Type.Date: {
      const date = formatDate(value as number);
      return date === null ? null : `"${date}"`;
    }
    case Type.Decimal:
      return unscaledText(BigInt(value), (type as unknown as { scale: number }).scale);
    case Type.Float:
      if (!Number.isFinite(value)) return null;
      return Object.is(value, -0) ? "-0.0" : String(value);
    default:
      return String(value);
  }
}

function timestampText(type: DataType, ms: bigint): string | null {
  const formatted = formatTimestampMs(Number(ms));
  if (formatted === null) return null;
  return (type as unknown as { timezone: string | null }).timezone === null ? `"${formatted}"` : `"${formatted}Z"`;
}

function floorMs(micros: bigint): bigint {
  const ms = micros / 1000n;
  return ms * 1000n > micros ? ms - 1n : ms;
}

function text(utf8: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(utf8);
}

/** A prefix is a lower bound. No surrogate pair is split. */
function cutBelow(value: string): string {
  return value.length <= PREFIX ? value : value.slice(0, cutPoint(value, PREFIX));
}

/**
 * An upper bound: a prefix and a character above the next one. Null where the characters after the prefix are all the
 * highest there is, so that no short bound exists.
 */
function cutAbove(value: string): string | null {
  if (value.length <= PREFIX) return value;
  for (let end = cutPoint(value, PREFIX); end < Math.min(value.length, 2 * PREFIX);) {
    const next = value.codePointAt(end)!;
    if (next < 0x7f) return value.slice(0, end) + "\u007f";
    if (next < 0x10ffff) return value.slice(0, end) + "\u{10ffff}";
    end += 2;
  }
  return null;
}

function cutPoint(value: string, end: number): number {
  const high = value.charCodeAt(end - 1);
  return high >= 0xd800 && high <= 0xdbff ? end - 1 : end;
}
