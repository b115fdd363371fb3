/**
 * Delta's schema JSON (Delta protocol, "Schema Serialization Format"): reading it, and the way to and from the
 * framework's column types (`runtime/api/types.ts`). `compare_schemas.ts` compares two of them.
 *
 * | column type | Delta | | column type | Delta |
 * |---|---|---|---|---|
 * | boolean | boolean | | string, binary | string, binary |
 * | byte, short, integer, long | the same | | date | date |
 * | float, double | the same | | timestamp | timestamp |
 * | decimal | decimal(p,s) | | local timestamp | timestamp_ntz |
 * | list, struct, map | array, struct, map | | | |
 *
 * @module
 */
import { type DataType, DateUnit, type Field, Precision, Schema, TimeUnit, Type } from "apache-arrow";
import { DataError, FatalError, types } from "../../../mod.ts";

/** A record of named fields: a table, or a column within it. */
export interface DeltaStruct {
  type: "struct";
  fields: DeltaField[];
}

/** A named column. */
export interface DeltaField {
  name: string;
  type: DeltaType;
  nullable: boolean;
  metadata: Record<string, unknown>;
}

/** A list. */
export interface DeltaArray {
  type: "array";
  elementType: DeltaType;
  containsNull: boolean;
}

/** A map; its keys are never null. */
export interface DeltaMap {
  type: "map";
  keyType: DeltaType;
  valueType: DeltaType;
  valueContainsNull: boolean;
}

/** A primitive by its name ("long", "decimal(10,2)"), or something nested. */
export type DeltaType = string | DeltaStruct | DeltaArray | DeltaMap;

/** Reads a `metaData.schemaString`. Throws FatalError with the path of what is wrong in it. */
export function parseDeltaSchema(json: string): DeltaStruct {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new FatalError(`Cannot read the table's schema: it is not JSON`, { cause });
  }
  const schema = parseType(value, "");
  if (typeof schema === "string" || schema.type !== "struct") throw malformed("", "a struct", value);
  return schema;
}

/** Whether some column, nested ones included, is a `timestamp_ntz`: the table then needs that feature. */
export function usesTimestampNtz(schema: DeltaStruct): boolean {
  return schema.fields.some(({ type }) => hasNtz(type));
}

/**
 * The Delta schema of columns. All fields are nullable: a created table never forbids nulls. Throws DataError for names
 * that Delta cannot hold without column mapping, names that differ by case alone, and structs without fields.
 */
export function arrowToDelta(schema: Schema): DeltaStruct {
  return { type: "struct", fields: fieldsToDelta(schema.fields, "") };
}

/** The columns of a table. Throws FatalError, with the path, for types that have no column type. */
export function deltaToArrow(struct: DeltaStruct): Schema {
  return new Schema(struct.fields.map((field) => fieldToArrow(field, "")));
}

/** A type on one line, for messages: `struct<a: long, b: array<string>>`. */
export function describeDeltaType(type: DeltaType): string {
  if (typeof type === "string") return type;
  switch (type.type) {
    case "struct":
      return `struct<${type.fields.map((field) => `${field.name}: ${describeDeltaType(field.type)}`).join(", ")}>`;
    case "array":
      return `array<${describeDeltaType(type.elementType)}>`;
    case "map":
      return `map<${describeDeltaType(type.keyType)}, ${describeDeltaType(type.valueType)}>`;
  }
}

/** The Delta type of a column type, for messages and schemas; `path` names the column in errors. */
export function arrowTypeToDelta(type: DataType, path: string): DeltaType {
  const children = (type.children ?? []) as Field[];
  switch (type.typeId) {
    case Type.Bool:
      return "boolean";
    case Type.Int: {
      const { bitWidth, isSigned } = type as unknown as { bitWidth: number; isSigned: boolean };
      if (isSigned) return { 8: "byte", 16: "short", 32: "integer", 64: "long" }[bitWidth]!;
      break;
    }
    case Type.Float: {
      const { precision } = type as unknown as { precision: Precision };
      if (precision === Precision.SINGLE) return "float";
      if (precision === Precision.DOUBLE) return "double";
      break;
    }
    case Type.Decimal: {
      const { precision, scale } = type as unknown as { precision: number; scale: number };
      return `decimal(${precision},${scale})`;
    }
    case Type.Utf8:
      return "string";
    case Type.Binary:
      return "binary";
    case Type.Date:
      if ((type as unknown as { unit: DateUnit }).unit === DateUnit.DAY) return "date";
      break;
    case Type.Timestamp: {
      const { unit, timezone } = type as unknown as { unit: TimeUnit; timezone: string | null };
      if (unit === TimeUnit.MICROSECOND) return timezone ? "timestamp" : "timestamp_ntz";
      break;
    }
    case Type.Struct:
      if (children.length === 0) {
        throw new DataError(`Cannot hold column "${path}" in a Delta table: it is a struct without fields`, {
          reason: "empty struct",
          fieldPath: path,
        });
      }
      return { type: "struct", fields: fieldsToDelta(children, path) };
    case Type.List:
      return { type: "array", elementType: arrowTypeToDelta(children[0].type, `${path}[]`), containsNull: true };
    case Type.Map: {
      const [key, value] = children[0].type.children as Field[];
      return {
        type: "map",
        keyType: arrowTypeToDelta(key.type, `${path}{key}`),
        valueType: arrowTypeToDelta(value.type, `${path}{}`),
        valueContainsNull: true,
      };
    }
  }
  throw new FatalError(
    `Cannot hold column "${path}" in a Delta table: ${type} is none of the framework's types (runtime/api/types.ts)`,
  );
}

