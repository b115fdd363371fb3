/**
 * What records look like: their members in the order in which they come, and the white space between them. Learned from
 * records that were read, to guess the next one's.
 *
 * @module
 */
import { ListReader, StructReader } from "./nested_readers.ts";
import type { Scanner } from "./scanner.ts";

const QUOTE = 0x22, COLON = 0x3a, COMMA = 0x2c, OPEN_OBJECT = 0x7b, CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b, CLOSE_LIST = 0x5d;

/** An object. White space is null where none was seen that could tell. */
export interface Shape {
  readonly members: readonly Member[];
  /** Behind the opening brace. */
  readonly open: string | null;
  /** Behind a comma. */
  readonly comma: string | null;
  /** Behind a colon. */
  readonly colon: string | null;
  /** Before the closing brace. */
  readonly close: string | null;
}

/** A member of an object. */
export interface Member {
  readonly name: string;
  /** Which of the struct's children; -1: the schema does not have it. */
  readonly index: number;
  /** It was not in every object. */
  readonly isOptional: boolean;
  /** Of the object that it holds, or of those in the list that it holds; null: there was none that has columns. */
  readonly shape: Shape | null;
  readonly isList: boolean;
  /** The objects in its list are too different. */
  readonly isMixed: boolean;
}

/** Members of an object that the schema does not have, at most. */
const UNKNOWN_MAX = 64;

/** The shape of the object at the scanner's position, which is passed; null where it cannot be guessed. */
export function observe(scan: Scanner, struct: StructReader): Shape | null {
  scan.pos++;
  const open = gap(scan);
  if (scan.bytes[scan.pos] === CLOSE_OBJECT) {
    scan.pos++;
    return open === "" ? { members: [], open: null, comma: null, colon: null, close: null } : null;
  }
  const members: Member[] = [];
  const seen = new Set<string>();
  let comma: string | null = null, colon: string | null = null;
  for (;;) {
    const from = scan.pos;
    if (scan.bytes[from] !== QUOTE) return null;
    scan.string();
    const name = scan.textString();
    const index = struct.indexOf(name);
    // An escape in a name can be written in several ways.
    if (scan.text !== scan.bytes || seen.has(name)) return null;
    seen.add(name);
    if (scan.bytes[scan.pos] !== COLON) return null;
    scan.pos++;
    const behind = gap(scan);
    if (colon !== null && colon !== behind) return null;
    colon = behind;
    const child = struct.children[index];
    let shape: Shape | null = null, isMixed = false;
    if (child instanceof StructReader && scan.bytes[scan.pos] === OPEN_OBJECT) {
      shape = observe(scan, child);
      if (!shape) return null;
    } else if (child instanceof ListReader && scan.bytes[scan.pos] === OPEN_LIST) {
      const from = scan.pos;
      const seen = observeList(scan, child, null);
      isMixed = seen === "mixed";
      if (seen !== "mixed") shape = seen;
      else {
        scan.pos = from;
        scan.skip();
      }
    } else scan.skip();
    members.push({ name, index, isOptional: false, shape, isList: child instanceof ListReader, isMixed });
    if (members.length > struct.children.length + UNKNOWN_MAX) return null;
    const close = gap(scan);
    if (scan.bytes[scan.pos] === CLOSE_OBJECT) {
      scan.pos++;
      return { members, open, comma, colon, close };
    }
    if (close !== "" || scan.bytes[scan.pos] !== COMMA) return null;
    scan.pos++;
    const next = gap(scan);
    if (comma !== null && comma !== next) return null;
    comma = next;
  }
}

/** What the objects in the list at the scanner's position look like, beside those that were seen before it. */
function observeList(scan: Scanner, { element }: ListReader, seen: Shape | null): Shape | null | "mixed" {
  scan.pos++;
  if (scan.next() === CLOSE_LIST) {
    scan.pos++;
    return seen;
  }
  for (;;) {
    const byte = scan.next();
    if (element instanceof StructReader && byte === OPEN_OBJECT) {
      const shape = observe(scan, element);
      const both = shape && seen ? merge(seen, shape) : shape;
      if (!both) return "mixed";
      seen = both;
    } else if (element instanceof ListReader && byte === OPEN_LIST) {
      const inner = observeList(scan, element, seen);
      if (inner === "mixed") return inner;
      seen = inner;
    } else scan.skip();
    const isLast = scan.next() === CLOSE_LIST;
    scan.pos++;
    if (isLast) return seen;
  }
}

/** A shape that both fit, or null where their members are in different orders, or their white space is another. */
export function merge(a: Shape, b: Shape): Shape | null {
  const spaces = (["open", "comma", "colon", "close"] as const).map((at) => [at, a[at] ?? b[at]] as const);
  if (spaces.some(([at, space]) => space !== (b[at] ?? space))) return null;
  const members: Member[] = [];
  const left = new Map(a.members.map(({ name }, at) => [name, at]));
  let at = 0;
  let added: Member[] = [];
  // What only one of them has between two members that both have.
  const between = (end: number) => {
    members.push(...interleaved(a.members.slice(at, end), added));
    at = end;
    added = [];
  };
  for (const member of b.members) {
    const found = left.get(member.name);
    if (found === undefined) {
      added.push(member);
      continue;
    }
    if (found < at) return null;
    between(found);
    const own = a.members[at++];
    const isOptional = own.isOptional || member.isOptional;
    const shape = own.shape && member.shape ? merge(own.shape, member.shape) : own.shape ?? member.shape;
    const isDifferent = own.shape !== null && member.shape !== null && shape === null;
    if (isDifferent && !own.isList) return null;
    const isMixed = own.isMixed || member.isMixed || isDifferent;
    members.push({ ...own, isOptional, shape: isMixed ? null : shape, isMixed });
  }
  between(a.members.length);
  if (members.filter(({ index }) => index < 0).length > UNKNOWN_MAX) return null;
  return { members, ...Object.fromEntries(spaces) } as unknown as Shape;
}

/** Members that were not seen together: each list keeps its order, else they come as in the schema. */
function interleaved(a: readonly Member[], b: readonly Member[]): Member[] {
  const out: Member[] = [];
  let i = 0;
  for (const member of b) {
    while (i < a.length && a[i].index < member.index) out.push(a[i++]);
    out.push(member);
  }
  return [...out, ...a.slice(i)].map((member) => ({ ...member, isOptional: true }));
}

/** The same shape with every member optional. */
export function loosened(shape: Shape): Shape {
  return {
    ...shape,
    members: shape.members.map((member) => ({
      ...member,
      isOptional: true,
      shape: member.shape && loosened(member.shape),
    })),
  };
}

/** Whether two shapes are one. */
export function isSame(a: Shape, b: Shape): boolean {
  return a.open === b.open && a.comma === b.comma && a.colon === b.colon && a.close === b.close &&
    a.members.length === b.members.length &&
    a.members.every((member, i) => {
      const other = b.members[i];
      return member.name === other.name && member.isOptional === other.isOptional && member.isMixed === other.isMixed &&
        (member.shape === null) === (other.shape === null) &&
        (member.shape === null || isSame(member.shape, other.shape!));
    });
}

/** Passes white space, and returns it. */
function gap(scan: Scanner): string {
  const from = scan.pos;
  scan.next();
  let space = "";
  for (let at = from; at < scan.pos; at++) space += String.fromCharCode(scan.bytes[at]);
  return space;
}
