/**
 * One value: what was given for an option, to the option's type.
 *
 * @module
 */
import { type Option, Secret } from "../api/config_def.ts";
import { didYouMean } from "./nearest.ts";
import { type RawScalar, type RawValue, valueText } from "./raw.ts";

/** The value in its type, or why it is refused. */
export type Parsed = { readonly value: unknown } | { readonly why: string };

/** Any option, its type of values aside. */
export type AnyOption = Option<unknown>;

/** Parses and checks one value (not of a map option, which has many keys). */
export function parseValue(option: AnyOption, raw: RawValue): Parsed {
  if (raw === null) {
    if (option.default === null) return { value: null };
    return { why: `has no value; leave the key out to use the default${defaultText(option)}` };
  }
  const parsed = PARSERS[option.type](raw, option);
  if ("why" in parsed) return parsed;
  const wrong = option.check && parsed.value !== null ? option.check(parsed.value) : null;
  return wrong === null ? parsed : { why: wrong };
}

const PARSERS: Readonly<Record<AnyOption["type"], (raw: RawValue, option: AnyOption) => Parsed>> = {
  string: parseString,
  secret: (raw) => isList(raw) ? { why: "must be one text, not a list" } : { value: secret(valueText(raw)) },
  boolean: parseBoolean,
  int: (raw, option) => parseNumber(raw, option, "a whole number", (n) => Number.isSafeInteger(n) ? n : null),
  double: (raw, option) => parseNumber(raw, option, "a number", (n) => Number.isFinite(n) ? n : null),
  long: parseLong,
  list: parseList,
  bytes: (raw, option) => parseUnits(raw, option, BYTES, 'a size such as "128MiB", or bytes as a bare number'),
  duration: (raw, option) => parseUnits(raw, option, MILLISECONDS, 'a duration such as "30s", or bare milliseconds'),
  map: () => ({ why: "takes keys below it, not a value" }),
};

/** An empty secret is none, as with Connect's defaults. */
function secret(text: string): Secret | null {
  return text === "" ? null : new Secret(text);
}

function parseString(raw: RawValue, option: AnyOption): Parsed {
  if (isList(raw)) return { why: "must be one text, not a list" };
  const text = valueText(raw);
  if (text === "" && option.default === null) return { value: null };
  return oneOfWrong(text, option) ?? { value: text };
}

function oneOfWrong(text: string, { oneOf }: AnyOption): { why: string } | null {
  if (!oneOf || oneOf.includes(text)) return null;
  return { why: `must be one of ${oneOf.join(", ")}${didYouMean(text, oneOf)}` };
}

function parseBoolean(raw: RawValue): Parsed {
  const text = valueText(raw).trim().toLowerCase();
  return text === "true" ? { value: true } : text === "false" ? { value: false } : { why: "must be true or false" };
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function parseNumber(raw: RawValue, option: AnyOption, what: string, accept: (n: number) => number | null): Parsed {
  const text = valueText(raw).trim();
  const number = typeof raw === "number" ? raw : NUMBER.test(text) ? Number(text) : NaN;
  const value = accept(number);
  return value === null ? { why: `must be ${what}${boundsText(option)}` } : bounded(value, option);
}

function parseLong(raw: RawValue, option: AnyOption): Parsed {
  if (typeof raw === "number" && !Number.isSafeInteger(raw) && Number.isInteger(raw)) {
    return { why: "is too large for a bare number of the file, whose last digits are lost; put it in quotes" };
  }
  const text = valueText(raw).trim();
  if (!/^[+-]?\d+$/.test(text)) return { why: `must be a whole number${boundsText(option)}` };
  const value = BigInt(text.replace(/^\+/, ""));
  if (value !== BigInt.asIntN(64, value)) return { why: "must fit into 64 bits" };
  return bounded(value, option);
}

function bounded(value: number | bigint, option: AnyOption): Parsed {
  const { min = -Infinity, max = Infinity } = option;
  return value < min || value > max ? { why: `must be ${boundsText(option).trim()}` } : { value };
}

function parseList(raw: RawValue, option: AnyOption): Parsed {
  const entries = isList(raw) ? raw.map((entry) => valueText(entry)) : splitList(valueText(raw));
  for (const entry of entries) {
    const wrong = oneOfWrong(entry, option);
    if (wrong) return { why: `"${entry}" ${wrong.why}` };
  }
  if (isList(raw) && raw.some((entry) => entry === null || entry === "")) return { why: "holds an empty entry" };
  return { value: entries };
}

/** Splits at commas outside of parentheses (`date(ts), bucket(4, id)`); brackets around the whole may be given. */
export function splitList(text: string): string[] {
  const inner = /^\s*\[(.*)\]\s*$/s.exec(text)?.[1] ?? text;
  const entries: string[] = [];
  let depth = 0;
  let entry = "";
  for (const char of inner) {
    if (char === "," && depth === 0) {
      entries.push(entry);
      entry = "";
      continue;
    }
    if (char === "(") depth++;
    if (char === ")") depth--;
    entry += char;
  }
  return [...entries, entry].map((e) => e.trim()).filter((e) => e !== "");
}

type Units = Readonly<Record<string, number>>;
const BYTES: Units = {
  "": 1,
  b: 1,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
};
const MILLISECONDS: Units = { "": 1, ms: 1, s: 1e3, m: 60e3, min: 60e3, h: 3600e3, d: 86400e3 };

function parseUnits(raw: RawValue, option: AnyOption, units: Units, what: string): Parsed {
  const match = /^([+-]?\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(valueText(raw).trim());
  const unit = match ? match[2].toLowerCase() : "";
  if (isList(raw) || !match || !Object.hasOwn(units, unit)) return { why: `must be ${what}${boundsText(option)}` };
  // Rounding takes away what binary fractions add: 1.1s is 1100 ms.
  const exact = Number(match[1]) * units[unit];
  const value = Math.round(exact);
  if (Math.abs(exact - value) > 1e-6 * Math.max(1, Math.abs(exact)) || !Number.isSafeInteger(value)) {
    return { why: `must be ${what}; ${match[0]} is no whole number of ${units === BYTES ? "bytes" : "ms"}` };
  }
  return bounded(value, { min: 0, ...option });
}

function isList(raw: RawValue): raw is readonly RawScalar[] {
  return Array.isArray(raw);
}

function boundsText({ type, min, max }: AnyOption): string {
  const show = (n: number) => showNumber(type, n);
  if (min !== undefined && max !== undefined) return ` between ${show(min)} and ${show(max)}`;
  if (min !== undefined) return ` >= ${show(min)}`;
  if (max !== undefined) return ` <= ${show(max)}`;
  return "";
}

/** A number in the unit that it reads best in: `128MiB`, `30s`. */
export function showNumber(type: AnyOption["type"], n: number): string {
  const units = type === "bytes"
    ? { GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10 }
    : type === "duration"
    ? { d: 86400e3, h: 3600e3, m: 60e3, s: 1e3, ms: 1 }
    : {};
  for (const [unit, size] of Object.entries(units)) if (n >= size && n % size === 0) return `${n / size}${unit}`;
  return String(n);
}

/** ` (30s)`, or nothing where there is no default to show. */
function defaultText(option: AnyOption): string {
  const { default: value, type } = option;
  if (typeof value === "number") return ` (${showNumber(type, value)})`;
  return typeof value === "string" || typeof value === "boolean" ? ` (${value})` : "";
}
