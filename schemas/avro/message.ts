/**
 * Avro's values as rules see them, read and written as the specification encodes them. Logical types are the types that
 * they stand on, as with Confluent's deserializers.
 *
 * @module
 */
import { Malformed } from "../malformed.ts";
import { below } from "../rows.ts";
import type { SchemaSource } from "../registered.ts";
import { ByteWriter } from "../rules/byte_writer.ts";
import {
  booleanOf,
  Branch,
  doubleOf,
  Exact,
  type FieldPlace,
  floatOf,
  integerOf,
  jsonInteger,
  LEVELS_MAX,
  membersOf,
  type MessageType,
  shown,
  textOf,
  Unfit,
  type Value,
  type VisitField,
  type Written,
} from "../rules/values.ts";
import { invalidUtf8 } from "../utf8.ts";
import { Cursor } from "./cursor.ts";
import { encodeDefault } from "./defaults.ts";
import { bytesMin } from "./resolve.ts";
import type { AvroField, AvroRecord, AvroType, AvroUnion } from "./schema.ts";

const INT = [-(2n ** 31n), 2n ** 31n - 1n] as const;
const LONG = [-(2n ** 63n), 2n ** 63n - 1n] as const;
const TEXT = new TextDecoder("utf-8", { ignoreBOM: true });

/** The messages of a schema. */
export class AvroMessages implements MessageType {
  readonly readsOthers = false;
  readonly #cursor = new Cursor();
  readonly #out = new ByteWriter();

  constructor(private readonly type: AvroType, private readonly source: SchemaSource) {}

  read(bytes: Uint8Array, start: number, end: number, valueStart: number): Value {
    const cursor = this.#cursor;
    try {
      cursor.set(bytes, start, end);
      const value = read(this.type, cursor, "");
      if (cursor.position !== end) {
        cursor.fail("trailing bytes", `the value ends, but ${end - cursor.position} more bytes follow`, "");
      }
      return value;
    } catch (error) {
      throw error instanceof Malformed ? error.explain(valueStart, this.source) : error;
    }
  }

  write(value: unknown, from: Written): Uint8Array {
    try {
      new Writing(this.#out, from).value(this.type, value, "", 0);
    } catch (error) {
      this.#out.finish();
      throw error;
    }
    return this.#out.finish();
  }

  mapFields(value: Value, visit: VisitField): Value {
    return mapped(this.type, value, null, visit);
  }

  toJson(value: Value): unknown {
    return jsonOf(value);
  }
}

function read(type: AvroType, cursor: Cursor, path: string): Value {
  switch (type.kind) {
    case "null":
      return null;
    case "boolean":
      return cursor.boolean(path);
    case "int":
      return BigInt(cursor.int(path));
    case "long":
      cursor.long(path);
      return (BigInt(cursor.high) << 32n) | BigInt(cursor.low >>> 0);
    case "float":
      return cursor.view.getFloat32(cursor.take(4, path), true);
    case "double":
      return cursor.view.getFloat64(cursor.take(8, path), true);
    case "string":
      return text(cursor, path);
    case "bytes": {
      const length = cursor.length(path);
      return cursor.bytes.slice(cursor.position - length, cursor.position);
    }
    case "fixed": {
      const at = cursor.take(type.size, path);
      return cursor.bytes.slice(at, at + type.size);
    }
    case "enum":
      return type.symbols[cursor.index(type.symbols.length, "bad enum index", path)];
    case "union": {
      const index = cursor.index(type.branches.length, "bad union index", path);
      const branch = type.branches[index];
      const value = read(branch, cursor, path);
      return value === null || isNullable(type) ? value : new Branch(index, nameOf(branch), value);
    }
    case "record": {
      cursor.enter(path);
      const fields = type.fields.map(({ name, type }) => [name, read(type, cursor, below(path, name))] as const);
      cursor.leave();
      return new Map(fields);
    }
    case "array": {
      const items: Value[] = [];
      blocks(cursor, bytesMin(type.items), path, () => items.push(read(type.items, cursor, `${path}[]`)));
      return items;
    }
    case "map": {
      const entries = new Map<string, Value>();
      blocks(cursor, 1 + bytesMin(type.values), path, () => {
        const key = text(cursor, path);
        entries.set(key, read(type.values, cursor, `${path}{}`));
      });
      return entries;
    }
  }
}

function blocks(cursor: Cursor, itemBytesMin: number, path: string, item: () => void): void {
  cursor.enter(path);
  for (let count = cursor.block(itemBytesMin, path); count > 0; count = cursor.block(itemBytesMin, path)) {
    const { blockEnd } = cursor;
    for (let i = 0; i < count; i++) item();
    cursor.closeBlock(blockEnd, path);
  }
  cursor.leave();
}

function text(cursor: Cursor, path: string): string {
  const length = cursor.length(path);
  const start = cursor.position - length;
  if (invalidUtf8(cursor.bytes, start, cursor.position) >= 0) {
    cursor.fail("bad utf-8", `the string of ${length} bytes is not well-formed UTF-8`, path, start);
  }
  return TEXT.decode(cursor.bytes.subarray(start, cursor.position));
}

/** Whether a union is one of null and one other type: its values need no name. */
function isNullable({ branches }: AvroUnion): boolean {
  return branches.filter(({ kind }) => kind !== "null").length < 2;
}

/** A type's name in a union. */
function nameOf(type: AvroType): string {
  return "name" in type ? type.name : type.kind;
}

/** Writes a value, or something like one. */
class Writing {
  constructor(private readonly out: ByteWriter, private readonly from: Written) {}

