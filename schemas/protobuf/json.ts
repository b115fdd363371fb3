/**
 * Messages as JSON text: Struct, Value, ListValue and Any, and whatever `columns.json` names, recursive types included. The
 * text is by the rules of `jsonText`; fields keep their names and order. Objects are made here, unlike everywhere else.
 *
 * @module
 */
import { jsonText } from "../../mod.ts";
import type { BytesColumn } from "../../mod.ts";
import { type Cursor, eachField, FIXED32, FIXED64, readNested, SIZED } from "./cursor.ts";
import type { Entry } from "./fields.ts";
import type { ProtoField, ProtoMessage, ProtoSchema, ScalarKind } from "./proto.ts";
import { isPackable, type Plain, wireOf } from "./scalars.ts";
import { below } from "../rows.ts";
import { itemPath, shapeOf } from "./types.ts";
import { Decimal, Moment } from "./well_known.ts";

/** A value being read. */
interface Reading {
  merge(cursor: Cursor, group: number): void;
  text(cursor: Cursor): string;
}

/** A message as an entry of a column of JSON text. */
export class JsonEntry implements Entry {
  private reading!: Reading;

  constructor(
    private readonly column: BytesColumn,
    private readonly field: ProtoField,
    private readonly schema: ProtoSchema,
    private readonly path: string,
  ) {}

  begin(): void {
    this.reading = readingOf(this.field, this.schema, this.path);
  }
  merge(cursor: Cursor, group: number): void {
    this.reading.merge(cursor, group);
  }
  finish(cursor: Cursor): void {
    this.column.appendString(this.reading.text(cursor));
  }
}

/** A field of any label as JSON text, for one message. */
export class JsonField {
  /** Of a single value; null: none came. */
  private value: string | Reading | null = null;
  private readonly items: string[] = [];
  /** By the text of the key, in the order of first occurrences. */
  private readonly entries = new Map<string, string>();

  constructor(readonly field: ProtoField, private readonly schema: ProtoSchema, private readonly path: string) {}

  /** Reads a value behind its tag. */
  read(cursor: Cursor, wire: number): void {
    const { field, path } = this;
    switch (field.label) {
      case "repeated":
        return this.readItems(cursor, wire);
      case "map": {
        const entry = new JsonMapEntry(field, this.schema, path);
        readNested(cursor, wire, entry, 0, path);
        return void this.entries.set(entry.key, entry.text(cursor));
      }
    }
    if (field.type.kind !== "message") {
      checkWire(cursor, wire, field.type, path);
      this.value = plainText(field.type, cursor, path);
      return;
    }
    this.value ??= readingOf(field, this.schema, path);
    readNested(cursor, wire, this.value as Reading, field.isGroup ? field.number : 0, path);
  }

  text(cursor: Cursor): string {
    const { field, value, path } = this;
    switch (field.label) {
      case "repeated":
        return `[${this.items.join(",")}]`;
      case "map": {
        const isText = field.key === "string";
        const entries = [...this.entries].map(([key, value]) => isText ? `${key}:${value}` : `[${key},${value}]`);
        return isText ? `{${entries.join(",")}}` : `[${entries.join(",")}]`;
      }
    }
    if (value !== null) return typeof value === "string" ? value : value.text(cursor);
    if (field.label === "required") missing(cursor, path);
    return field.label === "implicit" ? defaultText(field.type as Plain) : "null";
  }

  private readItems(cursor: Cursor, wire: number): void {
    const { field, schema, path, items } = this;
    const { type } = field;
    if (type.kind === "message") {
      const item = readingOf(field, schema, itemPath(path, "repeated"));
      readNested(cursor, wire, item, field.isGroup ? field.number : 0, path);
      items.push(item.text(cursor));
    } else if (wire === SIZED && isPackable(type)) {
      const size = cursor.length(path);
      const { end } = cursor;
      cursor.end = cursor.position + size;
      while (cursor.position < cursor.end) items.push(plainText(type, cursor, path));
      cursor.end = end;
    } else {
      checkWire(cursor, wire, type, path);
      items.push(plainText(type, cursor, path));
    }
  }
}

/** Refuses a message without a required field. */
export function missing(cursor: Cursor, path: string): never {
  return cursor.fail("missing required field", "the message ends without this field, which is required", path);
}

/** What reads messages where `field` has them. */
function readingOf(field: ProtoField, schema: ProtoSchema, path: string): Reading {
  return messageReading(field.type as ProtoMessage, field, schema, path);
}

