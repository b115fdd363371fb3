/**
 * Code of a message: the payloads of a slab to rows in one function, which reads inline and writes to the columns' arrays.
 *
 * It is the fast path of what `compile.ts` makes, the reference, and leaves to it whatever is unusual: values that are
 * refused, values that come twice, members of a oneof that replace each other, keys that repeat. Fields are expected in
 * the order of their numbers, in which nearly all writers put them; another order costs further passes over the chain
 * of comparisons, unknown fields are skipped between them.
 *
 * A payload's end is compared where a field begins and where a value says how many bytes it has; between, code reads on,
 * but never beyond the slab (`SLACK`).
 *
 * @module
 */
import type { Column, ListColumn, StructColumn } from "../../mod.ts";
import { ColumnCode, type Place, type RunDecoder, VALUES_MAX } from "../column_code.ts";
import { Malformed } from "../malformed.ts";
import { below } from "../rows.ts";
import { compileMessage, type Compiling } from "./compile.ts";
import { ABSENT_MAX, Cursor, GROUP, GROUP_END, SIZED } from "./cursor.ts";
import type { Part } from "./fields.ts";
import { defaultCode, lengthCode, momentCode, plainCode, type Within } from "./generate_values.ts";
import { closureColumns, fieldSize, isClosure, repeatsKeys, sizeOf } from "./generate_fields.ts";
import { atEnd, Bits, type Link, tagBytes } from "./generate_links.ts";
import type { ProtoField, ProtoMessage } from "./proto.ts";
import { isPackable, type Plain, wireOf } from "./scalars.ts";
import { itemPath, shapeOf } from "./types.ts";

/** Values that one function reads: V8 does not optimise what is much larger than four times as much. */
const FUNCTION_VALUES_MAX = 64;
/** Code for the rows of a message, null where it is too large; `cursor` is the one that closures read from. */
export function generate(
  type: ProtoMessage,
  row: StructColumn,
  cursor: Cursor,
  compiling: Compiling,
): RunDecoder | null {
  const size = sizeOf(type, compiling.jsonPaths);
  if (size > VALUES_MAX) return null;
  const closures = closureColumns(type, row, compiling.jsonPaths);
  return new Generator(closures, cursor, compiling, size).compile(type, row);
}

class Generator {
  readonly #code: ColumnCode;
  /** Counts messages: those in lists and maps, and the row. */
  readonly #items: string;
  #giveUp = "break rows";
  #end = "end";
  #hasClosures = false;

  constructor(
    closures: ReadonlySet<Column>,
    private readonly cursor: Cursor,
    private readonly compiling: Compiling,
    private readonly size: number,
  ) {
    this.#code = new ColumnCode(closures);
    this.#items = this.#code.declare("items");
  }

  compile(type: ProtoMessage, row: StructColumn): RunDecoder {
    const code = this.#message(type, row, "", { index: "i", list: null });
    const last = this.#hasClosures
      ? `if (${this.#items} * ${this.size} + ${this.#code.constant(this.cursor)}.leftOut > ${ABSENT_MAX}) break rows;`
      : "";
    return this.#code.compile(`${this.#items} = 1;\n${code}\n${last}`, row, this.#hasClosures ? this.cursor : null);
  }

  get #within(): Within {
    return { code: this.#code, giveUp: this.#giveUp, end: this.#end };
  }

