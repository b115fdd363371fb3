/**
 * Readers of objects and arrays, and the note that a struct takes of members that its schema does not have.
 *
 * @module
 */
import type { DataType, Field } from "apache-arrow";
import { BytesColumn, type DataError, ListColumn, StructColumn } from "../../mod.ts";
import { below } from "../rows.ts";
import type { AdditionalReader } from "./additional.ts";
import { compile, mismatch, type Reader, type ReadOptions } from "./readers.ts";
import type { Scanner } from "./scanner.ts";

const QUOTE = 0x22, CLOSE_OBJECT = 0x7d, CLOSE_LIST = 0x5d, NULL = 0x6e;
const TEXT = new TextEncoder();

/** A member that the schema does not have: where its value lies. */
export interface Extra {
  /** The entry of the struct's column. */
  readonly entry: number;
  /** Where the record's value begins in the slab: names the record, and positions are relative to it. */
  readonly start: number;
  readonly name: string;
  /** The value's bytes; an empty range where a later null took an earlier value back. */
  readonly from: number;
  readonly to: number;
}

/** A column for an unknown member, ready to be appended to its struct. */
export interface Extension {
  readonly field: Field;
  readonly reader: Reader;
}

/** Objects with named members, in any order; of members that repeat the last one counts, as with `JSON.parse`. */
export class StructReader implements Reader {
  readonly column: StructColumn;
  /** Members outside the schema, in the order of their entries. */
  extras: Extra[] = [];
  extensions: Extension[] = [];
  /** The fields that the target has here by now; null: nothing is known. */
  target: readonly Field[] | null = null;
  readonly #keys: readonly Uint8Array[];
  readonly #byName: ReadonlyMap<string, number>;
  readonly #byLowerName: ReadonlyMap<string, string>;
  /** For each child the number of the object that it was last read in. */
  readonly #seen: Float64Array;
  #object = 0;

  constructor(
    readonly type: DataType,
    readonly fields: readonly Field[],
    readonly path: string,
    readonly nullable: boolean,
    readonly options: ReadOptions,
    /** Of each field. */
    readonly children: readonly Reader[] = fields.map((field) => compile(field, below(path, field.name), options)),
    /** Takes the members outside the schema; null: they are noted in `extras`. */
    readonly additional: AdditionalReader | null = null,
  ) {
    const columns = this.children.map((child) => child.column);
    this.column = new StructColumn(type, additional?.isDeclared ? [...columns, additional.column] : columns);
    this.#keys = fields.map(({ name }) => TEXT.encode(name));
    this.#byName = new Map(fields.map(({ name }, i) => [name, i]));
    this.#byLowerName = new Map(fields.map(({ name }) => [name.toLowerCase(), name]));
    this.#seen = new Float64Array(fields.length);
  }

  pathOf(name: string): string {
    return below(this.path, name);
  }

  /** The name of a field of the schema (or of the target) that differs from `name` only by case, or null. */
  sibling(name: string): string | null {
    const lower = name.toLowerCase();
    return this.#byLowerName.get(lower) ??
      this.target?.find((field) => field.name !== name && field.name.toLowerCase() === lower)?.name ?? null;
  }

  /** The field of that name, or -1. */
  indexOf(name: string): number {
    return this.#byName.get(name) ?? -1;
  }

  /** Takes a member that is no field: its name is the scanner's last string and begins at `nameAt`; passes its value. */
  other(scan: Scanner, nameAt: number): void {
    if (this.additional) this.additional.member(scan, nameAt);
    else this.#unknown(scan);
  }

  read(scan: Scanner): void {
    if (scan.bytes[scan.pos] !== 0x7b) throw mismatch(scan, this.path, "an object");
    const { additional, children } = this;
    const seen = this.#seen;
    const object = ++this.#object;
    additional?.begin(this.column.length);
    let guess = 0, found = 0;
    if (scan.enter(CLOSE_OBJECT)) {
      do {
        if (scan.next() !== QUOTE) scan.fail("expected a name in quotes");
        const nameAt = scan.pos;
        const index = this.#match(scan, guess);
        if (index < 0) {
          this.other(scan, nameAt);
          continue;
        }
        scan.colon();
        guess = index + 1;
        const child = children[index];
        if (seen[index] === object) {
          child.column.truncate(child.column.length - 1);
          child.forget?.();
        } else {
          seen[index] = object;
          found++;
        }
        scan.path = child.path;
        readOrNull(scan, child);
      } while (scan.more(CLOSE_OBJECT));
    }
    if (found < children.length) {
      scan.leaveOut(children.length - found, this.path);
      this.#missing(scan, object);
    }
    additional?.close();
    this.column.close();
  }

  forget(): void {
    const { additional, extras, column } = this;
    while (extras.length > 0 && extras[extras.length - 1].entry >= column.length) extras.pop();
    additional?.forget(column.length);
    for (const child of this.children) child.forget?.();
  }

