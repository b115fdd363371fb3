/**
 * The nearest double of a decimal number, without a string in between.
 *
 * A mantissa within 2^53 and a power of ten that a double holds give it with one rounding (Clinger, "How to read floating
 * point numbers accurately", 1990). For the rest the product is computed to twice a double's precision (Dekker, "A
 * floating-point technique for extending the available precision", 1971), and it is the nearest one for certain where the
 * ends of its margin of error round to the same double (Ziv's test). Where they do not, nobody guesses: NaN.
 *
 * @module
 */

/** Powers of ten that doubles hold exactly. */
const EXACT = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

/** Powers of ten from `10^-POWER_MAX` to `10^POWER_MAX`, each the sum of two doubles; made when they are needed. */
const POWER_MAX = 270;
const POWERS_HIGH = new Float64Array(2 * POWER_MAX + 1);
const POWERS_LOW = new Float64Array(2 * POWER_MAX + 1);

/** 2^27 + 1 cuts a double into two halves of 26 bits. */
const CUT = 134217729;
/** The error of a product is less than 2^-100 of it; the test allows for more. */
const MARGIN = 2 ** -96;

/** Where the number ended that `readDouble` read. */
export const numberEnd = new Int32Array(1);

/** Whether the 4 bytes of a little-endian word are digits. */
export function areDigits(word: number): boolean {
  return (((word & 0xf0f0f0f0) ^ 0x30303030) | (((word + 0x06060606) & 0xf0f0f0f0) ^ 0x30303030)) === 0;
}

/** What 4 digits in a little-endian word stand for. */
export function fourDigits(word: number): number {
  const digits = word & 0x0f0f0f0f;
  const pairs = (Math.imul(digits, 10) + (digits >> 8)) & 0x00ff00ff;
  return (Math.imul(pairs, 100) + (pairs >> 16)) & 0xffff;
}

/**
 * Reads the JSON number at `at`, and sets `numberEnd`. NaN where there is none, or where it takes another way to know its
 * nearest double: far exponents, very many digits, the middle between two doubles. The byte before `end` is no part of a
 * number. Longer than a screen for the sake of speed.
 */
export function readDouble(bytes: Uint8Array, view: DataView, at: number, end: number): number {
  const isNegative = bytes[at] === 0x2d;
  if (isNegative) at++;
  let digit = bytes[at] - 0x30;
  if (digit < 0 || digit > 9) return NaN;
  // The first digits, exact below 10^15, and how many of them are a fraction.
  let mantissa = digit;
  digit = bytes[++at] - 0x30;
  if (mantissa === 0) {
    if (digit >= 0 && digit <= 9) return NaN;
  } else {
    for (; digit >= 0 && digit <= 9; digit = bytes[++at] - 0x30) {
      if (mantissa >= 1e13) return NaN;
      mantissa = mantissa * 10 + digit;
    }
  }
  // ... and further ones, exact below 10^15.
  let rest = 0, restSize = 0, exponent = 0;
  if (digit === -2) {
    const from = ++at, wordsEnd = end - 4;
    let word = 0;
    while (mantissa < 1e11 && at <= wordsEnd && areDigits(word = view.getInt32(at, true))) {
      mantissa = mantissa * 10000 + fourDigits(word);
      at += 4;
    }
    digit = bytes[at] - 0x30;
    if (mantissa < 1e11) {
      // Of a word of digits that began here there are three at most.
      for (; digit >= 0 && digit <= 9; digit = bytes[++at] - 0x30) mantissa = mantissa * 10 + digit;
    } else if (digit >= 0 && digit <= 9) {
      const restFrom = at;
      while (rest < 1e11 && at <= wordsEnd && areDigits(word = view.getInt32(at, true))) {
        rest = rest * 10000 + fourDigits(word);
        at += 4;
      }
      digit = bytes[at] - 0x30;
      for (; digit >= 0 && digit <= 9; digit = bytes[++at] - 0x30) {
        if (rest >= 1e14) return NaN;
        rest = rest * 10 + digit;
      }
      restSize = at - restFrom;
      if (restSize > 22) return NaN;
    }
    if (at === from) return NaN;
    exponent = from - at;
  }
  if (digit === 0x35 || digit === 0x15) {
    let byte = bytes[++at];
    const isDown = byte === 0x2d;
    if (isDown || byte === 0x2b) byte = bytes[++at];
    const from = at;
    let power = 0;
    for (; byte >= 0x30 && byte <= 0x39; byte = bytes[++at]) power = power * 10 + (byte - 0x30);
    if (at === from || at > from + 4) return NaN;
    exponent += isDown ? -power : power;
  }
  numberEnd[0] = at;
  const value = restSize === 0 ? shortValue(mantissa, exponent) : longValue(mantissa, rest, restSize, exponent);
  return isNegative ? -value : value;
}

