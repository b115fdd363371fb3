/**
 * Arrow columns to the entries of Parquet's leaf columns: repetition and definition levels (Dremel) from validity and
 * offsets, without an object for any value.
 *
 * @module
 */
import { type Data, type DataType, Type } from "apache-arrow";
import { childFields, isNested, validityOf } from "./arrow_data.ts";
import type { ColumnChunk } from "./column_chunk.ts";
import type { Extent } from "./extent.ts";

/** Entries of a leaf column. */
export interface Entries {
  readonly count: number;
  /** How many of them are not null. */
  readonly values: number;
  /** Where in the leaf's data those are; null: at 0, 1, ... */
  readonly index: Int32Array | null;
  /** Definition levels; null: all values are there. */
  readonly levels: Uint8Array | null;
  /** Repetition levels; null: all are 0. */
  readonly repeats: Uint8Array | null;
}

/** A column of the schema and what is below it. */
export interface ShreddedColumn {
  readonly name: string;
  readonly type: DataType;
  /** Nulls so far; of a struct's field also where the struct is null; below a list or a map they are not counted. */
  nulls: number;
  /** Fields of a struct, the element of a list, key and value of a map. */
  readonly children: readonly ShreddedColumn[];
  readonly chunk: ColumnChunk | null;
  /** The range of the values of a leaf column. */
  readonly extent: Extent | null;
}

/** Slots on the way down. Those at `level` are alive; `index` says where in the data they are (null: at 0, 1, ...). */
interface Slots {
  readonly count: number;
  readonly level: number;
  readonly index: Int32Array | null;
  readonly levels: Uint8Array | null;
  readonly repeats: Uint8Array | null;
  readonly depth: number;
}

/** A column with its chunks, which `next` hands out leaf by leaf. */
export function shreddedColumn(name: string, type: DataType, next: () => ColumnChunk): ShreddedColumn {
  const fields = type.typeId === Type.Map ? childFields(childFields(type)[0].type) : childFields(type);
  const children = fields.map((field) => shreddedColumn(field.name, field.type, next));
  const chunk = isNested(type) ? null : next();
  return { name, type, nulls: 0, children, chunk, extent: chunk?.extent ?? null };
}

/** Appends the entries of a column to its chunks, which copy what they need. */
export function appendColumn(column: ShreddedColumn, data: Data): void {
  resetScratch();
  shred(column, data, { count: data.length, level: 0, index: null, levels: null, repeats: null, depth: 0 }, true);
}

function shred(column: ShreddedColumn, data: Data, slots: Slots, optional: boolean): void {
  const { type, children, chunk } = column;
  if (chunk !== null) {
    const entries = leafEntries(data, slots, optional);
    if (slots.depth === 0) column.nulls += entries.count - entries.values;
    chunk.append(data, entries);
    return;
  }
  const present = optional ? withValidity(data, slots) : slots;
  if (type.typeId === Type.Struct) {
    children.forEach((child, i) => shred(child, data.children[i], present, true));
    return;
  }
  if (slots.depth === 0) column.nulls += slots.count - alive(present);
  const elements = expand(data, present);
  if (type.typeId === Type.List) return shred(children[0], data.children[0], elements, true);
  const [keys, values] = data.children[0].children;
  shred(children[0], keys, elements, false);
  shred(children[1], values, elements, true);
}

/** A level deeper, without those that are null. */
function withValidity(data: Data, slots: Slots): Slots {
  const { count, level, index, levels } = slots;
  const bits = validityOf(data);
  if (bits === null && levels === null) return { ...slots, level: level + 1 };
  const deeper = takeBytes(count);
  for (let i = 0; i < count; i++) {
    if (levels !== null && levels[i] !== level) {
      deeper[i] = levels[i];
      continue;
    }
    const bit = data.offset + (index === null ? i : index[i]);
    deeper[i] = bits === null || (bits[bit >> 3] & (1 << (bit & 7))) !== 0 ? level + 1 : level;
  }
  return { ...slots, level: level + 1, levels: deeper };
}

