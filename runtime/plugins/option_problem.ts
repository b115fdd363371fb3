/**
 * Whether a plugin's declaration of an option is one: authors may write in JavaScript, and by hand.
 *
 * @module
 */
import type { Importance, OptionType } from "../api/config_def.ts";

const TYPES: Readonly<Record<OptionType, readonly string[]>> = {
  string: ["string"],
  secret: ["object"],
  boolean: ["boolean"],
  int: ["number"],
  long: ["bigint"],
  double: ["number"],
  list: ["object"],
  bytes: ["number"],
  duration: ["number"],
  map: ["object"],
};
const IMPORTANCES: readonly Importance[] = ["high", "medium", "low"];

/** What is wrong with the declaration, as part of a sentence; null: nothing. */
export function optionProblem(key: string, declared: unknown): string | null {
  const at = `its option ${key}`;
  if (!/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(key) || key.startsWith("per.topic.")) {
    return `${at} must be named by words with dots between them, as in file.path`;
  }
  if (typeof declared !== "object" || declared === null) {
    return `${at} must be made by option.*(), e.g. option.string()`;
  }
  const { type, doc, importance, oneOf } = declared as Readonly<Record<string, unknown>>;
  if (typeof type !== "string" || !Object.hasOwn(TYPES, type)) {
    return `${at} must be of one of the types ${Object.keys(TYPES).join(", ")}, current value is ${String(type)}`;
  }
  if (typeof doc !== "string" || doc.trim() === "") return `${at} has no doc: say what it does, in a sentence`;
  if (!IMPORTANCES.some((each) => each === importance)) {
    return `${at} must have an importance of ${IMPORTANCES.join(", ")}; option.${type}() sets it`;
  }
  if (oneOf !== undefined && !(Array.isArray(oneOf) && oneOf.every((word) => typeof word === "string"))) {
    return `${at} has a oneOf that is no list of words`;
  }
  const { min, max, check } = declared as Readonly<Record<string, unknown>>;
  for (const [name, bound] of Object.entries({ min, max })) {
    if (bound !== undefined && (typeof bound !== "number" || Number.isNaN(bound))) {
      return `${at} has a ${name} that is no number, current value is ${String(bound)}`;
    }
  }
  if (check !== undefined && typeof check !== "function") return `${at} has a check that is no function`;
  if (!("default" in declared) || declared.default === null) return null; // required, or nothing
  const wanted = TYPES[type as OptionType];
  if (!wanted.includes(typeof declared.default)) {
    return `${at} has a default that is no ${wanted.join(" or ")}: it is a ${typeof declared.default}`;
  }
  const why = defaultProblem(declared.default, { type, oneOf: oneOf as readonly string[] | undefined, min, max });
  return why && `${at} has a default ${why}`;
}

/** Whether an option would refuse its own default, which nobody would see before it is used. */
function defaultProblem(
  value: unknown,
  { type, oneOf, min, max }: { type: string; oneOf?: readonly string[]; min: unknown; max: unknown },
): string | null {
  const isList = Array.isArray(value);
  if (type === "list" && !(isList && value.every((each) => typeof each === "string"))) {
    return "that is no list of strings";
  }
  const words = isList ? value : [value];
  const other = oneOf && words.find((word) => !oneOf.includes(String(word)));
  if (other !== undefined) return `that is none of ${oneOf!.join(", ")}: ${String(other)}`;
  if (typeof value !== "number" && typeof value !== "bigint") return null;
  if (Number.isNaN(value)) return "that is no number: NaN";
  if (typeof min === "number" && value < min) return `below its min: ${value}, wanted at least ${min}`;
  if (typeof max === "number" && value > max) return `above its max: ${value}, wanted at most ${max}`;
  return ["int", "bytes", "duration"].includes(type) && !Number.isInteger(value)
    ? `that is no integer: ${value}`
    : null;
}