/** `mantissa * 10^exponent`, the mantissa within 2^53. */
function shortValue(mantissa: number, exponent: number): number {
  if (exponent >= -22 && exponent <= 22) {
    return exponent < 0 ? mantissa / EXACT[-exponent] : mantissa * EXACT[exponent];
  }
  return mantissa === 0 ? 0 : scaled(mantissa, 0, exponent);
}

/** `(mantissa * 10^size + rest) * 10^exponent` */
function longValue(mantissa: number, rest: number, size: number, exponent: number): number {
  const power = EXACT[size];
  const product = mantissa * power;
  if (product + rest <= Number.MAX_SAFE_INTEGER) return shortValue(product + rest, exponent);
  const high = product + rest;
  // What `high` leaves of the sum is exact: `product` is larger than `rest`.
  return scaled(high, rest - (high - product) + productError(mantissa, power, product), exponent);
}

/** `(high + low) * 10^exponent`, where `low` is at most half a unit of `high`'s last place or so; NaN: not certain. */
function scaled(high: number, low: number, exponent: number): number {
  if (exponent < -POWER_MAX || exponent > POWER_MAX) return NaN;
  const index = exponent + POWER_MAX;
  if (POWERS_HIGH[index] === 0) makePower(exponent);
  const power = POWERS_HIGH[index];
  const product = high * power;
  const error = productError(high, power, product) + (high * POWERS_LOW[index] + low * power);
  const margin = product * MARGIN;
  const value = product + (error - margin);
  return value === product + (error + margin) ? value : NaN;
}

/** What rounding took from the product of two doubles: `a * b - product`, exactly. */
function productError(a: number, b: number, product: number): number {
  const cutA = CUT * a, cutB = CUT * b;
  const highA = cutA - (cutA - a), highB = cutB - (cutB - b);
  const lowA = a - highA, lowB = b - highB;
  return ((highA * highB - product) + highA * lowB + lowA * highB) + lowA * lowB;
}

/** `10^exponent` as its nearest double and the nearest double of what that leaves. */
function makePower(exponent: number): void {
  const high = Number(`1e${exponent}`);
  let low = 0;
  if (exponent >= 0) {
    low = Number(10n ** BigInt(exponent) - BigInt(high));
  } else {
    // 10^-n - k / 2^s = (2^s - k * 10^n) / (10^n * 2^s), with 128 bits more so that a whole number says enough of it.
    const ten = 10n ** BigInt(-exponent);
    let shift = 0, whole = high;
    while (!Number.isInteger(whole)) {
      whole *= 2;
      shift++;
    }
    const left = (((1n << BigInt(shift)) - BigInt(whole) * ten) << 128n) / ten;
    low = Number(left) * 2 ** -128;
    // In steps: 2^-shift may be no normal double.
    for (let rest = shift; rest > 0; rest -= 512) low *= 2 ** -Math.min(rest, 512);
  }
  POWERS_LOW[exponent + POWER_MAX] = low;
  POWERS_HIGH[exponent + POWER_MAX] = high;
}
