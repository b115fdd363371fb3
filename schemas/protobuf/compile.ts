/**
 * A message and its columns to what reads it: closures and tables, made once for each schema.
 *
 * @module
 */
import type { BoolColumn, BytesColumn, Column, ListColumn, StructColumn, WordsColumn } from "../../mod.ts";
import { type Cursor, eachField, readNested, SIZED } from "./cursor.ts";
import { type Entry, Fields, Oneof, type Part } from "./fields.ts";
import { JsonEntry, JsonField, missing } from "./json.ts";
import { MapEntries } from "./map_entries.ts";
import type { ProtoField, ProtoMessage, ProtoSchema } from "./proto.ts";
import { appendDefault, appendStep, isPackable, type Plain, type Step, wireOf } from "./scalars.ts";
import { below } from "../rows.ts";
import { isJsonField, itemPath, shapeOf } from "./types.ts";
import { DecimalEntry, MomentEntry } from "./well_known.ts";

/** What holds for the whole schema. */
export interface Compiling {
  readonly schema: ProtoSchema;
  readonly jsonPaths: ReadonlySet<string>;
}

/** What reads the message into `target`, a column a field. */
export function compileMessage(type: ProtoMessage, target: StructColumn, path: string, compiling: Compiling): Fields {
  const fields = new Fields(type.fields.length, target, () => target.close(), path);
  const oneofs = new Map<string, Oneof>();
  type.fields.forEach((field, i) => {
    let oneof: Oneof | null = null;
    if (field.oneof !== null) {
      oneof = oneofs.get(field.oneof) ?? new Oneof(fields);
      oneofs.set(field.oneof, oneof);
    }
    const place = { fields, index: i, column: target.children[i], path: below(path, field.name), oneof };
    fields.add(partOf(field, place, compiling));
  });
  return fields;
}

/** Where a field's values go. */
interface Place {
  readonly fields: Fields;
  /** Of the part among the fields. */
  readonly index: number;
  readonly column: Column;
  readonly path: string;
  readonly oneof: Oneof | null;
}

function partOf(field: ProtoField, place: Place, compiling: Compiling): Part {
  const { type, label } = field;
  if (isJsonField(field, place.path, compiling.jsonPaths)) return jsonPart(field, place, compiling);
  if (label === "map") return mapPart(field, place, compiling);
  if (label === "repeated") {
    return type.kind === "message"
      ? repeatedMessagePart(field, place, compiling)
      : repeatedPart(field.number, type, place);
  }
  if (type.kind !== "message") return plainPart(field, type, place);
  return messagePart(field, place, entryOf(field, place.column, place.path, compiling));
}

/** No value is for `append`. */
const readsAll = { wire: -1, append: () => {} };

function plainPart({ number, label }: ProtoField, type: Plain, { fields, index, column, path, oneof }: Place): Part {
  const wire = wireOf(type);
  const append = appendStep(type, column, path);
  const shared = { number, column, absent: absentStep(label, type, column, path), end: null };
  if (oneof === null) {
    return { ...shared, wire, append, read: (cursor, given) => cursor.wrongWire(given, wire, path) };
  }
  const read = (cursor: Cursor, given: number) => {
    if (given !== wire) cursor.wrongWire(given, wire, path);
    oneof.choose(index);
    fields.note(index);
    append(cursor);
  };
  return { ...shared, ...readsAll, read };
}

function absentStep(label: ProtoField["label"], type: Plain | null, column: Column, path: string): Step {
  if (label === "required") return (cursor) => missing(cursor, path);
  return label === "implicit" ? appendDefault(type!, column) : () => column.appendNull();
}

function messagePart(field: ProtoField, place: Place, entry: Entry): Part {
  const { fields, index, column, path, oneof } = place;
  const { number, label } = field;
  const group = field.isGroup ? number : 0;
  const read = (cursor: Cursor, wire: number) => {
    if (oneof !== null) oneof.choose(index);
    if (fields.seen[index] !== fields.generation) {
      fields.seen[index] = fields.generation;
      entry.begin();
    }
    readNested(cursor, wire, entry, group, path);
  };
  const end: Step = (cursor) => entry.finish(cursor);
  return { number, column, ...readsAll, read, absent: absentStep(label, null, column, path), end };
}

function repeatedPart(number: number, type: Plain, { column, path }: Place): Part {
  const target = column as ListColumn;
  const own = wireOf(type);
  const packable = isPackable(type);
  const append = appendStep(type, target.child, itemPath(path, "repeated"));
  const read = (cursor: Cursor, wire: number) => {
    if (wire === own) return append(cursor);
    if (wire !== SIZED || !packable) cursor.wrongWire(wire, own, path);
    const size = cursor.length(path);
    const { end } = cursor;
    cursor.end = cursor.position + size;
    while (cursor.position < cursor.end) append(cursor);
    cursor.end = end;
  };
  const close = () => target.close();
  return { number, column, ...readsAll, read, absent: close, end: close };
}

