/**
 * Reads JSON tokens (RFC 8259) straight from bytes. It accepts what `JSON.parse` accepts of valid UTF-8, less two things
 * that no table can hold: half a surrogate pair, and nesting below `DEPTH_MAX`.
 *
 * @module
 */
import { DataError } from "../../mod.ts";
import { invalidUtf8 } from "../utf8.ts";

/** Objects and arrays within each other, at most. */
const DEPTH_MAX = 512;

/** Members that a value may leave out in all: few bytes can stand for many objects of many members each. */
const ABSENT_MAX = 1 << 24;
/** ... or, of a large value, so many for each byte. */
const ABSENT_PER_BYTE = 16;

const QUOTE = 0x22, BACKSLASH = 0x5c, COLON = 0x3a, COMMA = 0x2c;
const OPEN_OBJECT = 0x7b, CLOSE_OBJECT = 0x7d, OPEN_LIST = 0x5b, CLOSE_LIST = 0x5d;
const NOTHING = new Uint8Array(0);
const TEXT = new TextDecoder("utf-8", { ignoreBOM: true });
const POWERS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

/** A position in one value, and the token that was read last. */
export class Scanner {
  bytes: Uint8Array = NOTHING;
  /** The value is `bytes[start, end)`. */
  start = 0;
  end = 0;
  pos = 0;
  depth = 0;
  /** The path of the field that is being read, for messages. */
  path = "";

  /** The last string, unescaped UTF-8: `text[textStart, textEnd)`. */
  text: Uint8Array = NOTHING;
  textStart = 0;
  textEnd = 0;

  /** The last number: `mantissa * 10^exponent`, exact where `digits <= 15`. */
  numberStart = 0;
  integer = false;
  negative = false;
  mantissa = 0;
  digits = 0;
  exponent = 0;

  #scratch = new Uint8Array(256);
  #absent = 0;

  /** Begins a value; a UTF-8 byte order mark is passed. */
  open(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = this.pos = start;
    this.end = end;
    this.depth = 0;
    this.path = "";
    this.#absent = 0;
    if (end - start >= 3 && bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf) {
      this.pos += 3;
    }
  }

