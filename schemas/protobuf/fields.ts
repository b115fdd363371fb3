/**
 * A message being read: each field goes straight to its column, in whatever order and however often it comes.
 *
 * The entry of a message stays open until its parent ends, since a message may come in parts: "the parser merges
 * multiple instances of the same field" (protobuf.dev, "Encoding"). Of a single value the last one counts: a column that
 * has got one already is cut back. No object is made per message.
 *
 * @module
 */
import type { Column } from "../../mod.ts";
import { type Cursor, GROUP_END } from "./cursor.ts";
import type { Step } from "./scalars.ts";

/** What one entry of a column is read from: a message. Types do not contain themselves, so that one at a time is open. */
export interface Entry {
  /** Opens an entry. */
  begin(): void;
  /** Reads fields into it, up to the end of the cursor's range, or to the end of group `group` (0: no group). */
  merge(cursor: Cursor, group: number): void;
  /** Appends it to the column. */
  finish(cursor: Cursor): void;
}

/** A field of a message. */
export interface Part {
  readonly number: number;
  readonly column: Column;
  /** Values of this wire type are appended by `append`; -1: all are read by `read`. */
  readonly wire: number;
  readonly append: Step;
  /** Reads a value that `append` is not for. */
  readonly read: (cursor: Cursor, wire: number) => void;
  /** At the message's end, where no value came. */
  readonly absent: Step;
  /** At the message's end, where one came. */
  readonly end: Step | null;
}

/** Field numbers up to here are looked up in a table. */
const TABLE_MAX = 1023;
const GENERATION_MAX = 0x7fff_ffff;

/** The fields of a message. */
export class Fields implements Entry {
  /** Counts the messages: what was noted in an earlier one does not count. */
  generation = 0;
  /** Entries that the columns had before this message. */
  base = 0;
  /** By index of the part, the generation in which a value came. */
  readonly seen: Int32Array;
  private readonly parts: Part[] = [];
  private readonly wires: Int8Array;
  private readonly appends: Step[] = [];
  private readonly absents: Step[] = [];
  private readonly ends: (Step | null)[] = [];
  private table = new Int32Array(0);
  private readonly sparse = new Map<number, number>();

  /** `owner` is the column that gets an entry for each message, by `close`. */
  constructor(
    count: number,
    private readonly owner: Column,
    private readonly close: () => void,
    private readonly path: string,
  ) {
    this.seen = new Int32Array(count);
    this.wires = new Int8Array(count).fill(-1);
  }

  /** Adds a field; its index is how many were added before. */
  add(part: Part): void {
    const index = this.parts.push(part) - 1;
    this.wires[index] = part.wire;
    this.appends.push(part.append);
    this.absents.push(part.absent);
    this.ends.push(part.end);
    if (part.number > TABLE_MAX) return void this.sparse.set(part.number, index);
    if (part.number >= this.table.length) {
      const table = new Int32Array(part.number + 1).fill(-1);
      table.set(this.table);
      this.table = table;
    }
    this.table[part.number] = index;
  }

  /** What `add` was given. */
  part(index: number): Part {
    return this.parts[index];
  }

  /** Notes a value of part `index`; what it got before in this message is cut. */
  note(index: number): void {
    if (this.seen[index] === this.generation) this.parts[index].column.truncate(this.base);
    else this.seen[index] = this.generation;
  }

  /** Takes back what part `index` got in this message. */
  forget(index: number): void {
    this.seen[index] = 0;
    this.parts[index].column.truncate(this.base);
  }

  begin(): void {
    if (this.generation === GENERATION_MAX) {
      this.seen.fill(0);
      this.generation = 0;
    }
    this.generation++;
    this.base = this.owner.length;
  }

  merge(cursor: Cursor, group: number): void {
    const { table, wires, seen, appends, parts, generation, path } = this;
    while (cursor.position < cursor.end) {
      const tag = cursor.tag(path);
      const number = tag >>> 3;
      const wire = tag & 7;
      const index = number < table.length ? table[number] : this.sparse.get(number) ?? -1;
      if (index >= 0 && wires[index] === wire) {
        if (seen[index] === generation) parts[index].column.truncate(this.base);
        else seen[index] = generation;
        appends[index](cursor);
      } else if (wire === GROUP_END && number === group) {
        return;
      } else if (index >= 0) {
        parts[index].read(cursor, wire);
      } else {
        cursor.skip(tag, path);
      }
    }
    if (group > 0) cursor.unended(group, path);
  }

  finish(cursor: Cursor): void {
    const { seen, absents, ends, generation } = this;
    let absent = 0;
    for (let i = 0; i < ends.length; i++) {
      if (seen[i] !== generation) {
        absent++;
        absents[i](cursor);
      } else {
        const end = ends[i];
        if (end !== null) end(cursor);
      }
    }
    if (absent > 0) cursor.leaveOut(absent, this.path);
    this.close();
  }
}

/** The members of a oneof: "only the last member seen is used". */
export class Oneof {
  private generation = 0;
  private member = -1;

  constructor(private readonly fields: Fields) {}

  /** Notes that member `index` came. */
  choose(index: number): void {
    const { fields } = this;
    if (this.generation === fields.generation && this.member !== index) fields.forget(this.member);
    this.generation = fields.generation;
    this.member = index;
  }
}
