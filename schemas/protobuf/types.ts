/**
 * Protobuf types to the framework's column types, and the table that the READMEs print.
 *
 * @module
 */
import type { DataType, Field } from "apache-arrow";
import { DataError, jsonText, types } from "../../mod.ts";
import { below, namesakeIn } from "../rows.ts";
import type { ProtoField, ProtoMessage, ProtoType, ScalarKind } from "./proto.ts";

/** Protobuf type -> column type, as the READMEs print it. */
export const MAPPING: readonly { readonly protobuf: string; readonly column: string }[] = [
  { protobuf: "bool", column: "boolean" },
  { protobuf: "int32, sint32, sfixed32", column: "integer" },
  { protobuf: "int64, sint64, sfixed64", column: "long" },
  { protobuf: "uint32, fixed32", column: "long" },
  { protobuf: "uint64, fixed64", column: "decimal(20,0)" },
  { protobuf: "float, double", column: "float, double" },
  { protobuf: "string", column: "string" },
  { protobuf: "bytes", column: "binary" },
  { protobuf: "enum", column: "string: the value's name; a number that the schema does not name: its digits" },
  { protobuf: "message, group", column: "struct, nullable; at the top: a column a field" },
  { protobuf: "message without fields, Empty", column: "boolean, nullable: true where it is set" },
  { protobuf: "repeated", column: "list, never null" },
  { protobuf: "map", column: "map, never null; of a key that repeats the last value" },
  { protobuf: "oneof", column: "one nullable column a member" },
  { protobuf: "proto3 field without `optional`", column: "not nullable; the type's default where it is unset" },
  {
    protobuf: "optional, proto2 and editions",
    column: "nullable; null where it is unset, also if a default is declared",
  },
  { protobuf: "required", column: "not nullable; a record without it is rejected" },
  { protobuf: "google.protobuf.Timestamp", column: "timestamp; nanoseconds are cut to microseconds" },
  { protobuf: "google.protobuf.Duration", column: "long: µs; nanoseconds are cut to microseconds" },
  { protobuf: "google.protobuf.*Value (wrappers)", column: "the column of what they wrap, nullable" },
  { protobuf: "google.protobuf.Struct, Value, ListValue", column: "string: JSON text" },
  { protobuf: "google.protobuf.Any", column: "string: JSON text, `@type` and the fields; of an unknown type: base64" },
  {
    protobuf: "confluent.type.Decimal",
    column: "decimal of the `precision` and `scale` in the field's `confluent.field_meta`, up to 38; without: struct",
  },
  { protobuf: "recursive types", column: "refused, with the field's path; JSON text where `columns.json` names it" },
  { protobuf: "extensions, unknown fields", column: "skipped" },
];

/** The most columns, nested ones counted: types that use each other can multiply without end. */
const COLUMNS_MAX = 10_000;
const NESTING_MAX = 100;
/** Digits of the largest uint64. */
const UINT64_DIGITS = 20;

/** How messages of a type are held. */
export type MessageShape =
  | { readonly as: "struct" | "presence" | "timestamp" | "duration" | "json" }
  /** What it wraps is its only field. */
  | { readonly as: "wrapper"; readonly field: ProtoField }
  | { readonly as: "decimal"; readonly precision: number; readonly scale: number };

const GOOGLE = "google.protobuf.";
const WRAPPERS = ["Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes"]
  .map((name) => `${GOOGLE}${name}Value`);
const JSON_TYPES = ["Struct", "Value", "ListValue", "Any"].map((name) => GOOGLE + name);

/** How messages of the type are held where `field` has them. */
export function shapeOf(type: ProtoMessage, { params }: Pick<ProtoField, "params">): MessageShape {
  const { name, fields } = type;
  if (JSON_TYPES.includes(name)) return { as: "json" };
  if (name === `${GOOGLE}Timestamp`) return { as: "timestamp" };
  if (name === `${GOOGLE}Duration`) return { as: "duration" };
  if (WRAPPERS.includes(name) && fields.length === 1) return { as: "wrapper", field: fields[0] };
  if (name === "confluent.type.Decimal") {
    const [precision, scale] = [params.precision, params.scale].map((text) => /^\d+$/.test(text ?? "") ? +text : NaN);
    if (precision >= 1 && precision <= 38 && scale <= precision) return { as: "decimal", precision, scale };
  }
  return { as: fields.length === 0 ? "presence" : "struct" };
}

