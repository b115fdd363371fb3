/**
 * Raw configuration: flat dotted keys with their values as given and where each came from. Every source (YAML,
 * properties, JSON, --set, environment) becomes this one form; `parseConfig` alone gives it types. Plain data: it crosses
 * a thread.
 *
 * @module
 */
import type { ConfigProblem } from "../api/errors.ts";

/** What a source may hold for a key. */
export type RawScalar = string | number | bigint | boolean | null;
export type RawValue = RawScalar | readonly RawScalar[];

/** One value as given. */
export interface RawEntry {
  readonly value: RawValue;
  /** Where it came from: a file's path, `--set`, or a variable's name. */
  readonly source: string;
  /** The key's parts as they were written: nested maps give several, a dotted key gives one. */
  readonly parts: readonly string[];
  /** What messages show instead of the value: the text before `${env:...}` was resolved. */
  readonly shown?: string;
  /** The module (and export) that brings the plugin which `value` names, where the configuration named a module. */
  readonly module?: string;
  /** It takes the place of what `per.topic` says for the same key: what one command is told wins. */
  readonly overTopics?: boolean;
}

/** Entries by dotted key. */
export type RawKeys = Map<string, RawEntry>;

/** One raw configuration: the worker's keys, and each instance's. */
export interface RawConfig {
  readonly worker: RawKeys;
  readonly connectors: Map<string, RawKeys>;
}

/** An empty one. */
export function emptyRawConfig(): RawConfig {
  return { worker: new Map(), connectors: new Map() };
}

/** The values of an object, nested or dotted, as raw keys: for tests and for configuration made by code. */
export function rawKeys(values: Readonly<Record<string, unknown>>, source = "code"): RawKeys {
  const keys: RawKeys = new Map();
  const problems: ConfigProblem[] = [];
  flatten(values, source, keys, problems, "");
  if (problems.length > 0) throw new TypeError(problems.map((p) => `${p.key}: ${p.why}`).join("\n"));
  return keys;
}

/** Adds what a map holds to `keys`; nested maps and dotted keys mean the same. `path` stands before keys in problems. */
export function flatten(
  map: Readonly<Record<string, unknown>>,
  source: string,
  keys: RawKeys,
  problems: ConfigProblem[],
  path: string,
  parts: readonly string[] = [],
): void {
  for (const [name, value] of Object.entries(map)) {
    const at = [...parts, name];
    const key = at.join(".");
    if (isMap(value)) {
      flatten(value, source, keys, problems, path, at);
    } else if (!isRawValue(value)) {
      problems.push({
        key: path + key,
        why: `${describe(value)}; give a text, a number, true, false, or a list of these`,
      });
    } else {
      addEntry(keys, key, { value, source, parts: at }, problems, path);
    }
  }
}

/** Adds an entry; the same key twice in one source is a problem that names both ways of writing it. */
export function addEntry(keys: RawKeys, key: string, entry: RawEntry, problems: ConfigProblem[], path: string): void {
  const before = keys.get(key);
  if (before) {
    const ways = [before, entry].map((e) => `"${e.parts.join(" > ")}"`);
    const how = ways[0] === ways[1] ? `as ${ways[0]}, twice` : `as ${ways.join(" and as ")}`;
    problems.push({ key: path + key, why: `is given twice: ${how}; keep one` });
  } else {
    keys.set(key, entry);
  }
}

/** Whether it is a map of keys, not a list, a scalar or something foreign. */
export function isMap(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isRawValue(value: unknown): value is RawValue {
  return isScalar(value) || (Array.isArray(value) && value.every(isScalar));
}

function isScalar(value: unknown): value is RawScalar {
  return value === null || ["string", "number", "bigint", "boolean"].includes(typeof value);
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return "holds a list with maps or lists in it";
  if (value instanceof Date) return "was read as a date (put it in quotes to keep the text)";
  return `holds a ${typeof value} that is no option's value`;
}

/** The source as a message names it; nothing for the file, whose key path says enough. */
export function fromText(entry: RawEntry): string {
  return entry.source === "--set" || entry.source === "--option"
    ? ` (given by ${entry.source})`
    : /^SLUICE_/.test(entry.source)
    ? ` (given by ${entry.source})`
    : "";
}

/** The value as messages show it, never one that was resolved from a reference. */
export function shownValue(entry: RawEntry): string {
  return entry.shown ?? valueText(entry.value);
}

/** A raw value as text; lists in brackets. */
export function valueText(value: RawValue): string {
  if (Array.isArray(value)) return `[${value.map(String).join(", ")}]`;
  return value === null ? "" : String(value);
}