function messageReading(
  type: ProtoMessage,
  field: Pick<ProtoField, "params">,
  schema: ProtoSchema,
  path: string,
): Reading {
  const shape = shapeOf(type, field);
  switch (shape.as) {
    case "timestamp":
    case "duration":
      return new JsonMoment(shape.as === "duration", path);
    case "decimal":
      return new JsonDecimal(shape, path);
    case "json":
      if (type.name.endsWith(".Any")) return new JsonAny(schema, path);
  }
  return new JsonMessage(type, schema, path, shape.as);
}

/** The number of `null_value` in a Value. */
const NULL_VALUE = 1;

class JsonMessage implements Reading {
  private readonly fields = new Map<number, JsonField>();

  constructor(
    private readonly type: ProtoMessage,
    private readonly schema: ProtoSchema,
    private readonly path: string,
    private readonly shape: string,
  ) {}

  merge(cursor: Cursor, group: number): void {
    const { path, fields } = this;
    cursor.enter(path);
    eachField(cursor, group, path, (number, wire) => {
      const field = this.type.fields.find((field) => field.number === number);
      if (!field) return false;
      if (field.oneof !== null) {
        for (const [other, { field: { oneof } }] of fields) {
          if (oneof === field.oneof && other !== number) fields.delete(other);
        }
      }
      let reading = fields.get(number);
      if (!reading) fields.set(number, reading = this.reading(field));
      reading.read(cursor, wire);
      return true;
    });
    cursor.leave();
  }

  text(cursor: Cursor): string {
    const { type, fields, shape } = this;
    if (shape === "presence") return "true";
    if (type.name === "google.protobuf.Value") {
      const [kind] = fields.values();
      return !kind || kind.field.number === NULL_VALUE ? "null" : kind.text(cursor);
    }
    // Counted here too: an Any reads what is in it at this depth.
    cursor.enter(this.path);
    cursor.leaveOut(type.fields.length - fields.size, this.path);
    const texts = type.fields.map((field) => (fields.get(field.number) ?? this.reading(field)).text(cursor));
    cursor.leave();
    // A wrapper's, Struct's and ListValue's only field is what they are.
    if (shape !== "struct") return texts[0];
    return `{${type.fields.map(({ name }, i) => `${jsonText.string(name)}:${texts[i]}`).join(",")}}`;
  }

  private reading(field: ProtoField): JsonField {
    const isValue = this.shape !== "struct";
    return new JsonField(field, this.schema, isValue ? this.path : below(this.path, field.name));
  }
}

/** An entry of a map: a message of key and value. */
class JsonMapEntry implements Reading {
  key: string;
  private value: string | Reading | null = null;

  constructor(private readonly field: ProtoField, private readonly schema: ProtoSchema, private readonly path: string) {
    this.key = defaultText({ kind: "scalar", scalar: field.key! });
  }

  merge(cursor: Cursor, group: number): void {
    const { field, schema } = this;
    const { type } = field;
    const path = itemPath(this.path, "map");
    eachField(cursor, group, path, (number, wire) => {
      if (number > 2) return false;
      const plain: Plain | null = number === 1
        ? { kind: "scalar", scalar: field.key! }
        : type.kind === "message"
        ? null
        : type;
      if (plain === null) {
        this.value ??= readingOf(field, schema, path);
        readNested(cursor, wire, this.value as Reading, 0, path);
        return true;
      }
      checkWire(cursor, wire, plain, path);
      const text = plainText(plain, cursor, path);
      if (number === 1) this.key = text;
      else this.value = text;
      return true;
    });
  }

  text(cursor: Cursor): string {
    const { field: { type }, value } = this;
    if (typeof value === "string") return value;
    if (type.kind !== "message") return defaultText(type);
    return (value ?? readingOf(this.field, this.schema, itemPath(this.path, "map"))).text(cursor);
  }
}

class JsonMoment extends Moment implements Reading {
  constructor(private readonly isLength: boolean, path: string) {
    super(isLength, path);
  }
  text(cursor: Cursor): string {
    this.check(cursor);
    const micros = BigInt(this.seconds) * 1_000_000n + BigInt(Math.trunc(this.nanos / 1000));
    return this.isLength ? String(micros) : jsonText.timestamp(micros, true);
  }
}

class JsonDecimal extends Decimal implements Reading {
  constructor(private readonly shape: { readonly precision: number; readonly scale: number }, path: string) {
    super(shape, path);
  }
  text(cursor: Cursor): string {
    return jsonText.decimal(this.unscaled(cursor), this.shape.scale);
  }
}

