/**
 * Source text of decoders that write to the arrays of column builders directly (the contract in runtime/api/column.ts),
 * for every format that generates code. Names and values never become source text: all that a schema brings in is
 * passed as an argument, and columns are numbered.
 *
 * Within the text, `c3` is a column's builder, `v3` `w3` `t3` `o3` `y3` its values, words, bits, offsets and bytes; `B`
 * is the slab, `D` a DataView of it, `p` the position, `end` the end of the payload.
 *
 * @module
 */
import {
  BoolColumn,
  BytesColumn,
  type Column,
  type ColumnBase,
  ListColumn,
  NumberColumn,
  StructColumn,
  WordsColumn,
} from "../mod.ts";
import type { Payloads } from "./registered.ts";
import { invalidUtf8 } from "./utf8.ts";

/** How far behind a position that was checked code may read: no payload that ends nearer to the slab's end is for it. */
export const SLACK = 64;

/** Decodes the payloads of `indices[from, to)`, up to the first that is not for it, and returns where it stopped. */
export type RunDecoder = (bytes: Uint8Array, payloads: Payloads, from: number, to: number) => number;

/** A range of bytes that closures read from. */
export interface RangeCursor {
  set(bytes: Uint8Array, start: number, end: number): void;
}

/** Schemas of more values get no code: it is text that is made before the first record. */
export const VALUES_MAX = 4_000;
/** Columns of a struct whose nulls are written in place. */
const LEAVES_MAX = 16;
/** Room that every column has to begin with. */
const INITIAL = 64;

/** Where entries of a column are written. */
export interface Place {
  /** The variable that holds the entry's index. */
  readonly index: string;
  /** The list whose elements they are; null: an entry a row. */
  readonly list: Bound | null;
}

/** A column that code writes to. */
export interface Bound {
  readonly id: number;
  readonly column: Column;
  readonly list: Bound | null;
}

/** The columns, constants and functions of one generated decoder. */
export class ColumnCode {
  readonly #constants: unknown[] = [];
  readonly #bounds: Bound[] = [];
  readonly #byColumn = new Map<Column, Bound>();
  readonly #functions: string[] = [];
  readonly #declared: string[] = [];
  readonly #nulls = new Set<number>();
  #names = 0;

  /** `closures`: the columns that closures append to; code never touches their arrays. */
  constructor(private readonly closures: ReadonlySet<Column>) {}

  /** The name of a value that is passed as an argument. */
  constant(value: unknown): string {
    const known = this.#constants.indexOf(value);
    return `k${known >= 0 ? known : this.#constants.push(value) - 1}`;
  }

  /** A new variable's name. */
  name(prefix: string): string {
    return `${prefix}_${this.#names++}`;
  }

  /** A new variable that all functions share; it keeps what it got in the row before. */
  declare(prefix: string): string {
    const name = this.name(prefix);
    this.#declared.push(`let ${name} = 0;`);
    return name;
  }

  /** Adds a function `(p, i, e)` that returns the position behind what it reads, or -1 to give up; returns its name. */
  addFunction(body: string): string {
    const name = this.name("f");
    this.#functions.push(`function ${name}(p, i, e) {\n${LOCALS}\n${body}\nreturn p;\n}`);
    return name;
  }

