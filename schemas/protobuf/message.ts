/**
 * Protobuf's messages as rules see them, read and written in the wire format; for JSONata by the JSON mapping of proto3.
 * Unset fields with presence are null, others have their defaults; enums are numbers; wrappers are what they wrap.
 *
 * @module
 */
import { below } from "../rows.ts";
import { Malformed } from "../malformed.ts";
import type { SchemaSource } from "../registered.ts";
import { ByteWriter } from "../rules/byte_writer.ts";
import {
  LEVELS_MAX,
  type MessageType,
  Moment,
  Unfit,
  type Value,
  type VisitField,
  type Written,
} from "../rules/values.ts";
import { membersOf, shown } from "../rules/values.ts";
import { Cursor, GROUP, GROUP_END, SIZED } from "./cursor.ts";
import { fromJsonMoment, jsonName, jsonScalar } from "./message_json.ts";
import { defaultOf, readScalar, writeScalar } from "./message_scalars.ts";
import type { ProtoField, ProtoMessage, ProtoType } from "./proto.ts";
import { isPackable, wireOf } from "./scalars.ts";
import { shapeOf } from "./types.ts";

type Members = Map<string, Value>;

/** The messages of a type. */
export class ProtobufMessages implements MessageType {
  readonly readsOthers = true;
  readonly #cursor = new Cursor();

  constructor(private readonly type: ProtoMessage, private readonly source: SchemaSource) {}

  read(bytes: Uint8Array, start: number, end: number, valueStart: number): Value {
    const cursor = this.#cursor;
    try {
      cursor.set(bytes, start, end);
      return readInto(empty(this.type), this.type, cursor, 0, "");
    } catch (error) {
      throw error instanceof Malformed ? error.explain(valueStart, this.source) : error;
    }
  }

  write(value: unknown, from: Written): Uint8Array {
    return written(this.type, value, from, "", 0);
  }

  mapFields(value: Value, visit: VisitField): Value {
    return mapped(this.type, value as Members, "", visit);
  }

  toJson(value: Value): unknown {
    return jsonOf(this.type, value);
  }
}

/** A message without fields set. */
function empty({ fields }: ProtoMessage): Members {
  return new Map(fields.map((field) => [field.name, unset(field)]));
}

function unset({ label, type }: ProtoField): Value {
  if (label === "repeated") return [];
  if (label === "map") return new Map();
  return label === "implicit" && type.kind !== "message" ? defaultOf(type) : null;
}

function readInto(into: Members, type: ProtoMessage, cursor: Cursor, group: number, path: string): Members {
  cursor.enter(path);
  const known = fieldsOf(type).byNumber;
  while (cursor.position < cursor.end) {
    const tag = cursor.tag(path);
    if ((tag & 7) === GROUP_END && tag >>> 3 === group) {
      cursor.leave();
      return into;
    }
    const field = known.get(tag >>> 3);
    if (field) readField(into, field, tag & 7, cursor, below(path, field.name));
    else cursor.skip(tag, path);
  }
  if (group > 0) cursor.unended(group, path);
  cursor.leave();
  return into;
}

function readField(into: Members, field: ProtoField, wire: number, cursor: Cursor, path: string): void {
  const { name, label, type, oneof } = field;
  if (label === "map") {
    const [key, value] = entry(field, wire, cursor, path);
    return void (into.get(name) as Members).set(key, value);
  }
  const list = label === "repeated" ? into.get(name) as Value[] : null;
  if (type.kind !== "message" && list && wire === SIZED && isPackable(type)) {
    const end = cursor.length(path) + cursor.position;
    const outer = cursor.end;
    cursor.end = end;
    while (cursor.position < end) list.push(readScalar(type, cursor, path));
    cursor.end = outer;
    return;
  }
  const before = into.get(name) ?? null;
  const value = readValue(field, list ? null : before, wire, cursor, path);
  if (list) return void list.push(value);
  if (oneof !== null) {
    for (const other of fieldsOf(field).siblings) if (other !== name) into.set(other, null);
  }
  into.set(name, value);
}

function entry(field: ProtoField, wire: number, cursor: Cursor, path: string): [string, Value] {
  const keyType = { kind: "scalar", scalar: field.key! } as const;
  let key = defaultOf(keyType);
  let value: Value = null;
  nested(cursor, wire, 0, path, () => {
    while (cursor.position < cursor.end) {
      const tag = cursor.tag(path);
      if (tag >>> 3 === 1 && (tag & 7) === wireOf(keyType)) key = readScalar(keyType, cursor, path);
      else if (tag >>> 3 === 2) value = readValue({ ...field, isGroup: false }, value, tag & 7, cursor, path);
      else cursor.skip(tag, path);
    }
  });
  // A value that is not there is the default, or a message without fields set.
  return [
    String(key),
    value ?? (field.type.kind === "message" ? held(field, empty(field.type)) : defaultOf(field.type)),
  ];
}

