/**
 * Paths of fields by Kafka Connect's `field.syntax.version`: V1 is the name of a top-level field, whatever it holds; in V2
 * dots lead into structs, and backticks are put around a name that has dots itself.
 *
 * @module
 */
import { type Field, Type } from "apache-arrow";
import { FatalError, option } from "../api/mod.ts";

/** The option that says how paths are read. */
export const FIELD_SYNTAX = {
  "field.syntax.version": option.oneOf(["V1", "V2", "v1", "v2"], {
    doc: "V1: field names as they are. V2: dots lead into nested fields, backticks go around names with dots.",
    default: "V1",
  }),
};

/** The steps of a path. */
export function parseFieldPath(path: string, version: string): readonly string[] {
  if (version.toUpperCase() === "V1") return [path];
  const steps: string[] = [];
  for (let at = 0; at <= path.length;) {
    if (path[at] === "`") {
      const { name, end } = quoted(path, at);
      steps.push(name);
      at = end + 1;
      // The end of the path, and not a dot with nothing behind it.
      if (end === path.length) break;
    } else {
      const dot = path.indexOf(".", at);
      const end = dot < 0 ? path.length : dot;
      steps.push(path.slice(at, end));
      at = end + 1;
    }
  }
  return steps;
}

/** A name in backticks: it ends at the backtick before a dot or the end, unless a backslash stands before that. */
function quoted(path: string, from: number): { name: string; end: number } {
  let name = "";
  let start = from + 1;
  for (let at = path.indexOf("`", start); at >= 0; at = path.indexOf("`", at + 1)) {
    if (at + 1 < path.length && path[at + 1] !== ".") continue;
    if (path[at - 1] !== "\\") return { name: name + path.slice(start, at), end: at + 1 };
    name += path.slice(start, at - 1) + "`";
    start = at + 1;
  }
  throw new FatalError(
    `Cannot read the path ${path}: the backtick at ${from} has no partner before a dot or the end; put a backslash ` +
      "before a backtick that belongs to the name",
  );
}

/** Where each step leads, by index among the fields; null: there is no such field. */
export function indicesOf(steps: readonly string[], fields: readonly Field[]): readonly number[] | null {
  const indices: number[] = [];
  let within: readonly Field[] = fields;
  for (const step of steps) {
    const index = within.findIndex(({ name }) => name === step);
    if (index < 0) return null;
    indices.push(index);
    const { type } = within[index];
    within = isStruct(type) ? type.children as Field[] : [];
  }
  return indices;
}

/** Whether a type's fields have names of their own. */
export function isStruct(type: Field["type"]): boolean {
  return type.typeId === Type.Struct;
}
