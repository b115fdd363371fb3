/**
 * Builders of columns whose entries are values: booleans, numbers, words, bytes. Nothing is allocated per entry.
 *
 * @module
 */
import { type Data, makeData } from "apache-arrow";
import type { DataType } from "./arrow.ts";
import { resized } from "./buffers.ts";
import { ColumnBase, grown, handedOver, INITIAL } from "./column.ts";
import { FatalError } from "./errors.ts";

/** Booleans, a bit each. */
export class BoolColumn extends ColumnBase {
  /** A bit an entry; what lies beyond the length is overwritten. For generated decoders. */
  bits: Uint8Array = new Uint8Array(INITIAL);
  /** `type` is what is built. */
  constructor(readonly type: DataType) {
    super();
  }
  /** Bytes of buffers in use. */
  get byteLength(): number {
    return this.bits.length + this.validityBytes;
  }
  /** Makes room for so many entries more at once. */
  reserve(entries: number): void {
    const needed = (this.length + entries + 7) >> 3;
    if (needed > this.bits.length) this.bits = resized(this.bits, needed);
  }
  /** Appends a value. */
  append(value: boolean): void {
    const at = this.room();
    if (value) this.bits[at] |= 1 << (this.length & 7);
    else this.bits[at] &= ~(1 << (this.length & 7));
    this.valid();
  }
  /** Appends a null. */
  appendNull(): void {
    const at = this.room();
    this.bits[at] &= ~(1 << (this.length & 7));
    this.nulled();
  }
  /** The entries as Arrow data; the builder is empty afterwards. */
  finish(): Data {
    const data = handedOver(this.bits, (this.length + 7) >> 3);
    const out = makeData({
      type: this.type,
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.nullBitmap(),
      data,
    } as never);
    this.bits = new Uint8Array(INITIAL);
    this.reset();
    return out;
  }
  /** Makes room for an entry and returns where it begins. */
  private room(): number {
    const at = this.length >> 3;
    if (at >= this.bits.length) this.bits = grown(this.bits, at + 1);
    return at;
  }
}

/** Where numbers are kept. */
export type NumberArray = Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** 8 to 32 bit integers, floats, doubles and dates: one JavaScript number each, written as it is. */
export class NumberColumn extends ColumnBase {
  /** What lies beyond the length is overwritten. For generated decoders. */
  values: NumberArray;
  /** `type` is what is built. */
  constructor(readonly type: DataType, private readonly ArrayType: new (n: number) => NumberArray) {
    super();
    this.values = new ArrayType(INITIAL);
  }
  /** Bytes of buffers in use. */
  get byteLength(): number {
    return this.values.byteLength + this.validityBytes;
  }
  /** Makes room for so many entries more at once. */
  reserve(entries: number): void {
    if (this.length + entries > this.values.length) this.values = resized(this.values, this.length + entries);
  }
  /** The caller has checked the range of integers. */
  append(value: number): void {
    if (this.length === this.values.length) this.values = grown(this.values, this.length + 1);
    this.values[this.length] = value;
    this.valid();
  }
  /** Appends a null. */
  appendNull(): void {
    if (this.length === this.values.length) this.values = grown(this.values, this.length + 1);
    this.values[this.length] = 0;
    this.nulled();
  }
  /** The entries as Arrow data; the builder is empty afterwards. */
  finish(): Data {
    const out = makeData({
      type: this.type,
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.nullBitmap(),
      data: handedOver(this.values, this.length),
    } as never);
    this.values = new this.ArrayType(INITIAL);
    this.reset();
    return out;
  }
}