function readValue(field: ProtoField, before: Value, wire: number, cursor: Cursor, path: string): Value {
  const { type, isGroup, number } = field;
  if (type.kind !== "message") {
    if (wire !== wireOf(type)) cursor.wrongWire(wire, wireOf(type), path);
    return readScalar(type, cursor, path);
  }
  // "The parser merges multiple instances of the same field."
  if (before === null) cursor.leaveOut(type.fields.length, path);
  const into = before === null ? empty(type) : new Map(unheld(field, before));
  nested(cursor, wire, isGroup ? number : 0, path, (group) => readInto(into, type, cursor, group, path));
  return held(field, into);
}

function nested(cursor: Cursor, wire: number, group: number, path: string, read: (group: number) => void): void {
  const own = group > 0 ? GROUP : SIZED;
  if (wire !== own) cursor.wrongWire(wire, own, path);
  if (group > 0) return read(group);
  const size = cursor.length(path);
  const { end } = cursor;
  cursor.end = cursor.position + size;
  read(0);
  cursor.end = end;
}

/** What stands for a message: of a wrapper its value, of a time a `Moment`. */
function held(field: ProtoField, members: Members): Value {
  const shape = shapeOf(field.type as ProtoMessage, field);
  if (shape.as === "wrapper") return members.get(shape.field.name)!;
  if (shape.as !== "timestamp" && shape.as !== "duration") return members;
  const type = shape.as === "timestamp" ? "google.protobuf.Timestamp" : "google.protobuf.Duration";
  return new Moment(type, (members.get("seconds") ?? 0n) as bigint, (members.get("nanos") ?? 0n) as bigint);
}

function unheld(field: ProtoField, value: Value): Members {
  const shape = shapeOf(field.type as ProtoMessage, field);
  return shape.as === "wrapper" ? new Map([[shape.field.name, value]]) : value as Members;
}

function written(type: ProtoMessage, value: unknown, from: Written, path: string, depth: number): Uint8Array {
  const members = membersOf(value);
  if (members === null) throw new Unfit(path, `is ${shown(value)}, expected a message ${type.name}`);
  if (depth > LEVELS_MAX) throw new Unfit(path, `has more than ${LEVELS_MAX} levels`);
  const { names } = fieldsOf(type);
  for (const name of members.keys()) {
    if (!names.has(name)) throw new Unfit(below(path, name), `is no field of ${type.name}`);
  }
  const out = new ByteWriter();
  const chosen = new Map<string, string>();
  for (const field of type.fields) {
    const at = below(path, field.name);
    const member = members.get(field.name) ?? members.get(jsonName(field.name)) ?? null;
    if (member === null) {
      if (field.label === "required") throw new Unfit(at, "is missing, and required");
      continue;
    }
    if (field.oneof !== null) {
      const other = chosen.get(field.oneof);
      if (other !== undefined) throw new Unfit(at, `is set beside "${other}", and of "${field.oneof}" only one can be`);
      chosen.set(field.oneof, field.name);
    }
    writeField(out, field, member, from, at, depth);
  }
  return out.finish();
}

function writeField(
  out: ByteWriter,
  field: ProtoField,
  value: unknown,
  from: Written,
  path: string,
  depth: number,
): void {
  const { label, number, key } = field;
  if (label === "repeated") {
    if (!Array.isArray(value)) throw new Unfit(path, `is ${shown(value)}, expected a list`);
    for (const item of value) writeValue(out, field, item, from, `${path}[]`, depth);
  } else if (label === "map") {
    const members = membersOf(value);
    if (members === null) throw new Unfit(path, `is ${shown(value)}, expected a map`);
    for (const [name, each] of members) {
      const inner = new ByteWriter();
      // Keys are text in JSON, whatever their type.
      writeTagged(inner, 1, { kind: "scalar", scalar: key! }, name, "json", path);
      writeValue(inner, { ...field, number: 2, isGroup: false }, each, from, `${path}{}`, depth);
      sized(out, number, inner.finish());
    }
  } else writeValue(out, field, value, from, path, depth);
}

function writeValue(
  out: ByteWriter,
  field: ProtoField,
  value: unknown,
  from: Written,
  path: string,
  depth: number,
): void {
  const { type, number, isGroup } = field;
  if (type.kind !== "message") return writeTagged(out, number, type, value, from, path);
  const shape = shapeOf(type, field);
  const isMoment = shape.as === "timestamp" || shape.as === "duration";
  const members = isMoment && from === "json" && typeof value === "string"
    ? fromJsonMoment(value, shape.as, path)
    : shape.as === "wrapper" && membersOf(value) === null
    ? new Map([[shape.field.name, value]])
    : value;
  const bytes = written(type, members, from, path, depth + 1);
  if (!isGroup) return sized(out, number, bytes);
  out.varint(BigInt(number) << 3n | BigInt(GROUP));
  out.bytes(bytes);
  out.varint(BigInt(number) << 3n | BigInt(GROUP_END));
}

