/**
 * What values look like: a shape takes in one value after another and says which column type holds all of them.
 *
 * @module
 */
import { type DataType, type Field, Schema } from "apache-arrow";
import { DataError, types } from "../../mod.ts";
import { caseConflict } from "./nested_readers.ts";
import type { Scanner } from "./scanner.ts";

/** What was seen; any two of the groups divided by lines make a column of JSON text. */
const BOOLEAN = 1;
const LONG = 2, WIDE = 4, FRACTION = 8;
const STRING = 16;
const OBJECT = 32;
const LIST = 64;
/** A number that no number type holds: its text is kept. */
const HUGE = 128;
const NUMBERS = LONG | WIDE | FRACTION;

/** The kinds of the values seen, with their members and elements. */
export interface Shape {
  kinds: number;
  /** In the order of first appearance. */
  members: Map<string, Shape> | null;
  /** Names by lower case: a table does not tell them apart. */
  names: Map<string, string> | null;
  element: Shape | null;
}

/** Nothing seen yet. */
export function createShape(): Shape {
  return { kinds: 0, members: null, names: null, element: null };
}

/** Takes in the value at the scanner's position and passes it. DataError: malformed, or names that differ by case. */
export function observe(scan: Scanner, shape: Shape): void {
  switch (scan.next()) {
    case 0x7b:
      return observeObject(scan, shape);
    case 0x5b: {
      shape.kinds |= LIST;
      const element = shape.element ??= createShape();
      if (!scan.enter(0x5d)) return;
      do observe(scan, element); while (scan.more(0x5d));
      return;
    }
    case 0x22:
      shape.kinds |= STRING;
      return scan.string();
    case 0x74:
    case 0x66:
      shape.kinds |= BOOLEAN;
      return scan.skip();
    case 0x6e:
    case -1:
      return scan.skip();
    default:
      scan.number();
      shape.kinds |= numberKind(scan);
  }
}

function observeObject(scan: Scanner, shape: Shape): void {
  shape.kinds |= OBJECT;
  const members = shape.members ??= new Map();
  const names = shape.names ??= new Map();
  if (!scan.enter(0x7d)) return;
  do {
    if (scan.next() !== 0x22) scan.fail("expected a name in quotes");
    const at = scan.pos;
    scan.string();
    const name = scan.textString();
    let member = members.get(name);
    if (!member) {
      const lower = name.toLowerCase();
      const sibling = names.get(lower);
      if (sibling !== undefined) throw caseConflict(scan, at, name, sibling);
      names.set(lower, name);
      members.set(name, member = createShape());
    }
    scan.colon();
    observe(scan, member);
  } while (scan.more(0x7d));
}

function numberKind(scan: Scanner): number {
  if (!scan.integer) return Number.isFinite(scan.double()) ? FRACTION : HUGE;
  if (scan.digits < 19) return LONG;
  if (scan.digits > 38) return HUGE;
  const value = BigInt(scan.numberText());
  return BigInt.asIntN(64, value) === value ? LONG : WIDE;
}

/**
 * The type that holds all that was seen, or null where nothing tells one: no value yet but null, `{}` and `[]`.
 *
 * A number with a fraction or exponent anywhere makes a double, integers make a long (decimal(38, 0) beyond 64 bits),
 * and what no one type holds a string of JSON text.
 */
export function typeOf({ kinds, members, element }: Shape): DataType | null {
  if (kinds === 0) return null;
  if (kinds === BOOLEAN) return types.boolean();
  if ((kinds & ~NUMBERS) === 0) {
    return kinds & FRACTION ? types.float64() : kinds & WIDE ? types.decimal(38, 0) : types.int64();
  }
  if (kinds === LIST) {
    const of = typeOf(element!);
    return of && types.list(of);
  }
  if (kinds === OBJECT) {
    const fields = fieldsOf(members!);
    return fields.length === 0 ? null : types.struct(fields);
  }
  return types.utf8();
}

/** The schema of the records seen, or null where none had a field with a type. */
export function schemaOf(shape: Shape): Schema | null {
  const fields = shape.members ? fieldsOf(shape.members) : [];
  return fields.length === 0 ? null : new Schema(fields);
}

/** Takes in a record where it is an object that can be decoded; others are rejected when they are. */
export function observeRecord(scan: Scanner, shape: Shape): void {
  const from = scan.pos;
  try {
    if (scan.next() !== 0x7b) return;
    scan.skip();
    if (scan.next() !== -1) return;
    scan.pos = from;
    scan.depth = 0;
    observe(scan, shape);
  } catch (error) {
    // Decoding rejects this record, with its reason.
    if (!(error instanceof DataError)) throw error;
  }
}

function fieldsOf(members: ReadonlyMap<string, Shape>): Field[] {
  const fields: Field[] = [];
  for (const [name, member] of members) {
    const type = typeOf(member);
    if (type) fields.push(types.field(name, type));
  }
  return fields;
}