  /** The field that the name at `pos` means, or -1; passes the name. Names mostly come in the schema's order. */
  #match(scan: Scanner, guess: number): number {
    const { bytes } = scan;
    const keys = this.#keys;
    const at = scan.pos + 1;
    // Two guesses: the next field, or the one behind it where one was left out.
    for (let index = guess; index < keys.length && index < guess + 2; index++) {
      const key = keys[index];
      const end = at + key.length;
      if (end >= scan.end || bytes[end] !== QUOTE) continue;
      let i = 0;
      while (i < key.length && key[i] === bytes[at + i] && key[i] !== 0x5c && key[i] !== QUOTE && key[i] >= 0x20) i++;
      if (i === key.length) {
        scan.pos = end + 1;
        return index;
      }
    }
    scan.string();
    return this.indexOf(scan.textString());
  }

  /** Notes the member whose name is the scanner's last string. */
  #unknown(scan: Scanner): void {
    const name = scan.textString();
    scan.colon();
    const path = scan.path = this.pathOf(name);
    const byte = scan.next();
    const from = scan.pos;
    scan.skip();
    const entry = this.column.length;
    const empty = byte === NULL;
    // A null says nothing, except after a value of the same name in the same object.
    if (empty && !this.#has(entry, name)) return;
    const sibling = this.sibling(name);
    if (sibling !== null) throw caseConflict(scan, from, path, sibling);
    this.extras.push({ entry, start: scan.start, name, from, to: empty ? from : scan.pos });
  }

  #has(entry: number, name: string): boolean {
    const { extras } = this;
    for (let i = extras.length - 1; i >= 0 && extras[i].entry === entry; i--) if (extras[i].name === name) return true;
    return false;
  }

  #missing(scan: Scanner, object: number): void {
    const seen = this.#seen;
    for (let i = 0; i < this.children.length; i++) {
      if (seen[i] === object) continue;
      const child = this.children[i];
      if (!child.nullable || child.isRequired) {
        throw scan.error("required field missing", "the field is required", child.path);
      }
      child.column.appendNull();
    }
  }
}

/** Arrays. */
export class ListReader implements Reader {
  readonly column: ListColumn;
  constructor(readonly type: DataType, readonly element: Reader, readonly path: string, readonly nullable: boolean) {
    this.column = new ListColumn(type, element.column);
  }

  read(scan: Scanner): void {
    if (scan.bytes[scan.pos] !== 0x5b) throw mismatch(scan, this.path, "an array");
    const { element } = this;
    if (scan.enter(CLOSE_LIST)) {
      do {
        scan.path = element.path;
        readOrNull(scan, element);
      } while (scan.more(CLOSE_LIST));
    }
    this.column.close();
  }

  forget(): void {
    this.element.forget?.();
  }
}

/** Objects whose names are data. A name that repeats within one is refused: a map holds a key once. */
export class MapReader implements Reader {
  readonly column: ListColumn;
  readonly keys: BytesColumn;
  /** Of keys and values. */
  readonly entries: StructColumn;
  readonly #names = new Set<string>();

  constructor(
    readonly type: DataType,
    entryType: DataType,
    readonly value: Reader,
    readonly path: string,
    readonly nullable: boolean,
  ) {
    this.keys = new BytesColumn((entryType.children as Field[])[0].type);
    this.entries = new StructColumn(entryType, [this.keys, value.column]);
    this.column = new ListColumn(type, this.entries);
  }

  read(scan: Scanner): void {
    if (scan.bytes[scan.pos] !== 0x7b) throw mismatch(scan, this.path, "an object");
    this.begin();
    if (scan.enter(CLOSE_OBJECT)) {
      do {
        scan.path = this.value.path;
        if (scan.next() !== QUOTE) scan.fail("expected a name in quotes");
        scan.string();
        this.member(scan);
      } while (scan.more(CLOSE_OBJECT));
    }
    this.column.close();
  }

  /** An entry begins. */
  begin(): void {
    this.#names.clear();
  }

  /** Appends a member, whose name is the scanner's last string, to the entry. */
  member(scan: Scanner): void {
    const name = scan.textString();
    if (this.#names.has(name)) throw scan.error("duplicate map key", "expected each name once", this.path);
    this.#names.add(name);
    this.keys.append(scan.text, scan.textStart, scan.textEnd);
    scan.colon();
    scan.path = this.value.path;
    readOrNull(scan, this.value);
    this.entries.close();
  }

  forget(): void {
    this.value.forget?.();
  }
}

/** The error of a member whose name differs from a field's only by case: tables tell them not apart. */
export function caseConflict(scan: Scanner, pos: number, path: string, sibling: string): DataError {
  scan.pos = pos;
  return scan.error("field names differ only by case", `there is a field ${JSON.stringify(sibling)} already`, path);
}

/** Reads a value or null, white space before it passed. */
export function readOrNull(scan: Scanner, reader: Reader): void {
  const byte = scan.next();
  if (byte < 0) scan.fail("expected a value");
  if (byte !== NULL) return reader.read(scan);
  const at = scan.pos;
  scan.literal("null");
  if (!reader.nullable || reader.refusesNull) {
    scan.pos = at;
    throw scan.error("required field missing", "the field is required", reader.path);
  }
  reader.column.appendNull();
}
