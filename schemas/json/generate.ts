/**
 * Source text of functions that read records of one shape: the members one after the other, each by the bytes of its name
 * and of the punctuation around it.
 *
 * Names never get into the source, only their bytes as numbers. A struct has a function of its own, a wide one several,
 * so that none grows larger than what V8 optimises.
 *
 * @module
 */
import { type BytesColumn, type Column, DataError, type WordsColumn } from "../../mod.ts";
import { ListReader, MapReader, readOrNull, StructReader } from "./nested_readers.ts";
import type { Plain, Reader } from "./readers.ts";
import type { Scanner } from "./scanner.ts";
import type { Member, Shape } from "./shape.ts";
import { UnionReader } from "./union_reader.ts";
import { bool, double, float, int16, int32, int8, isNewKey, long, space, text, TextTarget } from "./values.ts";
import { date, decimal, DecimalTarget, localTime, time } from "./written_values.ts";

/**
 * Reads the record `bytes[at, end)` into row `row`, the next one of all columns. False where it is of another shape:
 * columns may hold a part of it then.
 */
export type ReadRecord = (bytes: Uint8Array, view: DataView, at: number, end: number, row: number) => boolean;

/** Members that one function reads, at most. */
const MEMBERS_MAX = 32;

const READ_PLAIN = {
  ...{ text, long, int32, int16, int8, double, float, bool },
  ...{ date, time, localTime, decimal },
} satisfies Record<Plain, unknown>;
/** Levels below which values are read by their complete readers, which know how deep is too deep. */
const LEVELS_MAX = 256;
/** Members left out in one record by lists of objects, beyond which the complete parser decides. */
const ABSENT_MAX = 1 << 20;
const NULL_WORD = 0x6c6c756e;
const UTF8 = new TextEncoder();

/** A function for records of a shape, and what it holds of columns. */
export interface Generated {
  readonly read: ReadRecord;
  readonly targets: readonly TextTarget[];
}

/** The function for records of `shape`, with white space `tail` behind them; the scanner is opened before each call. */
export function generate(root: StructReader, shape: Shape, tail: string, scan: Scanner): Generated {
  return new Generator(scan).generate(root, shape, tail);
}

/** The value at hand by its complete reader. */
class AnyValue {
  constructor(readonly reader: Reader, readonly scan: Scanner, readonly depth: number) {}

  /** Where the value at `at` ended, or -1: it cannot be read. */
  read(view: DataView, at: number, end: number): number {
    const { reader, scan } = this;
    if (
      at + 4 < end && view.getInt32(at, true) === NULL_WORD && reader.nullable && reader.refusesNull !== true
    ) {
      reader.column.appendNull();
      return at + 4;
    }
    scan.pos = at;
    scan.depth = this.depth;
    try {
      readOrNull(scan, reader);
    } catch (error) {
      // The complete parser will say what is wrong with the record.
      if (!(error instanceof DataError)) throw error;
      return -1;
    }
    return scan.pos;
  }
}

/** A member that the schema does not have. */
class OtherMember {
  constructor(readonly struct: StructReader, readonly scan: Scanner, readonly depth: number) {}

  /** Where the value of the member at `at` ended, or -1: it cannot be read. */
  read(at: number): number {
    const { scan } = this;
    scan.pos = at;
    scan.depth = this.depth;
    try {
      scan.string();
      this.struct.other(scan, at);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      return -1;
    }
    return scan.pos;
  }
}

class Generator {
  readonly #values: unknown[] = [];
  readonly #targets: TextTarget[] = [];
  readonly #functions: string[] = [];
  #structs = 0;
  #lists = 0;
  #maps = 0;
  #countsAbsent = false;

  constructor(private readonly scan: Scanner) {}

