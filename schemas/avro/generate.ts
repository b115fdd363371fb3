/**
 * Code of a plan: the payloads of a slab to rows in one function, which reads inline and writes to the columns' arrays.
 *
 * It is the fast path of the steps of `compile.ts`, never another meaning: whatever is unusual (a value that is refused,
 * a payload at the very end of the slab) makes it stop before that payload, which the steps then append or refuse. So it
 * checks no more than is needed for that: a position is compared with the payload's end where a value says how many
 * bytes it has, and behind the last value; between, it may read on, but never beyond the slab (`SLACK`).
 *
 * @module
 */
import { type Column, ListColumn, type StructColumn, type WordsColumn } from "../../mod.ts";
import { ColumnCode, type Place, type RunDecoder, SLACK, VALUES_MAX } from "../column_code.ts";
import { Malformed } from "../malformed.ts";
import { longCode, smallCode, UNZIGZAG } from "../varint_code.ts";
import { compile } from "./compile.ts";
import type { Cursor } from "./cursor.ts";
import { closureColumns, isSimpleSkip, sizeOf } from "./generate_plan.ts";
import type { Part, Plan } from "./resolve.ts";
import { type Step, unitSteps } from "./scalars.ts";
import type { AvroType } from "./schema.ts";
import { skipStep } from "./skip.ts";
import { type MappingOptions, unionShape } from "./types.ts";

/** Values that one function reads: V8 does not optimise what is much larger than four times as much. */
const FUNCTION_VALUES_MAX = 64;
type Plans<Op extends Plan["op"]> = Plan & { readonly op: Op };

/**
 * Code for the plan of `target`, the row or its only column; null where steps have to do. `cursor` is the
 * one that steps read from.
 */
export function generate(
  plan: Plan,
  target: Column,
  row: StructColumn,
  cursor: Cursor,
  options: MappingOptions,
): RunDecoder | null {
  const size = plan.op === "json" ? Infinity : sizeOf(plan);
  if (size > VALUES_MAX) return null;
  const closures = closureColumns(plan, target);
  if (closures.has(target)) return null;
  return new Generator(closures, cursor, options, size > FUNCTION_VALUES_MAX).compile(plan, target, row);
}

class Generator {
  readonly #code: ColumnCode;
  /** Bytes that may have been read since the position was last compared with the end. */
  #unchecked = 0;
  #giveUp = "break rows";
  #hasSteps = false;

  constructor(
    private readonly closures: ReadonlySet<Column>,
    private readonly cursor: Cursor,
    private readonly options: MappingOptions,
    private readonly isSplit: boolean,
  ) {
    this.#code = new ColumnCode(closures);
  }

  compile(plan: Plan, target: Column, row: StructColumn): RunDecoder {
    const code = this.#value(plan, target, { index: "i", list: null });
    return this.#code.compile(code, row, this.#hasSteps ? this.cursor : null);
  }

