/**
 * Bytes being written, for formats whose messages rules change.
 *
 * @module
 */

const TEXT = new TextEncoder();

/** Grows as it is written to. */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** What was written; the writer is empty afterwards. */
  finish(): Uint8Array {
    const out = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return out;
  }

  byte(value: number): void {
    const at = this.#room(1);
    this.#bytes[at] = value;
  }

  bytes(value: Uint8Array): void {
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
  }

  /** An integer from 0 to 2^64 - 1, seven bits a byte. */
  varint(value: bigint): void {
    let rest = value;
    while (rest > 0x7fn) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.byte(Number(rest));
  }

  /** A 64 bit integer, zigzag: small ones are short, negative ones too. */
  zigzag(value: bigint): void {
    this.varint(BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)));
  }

  float(value: number): void {
    const at = this.#room(4);
    this.#view.setFloat32(at, value, true);
  }

  double(value: number): void {
    const at = this.#room(8);
    this.#view.setFloat64(at, value, true);
  }

  /** 32 bits. */
  fixed32(value: bigint): void {
    const at = this.#room(4);
    this.#view.setUint32(at, Number(BigInt.asUintN(32, value)), true);
  }

  /** 64 bits. */
  fixed64(value: bigint): void {
    const at = this.#room(8);
    this.#view.setBigUint64(at, BigInt.asUintN(64, value), true);
  }

  /** UTF-8. */
  static utf8(text: string): Uint8Array {
    return TEXT.encode(text);
  }

  #room(size: number): number {
    const at = this.#length;
    if (at + size > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, at + size));
      bytes.set(this.#bytes);
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer);
    }
    this.#length = at + size;
    return at;
  }
}
