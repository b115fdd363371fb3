/**
 * Reads Avro's binary encoding from a range of bytes (Apache Avro 1.12 specification, "Binary Encoding"). Every read
 * checks the range first and gives up by throwing `Malformed`; nothing is allocated per read.
 *
 * @module
 */
import { Malformed } from "../malformed.ts";

/** Items without bytes (an array of empty records, say) that one payload may hold. */
const FREE_ITEMS_MAX = 65_536;
/** Levels that a recursive value may have where it is skipped. */
const DEPTH_MAX = 1_000;
const WORD = 4_294_967_296;

/** A position in a range of bytes. */
export class Cursor {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  position = 0;
  end = 0;
  /** The last long, as 32 bit halves (two's complement). */
  low = 0;
  high = 0;
  private freeItems = 0;
  private depth = 0;

  set(bytes: Uint8Array, start: number, end: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.position = start;
    this.end = end;
    this.freeItems = 0;
    this.depth = 0;
  }

  fail(reason: string, what: string, path: string, position = this.position): never {
    throw new Malformed(reason, what, path, position);
  }

  /** Passes `size` bytes and returns where they begin. */
  take(size: number, path: string): number {
    const start = this.position;
    if (size > this.end - start) this.truncated(size, path);
    this.position = start + size;
    return start;
  }

  boolean(path: string): boolean {
    const byte = this.bytes[this.take(1, path)];
    if (byte > 1) this.fail("bad boolean", `the byte is ${byte}, expected 0 or 1`, path, this.position - 1);
    return byte === 1;
  }

  int(path: string): number {
    const { bytes, end } = this;
    let at = this.position;
    if (at < end && bytes[at] < 0x80) {
      this.position = at + 1;
      return (bytes[at] >>> 1) ^ -(bytes[at] & 1);
    }
    let bits = 0;
    for (let shift = 0;; shift += 7) {
      if (at >= end) this.truncated(1, path, at);
      const byte = bytes[at++];
      if (shift === 28 && byte > 0x0f) {
        this.fail("bad varint", "an int has more than 32 bits", path);
      }
      bits |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    this.position = at;
    return (bits >>> 1) ^ -(bits & 1);
  }

  /** Reads a long into `low` and `high`. */
  long(path: string): void {
    const { bytes } = this;
    let at = this.position;
    if (this.end - at < 10) this.checkVarint(path);
    let byte = bytes[at++];
    let low = byte & 0x7f;
    let high = 0;
    if (byte > 0x7f) {
      byte = bytes[at++];
      low |= (byte & 0x7f) << 7;
      if (byte > 0x7f) {
        byte = bytes[at++];
        low |= (byte & 0x7f) << 14;
        if (byte > 0x7f) {
          byte = bytes[at++];
          low |= (byte & 0x7f) << 21;
          if (byte > 0x7f) {
            byte = bytes[at++];
            low |= byte << 28;
            high = (byte & 0x7f) >>> 4;
            for (let shift = 3; byte > 0x7f; shift += 7) {
              byte = bytes[at++];
              if (shift === 31 && byte > 1) this.fail("bad varint", "a long has more than 64 bits", path);
              high |= (byte & 0x7f) << shift;
            }
          }
        }
      }
    }
    this.position = at;
    const sign = -(low & 1);
    this.low = ((low >>> 1) | (high << 31)) ^ sign;
    this.high = (high >>> 1) ^ sign;
  }

  /** The last long as a number; rounded beyond 2^53. */
  number(): number {
    return this.high * WORD + (this.low >>> 0);
  }

  /** Reads the length of bytes that must follow, and passes them; they begin at `position - length`. */
  length(path: string): number {
    const start = this.position;
    this.long(path);
    const length = this.number();
    if (length < 0) this.fail("bad length", `the length is ${length}, expected 0 or more`, path, start);
    const left = this.end - this.position;
    if (length > left) {
      this.fail("bad length", `the length is ${length}, but only ${left} bytes are left`, path, start);
    }
    this.position += length;
    return length;
  }

  /** Reads an index below `count`. */
  index(count: number, reason: string, path: string): number {
    const start = this.position;
    this.long(path);
    const index = this.number();
    if (index < 0 || index >= count) {
      this.fail(reason, `the index is ${index}, expected 0 to ${count - 1}`, path, start);
    }
    return index;
  }

  /**
   * Reads the head of a block of items that have at least `bytesMin` bytes each, and returns how many they are (0: the
   * end). Where the block tells its size, `blockEnd` is its end, else -1.
   */
  block(bytesMin: number, path: string): number {
    const start = this.position;
    this.long(path);
    let count = this.number();
    this.blockEnd = -1;
    if (count < 0) {
      count = -count;
      const size = this.length(path);
      this.blockEnd = this.position;
      this.position -= size;
    }
    const left = (this.blockEnd < 0 ? this.end : this.blockEnd) - this.position;
    if (bytesMin === 0) {
      this.freeItems += count;
      if (this.freeItems > FREE_ITEMS_MAX) {
        this.fail("too many items", `the items without bytes are more than ${FREE_ITEMS_MAX}`, path, start);
      }
    } else if (count > left / bytesMin) {
      this.fail(
        "bad length",
        `the block has ${count} items of ${bytesMin} or more bytes, ${left} are left`,
        path,
        start,
      );
    }
    return count;
  }
  blockEnd = -1;

  /** Checks that a block that told its size, read from `block()`'s `blockEnd`, ended there. */
  closeBlock(blockEnd: number, path: string): void {
    if (blockEnd >= 0 && this.position !== blockEnd) {
      this.fail("bad length", `the block's items end at byte ${this.position}, its size says ${blockEnd}`, path);
    }
  }

  /** Enters a level of a recursive value. */
  enter(path: string): void {
    if (++this.depth > DEPTH_MAX) {
      this.fail("nested too deeply", `the value has more than ${DEPTH_MAX} levels`, path);
    }
  }
  leave(): void {
    this.depth--;
  }

  /** Near the end of the range: a varint must end before it. */
  private checkVarint(path: string): void {
    let at = this.position;
    while (at < this.end && this.bytes[at] > 0x7f) at++;
    if (at >= this.end) this.truncated(1, path, at);
  }

  private truncated(size: number, path: string, at = this.position): never {
    return this.fail("truncated", `${size} more bytes are expected, ${this.end - at} are left`, path, at);
  }
}
