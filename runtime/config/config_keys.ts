/**
 * Options as Kafka Connect's REST API describes them (ConfigKeyInfo).
 *
 * @module
 */
import { type ConfigDef, Secret } from "../api/config_def.ts";
import type { AnyOption } from "./parse_value.ts";

/** Connect's description of one option. */
export interface ConfigKeyInfo {
  readonly name: string;
  readonly type: "BOOLEAN" | "STRING" | "INT" | "LONG" | "DOUBLE" | "LIST" | "CLASS" | "PASSWORD";
  readonly required: boolean;
  readonly default_value: string | null;
  readonly importance: "HIGH" | "MEDIUM" | "LOW";
  readonly documentation: string;
  readonly group: string | null;
  readonly order: number;
  readonly width: "NONE" | "SHORT" | "MEDIUM" | "LONG";
  readonly display_name: string;
  readonly dependents: readonly string[];
}

/** The options of a declaration, in its order. `prefix` stands before their keys. */
export function configKeys(def: ConfigDef, prefix = ""): ConfigKeyInfo[] {
  const orders = new Map<string, number>();
  return Object.entries(def as Readonly<Record<string, AnyOption>>).map(([key, option]) => {
    const order = (orders.get(option.group ?? "") ?? 0) + 1;
    orders.set(option.group ?? "", order);
    return configKey(prefix + key, option, order);
  });
}

/** One option by its key. */
export function configKey(key: string, option: AnyOption, order: number): ConfigKeyInfo {
  const words = key.replace(/[._-]+/g, " ").trim();
  return {
    name: key,
    type: isClass(key) ? "CLASS" : TYPES[option.type],
    required: !Object.hasOwn(option, "default"),
    default_value: valueAsText(option.default),
    importance: option.importance.toUpperCase() as ConfigKeyInfo["importance"],
    documentation: option.doc + (UNITS[option.type] ?? ""),
    group: option.group ?? null,
    order,
    width: WIDTHS[option.type],
    display_name: words.slice(0, 1).toUpperCase() + words.slice(1),
    dependents: [],
  };
}

/** A parsed value in the form that clients of Connect expect: sizes in bytes, durations in milliseconds. */
export function valueAsText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (value instanceof Secret) return "[hidden]";
  if (Array.isArray(value)) return value.join(",");
  return typeof value === "object" ? null : String(value);
}

/** What Connect calls a class is a plugin's name here. */
function isClass(key: string): boolean {
  return /^(connector\.class|(key|value|header)\.converter|(transforms|predicates)\.[^.]+\.type)$/.test(key);
}

/** Sizes and durations are numbers to a client; what is written with a unit is accepted all the same. */
const TYPES: Readonly<Record<AnyOption["type"], ConfigKeyInfo["type"]>> = {
  string: "STRING",
  secret: "PASSWORD",
  boolean: "BOOLEAN",
  int: "INT",
  long: "LONG",
  double: "DOUBLE",
  list: "LIST",
  bytes: "LONG",
  duration: "LONG",
  map: "STRING",
};
const UNITS: Partial<Record<AnyOption["type"], string>> = {
  bytes: " In bytes, or with a unit: 64KiB, 128MiB.",
  duration: " In milliseconds, or with a unit: 500ms, 30s, 5m, 1h.",
  map: " Keys stand below it.",
};
const WIDTHS: Readonly<Record<AnyOption["type"], ConfigKeyInfo["width"]>> = {
  ...{ string: "MEDIUM", secret: "MEDIUM", boolean: "SHORT", int: "SHORT", long: "SHORT", double: "SHORT" },
  ...{ list: "LONG", bytes: "SHORT", duration: "SHORT", map: "LONG" },
};