  get #isSplit(): boolean {
    return this.size > FUNCTION_VALUES_MAX;
  }

  /** Reads a message of the bytes up to the end to an entry of `target`. */
  #message(type: ProtoMessage, target: StructColumn, path: string, place: Place): string {
    this.#code.bind(target, place.list);
    const { jsonPaths } = this.compiling;
    const hasClosures = type.fields.some((field) => isClosure(field, below(path, field.name), jsonPaths));
    const closures = hasClosures ? compileMessage(type, target, path, this.compiling) : null;
    const links = type.fields.map((field, i) => {
      const inner = below(path, field.name);
      const column = target.children[i];
      if (isClosure(field, inner, jsonPaths)) return this.#closureLink(field, closures!.part(i), column);
      if (field.label === "map") return this.#mapLink(field, column as ListColumn, inner);
      if (field.label === "repeated") return this.#repeatedLink(field, column as ListColumn, inner);
      return this.#singleLink(field, column, inner);
    });
    const begin = closures === null ? "" : `${this.#code.constant(closures)}.begin();`;
    return begin + this.#chain(links, place);
  }

  /** Fields in the order of their numbers, again and again until the end; then what did not come. */
  #chain(given: readonly Link[], place: Place): string {
    const links = given.toSorted((a, b) => a.number - b.number);
    const bits = new Bits(links.filter(({ absent }) => absent !== undefined), this.#code);
    const groups = this.#groups(links);
    const begin = links.map((link) => link.begin?.(place) ?? "").join(" ");
    const reads = groups.map((group) =>
      this.#inFunction(place, (inner) => {
        return `${this.#nextTag()} ${group.map((link) => this.#link(link, links, bits, inner)).join("\n")}`;
      })
    );
    const ends = groups.map((group) => this.#inFunction(place, (inner) => atEnd(group, bits, inner)));
    const before = this.#code.name("before");
    return `${bits.clear} ${begin}
for (;;) { const ${before} = p;
${reads.join("\n")}
if (p >= ${this.#end}) break;
if (p === ${before}) { p = ${this.#skipper(links)}(B, p, ${this.#end}); if (p < 0) ${this.#giveUp}; }
}
if (p !== ${this.#end}) ${this.#giveUp};
${ends.join("\n")}`;
  }

  #groups(links: readonly Link[]): Link[][] {
    if (!this.#isSplit) return [[...links]];
    const groups: Link[][] = [];
    let size = Infinity;
    for (const link of links) {
      if (size + link.size > FUNCTION_VALUES_MAX) {
        groups.push([]);
        size = 0;
      }
      groups.at(-1)!.push(link);
      size += link.size;
    }
    return groups;
  }

  /** Where code is split: a function for some of it, and its call. */
  #inFunction(place: Place, emit: (inner: Place) => string): string {
    if (!this.#isSplit) return emit(place);
    const [giveUp, end] = [this.#giveUp, this.#end];
    [this.#giveUp, this.#end] = ["return -1", "e"];
    const name = this.#code.addFunction(emit({ index: "i", list: place.list }));
    [this.#giveUp, this.#end] = [giveUp, end];
    return `p = ${name}(p, ${place.index}, ${end}); if (p < 0) ${giveUp};`;
  }

  /** The first byte of the next tag in `t`, 0 at the end. */
  #nextTag(): string {
    return `t = p < ${this.#end} ? B[p] : 0;`;
  }

  #link(link: Link, links: readonly Link[], bits: Bits, place: Place): string {
    const { number, isMany, oneof } = link;
    const others = links.filter((other) => other !== link && oneof !== null && other.oneof === oneof);
    const rivals = isMany ? others : [link, ...others];
    return link.reads.map(({ wire, code }) => {
      const [first, ...rest] = tagBytes(number, wire);
      const isIt = [`t === ${first}`, ...rest.map((byte, i) => `B[p + ${i + 1}] === ${byte}`)].join(" && ");
      const note = link.absent === undefined ? "" : bits.note(link, rivals, this.#giveUp);
      return `${isMany ? "while" : "if"} (${isIt}) { p += ${1 + rest.length}; ${note}
${code(place)}
${this.#nextTag()} }`;
    }).join("\n");
  }

  /** Passes an unknown field. */
  #skipper(links: readonly Link[]): string {
    const known = new Set(links.map(({ number }) => number));
    const cursor = new Cursor();
    return this.#code.constant((bytes: Uint8Array, position: number, end: number): number => {
      cursor.set(bytes, position, end);
      const isPassed = tried(() => {
        const tag = cursor.tag("");
        if (known.has(tag >>> 3) || (tag & 7) === GROUP_END) return false;
        cursor.skip(tag, "");
        return true;
      });
      return isPassed ? cursor.position : -1;
    });
  }

  #singleLink(field: ProtoField, column: Column, path: string): Link {
    const { number, label, type, oneof } = field;
    const absent = (place: Place): string => {
      if (label === "required") return `${this.#giveUp};`;
      return label === "implicit"
        ? defaultCode(type as Plain, column, place, this.#code)
        : this.#code.null(column, place);
    };
    const shared = { number, size: this.#sizeOf(field, path), isMany: false, oneof, absent };
    if (type.kind !== "message") {
      const code = (place: Place) => plainCode(type, column, place, this.#within);
      return { ...shared, reads: [{ wire: wireOf(type), code }] };
    }
    const code = (place: Place) => this.#sized(() => this.#nested(field, column, path, place));
    return { ...shared, reads: [{ wire: SIZED, code }] };
  }

  #repeatedLink(field: ProtoField, column: ListColumn, path: string): Link {
    const { number, type } = field;
    const inner = itemPath(path, "repeated");
    const k = this.#code.declare("k");
    const { begin, close, at } = this.#listOf(column, k);
    const shared = { number, size: this.#sizeOf(field, path), isMany: true, oneof: null, begin, close };
    if (type.kind === "message") {
      const code = (place: Place) => {
        const nested = this.#sized(() => this.#nested(field, column.child, inner, at(place)));
        return `${this.#item()} ${this.#room(column, place, `${k} + 1`)} ${nested} ${k}++;`;
      };
      return { ...shared, reads: [{ wire: SIZED, code }] };
    }
    const one = (place: Place) => `${plainCode(type, column.child, at(place), this.#within)} ${k}++;`;
    const single = (place: Place) => `${this.#room(column, place, `${k} + 1`)} ${one(place)}`;
    const packed = (place: Place) =>
      this.#sized(() =>
        `${this.#room(column, place, `${k} + n`)} while (p < ${this.#end}) { ${one(place)} }
if (p !== ${this.#end}) ${this.#giveUp};`
      );
    const reads = [{ wire: wireOf(type), code: single }];
    return { ...shared, reads: isPackable(type) ? [{ wire: SIZED, code: packed }, ...reads] : reads };
  }

  #mapLink(field: ProtoField, column: ListColumn, path: string): Link {
    const { number, type, key } = field;
    const inner = itemPath(path, "map");
    const k = this.#code.declare("k");
    const { begin, close, at } = this.#listOf(column, k);
    const [keys, values] = (column.child as StructColumn).children;
    const entry = { oneof: null, isGroup: false, label: "implicit" } as const;
    const code = (place: Place) => {
      this.#code.bind(column.child, at(place).list);
      const keyLink = this.#singleLink(
        { ...field, ...entry, number: 1, type: { kind: "scalar", scalar: key! } },
        keys,
        inner,
      );
      // The reference makes a message of a value that is not there.
      const absent = () => `${this.#giveUp};`;
      const valueLink = this.#singleLink({ ...field, ...entry, number: 2 }, values, inner);
      const links = [keyLink, type.kind === "message" ? { ...valueLink, absent } : valueLink];
      const nested = this.#sized(() => this.#chain(links, at(place)));
      return `${this.#item()} ${this.#room(column, place, `${k} + 1`)} ${nested} ${k}++;`;
    };
    const closeMap = (place: Place) => {
      const { id } = this.#code.bind(column, place.list);
      const repeats = this.#code.constant(repeatsKeys);
      return `if (${k} > o${id}[${place.index}] + 1 &&
${repeats}(${this.#code.constant(keys)}, o${id}[${place.index}], ${k})) ${this.#giveUp}; ${close(place)}`;
    };
    const reads = [{ wire: SIZED, code }];
    return { number, size: this.#sizeOf(field, path), isMany: true, oneof: null, reads, begin, close: closeMap };
  }

  /** A list or map whose elements are counted by `k`. */
  #listOf(column: ListColumn, k: string) {
    const bind = ({ list }: Place) => this.#code.bind(column, list);
    return {
      begin: (place: Place) => `${k} = o${bind(place).id}[${place.index}];`,
      close: (place: Place) => `o${bind(place).id}[${place.index} + 1] = ${k};`,
      at: (place: Place): Place => ({ index: k, list: bind(place) }),
    };
  }

  #room(column: ListColumn, { list }: Place, total: string): string {
    return this.#code.room(this.#code.bind(column, list), total);
  }

  /** Few bytes may stand for many values that are not set: the reference counts them. */
  #item(): string {
    return `if (++${this.#items} > ${Math.floor(ABSENT_MAX / this.size)}) ${this.#giveUp};`;
  }

  /** What closures append to, occurrence by occurrence. */
  #closureLink({ number, isGroup, oneof }: ProtoField, part: Part, column: Column): Link {
    this.#hasClosures = true;
    const wire = isGroup ? GROUP : SIZED;
    const cursor = this.#code.constant(this.cursor);
    const call = (step: (cursor: Cursor) => void) => (place: Place) => {
      this.#code.bind(column, place.list);
      const attempt = this.#code.constant((on: Cursor) => tried(() => (step(on), true)));
      return `${cursor}.position = p; ${cursor}.end = ${this.#end};
if (!${attempt}(${cursor})) ${this.#giveUp};
p = ${cursor}.position;`;
    };
    const reads = [{ wire, code: call((on) => part.read(on, wire)) }];
    return {
      number,
      size: 1,
      isMany: true,
      oneof,
      reads,
      absent: call(part.absent),
      end: call(part.end ?? (() => {})),
    };
  }

  /** A value behind its length. */
  #sized(emit: () => string): string {
    const outer = this.#end;
    const end = this.#code.name("e");
    const length = lengthCode(this.#giveUp, outer);
    this.#end = end;
    const code = emit();
    this.#end = outer;
    return `{ ${length} const ${end} = p + n;\n${code} }`;
  }

  /** A message as its column holds it. */
  #nested(field: ProtoField, column: Column, path: string, place: Place): string {
    const type = field.type as ProtoMessage;
    const shape = shapeOf(type, field);
    switch (shape.as) {
      case "struct":
        return this.#message(type, column as StructColumn, path, place);
      case "presence":
        return `${this.#chain([], place)} ${this.#code.bit(column, place, "1")}`;
      case "wrapper":
        return this.#chain([this.#singleLink(shape.field, column, path)], place);
      case "timestamp":
      case "duration":
        return momentCode(shape.as === "duration", column, place, this.#within);
      default:
        throw new Error(`Cannot generate code for ${type.name} as ${shape.as}: it is read by closures`);
    }
  }

  #sizeOf(field: ProtoField, path: string): number {
    return fieldSize(field, path, this.compiling.jsonPaths);
  }
}

/** Whether it was done, and not given up as malformed. */
function tried(attempt: () => boolean): boolean {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof Malformed) return false;
    throw error;
  }
}
