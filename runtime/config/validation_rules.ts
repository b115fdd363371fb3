/**
 * `validate.<field>.<rule>`: the rules that a field's values must keep, by field; and `validate.<name>.cel`, an expression
 * over the whole record, with `validate.<name>.message` for what is said where it is false.
 *
 * @module
 */
import type { ConfigProblem } from "../api/errors.ts";
import { didYouMean } from "./nearest.ts";
import { parseIsoMicros } from "../timestamp_text.ts";
import { splitList } from "./parse_value.ts";

/** What one field's values must keep; absent: no such rule. */
export interface FieldRules {
  /** The field's path, dots between the parts. */
  readonly field: string;
  readonly required?: boolean;
  /** Decimal text, so that no digit is lost before the column's type is known; for dates and timestamps ISO text. */
  readonly min?: string;
  readonly max?: string;
  /** In characters for text, bytes for binaries, entries for lists and maps. */
  readonly lengthMin?: number;
  readonly lengthMax?: number;
  /** The whole value matches. */
  readonly pattern?: RegExp;
  readonly oneOf?: readonly string[];
}

/** An expression that must be true for every record. */
export interface CelRule {
  readonly name: string;
  readonly expression: string;
  /** What is said where it is false; null: the expression itself. */
  readonly message: string | null;
}

/** All rules of a topic. */
export interface ValidationRules {
  readonly fields: readonly FieldRules[];
  readonly expressions: readonly CelRule[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const RULES: Readonly<Record<string, (rules: Mutable<FieldRules>, text: string) => string | null>> = {
  "length.min": (rules, text) => length(text, (n) => rules.lengthMin = n),
  "length.max": (rules, text) => length(text, (n) => rules.lengthMax = n),
  "one.of": (rules, text) => {
    rules.oneOf = splitList(text);
    return rules.oneOf.length > 0 ? null : "lists no value";
  },
  "required": (rules, text) => {
    rules.required = text === "true";
    return text === "true" || text === "false" ? null : "must be true or false";
  },
  "min": (rules, text) => bound(text, (b) => rules.min = b),
  "max": (rules, text) => bound(text, (b) => rules.max = b),
  "pattern": (rules, text) => {
    try {
      rules.pattern = new RegExp(`^(?:${text})$`, "u");
      return null;
    } catch {
      return "is no regular expression";
    }
  },
};

/** The rules of the `validate` map. A field's name may hold dots: the rule is what the key ends with. */
export function parseValidationRules(
  map: Readonly<Record<string, string>>,
  path: string,
  problems: ConfigProblem[],
): ValidationRules {
  const byField = new Map<string, Mutable<FieldRules>>();
  const expressions = celRules(map, path, problems);
  for (const [key, text] of Object.entries(map)) {
    if (CEL.test(key)) continue;
    const rule = Object.keys(RULES).find((name) => key.endsWith(`.${name}`) && key.length > name.length + 1);
    if (rule === undefined) {
      const last = key.slice(key.lastIndexOf(".") + 1);
      const known = [...Object.keys(RULES), "cel", "message"];
      const why = `is no rule; validate.<field> takes ${known.join(", ")}${didYouMean(last, known)}`;
      problems.push({ key: path + key, why });
      continue;
    }
    const field = key.slice(0, -rule.length - 1);
    const rules = byField.get(field) ?? { field };
    byField.set(field, rules);
    const why = RULES[rule](rules, text);
    if (why !== null) problems.push({ key: path + key, value: text, why });
  }
  for (const { field, min, max, lengthMin, lengthMax } of byField.values()) {
    if (min !== undefined && max !== undefined && isAbove(min, max)) {
      problems.push({ key: `${path}${field}.min`, value: min, why: `is above ${field}.max, which is ${max}` });
    }
    if (lengthMin !== undefined && lengthMax !== undefined && lengthMin > lengthMax) {
      const why = `is above ${field}.length.max, which is ${lengthMax}`;
      problems.push({ key: `${path}${field}.length.min`, value: String(lengthMin), why });
    }
  }
  return { fields: [...byField.values()], expressions };
}

const CEL = /^(.+)\.(cel|message)$/;

/** Whether an option is an expression: whoever reads a configuration compiles it to know whether it is one. */
export function isExpressionKey(key: string): boolean {
  return /(^|\.)validate\..+\.cel$/.test(key);
}

function celRules(map: Readonly<Record<string, string>>, path: string, problems: ConfigProblem[]): CelRule[] {
  const rules: CelRule[] = [];
  for (const [key, text] of Object.entries(map)) {
    const [, name, part] = CEL.exec(key) ?? [];
    if (part === "cel") rules.push({ name, expression: text, message: map[`${name}.message`] ?? null });
    if (part !== "message" || Object.hasOwn(map, `${name}.cel`)) continue;
    problems.push({ key: path + key, value: text, why: `has no effect without validate.${name}.cel` });
  }
  return rules;
}

function length(text: string, set: (n: number) => void): string | null {
  if (!/^\d{1,10}$/.test(text)) return "must be a whole number >= 0";
  set(Number(text));
  return null;
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function bound(text: string, set: (b: string) => void): string | null {
  if (!NUMBER.test(text) && parseIsoMicros(text) === null) {
    return "must be a number, or a date or timestamp such as 2026-01-31 or 2026-01-31T12:00:00Z";
  }
  set(text);
  return null;
}

/** Whether no value can keep both bounds: one of them is a number and the other a time, or they cross. */
function isAbove(min: string, max: string): boolean {
  const [from, to] = [parseIsoMicros(min), parseIsoMicros(max)];
  if (from === null && to === null) return Number(min) > Number(max);
  return from === null || to === null || from > to;
}
