/**
 * A growing buffer that pages are put together in.
 *
 * @module
 */
import { FatalError } from "../../../mod.ts";

/** Bytes in the making, little-endian. */
export class ByteSink {
  bytes: Uint8Array;
  length = 0;
  #view: DataView;

  constructor(capacity = 1024) {
    this.bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.bytes.buffer);
  }

  /** Makes room for `size` more bytes: `bytes` may be another array afterwards. */
  reserve(size: number): void {
    const wanted = this.length + size;
    if (wanted <= this.bytes.length) return;
    if (wanted > BYTES_MAX) {
      throw new FatalError(`Cannot write a Parquet page: current size is ${wanted} bytes, wanted at most ${BYTES_MAX}`);
    }
    const grown = new Uint8Array(Math.min(BYTES_MAX, Math.max(wanted, 2 * this.bytes.length)));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  word(value: number): void {
    this.reserve(4);
    this.#view.setInt32(this.length, value, true);
    this.length += 4;
  }

  /** Overwrites four bytes. */
  wordAt(at: number, value: number): void {
    this.#view.setInt32(at, value, true);
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** ULEB128 of a non-negative integer below 2^53. */
  varint(value: number): void {
    this.reserve(8);
    while (value > 0x7f) {
      this.bytes[this.length++] = (value % 0x80) | 0x80;
      value = Math.floor(value / 0x80);
    }
    this.bytes[this.length++] = value;
  }

  /** ULEB128 of the zigzag of a 64 bit integer. */
  zigzag64(value: bigint): void {
    this.reserve(10);
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    for (; rest > 0x7fn; rest >>= 7n) this.bytes[this.length++] = Number(rest & 0x7fn) | 0x80;
    this.bytes[this.length++] = Number(rest);
  }

  /** What is in it, not copied: gone with the next `clear`. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** Empties it; of an unusually large buffer (a page of huge strings) the memory goes too. */
  clear(): void {
    this.length = 0;
    if (this.bytes.length > KEPT_BYTES_MAX) {
      this.bytes = new Uint8Array(1024);
      this.#view = new DataView(this.bytes.buffer);
    }
  }
}

/** Sizes in page headers are 32 bit signed. */
const BYTES_MAX = 2 ** 31 - 1;
const KEPT_BYTES_MAX = 4 * 1024 * 1024;
