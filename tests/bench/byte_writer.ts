/**
 * Bytes that grow, with the number formats of Kafka, Avro and Protobuf.
 *
 * @module
 */

/** How a length is written: as it is, or zigzag. */
export type SizeKind = "plain" | "zigzag";

const TEXT = new TextEncoder();
/** A varint takes as much at most; so does everything else that is not a text. */
const SPARE = 16;
/** Texts up to this are written by hand where they are ASCII: the encoder takes longer to call. */
const SHORT = 40;

/** Appends; numbers must be safe integers, and not negative in `varint`. */
export class ByteWriter {
  length = 0;
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;

  constructor(capacity = 64 * 1024) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** What was written: valid until the next write. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length);
  }

  byte(value: number): void {
    this.#reserve(SPARE);
    this.#bytes[this.length++] = value;
  }

  int32(value: number): void {
    this.#reserve(SPARE);
    this.#view.setInt32(this.length, value);
    this.length += 4;
  }

  doubleLe(value: number): void {
    this.#reserve(SPARE);
    this.#view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  varint(value: number): void {
    this.#reserve(SPARE);
    this.length = writeVarint(this.#bytes, this.length, value);
  }

  zigzag(value: number): void {
    this.#reserve(SPARE);
    let rest = value;
    if (value >= 0 && value < 2 ** 52) rest = value * 2;
    else if (value < 0 && value >= -(2 ** 52)) rest = -value * 2 - 1;
    else return this.#zigzagLarge(value);
    this.length = writeVarint(this.#bytes, this.length, rest);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  text(text: string): void {
    this.#reserve(text.length * 3);
    this.length += TEXT.encodeInto(text, this.#bytes.subarray(this.length)).written;
  }

  /** A text with its bytes' number in front. */
  sizedText(text: string, size: SizeKind): void {
    if (text.length <= SHORT && this.#shortAscii(text, size)) return;
    const start = this.length;
    this.text(text);
    this.putSizeBefore(start, size);
  }

  /** Puts the size of all from `start` on in front of it. */
  putSizeBefore(start: number, kind: SizeKind): void {
    const size = this.length - start;
    const number = kind === "zigzag" ? size * 2 : size;
    const width = varintWidth(number);
    this.#reserve(width);
    this.#bytes.copyWithin(start + width, start, this.length);
    writeVarint(this.#bytes, start, number);
    this.length += width;
  }

  #shortAscii(text: string, kind: SizeKind): boolean {
    this.#reserve(SHORT + SPARE);
    const bytes = this.#bytes;
    const start = this.length + 1; // the size is below 128
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return false;
      bytes[start + i] = code;
    }
    bytes[this.length] = kind === "zigzag" ? text.length * 2 : text.length;
    this.length = start + text.length;
    return true;
  }

  #zigzagLarge(value: number): void {
    const wide = BigInt(value);
    let rest = BigInt.asUintN(64, (wide << 1n) ^ (wide >> 63n));
    for (; rest > 127n; rest >>= 7n) this.#bytes[this.length++] = Number(rest & 127n) | 128;
    this.#bytes[this.length++] = Number(rest);
  }

  #reserve(more: number): void {
    if (this.length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + more));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  while (value > 0x7fffffff) {
    bytes[at++] = (value % 128) | 128;
    value = Math.floor(value / 128);
  }
  while (value > 127) {
    bytes[at++] = (value & 127) | 128;
    value >>>= 7;
  }
  bytes[at++] = value;
  return at;
}

function varintWidth(value: number): number {
  let width = 1;
  for (; value > 127; value = Math.floor(value / 128)) width++;
  return width;
}
