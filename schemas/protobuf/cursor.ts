/**
 * Reads the protobuf wire format from a range of bytes (protobuf.dev, "Encoding"). Every read checks the range first and
 * gives up by throwing `Malformed`; nothing is allocated per read.
 *
 * @module
 */
import { Malformed } from "../malformed.ts";
import { invalidUtf8 } from "../utf8.ts";

/** Wire types. */
export const VARINT = 0, FIXED64 = 1, SIZED = 2, GROUP = 3, GROUP_END = 4, FIXED32 = 5;
const WIRE_NAMES = ["varint", "fixed64", "length-delimited", "group", "end of group", "fixed32"];
/** Levels that a value may have where no schema bounds it: what is skipped, and what becomes JSON text. */
const DEPTH_MAX = 100;
/** Values that a payload may leave out in all: few bytes can stand for many messages of many fields each. */
export const ABSENT_MAX = 1 << 24;
/** ... or, of a large payload, so many for each byte. */
const ABSENT_PER_BYTE = 16;
/** How often, by its bytes, a payload is read again for the sake of keys that repeat: within each other they multiply. */
const READ_AGAIN_MAX = 64;
const WORD = 4_294_967_296;

/** A position in a range of bytes. */
export class Cursor {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  position = 0;
  end = 0;
  /** The last varint, as 32 bit halves (two's complement). */
  low = 0;
  high = 0;
  private depth = 0;
  private size = 0;
  private absent = 0;
  private again = 0;

