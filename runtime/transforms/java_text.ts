/**
 * Numbers to text and back as Java writes and reads them: `1.0E10`, not `10000000000`.
 *
 * @module
 */

/** A number as an unscaled integer and how many of its digits stand behind the point. */
export interface Exact {
  readonly unscaled: bigint;
  readonly scale: number;
}

const NUMBER = /^([+-]?)(?:(NaN|Infinity)|(?=\.?\d)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?)$/;
/** Digits of a number that is taken exactly: more cannot be what anybody meant, and would take long. */
const DIGITS_MAX = 1000;

/** Text as an exact number; null: it is none, or has more than 1,000 digits once written out. */
export function decimalOf(text: string): Exact | null {
  const match = NUMBER.exec(text.trim());
  if (!match || match[2] !== undefined) return null;
  const [, sign, , whole, fraction = "", exponent = "0"] = match;
  const digits = (whole ?? "") + fraction;
  const scale = fraction.length - Number(exponent);
  if (digits.length + Math.abs(scale) > DIGITS_MAX) return null;
  const unscaled = BigInt(sign === "-" ? `-${digits}` : digits);
  return scale < 0 ? { unscaled: unscaled * 10n ** BigInt(-scale), scale: 0 } : { unscaled, scale };
}

/** Text as a double, by Java's grammar without hexadecimal; null: it is none, or is beyond what a double holds. */
export function doubleOf(text: string): number | null {
  const number = trimmed(text);
  if (!NUMBER.test(number)) return null;
  const value = Number(number);
  return Number.isFinite(value) || number.includes("I") || number.includes("N") ? value : null;
}

/** Text as a float, rounded once. */
export function floatOf(text: string): number | null {
  const double = doubleOf(text);
  if (double === null) return null;
  const float = Math.fround(double);
  if (!Number.isFinite(float)) return Number.isFinite(double) ? null : float;
  return roundedOnce(float, double, trimmed(text));
}

/** A space at the ends is anything up to U+0020, and a type may stand behind the digits. */
function trimmed(text: string): string {
  let start = 0, end = text.length;
  // Not by an expression: one that looks for blanks before an end tries each run of them from each of its characters.
  while (start < end && text.charCodeAt(start) <= 0x20) start++;
  while (end > start && text.charCodeAt(end - 1) <= 0x20) end--;
  const isTyped = /^[\d.][fFdD]$/.test(text.slice(Math.max(start, end - 2), end));
  return text.slice(start, isTyped ? end - 1 : end);
}

/** A double that lies midway between two floats was perhaps rounded to there: then the text says which of them is nearer. */
function roundedOnce(float: number, double: number, text: string): number {
  if (float === double) return float;
  const other = neighbour(float, double > float);
  if ((float + other) / 2 !== double) return float;
  const exact = decimalOf(text);
  const middle = decimalOf(exactText(double))!;
  if (exact === null) return float;
  const scale = Math.max(exact.scale, middle.scale);
  const [a, b] = [exact, middle].map((each) => each.unscaled * 10n ** BigInt(scale - each.scale));
  if (a === b) return float;
  return a > b === other > float ? other : float;
}

const FLOAT = new Float32Array(1);
const FLOAT_BITS = new Int32Array(FLOAT.buffer);

function neighbour(float: number, above: boolean): number {
  FLOAT[0] = float;
  if (float === 0) return above ? 1.401298464324817e-45 : -1.401298464324817e-45;
  FLOAT_BITS[0] += above === float > 0 ? 1 : -1;
  return FLOAT[0];
}

/** All digits of a double of a float's size. */
function exactText(double: number): string {
  let unscaled = 0n;
  let scale = 0;
  let rest = double;
  // A power of two at a time: exact, and over after 1,074 steps at most.
  while (!Number.isInteger(rest)) {
    rest *= 2;
    scale++;
  }
  unscaled = BigInt(rest) * 5n ** BigInt(scale);
  return `${unscaled}e-${scale}`;
}

/** `Double.toString`. */
export function doubleText(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const shortest = value.toExponential();
  // Of numbers that one digit tells apart Java takes the nearest of two digits.
  return javaText(value, /^-?\d(?!\.)/.test(shortest) ? value.toExponential(1) : shortest);
}

/** `Float.toString`. */
export function floatText(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toExponential(digits);
    if (Math.fround(Number(text)) === value) return javaText(value, text);
  }
  return javaText(value, value.toExponential(9));
}

/** From `d.ddde±n`: plain from 0.001 to 10,000,000, else with an exponent; a digit on either side of the point. */
function javaText(value: number, exponential: string): string {
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [, sign, first, rest = "", power] = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(exponential)!;
  const exponent = Number(power);
  const digits = first + rest.replace(/0+$/, "");
  if (exponent < -3 || exponent >= 7) return `${sign}${first}.${digits.slice(1) || "0"}E${exponent}`;
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.padEnd(exponent + 1, "0");
  return `${sign}${whole.slice(0, exponent + 1)}.${whole.slice(exponent + 1) || "0"}`;
}

/** An entry of a column of 128 bit decimals, as `decimalText` writes it. */
export function decimalAt(words: Uint32Array, index: number, scale: number): string {
  let unscaled = 0n;
  for (let word = 3; word >= 0; word--) unscaled = unscaled << 32n | BigInt(words[index * 4 + word]);
  return decimalText(BigInt.asIntN(128, unscaled), scale);
}

/** `BigDecimal.toString`: with an exponent where more than six zeros would follow the point. */
export function decimalText(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled);
  const sign = unscaled < 0n ? "-" : "";
  if (scale === 0) return sign + digits;
  const exponent = digits.length - 1 - scale;
  if (exponent < -6) return `${sign}${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : ""}E${exponent}`;
  const padded = digits.padStart(scale + 1, "0");
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}
