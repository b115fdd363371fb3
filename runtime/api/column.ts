/**
 * What column builders share: growing buffers, entries that are null, cutting back.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import type { DataType } from "./arrow.ts";
import { giveBuffer, type Numbers, resized } from "./buffers.ts";

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
  /** Makes room for so many entries more at once. */
  reserve(entries: number): void;
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
export function grown<T extends Numbers>(array: T, needed: number): T {
  let capacity = Math.max(INITIAL, array.length);
  while (capacity < needed) capacity *= 2;
  return resized(array, capacity);
}

/** The first `length` entries; without a copy where little of the memory behind them is wasted by that. */
export function handedOver<T extends Numbers>(array: T, length: number): T {
  if (array.length - length <= length / 4) return array.subarray(0, length) as T;
  const copy = array.slice(0, length) as T;
  giveBuffer(array.buffer);
  return copy;
}

/**
 * Length, nulls and validity bits: bit set = valid. The bitmap exists only once there was a null; its bits from `length`
 * on are set, and what lies beyond its end is valid.
 *
 * Generated decoders write to the arrays of flat columns directly: `reserve()`, then entry by entry into the arrays, with
 * `nullAt()` for nulls, then `advance()`. Until that the builder does not know of what was written.
 */
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
  /** Makes room for so many entries more at once. */
  abstract reserve(entries: number): void;
  /** Appends a null. */
  abstract appendNull(): void;
  /** The entries as Arrow data; the builder is empty afterwards. */
  abstract finish(): Data;

  /** Forgets every entry from `length` on. */
  truncate(length: number): void {
    if (length >= this.length) return;
    if (this.validity) {
      for (let i = Math.min(this.length, this.validity.length * 8) - 1; i >= length; i--) {
        if (this.validity[i >> 3] & (1 << (i & 7))) continue;
        this.validity[i >> 3] |= 1 << (i & 7);
        this.nullCount--;
      }
    }
    this.length = length;
  }

  /** Counts the entries before `length`, which were written directly. */
  advance(length: number): void {
    this.length = length;
  }

  /** Notes entry `index` as null, and counts it and those before it; what it holds was written directly. */
  nullAt(index: number): void {
    this.length = index;
    this.nulled();
  }

  /** Counts an entry as valid. */
  protected valid(): void {
    this.length++;
  }

  /** Notes entry `length` as null and counts it. */
  protected nulled(): void {
    const at = this.length >> 3;
    let bits = this.validity;
    if (!bits || at >= bits.length) {
      const old = bits?.length ?? 0;
      bits = this.validity = grown(bits ?? new Uint8Array(0), at + 1).fill(0xff, old);
    }
    bits[at] &= ~(1 << (this.length & 7));
    this.nullCount++;
    this.length++;
  }

  /** The validity bitmap for Arrow, undefined where all are valid. */
  protected nullBitmap(): Uint8Array | undefined {
    if (this.nullCount === 0) return undefined;
    const bytes = (this.length + 7) >> 3;
    let validity = this.validity!;
    const known = validity.length;
    if (known < bytes) validity = resized(validity, bytes).fill(0xff, known);
    return validity.subarray(0, bytes);
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