function repeatedMessagePart(field: ProtoField, { column, path }: Place, compiling: Compiling): Part {
  const { number } = field;
  const target = column as ListColumn;
  const group = field.isGroup ? number : 0;
  const inner = itemPath(path, "repeated");
  const entry = entryOf(field, target.child, inner, compiling);
  const read = (cursor: Cursor, wire: number) => {
    entry.begin();
    readNested(cursor, wire, entry, group, inner);
    entry.finish(cursor);
  };
  const close = () => target.close();
  return { number, column, ...readsAll, read, absent: close, end: close };
}

function mapPart(field: ProtoField, { fields, index, column, path }: Place, compiling: Compiling): Part {
  const { number, type, key } = field;
  const target = column as ListColumn;
  const struct = target.child as StructColumn;
  const [keys, values] = struct.children;
  const inner = itemPath(path, "map");
  const map = new MapEntries(target, key!, path, keys);
  const entry = map.entry = new Fields(2, struct, () => struct.close(), inner);
  const keyType = { kind: "scalar", scalar: key! } as const;
  const keyWire = wireOf(keyType);
  entry.add({
    number: 1,
    column: keys,
    wire: keyWire,
    append: map.appendKey,
    read: (cursor, wire) => cursor.wrongWire(wire, keyWire, path),
    absent: appendDefault(keyType, keys),
    end: null,
  });
  const place = { fields: entry, index: 1, column: values, path: inner, oneof: null };
  if (type.kind === "message") {
    const value = entryOf(field, values, inner, compiling);
    // A value that is not there is a message without fields set.
    const absent: Step = (cursor) => {
      value.begin();
      value.finish(cursor);
    };
    entry.add({ ...messagePart({ ...field, number: 2, label: "optional" }, place, value), absent });
  } else {
    entry.add(plainPart({ ...field, number: 2, label: "implicit" }, type, place));
  }
  const read = (cursor: Cursor, wire: number) => {
    if (fields.seen[index] !== fields.generation) {
      fields.seen[index] = fields.generation;
      map.begin();
    }
    map.read(cursor, wire);
  };
  return { number, column, ...readsAll, read, absent: () => target.close(), end: (cursor) => map.end(cursor) };
}

/** A field whose column is JSON text as a whole. */
function jsonPart(field: ProtoField, { fields, index, column, path, oneof }: Place, { schema }: Compiling): Part {
  const target = column as BytesColumn;
  let json: JsonField;
  const read = (cursor: Cursor, wire: number) => {
    if (oneof !== null) oneof.choose(index);
    if (fields.seen[index] !== fields.generation) {
      fields.seen[index] = fields.generation;
      json = new JsonField(field, schema, path);
    }
    json.read(cursor, wire);
  };
  const nothing = field.label === "repeated" ? "[]" : field.label === "map" && field.key === "string" ? "{}" : "[]";
  const isMany = field.label === "repeated" || field.label === "map";
  const absent = isMany ? () => target.appendString(nothing) : absentStep(field.label, null, column, path);
  const end: Step = (cursor) => target.appendString(json.text(cursor));
  return { number: field.number, column, ...readsAll, read, absent, end };
}

/** What reads a message into an entry of a column. */
function entryOf(field: ProtoField, column: Column, path: string, compiling: Compiling): Entry {
  const type = field.type as ProtoMessage;
  const shape = shapeOf(type, field);
  if (shape.as === "json" || compiling.jsonPaths.has(path)) {
    return new JsonEntry(column as BytesColumn, field, compiling.schema, path);
  }
  switch (shape.as) {
    case "presence":
      return presenceEntry(column as BoolColumn, path);
    case "timestamp":
    case "duration":
      return new MomentEntry(column as WordsColumn, shape.as === "duration", path);
    case "decimal":
      return new DecimalEntry(column as WordsColumn, shape, path);
    case "wrapper": {
      const fields = new Fields(1, column, () => {}, path);
      fields.add(plainPart(shape.field, shape.field.type as Plain, { fields, index: 0, column, path, oneof: null }));
      return fields;
    }
    case "struct":
      return compileMessage(type, column as StructColumn, path, compiling);
  }
}

/** A message without fields: true, however little is in it. */
function presenceEntry(column: BoolColumn, path: string): Entry {
  const none = () => false;
  return {
    begin: () => {},
    merge: (cursor, group) => eachField(cursor, group, path, none),
    finish: () => column.append(true),
  };
}
