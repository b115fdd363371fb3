/**
 * Strings that stand for other types: ISO 8601 dates and times, and base64. All from bytes, all strict.
 *
 * @module
 */

/** An instant or a local time, in whole seconds since 1970 plus microseconds. Reused: read it at once. */
export interface Time {
  seconds: number;
  micros: number;
  /** A zone was given (and is subtracted). */
  zoned: boolean;
  /** Digits below the microsecond that are not 0 were left out. */
  cut: boolean;
}

/** `YYYY-MM-DD` as days since 1970, or NaN. */
export function isoDate(bytes: Uint8Array, from: number, to: number): number {
  return to - from === 10 ? dayAt(bytes, from) : NaN;
}

/** `YYYY-MM-DD(T| )HH:MM[:SS[.fraction]][Z|+HH[[:]MM]]` into `out`; false where it is not that. */
export function isoTime(bytes: Uint8Array, from: number, to: number, out: Time): boolean {
  if (to - from < 16) return false;
  const day = dayAt(bytes, from);
  const separator = bytes[from + 10];
  if (separator !== 0x54 && separator !== 0x74 && separator !== 0x20) return false;
  const hour = two(bytes, from + 11), minute = two(bytes, from + 14);
  if (bytes[from + 13] !== 0x3a) return false;
  let pos = from + 16, second = 0;
  out.micros = 0;
  out.cut = false;
  if (pos < to && bytes[pos] === 0x3a) {
    if (pos + 3 > to) return false;
    second = two(bytes, pos + 1);
    pos += 3;
    if (pos < to && (bytes[pos] === 0x2e || bytes[pos] === 0x2c)) {
      pos = fraction(bytes, pos + 1, to, out);
      if (pos < 0) return false;
    }
  }
  // NaN (not two digits) fails every comparison.
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return false;
  const zone = zoneSeconds(bytes, pos, to);
  out.zoned = pos < to;
  out.seconds = day * 86_400 + hour * 3_600 + minute * 60 + second - zone;
  return !Number.isNaN(out.seconds);
}

/** Decodes base64 (RFC 4648, section 4, padded) from `bytes[from, to)` into `out`; its size, or -1 where it is not that. */
export function base64(bytes: Uint8Array, from: number, to: number, out: Uint8Array): number {
  const length = to - from;
  if (length % 4 !== 0) return -1;
  const padding = length === 0 ? 0 : bytes[to - 1] !== 0x3d ? 0 : bytes[to - 2] !== 0x3d ? 1 : 2;
  let size = 0, bits = 0, held = 0;
  for (let i = from; i < to - padding; i++) {
    const value = SIXES[bytes[i]];
    if (value === 64) return -1;
    bits = ((bits << 6) | value) & 0xfff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      out[size++] = bits >> held;
    }
  }
  return (bits & ((1 << held) - 1)) === 0 ? size : -1;
}

const SIXES = new Uint8Array(256).fill(64);
[..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].forEach((c, i) => SIXES[c.charCodeAt(0)] = i);

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function dayAt(bytes: Uint8Array, at: number): number {
  if (bytes[at + 4] !== 0x2d || bytes[at + 7] !== 0x2d) return NaN;
  const year = two(bytes, at) * 100 + two(bytes, at + 2), month = two(bytes, at + 5), day = two(bytes, at + 8);
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1)) return NaN;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (day > DAYS[month - 1] + (leap && month === 2 ? 1 : 0)) return NaN;
  // Days from civil: years begin in March, so that the leap day is the last of its year.
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400), yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear -
    719_468;
}

/** Two digits as a number, or NaN. */
function two(bytes: Uint8Array, at: number): number {
  const tens = bytes[at] - 0x30, ones = bytes[at + 1] - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN;
}

function fraction(bytes: Uint8Array, from: number, to: number, out: Time): number {
  let pos = from, scale = 100_000;
  for (; pos < to && bytes[pos] >= 0x30 && bytes[pos] <= 0x39; pos++) {
    const digit = bytes[pos] - 0x30;
    if (scale >= 1) out.micros += digit * scale;
    else if (digit !== 0) out.cut = true;
    scale = Math.floor(scale / 10);
  }
  return pos === from ? -1 : pos;
}

/** What a zone is ahead of UTC; 0 where there is none, NaN where it is not one. */
function zoneSeconds(bytes: Uint8Array, pos: number, to: number): number {
  const size = to - pos;
  if (size === 0) return 0;
  if (bytes[pos] === 0x5a || bytes[pos] === 0x7a) return size === 1 ? 0 : NaN;
  const sign = bytes[pos] === 0x2b ? 1 : bytes[pos] === 0x2d ? -1 : NaN;
  const colon = size === 6 && bytes[pos + 3] === 0x3a;
  if (size !== 3 && size !== 5 && !colon) return NaN;
  const hours = two(bytes, pos + 1), minutes = size === 3 ? 0 : two(bytes, pos + (colon ? 4 : 3));
  return hours <= 23 && minutes <= 59 ? sign * (hours * 3_600 + minutes * 60) : NaN;
}