/** Entries of 2 or 4 little-endian 32 bit words: longs, timestamps and decimals. No BigInt on the hot path. */
export class WordsColumn extends ColumnBase {
  /** `width` words an entry, the lowest first; what lies beyond the length is overwritten. For generated decoders. */
  words: Int32Array;
  /** `type` is what is built. */
  constructor(readonly type: DataType, readonly width: 2 | 4) {
    super();
    this.words = new Int32Array(INITIAL * width);
  }
  /** Bytes of buffers in use. */
  get byteLength(): number {
    return this.words.byteLength + this.validityBytes;
  }
  /** Makes room for so many entries more at once. */
  reserve(entries: number): void {
    const needed = (this.length + entries) * this.width;
    if (needed > this.words.length) this.words = resized(this.words, needed);
  }
  /** A 64 bit integer from its halves (two's complement), sign-extended where the entry is wider. */
  appendParts(low: number, high: number): void {
    const at = this.room();
    this.words[at] = low;
    this.words[at + 1] = high;
    if (this.width === 4) this.words[at + 2] = this.words[at + 3] = high < 0 ? -1 : 0;
    this.valid();
  }
  /** A 64 bit integer without a sign from its halves, for entries that are wider. */
  appendUnsigned(low: number, high: number): void {
    this.appendParts(low, high);
    if (high < 0) this.words[this.length * 4 - 2] = this.words[this.length * 4 - 1] = 0;
  }
  /** A whole number that a double holds exactly (|value| <= 2^53). */
  appendNumber(value: number): void {
    const high = Math.floor(value / 4294967296);
    this.appendParts((value - high * 4294967296) | 0, high | 0);
  }
  /** Any integer of the entry's width; the caller has checked the range. For decimals: the unscaled value. */
  appendBigInt(value: bigint): void {
    const at = this.room();
    let rest = value;
    for (let i = 0; i < this.width; i++) {
      this.words[at + i] = Number(BigInt.asIntN(32, rest));
      rest >>= 32n;
    }
    this.valid();
  }
  /** Appends a null. */
  appendNull(): void {
    const at = this.room();
    const { words } = this;
    // Calling `fill` would take longer than all the rest.
    words[at] = words[at + 1] = 0;
    if (this.width === 4) words[at + 2] = words[at + 3] = 0;
    this.nulled();
  }
  /** The entries as Arrow data; the builder is empty afterwards. */
  finish(): Data {
    const { buffer, byteOffset, length } = handedOver(this.words, this.length * this.width);
    const data = this.width === 2
      ? new BigInt64Array(buffer, byteOffset, length / 2)
      : new Uint32Array(buffer, byteOffset, length);
    const out = makeData({
      type: this.type,
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.nullBitmap(),
      data,
    } as never);
    this.words = new Int32Array(INITIAL * this.width);
    this.reset();
    return out;
  }
  /** Makes room for an entry and returns where it begins. */
  private room(): number {
    const at = this.length * this.width;
    if (at + this.width > this.words.length) this.words = grown(this.words, at + this.width);
    return at;
  }
}

const TEXT = new TextEncoder();

/** Strings and binaries: bytes end to end, with 32 bit offsets. */
export class BytesColumn extends ColumnBase {
  /** Where each entry begins and the last one ends. For generated decoders. */
  offsets: Int32Array = new Int32Array(INITIAL + 1);
  /** For generated decoders, which ask `roomFor()` before they write. */
  bytes: Uint8Array = new Uint8Array(INITIAL * 16);
  /** How long entries have been so far: for `reserve()`. */
  private meanBytes = 0;
  /** `type` is what is built. */
  constructor(readonly type: DataType) {
    super();
  }
  /** Bytes of buffers in use. */
  get byteLength(): number {
    return this.offsets.byteLength + this.bytes.length + this.validityBytes;
  }
  /** Makes room for so many entries more at once, of the length that they had so far. */
  reserve(entries: number): void {
    if (this.length + entries >= this.offsets.length) this.offsets = resized(this.offsets, this.length + entries + 1);
    const wanted = this.used + Math.ceil(entries * this.meanBytes * 1.05);
    if (wanted > this.bytes.length) this.bytes = resized(this.bytes, wanted);
  }
  /** Makes room for `size` bytes at `at`; the bytes' array may be another one afterwards. */
  roomFor(at: number, size: number): void {
    if (at + size <= this.bytes.length) return;
    if (at + size > 0x7fffffff) throw new FatalError(`Cannot hold a column of ${at + size} bytes: the most is 2 GiB`);
    this.bytes = grown(this.bytes, at + size);
  }
  /** Bytes in use so far. */
  get used(): number {
    return this.offsets[this.length];
  }
  /** Copies `source[start, end)`. For a string the caller has checked that it is UTF-8. */
  append(source: Uint8Array, start = 0, end = source.length): void {
    const size = end - start;
    const at = this.room(size);
    const { bytes } = this;
    // A loop beats `set` of a fresh subarray for the short strings that most records hold.
    if (size <= 32) { for (let i = 0; i < size; i++) bytes[at + i] = source[start + i]; }
    else bytes.set(source.subarray(start, end), at);
    this.offsets[this.length + 1] = at + size;
    this.valid();
  }
  /** Copies the text as UTF-8. */
  appendString(text: string): void {
    const at = this.room(text.length * 3);
    const { written } = TEXT.encodeInto(text, this.bytes.subarray(at));
    this.offsets[this.length + 1] = at + written;
    this.valid();
  }
  /** Appends a null. */
  appendNull(): void {
    // First the room: it may replace the array that is written to.
    const at = this.room(0);
    this.offsets[this.length + 1] = at;
    this.nulled();
  }
  /** The entries as Arrow data; the builder is empty afterwards. */
  finish(): Data {
    const used = this.used;
    if (this.length > 0) this.meanBytes = used / this.length;
    const out = makeData({
      type: this.type,
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.nullBitmap(),
      valueOffsets: handedOver(this.offsets, this.length + 1),
      data: handedOver(this.bytes, used),
    } as never);
    this.offsets = new Int32Array(INITIAL + 1);
    this.bytes = new Uint8Array(INITIAL * 16);
    this.reset();
    return out;
  }
  /** Makes room for one entry of `size` bytes and returns where its bytes begin. */
  private room(size: number): number {
    if (this.length + 2 > this.offsets.length) this.offsets = grown(this.offsets, this.length + 2);
    const at = this.offsets[this.length];
    this.roomFor(at, size);
    return at;
  }
}
