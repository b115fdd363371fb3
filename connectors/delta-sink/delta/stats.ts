/**
 * The `stats` string of an `add` (Delta protocol, "Per-file Statistics"; DELTA.md 4), collected batch by batch.
 *
 * @module
 */
import { type Data, type DataType, type RecordBatch, type Schema, Type } from "apache-arrow";
import { childFields, childOf } from "../parquet/arrow_data.ts";
import { type Bound, emptyExtent, type Extent, widen } from "../parquet/extent.ts";
import { formatDate, formatTimestampMs, unscaledText } from "./partition_values.ts";

/** Collects the statistics of one data file. */
export interface StatsCollector {
  /** Counts the rows of a batch with the collector's schema. */
  add(batch: RecordBatch): void;
  /** The `stats` string of what was added so far. */
  finish(): string;
}

/** `delta.dataSkippingNumIndexedCols` where a table does not say. */
export const INDEXED_COLUMNS_DEFAULT = 32;

/**
 * Statistics of the first `columnsMax` leaf columns (-1: of all; a list or a map counts as one) of files with `schema`,
 * the schema that is in the file: without partition columns.
 */
export function createStats(schema: Schema, columnsMax = INDEXED_COLUMNS_DEFAULT): StatsCollector {
  const budget = { left: columnsMax < 0 ? Infinity : columnsMax };
  const columns = schema.fields.map(({ name, type }) => createNode(name, type, budget));
  let rows = 0;
  return {
    add(batch: RecordBatch): void {
      rows += batch.numRows;
      columns.forEach((column, i) => count(column, batch.data.children[i]));
    },
    finish(): string {
      const part = (what: (leaf: Leaf) => string | null) => object(columns, what) ?? "{}";
      return `{"numRecords":${rows},"minValues":${part(minText)},"maxValues":${part(maxText)},"nullCount":${
        part(({ nulls }) => String(nulls))
      }}`;
    },
  };
}

/** Strings are cut to this many characters, as Spark does. */
const PREFIX = 32;

interface Leaf {
  readonly kind: "leaf";
  readonly name: string;
  readonly type: DataType;
  /** Beyond the first leaves: not collected. */
  readonly collected: boolean;
  nulls: number;
  readonly extent: Extent;
}

interface Group {
  readonly kind: "group";
  readonly name: string;
  readonly children: readonly Node[];
}

type Node = Leaf | Group;

function createNode(name: string, type: DataType, budget: { left: number }): Node {
  if (type.typeId === Type.Struct) {
    return {
      kind: "group",
      name,
      children: childFields(type).map((child) => createNode(child.name, child.type, budget)),
    };
  }
  return { kind: "leaf", name, type, collected: budget.left-- > 0, nulls: 0, extent: emptyExtent() };
}

function count(node: Node, data: Data): void {
  if (node.kind === "group") {
    node.children.forEach((child, i) => count(child, childOf(data, i)));
  } else if (node.collected) {
    node.nulls += data.nullCount;
    widen(node.extent, data);
  }
}

/** `{"name":what,...}` with nested objects for structs; null where there is nothing in it. */
function object(nodes: readonly Node[], what: (leaf: Leaf) => string | null): string | null {
  const parts: string[] = [];
  for (const node of nodes) {
    const text = node.kind === "group" ? object(node.children, what) : node.collected ? what(node) : null;
    if (text !== null) parts.push(`${JSON.stringify(node.name)}:${text}`);
  }
  return parts.length > 0 ? `{${parts.join(",")}}` : null;
}

function minText({ type, extent: { min } }: Leaf): string | null {
  if (min === null) return null;
  if (min instanceof Uint8Array) return JSON.stringify(cutBelow(text(min)));
  return type.typeId === Type.Timestamp ? timestampText(type, floorMs(min as bigint)) : plainText(type, min);
}

function maxText({ type, extent: { max, hasNaN } }: Leaf): string | null {
  // Readers that order NaN after all numbers would skip the file wrongly by any other maximum.
  if (max === null || hasNaN) return null;
  if (max instanceof Uint8Array) {
    const cut = cutAbove(text(max));
    return cut === null ? null : JSON.stringify(cut);
  }
  // Milliseconds are all that is kept: rounded up the bound still holds.
  return type.typeId === Type.Timestamp ? timestampText(type, -floorMs(-(max as bigint))) : plainText(type, max);
}

function plainText(type: DataType, value: Exclude<Bound, Uint8Array>): string | null {
  switch (type.typeId) {
    case Type.Date: {
      const date = formatDate(value as number);
      return date === null ? null : `"${date}"`;
    }
    case Type.Decimal:
      return unscaledText(value as bigint, (type as unknown as { scale: number }).scale);
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