  value(type: AvroType, given: unknown, path: string, depth: number): void {
    if (depth > LEVELS_MAX) throw new Unfit(path, `has more than ${LEVELS_MAX} levels`);
    const { out } = this;
    if (type.kind === "union") return this.#union(type, given, path, depth);
    const value = given instanceof Branch ? given.value : given;
    switch (type.kind) {
      case "null":
        if (value !== null && value !== undefined) throw new Unfit(path, `is ${shown(value)}, expected null`);
        return;
      case "boolean":
        return out.byte(booleanOf(value, path) ? 1 : 0);
      case "int":
        return out.zigzag(integerOf(value, ...INT, path));
      case "long":
        return out.zigzag(integerOf(value, ...LONG, path));
      case "float":
        return out.float(floatOf(value, path));
      case "double":
        return out.double(doubleOf(value, path));
      case "string":
        return this.#sized(ByteWriter.utf8(textOf(value, path)));
      case "bytes":
        return this.#sized(this.#bytes(value, path));
      case "fixed": {
        const bytes = this.#bytes(value, path);
        if (bytes.length !== type.size) throw new Unfit(path, `has ${bytes.length} bytes, expected ${type.size}`);
        return out.bytes(bytes);
      }
      case "enum": {
        const symbol = type.symbols.indexOf(textOf(value, path));
        const index = symbol < 0 && type.fallback !== undefined ? type.symbols.indexOf(type.fallback) : symbol;
        if (index < 0) throw new Unfit(path, `is ${shown(value)}, expected one of ${type.symbols}`);
        return out.zigzag(BigInt(index));
      }
      case "array":
        return this.#array(type.items, value, path, depth);
      case "map": {
        const members = membersOf(value);
        if (members === null) throw new Unfit(path, `is ${shown(value)}, expected a map`);
        if (members.size > 0) out.zigzag(BigInt(members.size));
        for (const [key, each] of members) {
          this.#sized(ByteWriter.utf8(key));
          this.value(type.values, each, `${path}{}`, depth + 1);
        }
        return out.byte(0);
      }
      case "record":
        return this.#record(type, value, path, depth);
    }
  }

  #array(items: AvroType, value: unknown, path: string, depth: number): void {
    if (!Array.isArray(value)) throw new Unfit(path, `is ${shown(value)}, expected a list`);
    if (value.length > 0) this.out.zigzag(BigInt(value.length));
    for (const item of value) this.value(items, item, `${path}[]`, depth + 1);
    this.out.byte(0);
  }

