/**
 * Rules on a field, bound to a column type: what each rule compares, made once a schema.
 *
 * | rule | fits | compares |
 * |---|---|---|
 * | required | all | not null, nor within a null |
 * | min, max | integers, floats, decimals | exactly, whatever the digits; NaN is out of range |
 * | | dates, timestamps | ISO text, UTC where it names no zone |
 * | length.min, length.max | string | code points |
 * | | binary, list, map | bytes, elements, entries |
 * | pattern | string | as the RegExp says: the whole text, from configuration |
 * | one.of | string, integers, boolean | the text of the value |
 *
 * @module
 */
import { type Data, type DataType, Type } from "apache-arrow";
import { FatalError } from "./api/mod.ts";
import type { FieldRules } from "./config/validation_rules.ts";
import { parseIsoMicros } from "./timestamp_text.ts";

/** What is wrong with an entry that is not null, or null where nothing is. */
export type Check = (data: Data, index: number) => { reason: string; why: string } | null;

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
/** Values in messages are cut here: they go to headers and logs. */
const SHOWN_CHARACTERS_MAX = 100;
const MICROS_PER_DAY = 86_400_000_000n;

/** The checks of a field's rules, all but `required`. A rule that does not fit the type refuses every value. */
export function bindRules(rules: FieldRules, type: DataType): Check[] {
  const checks: Check[] = [];
  const { min, max, lengthMin, lengthMax, pattern, oneOf } = rules;
  if (min !== undefined) checks.push(boundCheck("min", min, type));
  if (max !== undefined) checks.push(boundCheck("max", max, type));
  if (lengthMin !== undefined) checks.push(lengthCheck("length.min", lengthMin, type));
  if (lengthMax !== undefined) checks.push(lengthCheck("length.max", lengthMax, type));
  if (pattern !== undefined) checks.push(patternCheck(pattern, type));
  if (oneOf !== undefined) checks.push(oneOfCheck(oneOf, type));
  return checks;
}

function unfit(rule: string, type: DataType): Check {
  const failure = { reason: `${rule} does not fit the type`, why: `the rule ${rule} does not fit a ${type}` };
  return () => failure;
}

function boundCheck(rule: "min" | "max", text: string, type: DataType): Check {
  const failed = (value: unknown) => ({
    reason: rule === "min" ? "below min" : "above max",
    why: `must be ${rule === "min" ? "at least" : "at most"} ${text}, current value is ${shown(String(value))}`,
  });
  const compare = comparison(rule, text, type);
  return compare === null ? unfit(rule, type) : (data, index) => {
    const outcome = compare(data, index);
    return outcome === null ? null : failed(outcome.value);
  };
}

/** Null: within the bound; else the value as it is to be shown. Null for a bound that does not fit. */
function comparison(rule: "min" | "max", text: string, type: DataType) {
  switch (type.typeId) {
    case Type.Int:
    case Type.Float: {
      const bound = parseDecimal(text);
      if (!bound) return null;
      if ((type as unknown as { bitWidth?: number }).bitWidth === 64) {
        return bigintComparison(rule, wholeBound(bound, rule), 0);
      }
      const number = Number(text);
      return (data: Data, index: number) => {
        const value: number = data.values[index];
        return (rule === "min" ? value >= number : value <= number) ? null : { value };
      };
    }
    case Type.Decimal: {
      const bound = parseDecimal(text);
      const { scale } = type as unknown as { scale: number };
      return bound && bigintComparison(rule, wholeBound({ ...bound, scale: bound.scale - scale }, rule), scale);
    }
    case Type.Date: {
      const micros = parseIsoMicros(text);
      if (micros === null) return null;
      const days = Number(micros / MICROS_PER_DAY) + (rule === "min" && micros % MICROS_PER_DAY > 0n ? 1 : 0) -
        (rule === "max" && micros % MICROS_PER_DAY < 0n ? 1 : 0);
      return (data: Data, index: number) => {
        const value: number = data.values[index];
        return (rule === "min" ? value >= days : value <= days)
          ? null
          : { value: new Date(value * 86_400_000).toISOString().slice(0, 10) };
      };
    }
    case Type.Timestamp: {
      const bound = parseIsoMicros(text);
      if (bound === null) return null;
      return (data: Data, index: number) => {
        const value: bigint = data.values[index];
        return (rule === "min" ? value >= bound : value <= bound) ? null : { value: `${value} microseconds` };
      };
    }
    default:
      return null;
  }
}

function bigintComparison(rule: "min" | "max", bound: bigint, scale: number) {
  return (data: Data, index: number) => {
    const value = data.type.typeId === Type.Decimal ? unscaled(data, index) : data.values[index] as bigint;
    return (rule === "min" ? value >= bound : value <= bound) ? null : { value: decimalText(value, scale) };
  };
}

