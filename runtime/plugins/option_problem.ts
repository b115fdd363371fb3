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
  if (!("default" in declared) || declared.default === null) return null; // required, or nothing
  const wanted = TYPES[type as OptionType];
  if (!wanted.includes(typeof declared.default)) {
    return `${at} has a default that is no ${wanted.join(" or ")}: it is a ${typeof declared.default}`;
  }
  return null;
}