/** An Any: `{"@type": ..., its fields}`; what is no object, or of a type that the schema does not know: `"value"`. */
class JsonAny implements Reading {
  private typeUrl = "";
  private start = 0;
  private end = 0;

  constructor(private readonly schema: ProtoSchema, private readonly path: string) {}

  merge(cursor: Cursor, group: number): void {
    const { path } = this;
    eachField(cursor, group, path, (number, wire) => {
      if (number > 2) return false;
      if (wire !== SIZED) cursor.wrongWire(wire, SIZED, path);
      const start = cursor.take(cursor.length(path), path);
      if (number === 1) {
        cursor.checkUtf8(start, cursor.position, path);
        this.typeUrl = TEXT.decode(cursor.bytes.subarray(start, cursor.position));
      } else {
        this.start = start;
        this.end = cursor.position;
      }
      return true;
    });
  }

  text(cursor: Cursor): string {
    const { typeUrl, start, end, path } = this;
    const name = typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
    const head = `{"@type":${jsonText.string(typeUrl)}`;
    const type = name === "" ? null : this.schema.messageNamed(name);
    if (!type) return `${head},"value":${jsonText.bytes(cursor.bytes.subarray(start, end))}}`;
    cursor.enter(path);
    const reading = messageReading(type, { params: {} }, this.schema, path);
    const { position, end: outer } = cursor;
    cursor.position = start;
    cursor.end = end;
    reading.merge(cursor, 0);
    const text = reading.text(cursor);
    cursor.position = position;
    cursor.end = outer;
    cursor.leave();
    const { as } = shapeOf(type, { params: {} });
    if (as === "presence") return `${head}}`;
    return as === "struct" ? `${head},${text.slice(1)}` : `${head},"value":${text}}`;
  }
}

const TEXT = new TextDecoder("utf-8", { ignoreBOM: true });

function checkWire(cursor: Cursor, wire: number, type: Plain, path: string): void {
  if (wire !== wireOf(type)) cursor.wrongWire(wire, wireOf(type), path);
}

function plainText(type: Plain, cursor: Cursor, path: string): string {
  if (type.kind === "enum") {
    const number = cursor.int32(path);
    return jsonText.string(type.names.get(number) ?? String(number));
  }
  const { scalar } = type;
  switch (scalar) {
    case "string":
    case "bytes": {
      const start = cursor.take(cursor.length(path), path);
      if (scalar === "string") cursor.checkUtf8(start, cursor.position, path);
      const bytes = cursor.bytes.subarray(start, cursor.position);
      return scalar === "string" ? jsonText.string(TEXT.decode(bytes)) : jsonText.bytes(bytes);
    }
    case "float":
      return jsonText.float(cursor.view.getFloat32(cursor.take(4, path), true));
    case "double":
      return jsonText.number(cursor.view.getFloat64(cursor.take(8, path), true));
    default:
      return integerText(scalar, cursor, path);
  }
}

function integerText(scalar: ScalarKind, cursor: Cursor, path: string): string {
  switch (wireOf({ kind: "scalar", scalar })) {
    case FIXED32: {
      const at = cursor.take(4, path);
      return String(scalar === "fixed32" ? cursor.view.getUint32(at, true) : cursor.view.getInt32(at, true));
    }
    case FIXED64: {
      const at = cursor.take(8, path);
      return String(scalar === "fixed64" ? cursor.view.getBigUint64(at, true) : cursor.view.getBigInt64(at, true));
    }
  }
  switch (scalar) {
    case "int32":
      return String(cursor.int32(path));
    case "uint32":
      return String(cursor.uint32(path) >>> 0);
    case "sint32": {
      const bits = cursor.uint32(path);
      return String((bits >>> 1) ^ -(bits & 1));
    }
  }
  cursor.varint(path);
  if (scalar === "bool") return String((cursor.low | cursor.high) !== 0);
  if (scalar === "sint64") cursor.unzigzag();
  const value = (BigInt(cursor.high) << 32n) | BigInt(cursor.low >>> 0);
  return String(scalar === "uint64" ? BigInt.asUintN(64, value) : value);
}

function defaultText(type: Plain): string {
  if (type.kind === "enum") return jsonText.string(type.names.get(0) ?? "0");
  if (type.scalar === "bool") return "false";
  return type.scalar === "string" || type.scalar === "bytes" ? '""' : "0";
}