  /** Notes that a column is written to. */
  bind(column: Column, list: Bound | null): Bound {
    const known = this.#byColumn.get(column);
    if (known) return known;
    const bound = { id: this.#bounds.length, column, list };
    this.#bounds.push(bound);
    this.#byColumn.set(column, bound);
    return bound;
  }

  /** A number, as it is. */
  number(column: Column, { index, list }: Place, value: string): string {
    return `v${this.bind(column, list).id}[${index}] = ${value};`;
  }

  /** A 64 bit integer from its halves, for an entry of 2 words or, extended, of 4. */
  words(column: Column, { index, list }: Place, low: string, high: string, isSigned = true): string {
    const { id } = this.bind(column, list);
    if ((column as WordsColumn).width === 2) {
      return `w${id}[2 * ${index}] = ${low}; w${id}[2 * ${index} + 1] = ${high};`;
    }
    const at = this.name("a");
    return `{ const ${at} = 4 * ${index}; w${id}[${at}] = ${low}; w${id}[${at} + 1] = ${high};
w${id}[${at} + 2] = w${id}[${at} + 3] = ${isSigned ? `${high} < 0 ? -1 : 0` : "0"}; }`;
  }

  /** A bit: `value` is 0 or 1. */
  bit(column: Column, { index, list }: Place, value: string): string {
    const { id } = this.bind(column, list);
    const at = `t${id}[${index} >> 3]`;
    return `${at} = ${at} & ~(1 << (${index} & 7)) | ${value} << (${index} & 7);`;
  }

  /** `B[p, p + n)`, which is within the payload, and passes it. `isText`: gives up where it is not UTF-8. */
  bytes(column: Column, { index, list }: Place, isText: boolean, giveUp: string): string {
    const { id } = this.bind(column, list);
    const check = isText ? `if ((m & 0x80808080) !== 0) { ${this.checkText(giveUp)} }` : "";
    const words = "let j = 0; for (const last = n - 4; j <= last; j += 4) m |= D.getInt32(p + j, true);";
    // A loop beats `set` of a fresh subarray for the short strings that most records hold.
    return `{ const o = o${id}[${index}]; let m = 0;
if (o + n > y${id}.length) { c${id}.roomFor(o, n); y${id} = c${id}.bytes; }
if (n <= 32) { for (let j = 0; j < n; j++) { const x = B[p + j]; y${id}[o + j] = x; m |= x; } }
else { y${id}.set(B.subarray(p, p + n), o); ${isText ? `${words} for (; j < n; j++) m |= B[p + j];` : ""} }
${check}
o${id}[${index} + 1] = o + n; p += n; }`;
  }

  /** Gives up where `B[p, p + n)` is not UTF-8. */
  checkText(giveUp: string): string {
    return `if (${this.constant(invalidUtf8)}(B, p, p + n) >= 0) ${giveUp};`;
  }

  /** The constant text `text`, an expression of type Uint8Array. */
  text(column: Column, { index, list }: Place, text: string): string {
    const { id } = this.bind(column, list);
    return `{ const s = ${text}, n = s.length, o = o${id}[${index}];
if (o + n > y${id}.length) { c${id}.roomFor(o, n); y${id} = c${id}.bytes; }
for (let j = 0; j < n; j++) y${id}[o + j] = s[j];
o${id}[${index} + 1] = o + n; }`;
  }

  /** A null, of a struct in all its children too. */
  null(column: Column, place: Place): string {
    const { index, list } = place;
    const { id } = this.bind(column, list);
    if (this.closures.has(column)) return `c${id}.appendNull();`;
    const note = `c${id}.nullAt(${index});`;
    if (column instanceof StructColumn) {
      if (leavesOf(column) > LEAVES_MAX) return `${this.#nullFunction(id, column, list)}(${index});`;
      return column.children.map((child) => this.null(child, place)).join("\n") + note;
    }
    return this.zero(column, place) + note;
  }

  /** What writes a null of a large struct: one function however often it is called for. */
  #nullFunction(id: number, column: StructColumn, list: Bound | null): string {
    const name = `z${id}`;
    if (this.#nulls.has(id)) return name;
    this.#nulls.add(id);
    const nulls = column.children.map((child) => this.null(child, { index: "i", list }));
    this.#functions.push(`function ${name}(i) {\n${nulls.join("\n")}\nc${id}.nullAt(i);\n}`);
    return name;
  }

  /** What an entry holds that is not set: 0, false, nothing. */
  zero(column: Column, place: Place): string {
    const { index, list } = place;
    const { id } = this.bind(column, list);
    if (column instanceof NumberColumn) return this.number(column, place, "0");
    if (column instanceof WordsColumn) return this.words(column, place, "0", "0");
    if (column instanceof BoolColumn) return `t${id}[${index} >> 3] &= ~(1 << (${index} & 7));`;
    return `o${id}[${index} + 1] = o${id}[${index}];`;
  }

  /** Makes room for `total` entries of a list's elements. */
  room({ id }: Bound, total: string): string {
    return `if (${total} > r${id}) { r${id} = R${id}(${total}); /*elements of ${id}*/ }`;
  }

  /**
   * Compiles code that reads one row from `p` to the entry `i` of each column, and gives up by `break rows`. `cursor` is
   * that of the closures; null: there are none. Where there are functions, they share the arrays.
   */
  compile(code: string, row: StructColumn, cursor: RangeCursor | null): RunDecoder {
    this.bind(row, null);
    const isSplit = this.#functions.length > 0;
    const lists = this.#bounds.filter(({ column }) => column instanceof ListColumn && !this.closures.has(column));
    const variables = `let B, D, end = 0; ${this.#bounds.map((bound) => this.#variables(bound)).join("")} ${
      this.#declared.join(" ")
    }`;
    const text = `"use strict";
const [${this.#bounds.map(({ id }) => `c${id}`).join(", ")}] = columns;
const [${lists.map(({ id }) => `R${id}`).join(", ")}] = rooms;
const [${this.#constants.map((_, i) => `k${i}`).join(", ")}] = constants;
${isSplit ? variables : ""}
${this.#functions.join("\n")}
return (bytes, view, indices, starts, ends, from, to, i) => {
${isSplit ? "" : variables}
B = bytes; D = view; ${this.#reload(null)} ${lists.map((list) => `r${list.id} = 0; ${this.#reload(list)}`).join(" ")}
${LOCALS}
const limit = B.length - ${SLACK};
let at = from;
rows: for (; at < to; at++) {
let p = starts[indices[at]];
end = ends[indices[at]];
if (end > limit) break;
${cursor === null ? "" : `${this.constant(cursor)}.set(B, p, end);`}
${code}
if (p !== end) break;
i++;
}
settle(i);
return at;
};`.replace(/\/\*elements of (\d+)\*\//g, (_, id) => this.#reload(this.#bounds[+id]));
    const make = new Function("columns", "rooms", "constants", "settle", text) as (...of: unknown[]) => GeneratedRun;
    const roomOf = (list: Bound | null) => {
      const elements = this.#bounds.filter((bound) => bound.list === list && !this.closures.has(bound.column));
      return (total: number) => makeRoom(elements.map(({ column }) => column), total);
    };
    const settle = (rows: number) => settleColumns(this.#bounds, rows);
    const run = make(this.#bounds.map(({ column }) => column), lists.map(roomOf), this.#constants, settle);
    const makeRows = roomOf(null);
    let view: DataView = new DataView(new ArrayBuffer(0));
    return (bytes, { indices, starts, ends }, from, to) => {
      if (view.buffer !== bytes.buffer || view.byteOffset !== bytes.byteOffset || view.byteLength !== bytes.length) {
        view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      }
      makeRows(row.length + to - from);
      return run(bytes, view, indices, starts, ends, from, to, row.length);
    };
  }

  #variables({ id, column }: Bound): string {
    if (this.closures.has(column)) return "";
    if (column instanceof NumberColumn) return `let v${id}; `;
    if (column instanceof WordsColumn) return `let w${id}; `;
    if (column instanceof BoolColumn) return `let t${id}; `;
    if (column instanceof BytesColumn) return `let o${id}, y${id}; `;
    return column instanceof ListColumn ? `let o${id}, r${id} = 0; ` : "";
  }

  /** Reads the arrays of the columns that are elements of `list` again. */
  #reload(list: Bound | null): string {
    return this.#bounds.filter((bound) => bound.list === list).map(({ id, column }) => {
      if (this.closures.has(column)) return "";
      if (column instanceof NumberColumn) return `v${id} = c${id}.values; `;
      if (column instanceof WordsColumn) return `w${id} = c${id}.words; `;
      if (column instanceof BoolColumn) return `t${id} = c${id}.bits; `;
      if (column instanceof BytesColumn) return `o${id} = c${id}.offsets; y${id} = c${id}.bytes; `;
      return column instanceof ListColumn ? `o${id} = c${id}.offsets; ` : "";
    }).join("");
  }
}

/** What generated code uses for a value: a byte, the halves of a long, a number, a sign. */
const LOCALS = "let b = 0, lo = 0, hi = 0, x = 0, s = 0, t = 0;";

type GeneratedRun = (
  bytes: Uint8Array,
  view: DataView,
  indices: Int32Array,
  starts: Int32Array,
  ends: Int32Array,
  from: number,
  to: number,
  row: number,
) => number;

/** How many statements write a null of the column, at most. */
export function nullsOf(column: Column): number {
  return Math.min(LEAVES_MAX, leavesOf(column));
}

function leavesOf(column: Column): number {
  return column instanceof StructColumn ? column.children.reduce((sum, child) => sum + leavesOf(child), 0) : 1;
}

/** Entries that a column has room for; a struct has as many as its children. */
function capacityOf(column: Column): number {
  if (column instanceof NumberColumn) return column.values.length;
  if (column instanceof WordsColumn) return column.words.length / column.width;
  if (column instanceof BoolColumn) return 8 * column.bits.length;
  if (column instanceof BytesColumn || column instanceof ListColumn) return column.offsets.length - 1;
  return Infinity;
}

/** Makes room for `total` entries in each column and returns how many there is room for. */
function makeRoom(columns: readonly Column[], total: number): number {
  let room = 0x7fff_ffff;
  for (const column of columns) {
    let capacity = capacityOf(column);
    if (capacity < total) {
      // Where there is something already, more will come: it grows by doubling. What was reserved once stays exact.
      column.reserve((capacity > INITIAL ? Math.max(total, 2 * capacity) : total) - column.length);
      capacity = capacityOf(column);
    }
    if (capacity < room) room = capacity;
  }
  return room;
}

/** Counts the rows that were written, and cuts what was noted for one that was not: lists' elements with them. */
function settleColumns(bounds: readonly Bound[], rows: number): void {
  const lengths: number[] = [];
  for (const { column, list } of bounds) {
    const length = list === null ? rows : (list.column as ListColumn).offsets[lengths[list.id]];
    lengths.push(length);
    if (column.length < length) (column as ColumnBase).advance(length);
  }
  // Only now: a column that is cut cuts those within it.
  bounds.forEach(({ column }, i) => column.truncate(lengths[i]));
}
