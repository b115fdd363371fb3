/**
 * A JSON object with the changes that were made to columns of it: what the columns say alike before and after keeps its own
 * text, to the digit.
 *
 * @module
 */
import { type Data, type Field, Type } from "apache-arrow";
import { isNull, jsonText, types } from "../api/mod.ts";
import { isStruct } from "../transforms/field_path.ts";
import { unscaledIn } from "./cast_fields.ts";

/** Fields of an object, as columns, and which entry of them it is. */
export interface Entry {
  readonly fields: readonly Field[];
  readonly columns: readonly Data[];
  readonly index: number;
}

/** The text of an object (valid JSON) whose columns were `before` and are `after`. */
export function patchedObject(text: string, before: Entry, after: Entry): string {
  const parts: string[] = [];
  const members = memberTexts(text);
  for (const [name, raw] of members) {
    const [was, is] = [valueIn(before, name), valueIn(after, name)];
    // A member without a type (null, or empty within a struct) has no column.
    if (is) parts.push(`${JSON.stringify(name)}:${was ? patchedValue(raw, was, is) : newText(is)}`);
    else if (!was) parts.push(`${JSON.stringify(name)}:${raw}`);
  }
  for (const { name } of after.fields) {
    if (members.has(name)) continue;
    const text = newText(valueIn(after, name)!);
    if (text !== "null") parts.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${parts.join(",")}}`;
}

/** One value of a column. */
interface Value {
  readonly field: Field;
  readonly column: Data;
  readonly index: number;
}

function valueIn({ fields, columns, index }: Entry, name: string): Value | null {
  const at = fields.findIndex((field) => field.name === name);
  return at < 0 ? null : { field: fields[at], column: columns[at], index };
}

function patchedValue(raw: string, before: Value, after: Value): string {
  const [of, to] = [entryOf(before), entryOf(after)];
  if (raw.startsWith("{") && of && to) return patchedObject(raw, of, to);
  const text = textOf(after);
  const was = textOf(before);
  if (was === text) return raw;
  const { type } = after.field;
  if (type.typeId === Type.Decimal && /^[-\d]/.test(raw) && unscaledIn(was, type) === unscaledIn(text, type)) {
    // It is only another type: then by the record's own digits, of which a double has lost some.
    return scaled(unscaledIn(raw, type)!, (type as unknown as { scale: number }).scale);
  }
  return newText(after);
}

/** The members of a struct; null: it is none, or null. */
function entryOf({ field: { type }, column, index }: Value): Entry | null {
  if (!isStruct(type) || isNull(column, index)) return null;
  return { fields: type.children as Field[], columns: column.children, index };
}

/** JSON of what was not there: without nulls, which other records have values for. */
function newText(value: Value): string {
  const entry = entryOf(value);
  return entry ? patchedObject("{}", { fields: [], columns: [], index: 0 }, entry) : textOf(value);
}

/** JSON of a value; what is JSON text already is that text. */
function textOf({ field, column, index }: Value): string {
  if (isNull(column, index)) return "null";
  const text = jsonText.ofColumn(column, index);
  return types.isJson(field) && column.type.typeId === Type.Utf8 ? JSON.parse(text) : text;
}

function scaled(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  const [whole, fraction] = [digits.slice(0, digits.length - scale), digits.slice(digits.length - scale)];
  return `${unscaled < 0n ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

/** The members of an object with their own texts, in order; of a name that repeats the last one counts. */
export function memberTexts(text: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  let at = skipSpace(text, text.indexOf("{") + 1);
  while (text[at] === '"') {
    const nameEnd = endOfValue(text, at);
    const start = skipSpace(text, skipSpace(text, nameEnd) + 1); // behind the colon
    const end = endOfValue(text, start);
    members.set(JSON.parse(text.slice(at, nameEnd)), text.slice(start, end));
    at = skipSpace(text, end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return members;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && " \t\r\n".includes(text[at])) at++;
  return at;
}

/** Where the value ends that begins at `from`. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const sign = text[at];
    if (sign === '"') {
      for (at++; text[at] !== '"'; at++) if (text[at] === "\\") at++;
      if (depth === 0) return at + 1;
    } else if (sign === "{" || sign === "[") depth++;
    else if (sign === "}" || sign === "]") {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && ", \t\r\n".includes(sign)) return at;
  }
  return text.length;
}
