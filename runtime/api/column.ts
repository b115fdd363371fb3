/**
 * What column builders share: growing buffers, entries that are null, cutting back.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import type { DataType } from "./arrow.ts";

/** What all builders share. */
export interface Column {
  /** What is built. */
  readonly type: DataType;
  /** Entries so far. */
  readonly length: number;
  /** How many of them are null. */
  readonly nullCount: number;
  /** Bytes of buffers in use: what a memory budget counts. */
  readonly byteLength: number;
  /** Appends a null. */
  appendNull(): void;
  /** Forgets every entry from `length` on. */
  truncate(length: number): void;
  /** The entries as Arrow data that owns its buffers; the builder is empty afterwards. */
  finish(): Data;
}

/** Entries that a builder begins with. */
export const INITIAL = 64;

/** Grows a typed array to hold at least `needed` entries, keeping its content. */
export function grown<T extends Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array>(
  array: T,
  needed: number,
): T {
  let capacity = Math.max(INITIAL, array.length);
  while (capacity < needed) capacity *= 2;
  const next = new (array.constructor as new (n: number) => T)(capacity);
  next.set(array as never);
  return next;
}

/** Length, nulls and validity bits: bit set = valid. The bitmap exists only once there was a null. */
export abstract class ColumnBase implements Column {
  /** What is built. */
  abstract readonly type: DataType;
  /** Entries so far. */
  length = 0;
  /** How many of them are null. */
  nullCount = 0;
  /** A bit an entry, set where it is valid; null before the first null. */
  protected validity: Uint8Array | null = null;

  /** Bytes of buffers in use. */
  abstract get byteLength(): number;
  /** Appends a null. */
  abstract appendNull(): void;
  /** The entries as Arrow data; the builder is empty afterwards. */
  abstract finish(): Data;
  /** Forgets what a builder keeps beside validity of the entries from `length` on. */
  protected abstract cut(length: number): void;

  /** Forgets every entry from `length` on. */
  truncate(length: number): void {
    if (length >= this.length) return;
    if (this.validity) {
      for (let i = length; i < this.length; i++) {
        if (!(this.validity[i >> 3] & (1 << (i & 7)))) this.nullCount--;
      }
    }
    this.cut(length);
    this.length = length;
  }

  /** Notes entry `length` as valid and counts it. */
  protected valid(): void {
    if (this.validity) this.mark(true);
    this.length++;
  }

  /** Notes entry `length` as null and counts it. */
  protected nulled(): void {
    if (!this.validity) {
      this.validity = new Uint8Array(Math.max(INITIAL, (this.length >> 3) + 1)).fill(0xff);
    }
    this.mark(false);
    this.nullCount++;
    this.length++;
  }

  /** Writes the bit of entry `length`. */
  private mark(valid: boolean): void {
    let bits = this.validity!;
    const at = this.length >> 3;
    if (at >= bits.length) bits = this.validity = grown(bits, at + 1);
    if (valid) bits[at] |= 1 << (this.length & 7);
    else bits[at] &= ~(1 << (this.length & 7));
  }

  /** The validity bitmap for Arrow, undefined where all are valid. */
  protected nullBitmap(): Uint8Array | undefined {
    return this.nullCount > 0 ? this.validity!.slice(0, (this.length + 7) >> 3) : undefined;
  }

  /** Begins anew. */
  protected reset(): void {
    this.length = 0;
    this.nullCount = 0;
    this.validity = null;
  }

  /** Bytes of the validity bitmap. */
  protected get validityBytes(): number {
    return this.validity?.length ?? 0;
  }
}
