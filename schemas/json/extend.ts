/**
 * Unknown members: columns for what the schema does not have, made for a slab after its rows are read.
 *
 * @module
 */
import { type Data, type DataType, Field, List, makeData, Map_, Struct } from "apache-arrow";
import { DataError, FIELD_UNDECLARED, types } from "../../mod.ts";
import { createShape, observe, type Shape, typeOf } from "./infer.ts";
import { type Extension, type Extra, ListReader, MapReader, StructReader } from "./nested_readers.ts";
import { withText } from "./json_fields.ts";
import { compile, type Reader } from "./readers.ts";
import type { Scanner } from "./scanner.ts";
import { UnionReader } from "./union_reader.ts";

/** Records (by the start of their value) whose unknown members cannot be held, and why. */
export type Faults = Map<number, DataError>;

/** Builds the columns of all unknown members below a reader; they wait in `extensions` for `extended`. */
export function extend(reader: Reader, scan: Scanner, bytes: Uint8Array, faults: Faults): void {
  if (reader instanceof ListReader) return extend(reader.element, scan, bytes, faults);
  if (reader instanceof MapReader) return extend(reader.value, scan, bytes, faults);
  if (!(reader instanceof StructReader)) return;
  for (const child of reader.children) extend(child, scan, bytes, faults);
  reader.extensions = [];
  const byName = new Map<string, Extra[]>();
  for (const extra of reader.extras) {
    const list = byName.get(extra.name);
    if (!list) byName.set(extra.name, [extra]);
    // Of members that repeat the last one counts.
    else if (list[list.length - 1].entry === extra.entry) list[list.length - 1] = extra;
    else list.push(extra);
  }
  reader.extras = [];
  const lowerNames = new Map<string, string>();
  for (const [name, extras] of byName) {
    const path = reader.pathOf(name);
    const sibling = lowerNames.get(name.toLowerCase());
    const type = reader.options.jsonPaths?.has(path)
      ? types.utf8()
      : reader.target?.find((field) => field.name === name)?.type ?? inferred(extras, scan, bytes, path, faults);
    if (!type) continue;
    if (sibling !== undefined) {
      for (const { start } of extras) {
        const why = `Cannot decode JSON (field ${path}): its name differs from field "${sibling}" only by case`;
        faults.set(start, new DataError(why, { reason: "field names differ only by case", fieldPath: path }));
      }
      continue;
    }
    lowerNames.set(name.toLowerCase(), name);
    const extension = filled(reader, name, type, extras, scan, bytes, faults);
    reader.extensions.push(extension);
    extend(extension.reader, scan, bytes, faults);
  }
}

/** The finished column of a reader with the columns of its extensions behind its own, at every depth. */
export function extended(reader: Reader, data: Data): Data {
  if (reader instanceof StructReader) {
    const own = data.type.children as Field[];
    // Behind the children there may be a column of additional members.
    const readers = [...reader.children, ...(reader.additional?.map ? [reader.additional.map] : [])];
    const children = data.children.map((child, i) => i < readers.length ? extended(readers[i], child) : child);
    const added = reader.extensions.map(({ reader }) => extended(reader, reader.column.finish()));
    if (added.length === 0 && children.every((child, i) => child === data.children[i])) return data;
    const fields = [
      ...own.map((field, i) => retyped(field, children[i].type)),
      ...reader.extensions.map(({ field }, i) => retyped(field, added[i].type)),
    ];
    reader.extensions = [];
    return rebuilt(data, new Struct(fields), [...children, ...added]);
  }
  if (reader instanceof UnionReader) {
    const children = data.children.map((child, i) => extended(reader.branches[i].reader, child));
    if (children.every((child, i) => child === data.children[i])) return data;
    const fields = (data.type.children as Field[]).map((field, i) => retyped(field, children[i].type));
    return rebuilt(data, new Struct(fields), children);
  }
  if (reader instanceof ListReader) {
    const element = extended(reader.element, data.children[0]);
    if (element === data.children[0]) return data;
    return rebuilt(data, new List(retyped((reader.type.children as Field[])[0], element.type)), [element]);
  }
  if (reader instanceof MapReader) {
    const [entries] = data.children;
    const value = extended(reader.value, entries.children[1]);
    if (value === entries.children[1]) return data;
    const [entryField] = reader.type.children as Field[];
    const [key, old] = entryField.type.children as Field[];
    const entryType = new Struct([key, retyped(old, value.type)]);
    const type = new Map_(retyped(entryField, entryType) as never);
    return rebuilt(data, type, [rebuilt(entries, entryType, [entries.children[0], value])]);
  }
  return data;
}

/** The columns that an extension added, as text: the same text is the same schema. */
export function signature(fields: readonly Field[]): string {
  return JSON.stringify(fields.map(fieldSignature));
}

function inferred(
  extras: readonly Extra[],
  scan: Scanner,
  bytes: Uint8Array,
  path: string,
  faults: Faults,
): DataType | null {
  const shape: Shape = createShape();
  for (const extra of extras) attempt(scan, bytes, path, extra, faults, () => observe(scan, shape));
  return typeOf(shape);
}

/** A column with the values of one unknown member, null where an entry has none. */
function filled(
  struct: StructReader,
  name: string,
  type: DataType,
  extras: readonly Extra[],
  scan: Scanner,
  bytes: Uint8Array,
  faults: Faults,
): Extension {
  const path = struct.pathOf(name);
  const bare = new Field(name, type, true, new Map([[FIELD_UNDECLARED, "true"]]));
  const { jsonPaths } = struct.options;
  const field = jsonPaths ? withText(bare, path, jsonPaths) : bare;
  const reader = compile(field, path, struct.options);
  const { column } = reader;
  for (const extra of extras) {
    while (column.length < extra.entry) column.appendNull();
    const read = attempt(scan, bytes, path, extra, faults, () => {
      if (scan.next() === 0x6e) column.appendNull();
      else reader.read(scan);
    });
    if (!read) {
      column.truncate(extra.entry);
      reader.forget?.();
    }
  }
  while (column.length < struct.column.length) column.appendNull();
  return { field, reader };
}

/** Runs `read` on the bytes of a member; a DataError is its record's fault. False: there was none to read. */
function attempt(
  scan: Scanner,
  bytes: Uint8Array,
  path: string,
  { start, from, to }: Extra,
  faults: Faults,
  read: () => void,
): boolean {
  if (from === to || faults.has(start)) return false;
  scan.open(bytes, start, to);
  scan.pos = from;
  scan.path = path;
  try {
    read();
    return true;
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    faults.set(start, error);
    return false;
  }
}

function retyped(field: Field, type: DataType): Field {
  return field.type === type ? field : new Field(field.name, type, field.nullable, field.metadata);
}

function rebuilt(data: Data, type: DataType, children: Data[]): Data {
  const { length, nullCount } = data;
  const nullBitmap = nullCount > 0 ? data.nullBitmap : undefined;
  const rest = type instanceof Struct ? { children } : { valueOffsets: data.valueOffsets, child: children[0] };
  return makeData({ type, length, nullCount, nullBitmap, ...rest } as never);
}

function fieldSignature({ name, type, nullable }: Field): unknown {
  const children = (type.children ?? []) as Field[];
  return [name, nullable, type.typeId, children.length > 0 ? children.map(fieldSignature) : `${type}`];
}