// ---- reading

const DECIMAL = /^decimal\(\s*(\d+)\s*,\s*(-?\d+)\s*\)$/;

function parseType(value: unknown, path: string): DeltaType {
  if (typeof value === "string") {
    if (value === "decimal") return "decimal(10,0)";
    const decimal = DECIMAL.exec(value);
    return decimal ? `decimal(${Number(decimal[1])},${Number(decimal[2])})` : value;
  }
  if (!isObject(value)) throw malformed(path, "a type", value);
  switch (value.type) {
    case "struct": {
      if (!Array.isArray(value.fields)) throw malformed(path, "an array of fields", value.fields);
      const fields = value.fields.map((field) => parseField(field, path));
      const twice = firstDuplicate(fields.map(({ name }) => name));
      if (twice) {
        throw malformed(join(path, twice[1]), `a name that differs from "${twice[0]}" by more than case`, null);
      }
      return { type: "struct", fields };
    }
    case "array":
      return {
        type: "array",
        elementType: parseType(value.elementType, `${path}[]`),
        containsNull: flag(value.containsNull, path),
      };
    case "map":
      return {
        type: "map",
        keyType: parseType(value.keyType, `${path}{key}`),
        valueType: parseType(value.valueType, `${path}{}`),
        valueContainsNull: flag(value.valueContainsNull, path),
      };
    default:
      throw malformed(path, "struct, array or map", value.type);
  }
}

function parseField(value: unknown, path: string): DeltaField {
  if (!isObject(value) || typeof value.name !== "string") throw malformed(path, "a field with a name", value);
  const { name, metadata = {} } = value;
  const at = join(path, name);
  if (!isObject(metadata)) throw malformed(at, "an object as metadata", metadata);
  return { name, type: parseType(value.type, at), nullable: flag(value.nullable, at), metadata };
}

function flag(value: unknown, path: string): boolean {
  if (typeof value !== "boolean") throw malformed(path, "true or false for its nullability", value);
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(path: string, wanted: string, value: unknown): FatalError {
  const where = path === "" ? "its top" : `"${path}"`;
  return new FatalError(
    `Cannot read the table's schema at ${where}: current value is ${JSON.stringify(value)}, wanted ${wanted}`,
  );
}

// ---- looking

function hasNtz(type: DeltaType): boolean {
  if (typeof type === "string") return type === "timestamp_ntz";
  switch (type.type) {
    case "struct":
      return usesTimestampNtz(type);
    case "array":
      return hasNtz(type.elementType);
    case "map":
      return hasNtz(type.keyType) || hasNtz(type.valueType);
  }
}

// ---- from columns

/** Delta protocol, "Column Mapping": without it, names are the Parquet names, and Spark refuses these characters. */
const INVALID_NAME = /[ ,;{}()\n\t=]/;

function fieldsToDelta(fields: readonly Field[], path: string): DeltaField[] {
  const twice = firstDuplicate(fields.map(({ name }) => name));
  if (twice) {
    throw new DataError(
      `Cannot hold column "${join(path, twice[1])}" in a Delta table: column "${
        join(path, twice[0])
      }" differs from it by case at most`,
      { reason: "duplicate column name", fieldPath: join(path, twice[1]) },
    );
  }
  return fields.map(({ name, type }) => {
    const at = join(path, name);
    if (name === "" || INVALID_NAME.test(name)) {
      throw new DataError(
        `Cannot hold column ${JSON.stringify(at)} in a Delta table: a name is not empty and has none of " ,;{}()=", ` +
          `tab or newline; rename it with a ReplaceField transform`,
        { reason: "invalid column name", fieldPath: at },
      );
    }
    return { name, type: arrowTypeToDelta(type, at), nullable: true, metadata: {} };
  });
}

function firstDuplicate(names: readonly string[]): [first: string, second: string] | undefined {
  const seen = new Map<string, string>();
  for (const name of names) {
    const first = seen.get(name.toLowerCase());
    if (first !== undefined) return [first, name];
    seen.set(name.toLowerCase(), name);
  }
}

// ---- to columns

function fieldToArrow({ name, type, nullable }: DeltaField, path: string): Field {
  return types.field(name, typeToArrow(type, join(path, name)), nullable);
}

function typeToArrow(type: DeltaType, path: string): DataType {
  if (typeof type === "string") {
    if (Object.hasOwn(types.PRIMITIVES, type)) return types.PRIMITIVES[type]();
    const decimal = DECIMAL.exec(type);
    if (decimal) {
      const [precision, scale] = [Number(decimal[1]), Number(decimal[2])];
      if (precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision) return types.decimal(precision, scale);
    }
    throw new FatalError(
      `Cannot write the table: its column "${path}" has type ${type}, wanted one of ${
        Object.keys(types.PRIMITIVES).join(", ")
      }, decimal(p,s) with 0 <= s <= p <= 38, array, map, struct`,
    );
  }
  switch (type.type) {
    case "struct":
      return types.struct(type.fields.map((field) => fieldToArrow(field, path)));
    case "array":
      return types.list(typeToArrow(type.elementType, `${path}[]`), type.containsNull);
    case "map":
      return types.map(
        typeToArrow(type.keyType, `${path}{key}`),
        typeToArrow(type.valueType, `${path}{}`),
        type.valueContainsNull,
      );
  }
}

/** The path of a field: dots between names. */
export function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