  generate(root: StructReader, shape: Shape, tail: string): Generated {
    // Rows of lists have a limit of what they leave out: what they do not count themselves counts with it.
    this.#countsAbsent = hasMany(root);
    const name = this.#struct(root, shape, 1);
    const last = tail === "" ? 0x7d : tail.charCodeAt(tail.length - 1);
    const leave = this.#value((members: number) => {
      try {
        this.scan.leaveOut(members, "");
        return true;
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        return false;
      }
    });
    const source = `"use strict";
const { ${Object.keys(READ_PLAIN).join(", ")}, isNewKey, space } = plain;
${this.#values.map((_, i) => `const v${i} = values[${i}];`).join("\n")}
let absent = 0;
${this.#functions.join("\n")}
return (bytes, view, p, end, row) => {
  if (end - p < 2 || bytes[end - 1] !== ${last}) return false;
  absent = 0;
  p = ${name}(bytes, view, p, end, row);
  return p === end - ${tail.length}${tail === "" ? "" : ` && ${matches(tail, false)}`}${
      this.#countsAbsent ? ` && (absent === 0 || ${leave}(absent))` : ""
    };
};`;
    const read = new Function("plain", "values", source)(
      { ...READ_PLAIN, isNewKey, space },
      this.#values,
    ) as ReadRecord;
    return { read, targets: this.#targets };
  }

  /** Hands a value to the source; its name there. */
  #value(value: unknown): string {
    return `v${this.#values.push(value) - 1}`;
  }

  /** The function of an object, from its opening brace to behind its closing one; its name. */
  #struct(struct: StructReader, shape: Shape, depth: number): string {
    const name = `s${this.#structs++}`;
    const { members } = shape;
    const lines: string[] = [];
    const bodies: string[] = [];
    const hasOthers = struct.additional !== null && members.some(({ index }) => index < 0);
    if (hasOthers) lines.push(`${this.#value(struct.additional)}.begin(row);`);
    const first = members.length === 0 || members[0].isOptional ? opening(shape) : "";
    if (first) lines.push(first);
    members.forEach((_, i) => {
      if (i > 0 && i % MEMBERS_MAX === 0) bodies.push(lines.splice(0).join("\n"));
      lines.push(this.#member(struct, shape, i, depth));
    });
    const isLastOptional = members.length === 0 || members.at(-1)!.isOptional;
    if (isLastOptional) lines.push("if (more) return -1;");
    else {lines.push(
        `if (!${matches(`${shape.close ?? ""}}`, false)}) return -1;`,
        `p += ${(shape.close ?? "").length + 1};`,
      );}
    lines.push(...this.#absentOnes(struct, members));
    if (hasOthers) lines.push(`${this.#value(struct.additional)}.close();`);
    else if (struct.additional?.isDeclared) lines.push(`${this.#value(struct.additional.column)}.appendNull();`);
    lines.push(`${this.#value(struct.column)}.close();`, "return p;");
    bodies.push(lines.join("\n"));
    this.#parts(name, bodies);
    return name;
  }

  /** A function whose body is in parts, each but the last one ending with a call of the next one. */
  #parts(name: string, bodies: readonly string[]): void {
    this.#functions.push(`let ${name}more = true;`);
    bodies.forEach((body, i) => {
      const next = i === bodies.length - 1
        ? ""
        : `${name}more = more;\nreturn ${name}_${i + 1}(bytes, view, p, end, row);`;
      this.#functions.push(`function ${name}${i === 0 ? "" : `_${i}`}(bytes, view, p, end, row) {
let q = 0, more = ${i === 0 ? "true" : `${name}more`};
${body}
${next}
}`);
    });
  }

  /**
   * One member. Where neither it nor the one before it is optional, `p` is behind the value before it; else what comes
   * between them has been passed, and `more` says whether the object goes on.
   */
  #member(struct: StructReader, shape: Shape, i: number, depth: number): string {
    const { members } = shape;
    const member = members[i], next = members[i + 1];
    const name = `"${utf8(member.name)}":${shape.colon ?? ""}`;
    const isDirect = !member.isOptional && !members[i - 1]?.isOptional;
    const between = i === 0 ? `{${shape.open ?? ""}` : `,${shape.comma ?? ""}`;
    const lead = isDirect ? `${between}${name}` : name;
    const found = `${isDirect ? "" : "more && "}${matches(lead, true)}`;
    const isNextDirect = next ? !member.isOptional && !next.isOptional : !member.isOptional;
    const child = struct.children[member.index];
    const read = [
      ...(child
        ? [`p += ${lead.length};`, this.#read(child, member, depth)]
        : [`p = ${this.#other(struct, depth)}.read(p + ${lead.length - name.length});`, "if (p < 0) return -1;"]),
      ...(isNextDirect ? [] : [separator(shape)]),
    ].join("\n");
    if (!member.isOptional) return `if (!(${found})) return -1;\n${read}`;
    return `if (${found}) {\n${read}\n}${child ? ` else ${this.#absent(child)}` : ""}`;
  }

  #other(struct: StructReader, depth: number): string {
    return this.#value(new OtherMember(struct, this.scan, depth));
  }

  /** Reads the value at `p`. */
  #read(child: Reader, member: Member, depth: number): string {
    const any = (at: string) => `${this.#value(new AnyValue(child, this.scan, depth))}.read(view, ${at}, end)`;
    if (child instanceof ListReader && !member.isMixed && depth < LEVELS_MAX) {
      const list = this.#list(child, member, depth + 1);
      return `p = bytes[p] === 0x5b ? ${list}(bytes, view, p, end) : ${any("p")};\nif (p < 0) return -1;`;
    }
    if (child instanceof StructReader && depth < LEVELS_MAX) {
      // What it looks like may not be known yet.
      if (!member.shape) return `if (bytes[p] === 0x7b || (p = ${any("p")}) < 0) return -1;`;
      const inner = this.#struct(child, member.shape, depth + 1);
      return `p = bytes[p] === 0x7b ? ${inner}(bytes, view, p, end, row) : ${any("p")};\nif (p < 0) return -1;`;
    }
    // Nobody learned what objects and lists in it look like.
    if (child instanceof MapReader && child.value.plain) {
      const map = this.#map(child, member, depth + 1);
      return `q = bytes[p] === 0x7b ? ${map}(bytes, view, p, end) : -1;
p = q < 0 ? ${any("p")} : q;
if (p < 0) return -1;`;
    }
    if (!child.plain) return `p = ${any("p")};\nif (p < 0) return -1;`;
    const target = this.#target(child.plain, child.column);
    return `q = ${child.plain}(bytes, view, p, end, ${this.#value(target)}, row);
p = q < 0 ? ${any("p")} : q;
if (p < 0) return -1;`;
  }

  /** The function of a list, from its opening bracket to behind its closing one; its name. */
  #list({ column, element }: ListReader, member: Member, depth: number): string {
    const name = `l${this.#lists++}`;
    const elements = this.#value(element.column);
    const read = this.#read(element, member, depth);
    this.#functions.push(`function ${name}(bytes, view, p, end) {
