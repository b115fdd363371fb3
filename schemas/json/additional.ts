/**
 * What becomes of an object's members that its schema does not name: one column beside the named ones.
 *
 * @module
 */
import { BytesColumn, type Column, type ListColumn, types } from "../../mod.ts";
import { below } from "../rows.ts";
import type { MapReader } from "./nested_readers.ts";
import type { Scanner } from "./scanner.ts";

/** Takes members; an object at a time. */
export interface AdditionalReader {
  readonly column: Column;
  /**
   * Whether the column is the last one of the struct's. Else it stands apart, may be shorter, and is for the data of a
   * batch only where it holds something.
   */
  readonly isDeclared: boolean;
  /** What reads the column, where that is a map. */
  readonly map: MapReader | null;
  /** The object of entry `entry` of the struct begins. */
  begin(entry: number): void;
  /** Takes a member: its name is the scanner's last string and begins at `nameAt`; passes its value. */
  member(scan: Scanner, nameAt: number): void;
  /** The object ends. */
  close(): void;
  /** Drops the entries from `length` on. */
  forget(length: number): void;
}

/** Makes the column that stands apart as long as its struct's. */
export function pad({ column }: { readonly column: Column }, length: number): void {
  while (column.length < length) column.appendNull();
}

/** The members as the JSON text of an object, as they are written. */
export class AdditionalText implements AdditionalReader {
  readonly column = new BytesColumn(types.utf8());
  readonly map = null;
  #text = new Uint8Array(256);
  #size = 0;
  #entry = 0;

  constructor(readonly path: string, readonly isDeclared: boolean) {}

  begin(entry: number): void {
    this.#entry = entry;
    this.#size = 0;
  }

  member(scan: Scanner, nameAt: number): void {
    const nameEnd = scan.pos;
    scan.colon();
    scan.path = this.path;
    scan.next();
    const from = scan.pos;
    scan.skip();
    this.#byte(this.#size === 0 ? 0x7b : 0x2c);
    this.#append(scan.bytes.subarray(nameAt, nameEnd));
    this.#byte(0x3a);
    this.#append(scan.bytes.subarray(from, scan.pos));
  }

  close(): void {
    if (this.#size === 0) {
      if (this.isDeclared) this.column.appendNull();
      return;
    }
    pad(this, this.#entry);
    this.#byte(0x7d);
    this.column.append(this.#text, 0, this.#size);
  }

  forget(length: number): void {
    this.column.truncate(length);
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#text[this.#size++] = byte;
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#text.set(bytes, this.#size);
    this.#size += bytes.length;
  }

  #reserve(size: number): void {
    const needed = this.#size + size;
    if (needed <= this.#text.length) return;
    const grown = new Uint8Array(2 * needed);
    grown.set(this.#text.subarray(0, this.#size));
    this.#text = grown;
  }
}

/** The members as a map. */
export class AdditionalMap implements AdditionalReader {
  readonly column: ListColumn;
  #entry = 0;
  #isEmpty = true;

  constructor(readonly map: MapReader, readonly isDeclared: boolean) {
    this.column = map.column;
  }

  begin(entry: number): void {
    this.#entry = entry;
    this.#isEmpty = true;
  }

  member(scan: Scanner): void {
    if (this.#isEmpty) {
      // Before the elements: a null that is appended after them would take them.
      pad(this, this.#entry);
      this.map.begin();
      this.#isEmpty = false;
    }
    this.map.member(scan);
  }

  close(): void {
    if (!this.#isEmpty) this.column.close();
    else if (this.isDeclared) this.column.appendNull();
  }

  forget(length: number): void {
    this.column.truncate(length);
    this.map.forget();
  }
}

/** Refuses them. */
export class NoAdditional implements AdditionalReader {
  readonly column = new BytesColumn(types.utf8());
  readonly isDeclared = false;
  readonly map = null;

  constructor(readonly path: string) {}

  begin(): void {}

  member(scan: Scanner, nameAt: number): never {
    const name = scan.textString();
    scan.pos = nameAt;
    const path = below(this.path, name);
    throw scan.error("undeclared member", "the schema does not name it (json.additional.properties: reject)", path);
  }

  close(): void {}

  forget(): void {}
}
