/**
 * `validate.<field>.<rule>`: the rules that a field's values must keep, by field.
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
): FieldRules[] {
  const byField = new Map<string, Mutable<FieldRules>>();
  for (const [key, text] of Object.entries(map)) {
    const rule = Object.keys(RULES).find((name) => key.endsWith(`.${name}`) && key.length > name.length + 1);
    if (rule === undefined) {
      const last = key.slice(key.lastIndexOf(".") + 1);
      const why = `is no rule; validate.<field> takes ${Object.keys(RULES).join(", ")}${
        didYouMean(last, Object.keys(RULES))
      }`;
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
  return [...byField.values()];
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
