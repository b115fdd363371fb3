/**
 * What of a message becomes code, and how much it is; keys that repeat.
 *
 * @module
 */
import {
  BoolColumn,
  BytesColumn,
  type Column,
  type ListColumn,
  type NumberColumn,
  type StructColumn,
  WordsColumn,
} from "../../mod.ts";
import { below } from "../rows.ts";
import type { ProtoField, ProtoMessage } from "./proto.ts";
import { isJsonField, itemPath, shapeOf } from "./types.ts";

/** Whether closures read the field: JSON text, decimals, groups. */
export function isClosure(field: ProtoField, path: string, jsonPaths: ReadonlySet<string>): boolean {
  const { type, label, isGroup } = field;
  if (type.kind !== "message") return false;
  const { as } = shapeOf(type, field);
  return isGroup || as === "json" || as === "decimal" || isJsonField(field, path, jsonPaths) ||
    jsonPaths.has(valuePath(path, label));
}

function valuePath(path: string, label: ProtoField["label"]): string {
  return label === "map" || label === "repeated" ? itemPath(path, label) : path;
}

/** The columns below `target` that closures append to: code does not touch their arrays. */
export function closureColumns(
  { fields }: ProtoMessage,
  target: StructColumn,
  jsonPaths: ReadonlySet<string>,
  path = "",
  into = new Set<Column>(),
): Set<Column> {
  fields.forEach((field, i) => {
    const inner = below(path, field.name);
    const column = target.children[i];
    if (isClosure(field, inner, jsonPaths)) return void into.add(column);
    const { type, label } = field;
    if (type.kind !== "message" || shapeOf(type, field).as !== "struct") return;
    const struct = label === "map"
      ? ((column as ListColumn).child as StructColumn).children[1]
      : label === "repeated"
      ? (column as ListColumn).child
      : column;
    closureColumns(type, struct as StructColumn, jsonPaths, valuePath(inner, label), into);
  });
  return into;
}

/** The fields of a message, those of messages within it included: about how many values code for it reads or writes. */
export function sizeOf({ fields }: ProtoMessage, jsonPaths: ReadonlySet<string>, path = ""): number {
  return fields.reduce((sum, field) => sum + fieldSize(field, below(path, field.name), jsonPaths), 1);
}

/** As `sizeOf`, of one field. */
export function fieldSize(field: ProtoField, path: string, jsonPaths: ReadonlySet<string>): number {
  const { type, label } = field;
  const own = label === "map" ? 3 : 1;
  if (type.kind !== "message" || isClosure(field, path, jsonPaths)) return own;
  return own + sizeOf(type, jsonPaths, valuePath(path, label));
}

/** Up to so many keys each is compared with each. */
const PAIRS_MAX = 16;

/** Whether of the keys `[from, to)` of a map two are the same. */
export function repeatsKeys(keys: Column, from: number, to: number): boolean {
  if (to - from > PAIRS_MAX) {
    const seen = new Set<string>();
    for (let i = from; i < to; i++) seen.add(keyText(keys, i));
    return seen.size < to - from;
  }
  for (let i = from + 1; i < to; i++) {
    for (let j = from; j < i; j++) {
      if (keys instanceof BytesColumn ? isSame(keys, i, j) : isEqual(keys, i, j)) return true;
    }
  }
  return false;
}

function isSame({ offsets, bytes }: BytesColumn, i: number, j: number): boolean {
  const a = offsets[i], b = offsets[j];
  const size = offsets[i + 1] - a;
  if (offsets[j + 1] - b !== size) return false;
  for (let at = 0; at < size; at++) if (bytes[a + at] !== bytes[b + at]) return false;
  return true;
}

function isEqual(keys: Column, i: number, j: number): boolean {
  if (keys instanceof BoolColumn) return ((keys.bits[i >> 3] >> (i & 7)) & 1) === ((keys.bits[j >> 3] >> (j & 7)) & 1);
  if (!(keys instanceof WordsColumn)) return (keys as NumberColumn).values[i] === (keys as NumberColumn).values[j];
  const { words, width } = keys;
  return words[i * width] === words[j * width] && words[i * width + 1] === words[j * width + 1];
}

const TEXT = new TextDecoder("latin1");

function keyText(keys: Column, i: number): string {
  if (keys instanceof BytesColumn) return TEXT.decode(keys.bytes.subarray(keys.offsets[i], keys.offsets[i + 1]));
  if (keys instanceof BoolColumn) return `${(keys.bits[i >> 3] >> (i & 7)) & 1}`;
  if (!(keys instanceof WordsColumn)) return `${(keys as NumberColumn).values[i]}`;
  return `${keys.words[i * keys.width]} ${keys.words[i * keys.width + 1]}`;
}