  /** Passes white space and returns the byte that is there, or -1 at the end. */
  next(): number {
    const { bytes, end } = this;
    let { pos } = this;
    while (pos < end) {
      const byte = bytes[pos];
      if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) {
        this.pos = pos;
        return byte;
      }
      pos++;
    }
    this.pos = pos;
    return -1;
  }

  /** Counts members that are not in the bytes, but in the row. */
  leaveOut(members: number, path: string): void {
    this.#absent += members;
    if (this.#absent > ABSENT_MAX && this.#absent > (this.end - this.start) * ABSENT_PER_BYTE) {
      throw this.error("too many values", `expected at most ${ABSENT_MAX} members that are left out`, path);
    }
  }

  colon(): void {
    if (this.next() !== COLON) this.fail("expected a colon");
    this.pos++;
  }

  /** After an element: true for a comma (now passed), false for `close` (now passed). */
  more(close: number): boolean {
    const byte = this.next();
    if (byte !== COMMA && byte !== close) this.fail(`expected a comma or ${String.fromCharCode(close)}`);
    this.pos++;
    if (byte === COMMA) return true;
    this.depth--;
    return false;
  }

  /** Passes the opening bracket at `pos`; true where it is not closed at once. */
  enter(close: number): boolean {
    if (++this.depth > DEPTH_MAX) {
      throw this.error("nested too deeply", `expected at most ${DEPTH_MAX} levels`, this.path);
    }
    this.pos++;
    if (this.next() !== close) return true;
    this.pos++;
    this.depth--;
    return false;
  }

  /** Passes true, false or null, whose first byte is at `pos`. */
  literal(word: "true" | "false" | "null"): void {
    const { bytes, pos } = this;
    if (pos + word.length > this.end) this.fail(`expected ${word}`);
    for (let i = 1; i < word.length; i++) {
      if (bytes[pos + i] !== word.charCodeAt(i)) this.fail(`expected ${word}`);
    }
    this.pos = pos + word.length;
  }

  /** Reads the string that begins at `pos` into `text`. */
  string(): void {
    const { bytes, end } = this;
    const from = this.pos + 1;
    let pos = from, high = 0;
    for (; pos < end; pos++) {
      const byte = bytes[pos];
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) return this.#escaped(from, pos, high);
      if (byte < 0x20) this.failAt(pos, "control characters in a string are written as escapes");
      high |= byte;
    }
    if (pos >= end) this.failAt(pos, "the string has no end");
    if (high >= 0x80) this.#checkUtf8(from, pos);
    this.text = bytes;
    this.textStart = from;
    this.textEnd = pos;
    this.pos = pos + 1;
  }

  /** The last string as a JavaScript string. */
  textString(): string {
    return asciiOr8(this.text, this.textStart, this.textEnd);
  }

  /** Reads the number that begins at `pos`. One loop over its bytes: longer than a screen for the sake of speed. */
  number(): void {
    const { bytes, end } = this;
    let pos = this.pos, mantissa = 0, digits = 0, exponent = 0;
    this.numberStart = pos;
    let byte = bytes[pos];
    this.negative = byte === 0x2d;
    if (this.negative) byte = ++pos < end ? bytes[pos] : -1;
    if (byte === 0x30) byte = ++pos < end ? bytes[pos] : -1;
    else if (byte > 0x30 && byte <= 0x39) {
      do {
        mantissa = mantissa * 10 + (byte - 0x30);
        digits++;
        byte = ++pos < end ? bytes[pos] : -1;
      } while (byte >= 0x30 && byte <= 0x39);
    } else this.failAt(pos, this.negative ? "expected a digit" : "expected a value");
    this.integer = byte !== 0x2e && byte !== 0x65 && byte !== 0x45;
    if (byte === 0x2e) {
      byte = ++pos < end ? bytes[pos] : -1;
      if (!(byte >= 0x30 && byte <= 0x39)) this.failAt(pos, "expected a digit");
      do {
        mantissa = mantissa * 10 + (byte - 0x30);
        if (mantissa !== 0) digits++;
        exponent--;
        byte = ++pos < end ? bytes[pos] : -1;
      } while (byte >= 0x30 && byte <= 0x39);
    }
    if (byte === 0x65 || byte === 0x45) {
      byte = ++pos < end ? bytes[pos] : -1;
      const down = byte === 0x2d;
      if (down || byte === 0x2b) byte = ++pos < end ? bytes[pos] : -1;
      if (!(byte >= 0x30 && byte <= 0x39)) this.failAt(pos, "expected a digit");
      let power = 0;
      do {
        if (power < 1e9) power = power * 10 + (byte - 0x30);
        byte = ++pos < end ? bytes[pos] : -1;
      } while (byte >= 0x30 && byte <= 0x39);
      exponent += down ? -power : power;
    }
    this.mantissa = mantissa;
    this.digits = digits;
    this.exponent = exponent;
    this.pos = pos;
  }

  /** The last number as the nearest double; infinite beyond its range. */
  double(): number {
    const { mantissa, exponent } = this;
    // Both factors are exact, so that one multiplication or division rounds once, correctly (Clinger).
    if (this.digits <= 16 && mantissa <= Number.MAX_SAFE_INTEGER && exponent >= -22 && exponent <= 22) {
      const value = exponent < 0 ? mantissa / POWERS[-exponent] : mantissa * POWERS[exponent];
      return this.negative ? -value : value;
    }
    return Number(this.numberText());
  }

  /** The last number as it is written. */
  numberText(): string {
    return asciiOr8(this.bytes, this.numberStart, this.pos);
  }

  /** Passes the value at `pos`, checking all of it. */
  skip(): void {
    const byte = this.next();
    switch (byte) {
      case QUOTE:
        return this.string();
      case OPEN_OBJECT:
        if (!this.enter(CLOSE_OBJECT)) return;
        do {
          if (this.next() !== QUOTE) this.fail("expected a name in quotes");
          this.string();
          this.colon();
          this.skip();
        } while (this.more(CLOSE_OBJECT));
        return;
      case OPEN_LIST:
        if (!this.enter(CLOSE_LIST)) return;
        do this.skip(); while (this.more(CLOSE_LIST));
        return;
      case 0x74:
        return this.literal("true");
      case 0x66:
        return this.literal("false");
      case 0x6e:
        return this.literal("null");
      case -1:
        return this.fail("expected a value");
      default:
        return this.number();
    }
  }

  fail(wanted: string): never {
    throw this.failAt(this.pos, wanted);
  }

  failAt(pos: number, wanted: string): never {
    this.pos = pos;
    throw this.error("malformed json", wanted, this.path);
  }

  /** An error about what is at `pos`. */
  error(reason: string, why: string, path: string): DataError {
    const bytePosition = this.pos - this.start;
    const current = this.pos >= this.end ? "the end" : `byte 0x${this.bytes[this.pos].toString(16).padStart(2, "0")}`;
    return new DataError(
      `Cannot decode JSON at byte ${bytePosition}${path ? ` (field ${path})` : ""}: ${why}, found ${current}`,
      path ? { reason, bytePosition, fieldPath: path } : { reason, bytePosition },
    );
  }

  #checkUtf8(from: number, to: number): void {
    const bad = invalidUtf8(this.bytes, from, to);
    if (bad >= 0) this.failAt(bad, "expected UTF-8");
  }

  /** A string with escapes: from its first backslash on, byte by byte into the scratch buffer. */
  #escaped(from: number, first: number, high: number): void {
    const { bytes, end } = this;
    let pos = first;
    for (let escaped = false; pos < end; pos++) {
      const byte = bytes[pos];
      if (escaped) escaped = false;
      else if (byte === BACKSLASH) escaped = true;
      else if (byte === QUOTE) break;
      if (byte < 0x20) this.failAt(pos, "control characters in a string are written as escapes");
      high |= byte;
    }
    if (pos >= end) this.failAt(pos, "the string has no end");
    if (high >= 0x80) this.#checkUtf8(from, pos);
    // An escape is never shorter than the UTF-8 that it stands for.
    if (this.#scratch.length < pos - from) this.#scratch = new Uint8Array(2 * (pos - from));
    const out = this.#scratch;
    let size = 0;
    for (let at = from; at < pos;) {
      if (bytes[at] !== BACKSLASH) {
        out[size++] = bytes[at++];
        continue;
      }
      const simple = SIMPLE_ESCAPES[bytes[at + 1]];
      if (simple) {
        out[size++] = simple;
        at += 2;
        continue;
      }
      if (bytes[at + 1] !== 0x75) this.failAt(at, "unknown escape");
      let code = this.#hex(at + 2, pos);
      at += 6;
      if (code >= 0xd800 && code < 0xe000) {
        const low = bytes[at] === BACKSLASH && bytes[at + 1] === 0x75 ? this.#hex(at + 2, pos) : 0;
        if (code >= 0xdc00 || low < 0xdc00 || low > 0xdfff) {
          this.failAt(at - 6, "half a surrogate pair, which UTF-8 cannot hold");
        }
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        at += 6;
      }
      size = putUtf8(out, size, code);
    }
    this.text = out;
    this.textStart = 0;
    this.textEnd = size;
    this.pos = pos + 1;
  }

  #hex(at: number, end: number): number {
    let code = 0;
    for (let i = at; i < at + 4; i++) {
      const byte = i < end ? this.bytes[i] : 0;
      const letter = byte | 0x20;
      const digit = byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
      if (digit < 0) this.failAt(i, "expected four hexadecimal digits");
      code = code * 16 + digit;
    }
    return code;
  }
}