  set(bytes: Uint8Array, start: number, end: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.position = start;
    this.end = end;
    this.size = end - start;
    this.depth = this.absent = this.again = 0;
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

  /** Reads a field's number and wire type: `number << 3 | wire`, unsigned. */
  tag(path: string): number {
    const { bytes, position: start } = this;
    const first = bytes[start];
    let tag: number;
    if (first < 0x80) {
      this.position = start + 1;
      tag = first;
    } else {
      this.varint(path);
      if (this.high !== 0) this.fail("bad tag", "the tag has more than 32 bits", path, start);
      tag = this.low >>> 0;
    }
    if (tag < 8) this.fail("bad tag", "the field number is 0, expected 1 or more", path, start);
    if ((tag & 7) > FIXED32) {
      this.fail("bad tag", `the wire type of field ${tag >>> 3} is ${tag & 7}, expected 0 to 5`, path, start);
    }
    return tag;
  }

  /** Reads a varint into `low` and `high`. */
  varint(path: string): void {
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
              if (shift === 31 && byte > 1) this.fail("bad varint", "a varint has more than 64 bits", path);
              high |= (byte & 0x7f) << shift;
            }
          }
        }
      }
    }
    this.position = at;
    this.low = low;
    this.high = high;
  }

  /** Reads a varint of at most 32 bits, signed ones extended to 64 or not, and returns it as a signed integer. */
  int32(path: string): number {
    const { bytes, position } = this;
    if (position < this.end && bytes[position] < 0x80) {
      this.position = position + 1;
      return bytes[position];
    }
    this.varint(path);
    const { low, high } = this;
    if (high !== 0 && (high !== -1 || low >= 0)) {
      this.fail("value out of range", "the varint has more than the 32 bits of the field's type", path, position);
    }
    return low;
  }

  /** Reads a varint of at most 32 bits as its bits, to be read as unsigned. */
  uint32(path: string): number {
    const { bytes, position } = this;
    if (position < this.end && bytes[position] < 0x80) {
      this.position = position + 1;
      return bytes[position];
    }
    this.varint(path);
    if (this.high !== 0) {
      this.fail("value out of range", "the varint has more than the 32 bits of the field's type", path, position);
    }
    return this.low;
  }

  /** Undoes the zigzag of `low` and `high`. */
  unzigzag(): void {
    const { low, high } = this;
    const sign = -(low & 1);
    this.low = ((low >>> 1) | (high << 31)) ^ sign;
    this.high = (high >>> 1) ^ sign;
  }

  /** The last varint as a signed number; rounded beyond 2^53. */
  number(): number {
    return this.high * WORD + (this.low >>> 0);
  }

  /** Reads the length of the bytes that follow; they begin at `position`, and are there. */
  length(path: string): number {
    const start = this.position;
    const first = this.bytes[start];
    let size: number;
    if (start < this.end && first < 0x80) {
      this.position = start + 1;
      size = first;
    } else {
      this.varint(path);
      size = (this.high >>> 0) * WORD + (this.low >>> 0);
    }
    const left = this.end - this.position;
    if (size > left) {
      this.fail("bad length", `the length is ${size}, but only ${left} bytes are left`, path, start);
    }
    return size;
  }

  /** Checks that the `[start, end)` is UTF-8. */
  checkUtf8(start: number, end: number, path: string): void {
    const { bytes } = this;
    let at = start;
    while (at < end && bytes[at] < 0x80) at++;
    if (at < end && invalidUtf8(bytes, at, end) >= 0) {
      this.fail("bad utf-8", `the string of ${end - start} bytes is not well-formed UTF-8`, path, start);
    }
  }

  /** Passes the value of an unknown field. */
  skip(tag: number, path: string): void {
    switch (tag & 7) {
      case VARINT:
        return this.varint(path);
      case FIXED64:
        return void this.take(8, path);
      case SIZED:
        return void this.take(this.length(path), path);
      case GROUP: {
        const number = tag >>> 3;
        this.enter(path);
        while (this.position < this.end) {
          const inner = this.tag(path);
          if ((inner & 7) === GROUP_END && inner >>> 3 === number) return this.leave();
          this.skip(inner, path);
        }
        return this.unended(number, path);
      }
      case GROUP_END:
        return this.fail("bad group", `a group ${tag >>> 3} ends that is not open`, path);
      default:
        return void this.take(4, path);
    }
  }

  /** The bytes end within a group. */
  unended(number: number, path: string): never {
    return this.fail("truncated", `the end of group ${number} is expected, no bytes are left`, path);
  }

  /** A known field has a value of another wire type than its own. */
  wrongWire(wire: number, wanted: number, path: string): never {
    return this.fail(
      "wrong wire type",
      `the value is ${WIRE_NAMES[wire]}, the schema's type is ${WIRE_NAMES[wanted]}`,
      path,
    );
  }

  /** Enters a level of a value whose depth no schema bounds. */
  enter(path: string): void {
    if (++this.depth > DEPTH_MAX) {
      this.fail("nested too deeply", `the value has more than ${DEPTH_MAX} levels`, path);
    }
  }
  leave(): void {
    this.depth--;
  }

  /** Counts values that are not in the bytes, but in the row. */
  leaveOut(values: number, path: string): void {
    this.absent += values;
    if (this.absent > ABSENT_MAX && this.absent > this.size * ABSENT_PER_BYTE) {
      this.fail(
        "too many values",
        `${this.size} bytes stand for more than ${ABSENT_MAX} values that are not set`,
        path,
      );
    }
  }

  /** How many values were counted so. */
  get leftOut(): number {
    return this.absent;
  }

  /** Counts bytes that are read once more. */
  readAgain(bytes: number, path: string): void {
    this.again += bytes;
    if (this.again > this.size * READ_AGAIN_MAX) {
      this.fail("too many repeated keys", "maps within each other repeat their keys, which multiplies", path);
    }
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

/**
 * Reads the fields of a message up to the end of the range, or to the end of group `group` (0: no group). `read` gets
 * each field's number and wire type, and returns false for one that it does not know.
 */
export function eachField(
  cursor: Cursor,
  group: number,
  path: string,
  read: (number: number, wire: number) => boolean,
): void {
  while (cursor.position < cursor.end) {
    const tag = cursor.tag(path);
    if ((tag & 7) === GROUP_END && tag >>> 3 === group) return;
    if (!read(tag >>> 3, tag & 7)) cursor.skip(tag, path);
  }
  if (group > 0) cursor.unended(group, path);
}

/** What the value of a message field is read by. */
export interface Merging {
  merge(cursor: Cursor, group: number): void;
}

/** Reads the value of message field `number`: bytes behind a length (`group` 0), or a group of that number. */
export function readNested(cursor: Cursor, wire: number, into: Merging, group: number, path: string): void {
  const own = group > 0 ? GROUP : SIZED;
  if (wire !== own) cursor.wrongWire(wire, own, path);
  if (group > 0) return into.merge(cursor, group);
  const size = cursor.length(path);
  const { end } = cursor;
  cursor.end = cursor.position + size;
  into.merge(cursor, 0);
  cursor.end = end;
}