  /** Reads one value of a plan to an entry of `column` (null: the type has no column). */
  #value(plan: Plan, column: Column | null, place: Place): string {
    if (column !== null && this.closures.has(column)) {
      this.#code.bind(column, place.list);
      return this.#step(compile(plan, column, this.options));
    }
    switch (plan.op) {
      case "nothing":
        return "";
      case "refuse":
        return `${this.#giveUp};`;
      case "scalar":
        return this.#scalar(plan, column!, place);
      case "enum":
        return this.#enum(plan, column!, place);
      case "record":
        return this.#record(plan, column as StructColumn, place);
      case "array":
        return this.#list(plan.itemBytesMin, column as ListColumn, place, (child, at) => {
          return this.#value(plan.item, child, at);
        });
      case "map":
        return this.#list(plan.entryBytesMin, column as ListColumn, place, (child, at) => {
          const [keys, values] = (child as StructColumn).children;
          this.#code.bind(child, at.list);
          const key = this.#length() + this.#code.bytes(keys, at, true, this.#giveUp);
          return `${key} }\n${this.#value(plan.value, values, at)}`;
        });
      case "choose":
        return this.#choose(plan.branches.map((branch) => () => this.#value(branch, column, place)));
      case "member":
        return this.#member(plan, column, place);
      default:
        return this.#step(compile(plan, column, this.options));
    }
  }

  #record(plan: Plans<"record">, target: StructColumn, place: Place): string {
    this.#code.bind(target, place.list);
    const parts = plan.parts.filter((part) => "skip" in part || part.plan.op !== "nothing");
    if (!this.isSplit) return parts.map((part) => this.#part(part, target, place)).join("\n");
    const groups: Part[][] = [];
    let size = Infinity;
    for (const part of parts) {
      const more = "skip" in part ? 1 : sizeOf(part.plan);
      if (size + more > FUNCTION_VALUES_MAX) {
        groups.push([]);
        size = 0;
      }
      groups.at(-1)!.push(part);
      size += more;
    }
    return groups.map((group) =>
      this.#inFunction(place, (inner) => group.map((part) => this.#part(part, target, inner)).join("\n"))
    ).join("\n");
  }

  /** A function for some code, and the call of it. */
  #inFunction(place: Place, emit: (inner: Place) => string): string {
    const before = this.#check();
    const giveUp = this.#giveUp;
    this.#giveUp = "return -1";
    const name = this.#code.addFunction(emit({ index: "i", list: place.list }) + this.#check());
    this.#giveUp = giveUp;
    return `${before} p = ${name}(p, ${place.index}); if (p < 0) ${giveUp};`;
  }

  #part(part: Part, target: StructColumn, place: Place): string {
    if ("skip" in part) return this.#skip(part.skip, part.path);
    return this.#value(part.plan, part.column < 0 ? null : target.children[part.column], place);
  }

  #scalar({ writer, reader }: Plans<"scalar">, column: Column, place: Place): string {
    const code = this.#code;
    switch (reader.kind) {
      case "null":
        return code.null(column, place);
      case "boolean":
        return this.#boolean() + code.bit(column, place, "b");
      case "int":
        return this.#int() + code.number(column, place, "x");
      case "long":
        return (writer.kind === "int" ? `${this.#int()} lo = x; hi = x >> 31;` : this.#long()) +
          this.#scale(unitSteps(writer.logical, reader.logical, this.options)) + code.words(column, place, "lo", "hi");
      case "float":
      case "double":
        return this.#floating(writer.kind, column, place);
      case "string":
        return this.#length() + code.bytes(column, place, true, this.#giveUp) + "}";
      default:
        break;
    }
    if (reader.logical?.name === "decimal") return this.#decimal(writer, reader.logical.precision, column, place);
    const length = writer.kind === "fixed" ? this.#fixed(writer.size) : this.#length();
    return length + code.bytes(column, place, false, this.#giveUp) + "}";
  }

  #floating(writer: string, column: Column, place: Place): string {
    const write = (value: string) => this.#code.number(column, place, value);
    switch (writer) {
      case "int":
        return this.#int() + write("x");
      case "long":
        return this.#long() + write("hi * 4294967296 + (lo >>> 0)");
      case "float":
        return `${this.#read(4)} ${write("D.getFloat32(p, true)")} p += 4;`;
      default:
        return `${this.#read(8)} ${write("D.getFloat64(p, true)")} p += 8;`;
    }
  }

  /** `lo` and `hi` in another unit of time: see `scalars.ts`. */
  #scale(steps: number): string {
    const multiply = `{ const low = (lo >>> 0) * 1000, high = hi * 1000 + Math.floor(low / 4294967296);
if (high > 0x7fffffff || high < -0x80000000) ${this.#giveUp};
lo = low | 0; hi = high | 0; }`;
    if (steps >= 0) return multiply.repeat(steps);
    return `{ const high = Math.floor(hi / 1000);
lo = Math.floor(((hi - high * 1000) * 4294967296 + (lo >>> 0)) / 1000) | 0; hi = high; }`;
  }

  /** Of up to 8 bytes; what has more, or may have too many digits, is for the step. */
  #decimal(writer: { kind: string; size?: number }, precision: number, column: Column, place: Place) {
    const length = writer.kind === "fixed" ? this.#fixed(writer.size!) : this.#length();
    return `${length} if (n === 0 || n > 8) ${this.#giveUp};
hi = lo = B[p] > 127 ? -1 : 0;
for (const stop = p + n; p < stop; p++) { hi = (hi << 8) | (lo >>> 24); lo = (lo << 8) | B[p]; }
if (!(Math.abs(hi * 4294967296 + (lo >>> 0)) < ${10 ** precision})) ${this.#giveUp};
${this.#code.words(column as WordsColumn, place, "lo", "hi")} }`;
  }

  #enum({ symbols }: Plans<"enum">, column: Column, place: Place): string {
    const texts = symbols.map((symbol) => symbol === null ? null : new TextEncoder().encode(symbol));
    const all = this.#code.constant(texts);
    const known = texts.includes(null) ? `if (${all}[x] === null) ${this.#giveUp};` : "";
    return `${this.#index(texts.length)} ${known} ${this.#code.text(column, place, `${all}[x]`)}`;
  }

  /** The blocks of an array or map; `item` reads one to an entry of the list's child. */
  #list(
    bytesMin: number,
    target: ListColumn,
    place: Place,
    item: (child: Column, at: Place) => string,
  ): string {
    const list = this.#code.bind(target, place.list);
    const [k, n, stop] = [this.#code.name("k"), this.#code.name("n"), this.#code.name("stop")];
    this.#unchecked = 0;
    const head = `${this.#small()} if (x === 0) break;
let ${n} = x >>> 1, ${stop} = end;
if (x & 1) { ${n}++; ${this.#small()} ${stop} = p + (x >>> 1); if (x & 1 || ${stop} > end) ${this.#giveUp}; x = 1; }
if (${n} > (${stop} - p) / ${bytesMin}) ${this.#giveUp};
const is_${n} = x & 1;
${this.#code.room(list, `${k} + ${n}`)}`;
    this.#unchecked = 0;
    const body = item(target.child, { index: k, list });
    this.#unchecked = 0;
    return `{ let ${k} = o${list.id}[${place.index}];
for (;;) {
if (p > end) ${this.#giveUp};
${head}
for (${n} += ${k}; ${k} < ${n}; ${k}++) {
if (p > end) ${this.#giveUp};
${body}
}
if (is_${n} && p !== ${stop}) ${this.#giveUp};
}
o${list.id}[${place.index} + 1] = ${k}; }
${this.#check(4)}`;
  }

  #member(plan: Plans<"member">, column: Column | null, place: Place): string {
    const { members } = unionShape(plan.into);
    const at = members.findIndex((member) => member.branch === plan.branch);
    if (at < 0) return column === null ? "" : this.#code.null(column, place);
    if (members.length === 1) return this.#value(plan.plan, column, place);
    const { children } = column as StructColumn;
    this.#code.bind(column!, place.list);
    const others = children.filter((_, i) => i !== at).map((other) => this.#code.null(other, place));
    return `${this.#value(plan.plan, children[at], place)} ${others.join("\n")}`;
  }

  /** A union's index, and what it chooses. */
  #choose(branches: readonly (() => string)[]): string {
    const read = this.#read(1);
    const start = this.#unchecked;
    let most = 0;
    const cases = branches.map((branch, i) => {
      this.#unchecked = start;
      const code = branch();
      most = Math.max(most, this.#unchecked);
      return `if (b === ${2 * i}) {\n${code}\n}`;
    });
    this.#unchecked = most;
    return `${read} b = B[p++];\n${[...cases, this.#giveUp].join(" else ")};`;
  }

  #skip(type: AvroType, path: string): string {
    if (!isSimpleSkip(type)) return this.#step(skipStep(type, path));
    switch (type.kind) {
      case "null":
        return "";
      case "boolean":
        return this.#boolean();
      case "int":
        return this.#int();
      case "long":
        return this.#long();
      case "float":
        return `${this.#read(4)} p += 4;`;
      case "double":
        return `${this.#read(8)} p += 8;`;
      case "fixed":
        return `${this.#fixed(type.size)} p += n; }`;
      case "bytes":
        return `${this.#length()} p += n; }`;
      case "enum":
        return this.#index(type.symbols.length);
      case "string":
        return `${this.#length()} ${this.#code.checkText(this.#giveUp)} p += n; }`;
      case "union":
        return this.#choose(type.branches.map((branch) => () => this.#skip(branch, path)));
      default:
        throw new Error(`Cannot skip ${type.kind}: it is not simple`);
    }
  }

  /** A closure on the position. */
  #step(step: Step): string {
    this.#hasSteps = true;
    const tried = this.#code.constant((cursor: Cursor): boolean => {
      try {
        step(cursor);
        return true;
      } catch (error) {
        if (error instanceof Malformed) return false;
        throw error;
      }
    });
    const cursor = this.#code.constant(this.cursor);
    return `${this.#check()} ${cursor}.position = p; if (!${tried}(${cursor})) ${this.#giveUp}; p = ${cursor}.position;`;
  }

  #boolean(): string {
    return `${this.#read(1)} b = B[p++]; if (b > 1) ${this.#giveUp};`;
  }

  /** An int in `x`. */
  #int(): string {
    return `${this.#read(5)} b = B[p++]; x = b & 127;
if (b > 127) { b = B[p++]; x |= (b & 127) << 7;
if (b > 127) { b = B[p++]; x |= (b & 127) << 14;
if (b > 127) { b = B[p++]; x |= (b & 127) << 21;
if (b > 127) { b = B[p++]; if (b > 15) ${this.#giveUp}; x |= b << 28; } } } }
x = (x >>> 1) ^ -(x & 1);`;
  }

  /** A long in `lo` and `hi`. */
  #long(): string {
    return `${this.#read(10)} ${longCode(this.#giveUp)} ${UNZIGZAG}`;
  }

  /** A varint of up to 28 bits in `x`, zigzag and all. */
  #small(): string {
    return `${this.#read(4)} ${smallCode(this.#giveUp)}`;
  }

  /** A length in `n`, of bytes that are there: opens a block that the caller closes. */
  #length(): string {
    const code = `{ ${this.#small()} const n = x >>> 1; if (x & 1 || n > end - p) ${this.#giveUp};`;
    this.#unchecked = 0;
    return code;
  }

  #fixed(size: number): string {
    this.#unchecked = 0;
    return `{ const n = ${size}; if (n > end - p) ${this.#giveUp};`;
  }

  /** An index below `count` in `x`. */
  #index(count: number): string {
    return `${this.#small()} if (x & 1 || x >= ${2 * count}) ${this.#giveUp}; x >>>= 1;`;
  }

  /** Before up to `bytes` bytes are read. */
  #read(bytes: number): string {
    const check = this.#unchecked + bytes > SLACK ? this.#check() : "";
    this.#unchecked += bytes;
    return check;
  }

  /** The position is within the payload, unless nothing was read since that was last so; then `more` bytes are read. */
  #check(more = 0): string {
    const code = this.#unchecked > 0 ? `if (p > end) ${this.#giveUp};` : "";
    this.#unchecked = more;
    return code;
  }
}
