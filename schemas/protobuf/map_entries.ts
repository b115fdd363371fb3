/**
 * The entries of a map: "when parsing from the wire, if there are duplicate map keys the last key seen is used"
 * (protobuf.dev, "Language Guide"). Entries are appended as they come; where a key repeats, which no writer does on
 * purpose, they are read again without those that a later one replaces.
 *
 * @module
 */
import type { BytesColumn, Column, ListColumn } from "../../mod.ts";
import { type Cursor, FIXED64, SIZED, VARINT } from "./cursor.ts";
import type { Fields } from "./fields.ts";
import type { ScalarKind } from "./proto.ts";
import { appendStep, type Step, wireOf } from "./scalars.ts";

/** Up to so many entries each key is compared with each. */
const PAIRS_MAX = 16;
/** A key is two integers: a string's start and end, or the halves of a number. */
const START = 0, END = 1, LOW = 2, HIGH = 3, WIDTH = 4;

/** The entries of one message's map. */
export class MapEntries {
  /** The step that reads and appends a key. */
  readonly appendKey: Step;
  private low = 0;
  private high = 0;
  private noted = new Int32Array(8 * WIDTH);
  private count = 0;
  /** Entries that the column had before this map. */
  private first = 0;
  /** What reads an entry; set once. */
  entry!: Fields;

  constructor(
    private readonly target: ListColumn,
    private readonly kind: ScalarKind,
    private readonly path: string,
    keys: Column,
  ) {
    this.appendKey = kind === "string" ? this.textStep(keys as BytesColumn) : this.numberStep(keys);
  }

  /** Begins the map of a message. */
  begin(): void {
    this.count = 0;
    this.first = this.target.child.length;
  }

  /** Reads an entry behind its tag. */
  read(cursor: Cursor, wire: number): void {
    const { entry } = this;
    if (wire !== SIZED) cursor.wrongWire(wire, SIZED, this.path);
    const size = cursor.length(this.path);
    const { position, end } = cursor;
    this.low = this.high = 0;
    entry.begin();
    cursor.end = position + size;
    entry.merge(cursor, 0);
    cursor.end = end;
    this.note(position, cursor.position);
    entry.finish(cursor);
  }

  /** Ends the map. */
  end(cursor: Cursor): void {
    if (this.count > 1 && this.repeats(cursor.bytes)) this.readAgain(cursor);
    this.target.close();
  }

  /** Notes the entry of the bytes `[start, end)`. */
  private note(start: number, end: number): void {
    const at = this.count * WIDTH;
    if (at === this.noted.length) {
      const noted = new Int32Array(2 * at);
      noted.set(this.noted);
      this.noted = noted;
    }
    this.noted[at + START] = start;
    this.noted[at + END] = end;
    this.noted[at + LOW] = this.low;
    this.noted[at + HIGH] = this.high;
    this.count++;
  }

  private repeats(bytes: Uint8Array): boolean {
    const { count } = this;
    if (count > PAIRS_MAX) {
      const keys = new Set<string>();
      for (let i = 0; i < count; i++) keys.add(this.keyText(bytes, i));
      return keys.size < count;
    }
    for (let i = 1; i < count; i++) for (let j = 0; j < i; j++) if (this.isSame(bytes, i, j)) return true;
    return false;
  }

  private isSame(bytes: Uint8Array, i: number, j: number): boolean {
    const { noted, kind } = this;
    const a = noted[i * WIDTH + LOW], b = noted[j * WIDTH + LOW];
    const c = noted[i * WIDTH + HIGH], d = noted[j * WIDTH + HIGH];
    if (kind !== "string") return a === b && c === d;
    if (c - a !== d - b) return false;
    for (let at = 0; at < c - a; at++) if (bytes[a + at] !== bytes[b + at]) return false;
    return true;
  }

  private keyText(bytes: Uint8Array, i: number): string {
    const [low, high] = [this.noted[i * WIDTH + LOW], this.noted[i * WIDTH + HIGH]];
    return this.kind === "string" ? TEXT.decode(bytes.subarray(low, high)) : `${low} ${high}`;
  }

  private readAgain(cursor: Cursor): void {
    const last = new Map<string, number>();
    for (let i = 0; i < this.count; i++) last.set(this.keyText(cursor.bytes, i), i);
    this.target.child.truncate(this.first);
    const { position, end } = cursor;
    for (const i of [...last.values()].sort((a, b) => a - b)) {
      cursor.readAgain(this.noted[i * WIDTH + END] - this.noted[i * WIDTH + START], this.path);
      cursor.position = this.noted[i * WIDTH + START];
      cursor.end = this.noted[i * WIDTH + END];
      this.entry.begin();
      this.entry.merge(cursor, 0);
      this.entry.finish(cursor);
    }
    cursor.position = position;
    cursor.end = end;
  }

  private textStep(keys: BytesColumn): Step {
    const path = this.path;
    return (cursor) => {
      const end = cursor.length(path) + cursor.position;
      this.low = cursor.position;
      this.high = end;
      cursor.checkUtf8(cursor.position, end, path);
      keys.append(cursor.bytes, cursor.position, end);
      cursor.position = end;
    };
  }

  /** Reads the key twice: into its column, and as the halves of a number, whatever way it was encoded. */
  private numberStep(keys: Column): Step {
    const { kind, path } = this;
    const type = { kind: "scalar", scalar: kind } as const;
    const append = appendStep(type, keys, path);
    const wire = wireOf(type);
    const isLong = kind.endsWith("64");
    return (cursor) => {
      const start = cursor.position;
      append(cursor);
      const end = cursor.position;
      if (wire === VARINT) {
        cursor.position = start;
        cursor.varint(path);
        cursor.position = end;
        this.low = kind === "bool" ? +((cursor.low | cursor.high) !== 0) : cursor.low;
        this.high = isLong ? cursor.high : 0;
      } else {
        this.low = cursor.view.getInt32(start, true);
        this.high = wire === FIXED64 ? cursor.view.getInt32(start + 4, true) : 0;
      }
    };
  }
}

const TEXT = new TextDecoder("latin1");
