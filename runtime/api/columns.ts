/**
 * Column builders: typed buffers that a decoder appends to, row by row, and that become Arrow data without a copy.
 *
 * Every builder grows by doubling, knows how many entries it holds (`length`) and can be cut back to fewer
 * (`truncate`), so that a row that fails half-way is rolled back whole. Nothing is allocated per entry.
 *
 * @module
 */
import { type Data, type DataType, Field, makeData, Type } from "apache-arrow";
import { FatalError } from "./errors.ts";

/** What all builders share. */
export interface Column {
  readonly type: DataType;
  /** Entries so far. */
  readonly length: number;
  readonly nullCount: number;
  /** Bytes of buffers in use: what a memory budget counts. */
  readonly byteLength: number;
  appendNull(): void;
  /** Forgets every entry from `length` on. */
  truncate(length: number): void;
  /** The entries as Arrow data that owns its buffers; the builder is empty afterwards. */
  finish(): Data;
}

const INITIAL = 64;

/** Grows a typed array to hold at least `needed` entries, keeping its content. */
function grown<T extends Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array>(
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
abstract class Base implements Column {
  abstract readonly type: DataType;
  length = 0;
  nullCount = 0;
  protected validity: Uint8Array | null = null;

  abstract get byteLength(): number;
  abstract appendNull(): void;
  abstract finish(): Data;
  protected abstract cut(length: number): void;

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

  protected reset(): void {
    this.length = 0;
    this.nullCount = 0;
    this.validity = null;
  }

  protected get validityBytes(): number {
    return this.validity?.length ?? 0;
  }
}

/** Booleans, a bit each. */
export class BoolColumn extends Base {
  private bits = new Uint8Array(INITIAL);
  constructor(readonly type: DataType) {
    super();
  }
  get byteLength(): number {
    return this.bits.length + this.validityBytes;
  }
  append(value: boolean): void {
    const at = this.room();
    if (value) this.bits[at] |= 1 << (this.length & 7);
    else this.bits[at] &= ~(1 << (this.length & 7));
    this.valid();
  }
  appendNull(): void {
    const at = this.room();
    this.bits[at] &= ~(1 << (this.length & 7));
    this.nulled();
  }
  finish(): Data {
    const data = this.bits.slice(0, (this.length + 7) >> 3);
    const out = makeData({
      type: this.type,
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.nullBitmap(),
      data,
    } as never);
    this.reset();
    return out;
  }
  protected cut(): void {}
  private room(): number {
    const at = this.length >> 3;
    if (at >= this.bits.length) this.bits = grown(this.bits, at + 1);
    return at;
  }
}

type NumberArray = Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** 8 to 32 bit integers, floats, doubles and dates: one JavaScript number each, written as it is. */
export class NumberColumn extends Base {
  private values: NumberArray;
  constructor(readonly type: DataType, private readonly ArrayType: new (n: number) => NumberArray) {
    super();
    this.values = new ArrayType(INITIAL);
  }
  get byteLength(): number {
    return this.values.byteLength + this.validityBytes;
  }
  /** The caller has checked the range of integers. */
  append(value: number): void {
    if (this.length === this.values.length) this.values = grown(this.values, this.length + 1);
    this.values[this.length] = value;
    this.valid();
  }
  appendNull(): void {
    if (this.length === this.values.length) this.values = grown(this.values, this.length + 1);
    this.values[this.length] = 0;
    this.nulled();
  }
  finish(): Data {
    const out = makeData({
      type: this.type,
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.nullBitmap(),
      data: this.values.slice(0, this.length),
    } as never);
    this.values = new this.ArrayType(INITIAL);
    this.reset();
    return out;
  }
  protected cut(): void {}
}

/** Entries of 2 or 4 little-endian 32 bit words: longs, timestamps and decimals. No BigInt on the hot path. */
export class WordsColumn extends Base {
  private words: Int32Array;
  constructor(readonly type: DataType, private readonly width: 2 | 4) {
    super();
    this.words = new Int32Array(INITIAL * width);
  }
  get byteLength(): number {
    return this.words.byteLength + this.validityBytes;
  }
  /** A 64 bit integer from its halves (two's complement), sign-extended where the entry is wider. */
  appendParts(low: number, high: number): void {
    const at = this.room();
    this.words[at] = low;
    this.words[at + 1] = high;
    if (this.width === 4) this.words[at + 2] = this.words[at + 3] = high < 0 ? -1 : 0;
    this.valid();
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
  appendNull(): void {
    const at = this.room();
    this.words.fill(0, at, at + this.width);
    this.nulled();
  }
  finish(): Data {
    const words = this.words.slice(0, this.length * this.width);
    const data = this.width === 2 ? new BigInt64Array(words.buffer) : new Uint32Array(words.buffer);
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
  protected cut(): void {}
  private room(): number {
    const at = this.length * this.width;
    if (at + this.width > this.words.length) this.words = grown(this.words, at + this.width);
    return at;
  }
}

const TEXT = new TextEncoder();

/** Strings and binaries: bytes end to end, with 32 bit offsets. */
export class BytesColumn extends Base {
  private offsets = new Int32Array(INITIAL + 1);
  private bytes = new Uint8Array(INITIAL * 16);
  constructor(readonly type: DataType) {
    super();
  }
  get byteLength(): number {
    return this.offsets.byteLength + this.bytes.length + this.validityBytes;
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
  appendString(text: string): void {
    const at = this.room(text.length * 3);
    const { written } = TEXT.encodeInto(text, this.bytes.subarray(at));
    this.offsets[this.length + 1] = at + written;
    this.valid();
  }
  appendNull(): void {
    // First the room: it may replace the array that is written to.
    const at = this.room(0);
    this.offsets[this.length + 1] = at;
    this.nulled();
  }
  finish(): Data {
    const used = this.used;
    const out = makeData({
      type: this.type,
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.nullBitmap(),
      valueOffsets: this.offsets.slice(0, this.length + 1),
      data: this.bytes.slice(0, used),
    } as never);
    this.offsets = new Int32Array(INITIAL + 1);
    this.bytes = new Uint8Array(INITIAL * 16);
    this.reset();
    return out;
  }
  protected cut(): void {}
  /** Makes room for one entry of `size` bytes and returns where its bytes begin. */
  private room(size: number): number {
    if (this.length + 2 > this.offsets.length) this.offsets = grown(this.offsets, this.length + 2);
    const at = this.offsets[this.length];
    if (at + size > this.bytes.length) {
      if (at + size > 0x7fffffff) throw new FatalError(`Cannot hold a column of ${at + size} bytes: the most is 2 GiB`);
      this.bytes = grown(this.bytes, at + size);
    }
    return at;
  }
}

/** Lists and maps. Append the elements to `child` (for a map: to its `keys` and `values`), then call `close()`. */
export class ListColumn extends Base {
  private offsets = new Int32Array(INITIAL + 1);
  constructor(readonly type: DataType, readonly child: Column) {
    super();
  }
  get byteLength(): number {
    return this.offsets.byteLength + this.child.byteLength + this.validityBytes;
  }
  /** Ends an entry: all that `child` got since the last entry is in it. */
  close(): void {
    this.end();
    this.valid();
  }
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
  finish(): Data {
    const out = makeData({
      type: this.type,
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.nullBitmap(),
      valueOffsets: this.offsets.slice(0, this.length + 1),
      child: this.child.finish(),
    } as never);
    this.offsets = new Int32Array(INITIAL + 1);
    this.reset();
    return out;
  }
  protected cut(): void {}
  private end(): void {
    if (this.length + 2 > this.offsets.length) this.offsets = grown(this.offsets, this.length + 2);
    this.offsets[this.length + 1] = this.child.length;
  }
}

/** Structs. Append one entry to each child, then call `close()`; `appendNull()` appends a null to each child. */
export class StructColumn extends Base {
  constructor(readonly type: DataType, readonly children: readonly Column[]) {
    super();
  }
  get byteLength(): number {
    return this.children.reduce((sum, child) => sum + child.byteLength, this.validityBytes);
  }
  close(): void {
    this.valid();
  }
  appendNull(): void {
    for (const child of this.children) child.appendNull();
    this.nulled();
  }
  /** Also cuts what was appended to children for an entry that was never closed. */
  override truncate(length: number): void {
    super.truncate(length);
    for (const child of this.children) child.truncate(Math.min(length, this.length));
  }
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
  protected cut(): void {}
}

/** The builder of a type of `types.ts`. */
export function createColumn(type: DataType): Column {
  switch (type.typeId) {
    case Type.Bool:
      return new BoolColumn(type);
    case Type.Int: {
      const width = (type as unknown as { bitWidth: number }).bitWidth;
      if (width === 64) return new WordsColumn(type, 2);
      return new NumberColumn(type, width === 8 ? Int8Array : width === 16 ? Int16Array : Int32Array);
    }
    case Type.Float:
      return new NumberColumn(
        type,
        (type as unknown as { precision: number }).precision === 1 ? Float32Array : Float64Array,
      );
    case Type.Date:
      return new NumberColumn(type, Int32Array);
    case Type.Timestamp:
      return new WordsColumn(type, 2);
    case Type.Decimal:
      return new WordsColumn(type, 4);
    case Type.Utf8:
    case Type.Binary:
      return new BytesColumn(type);
    case Type.List:
    case Type.Map:
      return new ListColumn(type, createColumn((type.children as Field[])[0].type));
    case Type.Struct:
      return new StructColumn(type, (type.children as Field[]).map((child) => createColumn(child.type)));
    default:
      throw new FatalError(
        `Cannot build a column of type ${type}: it is none of the framework's types (runtime/api/types.ts)`,
      );
  }
}

/** The builder of one row of top-level fields: a struct that is never null. */
export function createRow(fields: readonly Field[], type: DataType): StructColumn {
  return new StructColumn(type, fields.map((f) => createColumn(f.type)));
}