const SIMPLE_ESCAPES = new Uint8Array(256);
for (const [name, byte] of Object.entries({ b: 8, f: 12, n: 10, r: 13, t: 9, '"': 34, "\\": 92, "/": 47 })) {
  SIMPLE_ESCAPES[name.charCodeAt(0)] = byte;
}

function putUtf8(out: Uint8Array, at: number, code: number): number {
  if (code < 0x80) {
    out[at++] = code;
  } else if (code < 0x800) {
    out[at++] = 0xc0 | (code >> 6);
    out[at++] = 0x80 | (code & 0x3f);
  } else if (code < 0x10000) {
    out[at++] = 0xe0 | (code >> 12);
    out[at++] = 0x80 | ((code >> 6) & 0x3f);
    out[at++] = 0x80 | (code & 0x3f);
  } else {
    out[at++] = 0xf0 | (code >> 18);
    out[at++] = 0x80 | ((code >> 12) & 0x3f);
    out[at++] = 0x80 | ((code >> 6) & 0x3f);
    out[at++] = 0x80 | (code & 0x3f);
  }
  return at;
}

function asciiOr8(bytes: Uint8Array, from: number, to: number): string {
  if (to - from > 64) return TEXT.decode(bytes.subarray(from, to));
  let text = "";
  for (let i = from; i < to; i++) {
    if (bytes[i] >= 0x80) return TEXT.decode(bytes.subarray(from, to));
    text += String.fromCharCode(bytes[i]);
  }
  return text;
}