/** Whether the field's column is JSON text as a whole; what has no messages in it the framework turns into text. */
export function isJsonField(field: ProtoField, path: string, jsonPaths: ReadonlySet<string>): boolean {
  return field.type.kind === "message" && jsonPaths.has(path);
}

/** The top-level fields of a message's rows; throws DataError with the path of what no column can hold. */
export function rowFields(type: ProtoMessage, jsonPaths: ReadonlySet<string>): Field[] {
  return new Mapping(jsonPaths).fields(type, "");
}

/** The path of a list's elements or a map's values. */
export function itemPath(path: string, label: "repeated" | "map"): string {
  return path + (label === "map" ? "{}" : "[]");
}

class Mapping {
  private columns = 0;
  private readonly within: ProtoMessage[] = [];

  constructor(private readonly jsonPaths: ReadonlySet<string>) {}

  fields(message: ProtoMessage, path: string): Field[] {
    if (this.within.includes(message)) {
      refuse("recursive schema", path, `"${message.name}" contains itself, which no column can hold`);
    }
    this.within.push(message);
    if (this.within.length > NESTING_MAX) {
      refuse("nested too deeply", path, `the schema has more than ${NESTING_MAX} levels`);
    }
    const fields = message.fields.map((field) => this.field(field, below(path, field.name)));
    this.within.pop();
    checkNames(fields.map(({ name }) => name), path);
    return fields;
  }

  private field(field: ProtoField, path: string): Field {
    const { name, label } = field;
    const nullable = label === "optional";
    if (isJsonField(field, path, this.jsonPaths)) return types.jsonField(name, nullable);
    if (label !== "repeated" && label !== "map") return this.value(name, field, nullable, path);
    const item = this.value("item", field, false, itemPath(path, label));
    return types.field(
      name,
      label === "map" ? types.map(scalarColumn(field.key!), item) : types.list(item),
      nullable,
    );
  }

  /** A value, element or map's value. */
  private value(name: string, field: ProtoField, nullable: boolean, path: string): Field {
    if (++this.columns > COLUMNS_MAX) {
      refuse("too many columns", path, `the schema has more than ${COLUMNS_MAX} columns`);
    }
    const { type } = field;
    if (type.kind !== "message") return types.field(name, plainColumn(type), nullable);
    const shape = shapeOf(type, field);
    if (shape.as === "json" || this.jsonPaths.has(path)) return types.jsonField(name, nullable);
    return types.field(name, this.message(type, shape, path), nullable);
  }

  private message(type: ProtoMessage, shape: MessageShape, path: string): DataType {
    switch (shape.as) {
      case "presence":
        return types.boolean();
      case "timestamp":
        return types.timestamp();
      case "duration":
        return types.int64();
      case "wrapper":
        return plainColumn(shape.field.type);
      case "decimal":
        return types.decimal(shape.precision, shape.scale);
      case "json":
        return types.utf8();
      case "struct":
        return types.struct(this.fields(type, path));
    }
  }
}

function plainColumn(type: ProtoType): DataType {
  return type.kind === "scalar" ? scalarColumn(type.scalar) : types.utf8();
}

function scalarColumn(scalar: ScalarKind): DataType {
  switch (scalar) {
    case "bool":
      return types.boolean();
    case "int32":
    case "sint32":
    case "sfixed32":
      return types.int32();
    case "uint32":
    case "fixed32":
    case "int64":
    case "sint64":
    case "sfixed64":
      return types.int64();
    case "uint64":
    case "fixed64":
      return types.decimal(UINT64_DIGITS, 0);
    case "float":
      return types.float32();
    case "double":
      return types.float64();
    case "string":
      return types.utf8();
    case "bytes":
      return types.binary();
  }
}

function checkNames(names: readonly string[], path: string): void {
  const same = namesakeIn(names);
  if (same === null) return;
  const why = `"${same.other}" and "${same.name}" differ in case only or not at all`;
  refuse("ambiguous names", below(path, same.name), why, false);
}

function refuse(reason: string, path: string, why: string, isHeldAsJson = true): never {
  const how = isHeldAsJson && path !== "" ? `; ${jsonText.hint(path)}` : "";
  throw new DataError(`Cannot make columns of "${path}": ${why}${how}`, { reason, fieldPath: path });
}