  #record({ fields, name }: AvroRecord, value: unknown, path: string, depth: number): void {
    const members = membersOf(value);
    if (members === null) throw new Unfit(path, `is ${shown(value)}, expected a record ${name}`);
    for (const field of fields) {
      const at = below(path, field.name);
      const known = [field.name, ...field.aliases].find((each) => members.has(each));
      const member = known === undefined ? undefined : members.get(known);
      if (member !== undefined) this.value(field.type, member, at, depth + 1);
      else this.#absent(field, at);
    }
  }

  #absent({ type, fallback }: AvroField, path: string): void {
    if (fallback === undefined) throw new Unfit(path, "is missing, and the schema has no default for it");
    this.out.bytes(encodeDefault(type, fallback, path));
  }

  #union({ branches }: AvroUnion, given: unknown, path: string, depth: number): void {
    let value = given;
    let index = -1;
    if (given instanceof Branch) {
      index = branches.findIndex((branch) => nameOf(branch) === given.name);
      value = given.value;
    } else if (this.from === "json") {
      const members = membersOf(given);
      const [name] = members?.keys() ?? [];
      const tagged = members?.size === 1 ? branches.findIndex((branch) => nameOf(branch) === name) : -1;
      const isTag = tagged >= 0 && !hasField(branches, name);
      if (isTag) {
        index = tagged;
        value = members!.get(name);
      }
    }
    if (index < 0) index = branches.findIndex((branch) => this.#accepts(branch, value));
    if (index < 0) {
      throw new Unfit(path, `is ${shown(value)}, expected one of ${branches.map(nameOf).join(", ")}`);
    }
    this.out.zigzag(BigInt(index));
    this.value(branches[index], value, path, depth + 1);
  }

  /** Whether a value may be of a type, by its own one: the first such branch is taken. */
  #accepts(type: AvroType, value: unknown): boolean {
    const isWhole = typeof value === "bigint" || value instanceof Exact ||
      (this.from === "json" && Number.isSafeInteger(value));
    switch (type.kind) {
      case "null":
        return value === null || value === undefined;
      case "boolean":
        return typeof value === "boolean";
      case "int":
        return isWhole && !(value instanceof Exact) &&
          BigInt.asIntN(32, BigInt(value as number)) === BigInt(value as number);
      case "long":
        return isWhole;
      case "float":
      case "double":
        return typeof value === "number" || typeof value === "bigint";
      case "string":
        return typeof value === "string";
      case "enum":
        return typeof value === "string" && type.symbols.includes(value);
      case "bytes":
        return value instanceof Uint8Array || (this.from === "json" && typeof value === "string");
      case "fixed":
        return (value instanceof Uint8Array || (this.from === "json" && typeof value === "string")) &&
          value.length === type.size;
      case "array":
        return Array.isArray(value);
      case "map":
        return membersOf(value) !== null;
      case "record": {
        const members = membersOf(value);
        return members !== null &&
          type.fields.every(({ name, aliases, fallback }) =>
            fallback !== undefined || members.has(name) || aliases.some((alias) => members.has(alias))
          );
      }
      case "union":
        return false;
    }
  }

  /** In JSON the code points 0 to 255 stand for bytes. */
  #bytes(value: unknown, path: string): Uint8Array {
    if (value instanceof Uint8Array) return value;
    if (this.from === "message" || typeof value !== "string") {
      throw new Unfit(path, `is ${shown(value)}, expected bytes`);
    }
    const codes = Array.from(value, (character) => character.codePointAt(0)!);
    if (codes.some((code) => code > 0xff)) throw new Unfit(path, "has characters that stand for no byte");
    return Uint8Array.from(codes);
  }

  #sized(bytes: Uint8Array): void {
    this.out.zigzag(BigInt(bytes.length));
    this.out.bytes(bytes);
  }
}

/** Whether a member of that name may be a record's own. */
function hasField(branches: readonly AvroType[], name: string): boolean {
  return branches.some((branch) => branch.kind === "record" && branch.fields.some((field) => field.name === name));
}

/** The field that a value is in. */
type Within = Omit<FieldPlace, "typeName">;

const PRIMITIVES = new Set(["string", "bytes", "int", "long", "float", "double", "boolean"]);

function mapped(type: AvroType, value: Value, within: Within | null, visit: VisitField): Value {
  if (value === null) return null;
  if (type.kind === "union") {
    if (value instanceof Branch) {
      const inner = mapped(type.branches[value.index], value.value, within, visit);
      return Object.is(inner, value.value) ? value : new Branch(value.index, value.name, inner);
    }
    return mapped(type.branches.find(({ kind }) => kind !== "null")!, value, within, visit);
  }
  if (type.kind === "record") {
    return mappedMembers(value as ReadonlyMap<string, Value>, (name, each) => {
      const field = type.fields.find((field) => field.name === name)!;
      return mapped(field.type, each, {
        fullName: `${type.name}.${name}`,
        name,
        inlineTags: field.tags ?? [],
        message: value,
        path: below(within?.path ?? "", name),
      }, visit);
    });
  }
  if (type.kind === "array") {
    const items = (value as readonly Value[]).map((item) => mapped(type.items, item, within, visit));
    return items.some((item, i) => !Object.is(item, (value as readonly Value[])[i])) ? items : value;
  }
  if (type.kind === "map") {
    return mappedMembers(value as ReadonlyMap<string, Value>, (_, each) => mapped(type.values, each, within, visit));
  }
  if (within === null || !PRIMITIVES.has(type.kind)) return value;
  const changed = visit({ ...within, typeName: type.kind.toUpperCase() }, value);
  return changed === undefined ? value : changed;
}

function mappedMembers(members: ReadonlyMap<string, Value>, map: (name: string, value: Value) => Value): Value {
  let out: Map<string, Value> | null = null;
  for (const [name, value] of members) {
    const changed = map(name, value);
    if (!Object.is(changed, value)) (out ??= new Map(members)).set(name, changed);
  }
  return out ?? members;
}

function jsonOf(value: Value): unknown {
  if (typeof value === "bigint") return jsonInteger(value);
  if (value instanceof Uint8Array) return Array.from(value, (byte) => String.fromCharCode(byte)).join("");
  if (value instanceof Branch) return Object.fromEntries([[value.name, jsonOf(value.value)]]);
  if (Array.isArray(value)) return value.map(jsonOf);
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, each]) => [name, jsonOf(each)]));
  return value;
}
