/**
 * Option tables for READMEs, printed from the declarations; a test compares them with what the READMEs hold.
 *
 * @module
 */
import { type ConfigDef, Secret } from "../api/config_def.ts";
import { type AnyOption, showNumber } from "./parse_value.ts";

/** One option, in words; code is in backticks. */
export interface OptionRow {
  readonly key: string;
  readonly type: string;
  /** `required`, or empty where there is none. */
  readonly fallback: string;
  readonly doc: string;
}

/** A markdown table: key, type, default, doc. High importance first, else in the order of the declaration. */
export function renderOptions(def: ConfigDef): string {
  const rows = optionRows(def).map(({ key, type, fallback, doc }) =>
    `| \`${key}\` | ${type} | ${escaped(fallback)} | ${escaped(doc)} |`
  );
  return ["| key | type | default | what it does |", "|---|---|---|---|", ...rows].join("\n");
}

/** The same as rows. */
export function optionRows(def: ConfigDef): OptionRow[] {
  const rank = { high: 0, medium: 1, low: 2 };
  const options = Object.entries(def as Readonly<Record<string, AnyOption>>)
    .sort(([, a], [, b]) => rank[a.importance] - rank[b.importance]);
  return options.map(([key, option]) => ({
    key: option.type === "map" ? `${key}.*` : key,
    type: typeText(option),
    fallback: defaultText(option),
    doc: option.doc,
  }));
}

const BLOCK = /(<!-- options:([\w-]+) -->\n)([^]*?)(<!-- \/options -->)/g;

/** A README with the tables between `<!-- options:NAME -->` and `<!-- /options -->` printed anew. */
export function withOptionTables(readme: string, defs: Readonly<Record<string, ConfigDef>>): string {
  return readme.replace(BLOCK, (_, begin: string, name: string, __: string, end: string) => {
    if (!Object.hasOwn(defs, name)) {
      throw new RangeError(`Cannot print options:${name}: known are ${Object.keys(defs).join(", ")}`);
    }
    return `${begin}\n${renderOptions(defs[name])}\n\n${end}`;
  });
}

function typeText({ type, oneOf }: AnyOption): string {
  return oneOf ? oneOf.map((word) => `\`${word || '""'}\``).join(" ") : type;
}

function defaultText(option: AnyOption): string {
  if (!Object.hasOwn(option, "default")) return "required";
  const { default: value, type } = option;
  if (value === null || value instanceof Secret || type === "map") return "";
  if (Array.isArray(value)) return value.length === 0 ? "" : `\`${value.join(", ")}\``;
  return `\`${typeof value === "number" ? showNumber(type, value) : String(value) || '""'}\``;
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