let q = 0;
p = space(bytes, p + 1, end);
if (p < end && bytes[p] === 0x5d) p++;
else for (;;) {
  if (p >= end) return -1;
  const row = ${elements}.length;
  ${read}
  p = space(bytes, p, end);
  if (p >= end) return -1;
  const byte = bytes[p++];
  if (byte === 0x5d) break;
  if (byte !== 0x2c || absent > ${ABSENT_MAX}) return -1;
  p = space(bytes, p, end);
}
${this.#value(column)}.close();
return p;
}`);
    return name;
  }

  /**
   * The function of a map, from its opening brace to behind its closing one; its name. Where it returns -1, it leaves
   * nothing behind: escapes in keys, and many keys, are for the complete reader.
   */
  #map({ column, entries, keys, value }: MapReader, member: Member, depth: number): string {
    const name = `m${this.#maps++}`;
    const [all, key] = [this.#value(entries), this.#value(this.#text(keys))];
    this.#functions.push(`function ${name}_some(bytes, view, p, end, first) {
let q = 0;
p = space(bytes, p + 1, end);
if (p < end && bytes[p] === 0x7d) return p + 1;
for (;;) {
  const row = ${all}.length;
  if (p >= end || (p = text(bytes, view, p, end, ${key}, row)) < 0 || !isNewKey(${key}, first, row)) return -1;
  p = space(bytes, p, end);
  if (p >= end || bytes[p] !== 0x3a) return -1;
  p = space(bytes, p + 1, end);
  if (p >= end) return -1;
  ${this.#read(value, member, depth)}
  ${all}.close();
  p = space(bytes, p, end);
  if (p >= end) return -1;
  const byte = bytes[p++];
  if (byte === 0x7d) return p;
  if (byte !== 0x2c) return -1;
  p = space(bytes, p, end);
}
}
function ${name}(bytes, view, p, end) {
const first = ${all}.length;
p = ${name}_some(bytes, view, p, end, first);
if (p < 0) ${all}.truncate(first);
else ${this.#value(column)}.close();
return p;
}`);
    return name;
  }

  /** What a plain value is read into. */
  #target(plain: Plain, column: Column): unknown {
    if (plain === "decimal") return new DecimalTarget(column as WordsColumn);
    return plain === "text" ? this.#text(column as BytesColumn) : column;
  }

  #text(column: BytesColumn): TextTarget {
    const target = new TextTarget(column);
    this.#targets.push(target);
    return target;
  }

  /** A child that an object leaves out. */
  #absent(child: Reader): string {
    if (!child.nullable || child.isRequired) return "return -1;";
    return `{ ${this.#countsAbsent ? "absent++; " : ""}${this.#value(child.column)}.appendNull(); }`;
  }

  /** The children that no object had so far. */
  #absentOnes(struct: StructReader, members: readonly Member[]): string[] {
    const known = new Set(members.map(({ index }) => index));
    return struct.children.filter((_, i) => !known.has(i)).map((child) => this.#absent(child));
  }
}

/** Whether there are values of many entries below. */
function hasMany(reader: Reader): boolean {
  if (reader instanceof ListReader || reader instanceof MapReader || reader instanceof UnionReader) return true;
  return reader instanceof StructReader && reader.children.some(hasMany);
}

/** What is before the first member, where that is optional. */
function opening({ open, members }: Shape): string {
  const text = `{${open ?? ""}`;
  const whole = `if (!(${matches(text, true)})) return -1;\np += ${text.length};`;
  if (!members.every((member) => member.isOptional)) return whole;
  return `if (${matches("{}", false)}) {\nmore = false;\np += 2;\n} else {\n${whole}\n}`;
}

/** What is behind a value: a comma, or the end. */
function separator({ comma, close }: Shape): string {
  const between = `,${comma ?? ""}`, end = `${close ?? ""}}`;
  return `if (${matches(between, true)}) p += ${between.length};
else if (${matches(end, false)}) { p += ${end.length}; more = false; }
else return -1;`;
}

/** Each character a byte. */
function utf8(name: string): string {
  return String.fromCharCode(...UTF8.encode(name));
}

/** A condition: the bytes of `text` (a byte a character) are at `p`, and `goesOn`: something is behind them. */
function matches(text: string, goesOn: boolean): string {
  const conditions = [`p + ${text.length} ${goesOn ? "<" : "<="} end`];
  const byte = (i: number) => text.charCodeAt(i);
  let i = 0;
  const word = (at: number) => {
    const value = byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16) | (byte(at + 3) << 24);
    conditions.push(`view.getInt32(p + ${at}, true) === ${value}`);
  };
  for (; i + 4 <= text.length; i += 4) word(i);
  if (text.length - i > 1 && text.length >= 4) word(text.length - 4);
  else for (; i < text.length; i++) conditions.push(`bytes[p + ${i}] === ${byte(i)}`);
  return `(${conditions.join(" && ")})`;
}