function writeTagged(
  out: ByteWriter,
  number: number,
  type: Exclude<ProtoType, ProtoMessage>,
  value: unknown,
  from: Written,
  path: string,
): void {
  out.varint(BigInt(number) << 3n | BigInt(wireOf(type)));
  writeScalar(out, type, value, from, path);
}

function sized(out: ByteWriter, number: number, bytes: Uint8Array): void {
  out.varint(BigInt(number) << 3n | BigInt(SIZED));
  out.varint(BigInt(bytes.length));
  out.bytes(bytes);
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  bool: "BOOLEAN",
  string: "STRING",
  bytes: "BYTES",
  float: "FLOAT",
  double: "DOUBLE",
};

function mapped(type: ProtoMessage, message: Members, path: string, visit: VisitField): Value {
  let out: Members | null = null;
  for (const field of type.fields) {
    const { name, tags = [], label } = field;
    const at = below(path, name);
    const value = message.get(name) ?? null;
    // As with Confluent's clients, maps have no fields.
    if (value === null || label === "map") continue;
    const typeName = field.type.kind === "scalar"
      ? TYPE_NAMES[field.type.scalar] ?? (field.type.scalar.endsWith("32") ? "INT" : "LONG")
      : null;
    const place = {
      typeName: typeName ?? "",
      fullName: `${type.name}.${name}`,
      name,
      inlineTags: tags,
      message,
      path: at,
    };
    const one = (each: Value): Value => {
      if (field.type.kind !== "message") {
        const result = typeName === null ? undefined : visit(place, each);
        return result === undefined ? each : result;
      }
      return shapeOf(field.type, field).as === "struct" ? mapped(field.type, each as Members, at, visit) : each;
    };
    const items = label === "repeated" ? (value as readonly Value[]).map(one) : null;
    const changed = items === null
      ? one(value)
      : items.some((item, i) => !Object.is(item, (value as readonly Value[])[i]))
      ? items
      : value;
    if (!Object.is(changed, value)) (out ??= new Map(message)).set(name, changed);
  }
  return out ?? message;
}

/** The JSON mapping: what is unset, or a default without presence, is left out. */
function jsonOf(type: ProtoMessage, value: Value): unknown {
  const members = value as Members;
  return Object.fromEntries(type.fields.flatMap((field): [string, unknown][] => {
    const each = members.get(field.name) ?? null;
    if (each === null || isDefault(field, each)) return [];
    const json = Array.isArray(each)
      ? each.map((item) => jsonValue(field, item))
      : field.label === "map"
      ? Object.fromEntries([...each as Members].map(([key, item]) => [key, jsonValue(field, item)]))
      : jsonValue(field, each);
    return [[jsonName(field.name), json]];
  }));
}

function isDefault({ label, type }: ProtoField, value: Value): boolean {
  if (label === "repeated") return (value as readonly Value[]).length === 0;
  if (label === "map") return (value as Members).size === 0;
  if (label !== "implicit" || type.kind === "message") return false;
  return value instanceof Uint8Array ? value.length === 0 : Object.is(value, defaultOf(type));
}

function jsonValue(field: ProtoField, value: Value): unknown {
  const { type } = field;
  if (type.kind !== "message" || value instanceof Moment) return jsonScalar(type, value);
  const shape = shapeOf(type, field);
  return shape.as === "wrapper" ? jsonScalar(shape.field.type, value) : jsonOf(type, value);
}

interface Known {
  readonly byNumber: ReadonlyMap<number, ProtoField>;
  /** As they are declared, and as JSON writes them. */
  readonly names: ReadonlySet<string>;
  /** Of a field: the members of its oneof. */
  readonly siblings: readonly string[];
}

const KNOWN = new WeakMap<ProtoMessage | ProtoField, Known>();

function fieldsOf(of: ProtoMessage | ProtoField): Known {
  let known = KNOWN.get(of);
  if (known) return known;
  const fields = "fields" in of ? of.fields : [];
  known = {
    byNumber: new Map(fields.map((field) => [field.number, field])),
    names: new Set(fields.flatMap(({ name }) => [name, jsonName(name)])),
    siblings: [],
  };
  KNOWN.set(of, known);
  for (const field of fields) {
    const siblings = fields.filter(({ oneof }) => oneof !== null && oneof === field.oneof).map(({ name }) => name);
    KNOWN.set(field, { ...known, siblings });
  }
  return known;
}
