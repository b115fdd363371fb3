/**
 * Split block bloom filters (Parquet format, "Bloom Filter"): of a chunk's values, so that readers that look for one can
 * skip the row group.
 *
 * @module
 */
import type { SchemaElement } from "hyparquet";
import { FatalError, giveBuffer, resized } from "../../../mod.ts";
import { ThriftWriter } from "./thrift.ts";
import { type Halves, xxhash64 } from "./xxhash64.ts";

/** Bytes of a filter, at most: about a million distinct values a row group. */
const BYTES_MAX = 1024 * 1024;
const BLOCK_BYTES = 32;
/** 8 to 16, since sizes are powers of two: 2 % to 0.1 % of the values that are not there seem to be. */
const BITS_PER_VALUE = 8;

const SALT = Int32Array.of(
  0x47b6137b,
  0x44974d91,
  0x8824ad5b,
  0xa2b7289d,
  0x705495c7,
  0x2df1424b,
  0x9efc4947,
  0x5c6bfb31,
);

const hash: Halves = { high: 0, low: 0 };

/** A filter for the chunks of a column. Throws FatalError for one whose values are not looked up by their bits. */
export function createBloomFilter(name: string, { type, type_length }: Omit<SchemaElement, "name">): BloomFilter {
  switch (type) {
    case "INT32":
      return new BloomFilter(4);
    case "INT64":
      return new BloomFilter(8);
    case "BYTE_ARRAY":
      return new BloomFilter(null);
    case "FIXED_LEN_BYTE_ARRAY":
      return new BloomFilter(type_length!);
    default:
      throw new FatalError(
        `Cannot write a bloom filter of column "${name}": current type is ${type}, wanted integers, decimals, times, ` +
          `strings or binaries (parquet.bloom.columns)`,
      );
  }
}

/** The hashes of a chunk's values, until their number tells how large the filter must be. */
export class BloomFilter {
  #hashes = new Int32Array(0);
  #count = 0;

  /** Memory held. */
  get capacity(): number {
    return this.#hashes.byteLength;
  }

  /** Values take `width` bytes each; null: as many as stand before each. */
  constructor(private readonly width: number | null) {}

  /** Adds values that are in PLAIN. */
  add(bytes: Uint8Array): void {
    const { width } = this;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (width !== null) {
      for (let at = 0; at < bytes.length; at += width) this.#add(view, at, at + width);
      return;
    }
    for (let at = 0; at < bytes.length;) {
      const end = at + 4 + view.getUint32(at, true);
      this.#add(view, at + 4, end);
      at = end;
    }
  }

  /** The header and the filter; empty afterwards. */
  finish(): Uint8Array {
    const wanted = Math.min(BYTES_MAX, Math.max(BLOCK_BYTES, (this.#count * BITS_PER_VALUE) / 8));
    const size = 2 ** Math.ceil(Math.log2(wanted));
    const words = new Int32Array(size / 4);
    const blocks = size / BLOCK_BYTES;
    for (let i = 0; i < this.#count; i++) {
      // The upper half times the number of blocks, which is a power of two: its uppermost bits.
      const block = blocks === 1 ? 0 : this.#hashes[2 * i] >>> (32 - Math.log2(blocks));
      const key = this.#hashes[2 * i + 1];
      for (let w = 0; w < 8; w++) words[block * 8 + w] |= 1 << (Math.imul(key, SALT[w]) >>> 27);
    }
    this.release();
    const thrift = new ThriftWriter();
    thrift.begin();
    thrift.i32(1, size);
    for (const union of [2, 3, 4]) { // split blocks, xxHash, not compressed: the first of each
      thrift.struct(union);
      thrift.struct(1);
      thrift.end();
      thrift.end();
    }
    thrift.end();
    thrift.out.append(new Uint8Array(words.buffer));
    return thrift.out.view().slice();
  }

  /** Empty, and its memory for others. */
  release(): void {
    giveBuffer(this.#hashes.buffer);
    this.#hashes = new Int32Array(0);
    this.#count = 0;
  }

  #add(view: DataView, start: number, end: number): void {
    xxhash64(view, start, end, hash);
    const at = 2 * this.#count;
    if (at > 0 && this.#hashes[at - 2] === hash.high && this.#hashes[at - 1] === hash.low) return;
    if (at === this.#hashes.length) {
      this.#hashes = resized(this.#hashes, Math.max(256, 2 * at));
    }
    this.#hashes[at] = hash.high;
    this.#hashes[at + 1] = hash.low;
    this.#count++;
  }
}
