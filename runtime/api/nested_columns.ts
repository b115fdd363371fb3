/**
 * Builders of columns whose entries hold entries of other columns: lists, maps, structs.
 *
 * @module
 */
import { type Data, makeData } from "apache-arrow";
import type { DataType } from "./arrow.ts";
import { resized } from "./buffers.ts";
import { type Column, ColumnBase, grown, handedOver, INITIAL } from "./column.ts";

/** Lists and maps. Append the elements to `child` (for a map: to its `keys` and `values`), then call `close()`. */
export class ListColumn extends ColumnBase {
  /** Where the elements of each entry begin and those of the last one end. For generated decoders. */
  offsets: Int32Array = new Int32Array(INITIAL + 1);
  /** `type` is what is built. */
  constructor(readonly type: DataType, readonly child: Column) {
    super();
  }
  /** Bytes of buffers in use. */
  get byteLength(): number {
    return this.offsets.byteLength + this.child.byteLength + this.validityBytes;
  }
  /** Makes room for so many entries more at once; how many elements they have is not known. */
  reserve(entries: number): void {
    if (this.length + entries >= this.offsets.length) this.offsets = resized(this.offsets, this.length + entries + 1);
  }
  /** Ends an entry: all that `child` got since the last entry is in it. */
  close(): void {
    this.end();
    this.valid();
  }
  /** Appends a null. */
  appendNull(): void {
    this.end();
    this.nulled();
  }
  /** Also cuts what was appended to `child` for an entry that was never closed. */
  override truncate(length: number): void {
    const end = this.offsets[Math.min(length, this.length)];
    super.truncate(length);
    this.child.truncate(end);
  }
  /** The entries as Arrow data; the builder is empty afterwards. */
  finish(): Data {
    const out = makeData({
      type: this.type,
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.nullBitmap(),
      valueOffsets: handedOver(this.offsets, this.length + 1),
      child: this.child.finish(),
    } as never);
    this.offsets = new Int32Array(INITIAL + 1);
    this.reset();
    return out;
  }
  /** Notes where the entry ends. */
  private end(): void {
    if (this.length + 2 > this.offsets.length) this.offsets = grown(this.offsets, this.length + 2);
    this.offsets[this.length + 1] = this.child.length;
  }
}

/** Structs. Append one entry to each child, then call `close()`; `appendNull()` appends a null to each child. */
export class StructColumn extends ColumnBase {
  /** `type` is what is built. */
  constructor(readonly type: DataType, readonly children: readonly Column[]) {
    super();
  }
  /** Bytes of buffers in use. */
  get byteLength(): number {
    return this.children.reduce((sum, child) => sum + child.byteLength, this.validityBytes);
  }
  /** Makes room for so many entries more at once. */
  reserve(entries: number): void {
    for (const child of this.children) child.reserve(entries);
  }
  /** Ends an entry: each child has got one for it. */
  close(): void {
    this.valid();
  }
  /** Appends a null. */
  appendNull(): void {
    for (const child of this.children) child.appendNull();
    this.nulled();
  }
  /** Also cuts what was appended to children for an entry that was never closed. */
  override truncate(length: number): void {
    super.truncate(length);
    for (const child of this.children) child.truncate(Math.min(length, this.length));
  }
  /** The entries as Arrow data; the builder is empty afterwards. */
  finish(): Data {
    const out = makeData({
      type: this.type,
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.nullBitmap(),
      children: this.children.map((child) => child.finish()),
    } as never);
    this.reset();
    return out;
  }
}