function alive({ count, level, levels }: Slots): number {
  if (levels === null) return count;
  let alive = 0;
  for (let i = 0; i < count; i++) if (levels[i] === level) alive++;
  return alive;
}

/** The elements of lists; a slot each for lists that are empty and for those that are not there. */
function expand({ valueOffsets }: Data, { count, level, index, levels, repeats, depth }: Slots): Slots {
  let total = 0;
  for (let i = 0; i < count; i++) {
    const at = index === null ? i : index[i];
    const size = levels === null || levels[i] === level ? valueOffsets[at + 1] - valueOffsets[at] : 0;
    total += size > 0 ? size : 1;
  }
  const next = {
    count: total,
    level: level + 1,
    index: takeInts(total),
    levels: takeBytes(total),
    repeats: takeBytes(total),
    depth: depth + 1,
  };
  let to = 0;
  for (let i = 0; i < count; i++) {
    const isThere = levels === null || levels[i] === level;
    const at = index === null ? i : index[i];
    const start = isThere ? valueOffsets[at] : 0, end = isThere ? valueOffsets[at + 1] : 0;
    next.repeats[to] = repeats === null ? 0 : repeats[i];
    if (start === end) {
      next.levels[to++] = isThere ? level : levels![i];
      continue;
    }
    for (let element = start; element < end; element++) {
      if (element > start) next.repeats[to] = depth + 1;
      next.levels[to] = level + 1;
      next.index[to++] = element;
    }
  }
  return next;
}

function leafEntries(data: Data, slots: Slots, optional: boolean): Entries {
  const { count, index, repeats } = slots;
  const bits = optional ? validityOf(data) : null;
  if (bits === null && slots.levels === null) return { count, values: count, index, levels: null, repeats };
  if (slots.levels === null && index === null) return flatEntries(data, bits!, slots);
  const { level, levels } = optional ? withValidity(data, slots) : slots;
  const values = takeInts(count);
  let found = 0;
  for (let i = 0; i < count; i++) {
    values[found] = index === null ? i : index[i];
    if (levels![i] === level) found++;
  }
  return { count, values: found, index: values, levels, repeats };
}

/** The common case: a nullable column that is in no list and no struct with nulls. */
function flatEntries({ offset }: Data, bits: Uint8Array, { count, level, repeats }: Slots): Entries {
  const levels = takeBytes(count), index = takeInts(count);
  let found = 0;
  for (let i = 0; i < count; i++) {
    const bit = offset + i;
    const valid = (bits[bit >> 3] >> (bit & 7)) & 1;
    levels[i] = level + valid;
    index[found] = i;
    found += valid;
  }
  return { count, values: found, index, levels, repeats };
}

// Scratch arrays: handed out one after the other, all free again with the next column.
const ints: Int32Array[] = [];
const bytes: Uint8Array[] = [];
let intsTaken = 0;
let bytesTaken = 0;
/** Larger ones are not kept. */
const KEPT_LENGTH_MAX = 1 << 18;

function resetScratch(): void {
  for (const arrays of [ints, bytes]) {
    arrays.forEach((array, i) => {
      if (array.length > KEPT_LENGTH_MAX) arrays[i] = arrays === ints ? new Int32Array(0) : new Uint8Array(0);
    });
  }
  intsTaken = bytesTaken = 0;
}

function takeInts(length: number): Int32Array {
  const at = intsTaken++;
  // One more than asked for: loops write where the next value would go.
  if (!(ints[at]?.length > length)) ints[at] = new Int32Array(roomFor(length));
  return ints[at];
}

function takeBytes(length: number): Uint8Array {
  const at = bytesTaken++;
  if (!(bytes[at]?.length > length)) bytes[at] = new Uint8Array(roomFor(length));
  return bytes[at];
}

function roomFor(length: number): number {
  return Math.max(1024, 2 ** (32 - Math.clz32(length)));
}