/** The unscaled value of a 128 bit decimal. */
function unscaled({ values }: Data, index: number): bigint {
  const at = index * 4;
  const low = BigInt(values[at]) | BigInt(values[at + 1]) << 32n;
  // Most decimals fit 64 bits: the upper half is then only the sign.
  if ((values[at + 2] | 0) === (values[at + 1] | 0) >> 31 && (values[at + 3] | 0) === (values[at + 1] | 0) >> 31) {
    return BigInt.asIntN(64, low);
  }
  return BigInt.asIntN(128, low | BigInt(values[at + 2]) << 64n | BigInt(values[at + 3]) << 96n);
}

interface DecimalText {
  readonly digits: bigint;
  readonly scale: number;
}

function parseDecimal(text: string): DecimalText | null {
  const match = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d{1,3}))?$/i.exec(text);
  if (!match || match[2] + match[3] === "") return null;
  const [, sign, whole, fraction, exponent = "0"] = match;
  const digits = BigInt(whole + fraction);
  return { digits: sign === "-" ? -digits : digits, scale: fraction.length - Number(exponent) };
}

/** The least whole number that is not below the bound (min), or the greatest that is not above it (max). */
function wholeBound({ digits, scale }: DecimalText, rule: "min" | "max"): bigint {
  if (scale <= 0) return digits * 10n ** BigInt(-scale);
  const divisor = 10n ** BigInt(scale);
  const cut = digits / divisor;
  const rest = digits % divisor;
  if (rule === "min") return rest > 0n ? cut + 1n : cut;
  return rest < 0n ? cut - 1n : cut;
}

function decimalText(value: bigint, scale: number): string {
  if (scale === 0) return String(value);
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0");
  return `${value < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function lengthCheck(rule: "length.min" | "length.max", bound: number, type: DataType): Check {
  const count = lengthOf(type);
  if (!count) return unfit(rule, type);
  return (data, index) => {
    const length = count(data, index);
    if (rule === "length.min" ? length >= bound : length <= bound) return null;
    return {
      reason: rule === "length.min" ? "too short" : "too long",
      why: `must have ${rule === "length.min" ? "at least" : "at most"} ${bound} ${
        unitOf(type)
      }, current length is ${length}`,
    };
  };
}

function lengthOf(type: DataType): ((data: Data, index: number) => number) | null {
  switch (type.typeId) {
    case Type.Utf8:
      return ({ values, valueOffsets }, index) => {
        let count = 0;
        // A code point has one byte that is no continuation byte.
        for (let at = valueOffsets[index]; at < valueOffsets[index + 1]; at++) {
          if ((values[at] & 0xc0) !== 0x80) count++;
        }
        return count;
      };
    case Type.Binary:
    case Type.List:
    case Type.Map:
      return ({ valueOffsets }, index) => valueOffsets[index + 1] - valueOffsets[index];
    default:
      return null;
  }
}

function unitOf(type: DataType): string {
  return type.typeId === Type.Utf8 ? "characters" : type.typeId === Type.Binary ? "bytes" : "entries";
}

function patternCheck(pattern: RegExp, type: DataType): Check {
  if (type.typeId !== Type.Utf8) return unfit("pattern", type);
  if (pattern.global || pattern.sticky) {
    throw new FatalError(`Cannot use ${pattern}: the flags g and y keep a position`);
  }
  return (data, index) => {
    const text = textAt(data, index);
    if (pattern.test(text)) return null;
    return { reason: "does not match the pattern", why: `must match ${pattern}, current value is ${shown(text)}` };
  };
}

function oneOfCheck(oneOf: readonly string[], type: DataType): Check {
  const { typeId } = type;
  if (typeId !== Type.Utf8 && typeId !== Type.Int && typeId !== Type.Bool) return unfit("one.of", type);
  const allowed = new Set(oneOf);
  return (data, index) => {
    const text = typeId === Type.Utf8
      ? textAt(data, index)
      : typeId === Type.Int
      ? String(data.values[index])
      : String((data.values[(data.offset + index) >> 3] & 1 << ((data.offset + index) & 7)) !== 0);
    if (allowed.has(text)) return null;
    return {
      reason: "not one of the allowed",
      why: `must be one of ${oneOf.join(", ")}, current value is ${shown(text)}`,
    };
  };
}

function textAt({ values, valueOffsets }: Data, index: number): string {
  return DECODER.decode(values.subarray(valueOffsets[index], valueOffsets[index + 1]));
}

function shown(text: string): string {
  return text.length <= SHOWN_CHARACTERS_MAX ? text : `${text.slice(0, SHOWN_CHARACTERS_MAX)}...`;
}
