/**
 * Messages whose type means a value: Timestamp, Duration and Confluent's Decimal.
 *
 * @module
 */
import type { WordsColumn } from "../../mod.ts";
import { type Cursor, eachField, GROUP_END, SIZED, VARINT } from "./cursor.ts";
import type { Entry } from "./fields.ts";

/** 0001-01-01 and the second after 9999-12-31, in seconds since 1970 (timestamp.proto). */
export const SECONDS_MIN = -62_135_596_800, SECONDS_END = 253_402_300_800;
/** 10,000 years (duration.proto). */
export const DURATION_MAX = 315_576_000_000;

/** The tags of both fields. */
const SECONDS = 1 << 3 | VARINT, NANOS = 2 << 3 | VARINT;

/** Seconds and nanoseconds, a Timestamp's or a Duration's. */
export class Moment {
  seconds = 0;
  nanos = 0;
  /** Where the last part of it began, for errors. */
  position = 0;

  constructor(private readonly isDuration: boolean, private readonly path: string) {}

  begin(): void {
    this.seconds = this.nanos = 0;
  }

  /** As `eachField` does, without a call for each field: few records have no time in them. */
  merge(cursor: Cursor, group: number): void {
    const { path } = this;
    this.position = cursor.position;
    while (cursor.position < cursor.end) {
      const tag = cursor.tag(path);
      if (tag === SECONDS) {
        cursor.varint(path);
        // Rounded only far beyond what is in range.
        this.seconds = cursor.number();
      } else if (tag === NANOS) this.nanos = cursor.int32(path);
      else if ((tag & 7) === GROUP_END && tag >>> 3 === group) return;
      else if (tag >>> 3 <= 2) cursor.wrongWire(tag & 7, VARINT, path);
      else cursor.skip(tag, path);
    }
    if (group > 0) cursor.unended(group, path);
  }

  /** Refuses what is out of range. */
  check(cursor: Cursor): void {
    const { seconds, nanos, isDuration, path, position } = this;
    const isValid = isDuration
      ? Math.abs(seconds) <= DURATION_MAX && Math.abs(nanos) < 1e9 && seconds * nanos >= 0
      : seconds >= SECONDS_MIN && seconds < SECONDS_END && nanos >= 0 && nanos < 1e9;
    if (isValid) return;
    const wanted = isDuration
      ? `${-DURATION_MAX} to ${DURATION_MAX} seconds and nanos of the same sign`
      : "the years 1 to 9999 and nanos of 0 to 999999999";
    const what = isDuration ? "duration" : "timestamp";
    cursor.fail(`${what} out of range`, `it is ${seconds} s and ${nanos} ns, expected ${wanted}`, path, position);
  }
}

/** A Timestamp or Duration as a column of microseconds; its nanoseconds are cut, a duration's towards zero. */
export class MomentEntry extends Moment implements Entry {
  constructor(private readonly column: WordsColumn, isDuration: boolean, path: string) {
    super(isDuration, path);
  }

  finish(cursor: Cursor): void {
    this.check(cursor);
    // 10^6 seconds are 15,625 times 2^6: the first product fits a double exactly, the second is a shift.
    const scaled = this.seconds * 15_625;
    let high = Math.floor(scaled / 67_108_864);
    let low = (scaled - high * 67_108_864) * 64 + Math.trunc(this.nanos / 1000);
    const carry = Math.floor(low / 4_294_967_296);
    low -= carry * 4_294_967_296;
    high += carry;
    this.column.appendParts(low | 0, high);
  }
}

/** The unscaled value and scale of a `confluent.type.Decimal`: two's complement, most significant byte first. */
export class Decimal {
  start = 0;
  end = 0;
  scale = 0;
  private cursor!: Cursor;

  constructor(
    private readonly wanted: { readonly precision: number; readonly scale: number },
    private readonly path: string,
  ) {}

  begin(): void {
    this.start = this.end = this.scale = 0;
  }

  merge(cursor: Cursor, group: number): void {
    this.cursor = cursor;
    eachField(cursor, group, this.path, this.read);
  }

  /** Whether the value is `low` and `high` of the wanted scale as it stands, which is the usual case. */
  isPlain(cursor: Cursor): boolean {
    const { bytes } = cursor;
    const size = this.end - this.start;
    if (size === 0 || size > 8 || this.scale !== this.wanted.scale) return false;
    let high = bytes[this.start] > 0x7f ? -1 : 0;
    let low = high;
    for (let at = this.start; at < this.end; at++) {
      high = (high << 8) | (low >>> 24);
      low = (low << 8) | bytes[at];
    }
    cursor.low = low;
    cursor.high = high;
    // Rounding keeps the order, so that only a value that rounds to the bound itself is in doubt.
    return Math.abs(cursor.number()) < 10 ** this.wanted.precision;
  }

  /** The unscaled value in the wanted scale; no bytes are 0. */
  unscaled(cursor: Cursor): bigint {
    const { bytes } = cursor;
    const { start, end, path, wanted } = this;
    const { precision } = wanted;
    const refuse = (reason: string, what: string) => cursor.fail(reason, what, path, start);
    let value = end > start && bytes[start] > 0x7f ? -1n : 0n;
    // Bytes that only repeat the sign cost nothing; 18 others have more than 38 digits in any case.
    const sign = value === 0n ? 0 : 0xff;
    let from = start;
    while (end - from > 17 && bytes[from] === sign) from++;
    if (end - from > 32) refuse("decimal out of precision", `it has more than ${precision} digits`);
    for (let at = from; at < end; at++) value = (value << 8n) | BigInt(bytes[at]);
    const shift = wanted.scale - this.scale;
    if (value === 0n) return 0n;
    // 32 bytes have at most 77 digits.
    if (Math.abs(shift) > 77) refuse("decimal out of scale", `its scale is ${this.scale}, expected ${wanted.scale}`);
    if (shift >= 0) value *= 10n ** BigInt(shift);
    else {
      const unit = 10n ** BigInt(-shift);
      if (value % unit !== 0n) {
        refuse("decimal out of scale", `it has more than the ${wanted.scale} digits after the point of the field`);
      }
      value /= unit;
    }
    const bound = 10n ** BigInt(precision);
    if (value >= bound || value <= -bound) {
      refuse("decimal out of precision", `it has more than ${precision} digits`);
    }
    return value;
  }

  private readonly read = (number: number, wire: number): boolean => {
    const { cursor, path } = this;
    if (number < 1 || number > 3) return false;
    const own = number === 1 ? SIZED : VARINT;
    if (wire !== own) cursor.wrongWire(wire, own, path);
    if (number === 1) {
      const size = cursor.length(path);
      this.start = cursor.take(size, path);
      this.end = cursor.position;
    } else if (number === 3) this.scale = cursor.int32(path);
    // The writer's precision: the digits themselves are counted.
    else cursor.uint32(path);
    return true;
  };
}

/** A Decimal as a column of the precision and scale that the field declares. */
export class DecimalEntry extends Decimal implements Entry {
  constructor(
    private readonly column: WordsColumn,
    wanted: { readonly precision: number; readonly scale: number },
    path: string,
  ) {
    super(wanted, path);
  }

  finish(cursor: Cursor): void {
    if (this.isPlain(cursor)) this.column.appendParts(cursor.low, cursor.high);
    else this.column.appendBigInt(this.unscaled(cursor));
  }
}
