/**
 * Avro types to the framework's column types, and the table that the READMEs print.
 *
 * @module
 */
import type { DataType, Field } from "apache-arrow";
import { DataError, jsonText, types } from "../../mod.ts";
import { below, namesakeIn } from "../rows.ts";
import type { Scalar } from "./resolve.ts";
import { type AvroRecord, type AvroType, type AvroUnion, type Logical, shortName } from "./schema.ts";

/** How types are mapped. */
export interface MappingOptions {
  /** `timestamp.nanos`: keep nanoseconds as a long, or cut them to a timestamp in microseconds. */
  readonly timestampNanos: "long" | "truncate";
  /** The paths of what becomes JSON text (`ConverterContext.jsonPaths`); absent: nothing. */
  readonly jsonPaths?: ReadonlySet<string>;
}

/** Avro type -> column type, as the READMEs print it. */
export const MAPPING: readonly { readonly avro: string; readonly column: string }[] = [
  { avro: "null", column: "no column: it holds nothing" },
  { avro: "boolean", column: "boolean" },
  { avro: "int", column: "integer" },
  { avro: "long", column: "long" },
  { avro: "float, double", column: "float, double" },
  { avro: "bytes, fixed", column: "binary" },
  { avro: "string, enum", column: "string" },
  { avro: "record", column: "struct; at the top: a column a field" },
  { avro: "array", column: "list" },
  { avro: "map", column: "map of string" },
  { avro: "union of null and X", column: "X, nullable" },
  { avro: "other unions", column: "struct, one nullable member a branch, named like its type; null: no struct" },
  { avro: "decimal (bytes, fixed)", column: "decimal, precision up to 38; above: refused, unless as JSON text" },
  { avro: "date", column: "date" },
  { avro: "time-millis", column: "integer: ms of the day" },
  { avro: "time-micros", column: "long: µs of the day" },
  { avro: "timestamp-millis, timestamp-micros", column: "timestamp" },
  { avro: "timestamp-nanos", column: "long: ns since 1970; with timestamp.nanos = truncate: timestamp" },
  { avro: "local-timestamp-*", column: "local timestamp, by the same rules" },
  { avro: "uuid (string, fixed 16)", column: "string" },
  { avro: "duration (fixed 12)", column: "struct of months, days, millis, each a long" },
  { avro: "recursive types, arrays and maps of null", column: "refused, unless as JSON text" },
  { avro: "anything at a path of columns.json", column: "string: JSON text" },
];

/** The most columns, nested ones counted: types that use each other can multiply without end. */
const COLUMNS_MAX = 10_000;
const NESTING_MAX = 100;

/** Whether values of the type hold anything. */
export function hasColumn(type: AvroType): boolean {
  if (type.kind === "union") return type.branches.some(hasColumn);
  return type.kind !== "null";
}

/** A union as columns: no member (only null), one (the column itself), or several (a struct). */
export interface UnionShape {
  readonly nullable: boolean;
  /** Branches that hold something, in order. */
  readonly members: readonly { readonly branch: number; readonly name: string }[];
}

/** How a union is held. */
export function unionShape(union: AvroUnion): UnionShape {
  const members = union.branches.flatMap((type, branch) =>
    hasColumn(type) ? [{ branch, type, name: branchName(type) }] : []
  );
  const count = new Map<string, number>();
  for (const { name } of members) count.set(name.toLowerCase(), (count.get(name.toLowerCase()) ?? 0) + 1);
  return {
    nullable: members.length < union.branches.length,
    // Two named types of one short name are told apart by their full names.
    members: members.map(({ branch, type, name }) => ({
      branch,
      name: count.get(name.toLowerCase())! > 1 && "name" in type ? type.name.replaceAll(".", "_") : name,
    })),
  };
}

/** The top-level fields of a schema's rows; throws DataError with the path of what no column can hold. */
export function rowFields(type: AvroType, options: MappingOptions): Field[] {
  const mapping = new Mapping(options);
  if (type.kind === "record") return mapping.fields(type, "");
  if (!hasColumn(type)) refuse("type not supported", "value", "a value that is always null holds nothing", false);
  return [mapping.field("value", type, "value")];
}

class Mapping {
  private columns = 0;
  private readonly within: AvroRecord[] = [];
  private depth = 0;

  constructor(private readonly options: MappingOptions) {}

  field(name: string, type: AvroType, path: string): Field {
    if (this.options.jsonPaths?.has(path)) return types.jsonField(name, isNullable(type));
    const { column, nullable } = this.column(type, path);
    return types.field(name, column, nullable);
  }

  fields(record: AvroRecord, path: string): Field[] {
    if (this.within.includes(record)) {
      refuse("recursive schema", path, `"${record.name}" contains itself, which no column can hold`);
    }
    this.within.push(record);
    const fields = record.fields.filter((field) => hasColumn(field.type)).map((field) =>
      this.field(field.name, field.type, below(path, field.name))
    );
    this.within.pop();
    checkNames(fields.map((field) => field.name), path);
    return fields;
  }

  private column(type: AvroType, path: string): { column: DataType; nullable: boolean } {
    if (++this.columns > COLUMNS_MAX) {
      refuse("too many columns", path, `the schema has more than ${COLUMNS_MAX} columns`);
    }
    if (++this.depth > NESTING_MAX) refuse("nested too deeply", path, `the schema has more than ${NESTING_MAX} levels`);
    const out = type.kind === "union" ? this.union(type, path) : { column: this.type(type, path), nullable: false };
    this.depth--;
    return out;
  }

  private union(union: AvroUnion, path: string): { column: DataType; nullable: boolean } {
    const { nullable, members } = unionShape(union);
    if (members.length === 1) {
      const inner = this.column(union.branches[members[0].branch], path);
      return { column: inner.column, nullable: nullable || inner.nullable };
    }
    checkNames(members.map((member) => member.name), path);
    const fields = members.map(({ branch, name }) =>
      asNullable(this.field(name, union.branches[branch], below(path, name)))
    );
    return { column: types.struct(fields), nullable };
  }

  private type(type: Exclude<AvroType, AvroUnion>, path: string): DataType {
    switch (type.kind) {
      case "record":
        return types.struct(this.fields(type, path));
      case "array":
        return types.list(this.item(type.items, `${path}[]`));
      case "map":
        return types.map(types.utf8(), this.item(type.values, `${path}{}`));
      case "enum":
        return types.utf8();
      default:
        return scalarColumn(type, path, this.options);
    }
  }

  private item(type: AvroType, path: string): Field {
    if (!hasColumn(type) && !this.options.jsonPaths?.has(path)) {
      refuse("type not supported", path, "items that are always null hold nothing");
    }
    return this.field("item", type, path);
  }
}

function isNullable(type: AvroType): boolean {
  return type.kind === "null" || (type.kind === "union" && unionShape(type).nullable);
}

/** A member of a union is null where another one is not. */
function asNullable(field: Field): Field {
  return field.nullable
    ? field
    : types.isJson(field)
    ? types.jsonField(field.name)
    : types.field(field.name, field.type);
}

/** The column of a type whose value is one piece. */
export function scalarColumn({ kind, logical }: Scalar, path: string, options: MappingOptions): DataType {
  return logical ? logicalColumn(logical, path, options) : plainColumn(kind);
}

function plainColumn(kind: string): DataType {
  switch (kind) {
    case "boolean":
      return types.boolean();
    case "int":
      return types.int32();
    case "long":
      return types.int64();
    case "float":
      return types.float32();
    case "double":
      return types.float64();
    case "string":
      return types.utf8();
    default:
      return types.binary();
  }
}

function logicalColumn(logical: Logical, path: string, options: MappingOptions): DataType {
  switch (logical.name) {
    case "decimal":
      if (logical.precision > 38) {
        refuse("type not supported", path, `a decimal has precision ${logical.precision}, expected 38 at most`);
      }
      return types.decimal(logical.precision, logical.scale);
    case "date":
      return types.date();
    case "time-millis":
      return types.int32();
    case "time-micros":
      return types.int64();
    case "uuid":
      return types.utf8();
    case "duration":
      return types.struct(["months", "days", "millis"].map((name) => types.field(name, types.int64(), false)));
    case "timestamp-millis":
    case "timestamp-micros":
      return types.timestamp();
    case "local-timestamp-millis":
    case "local-timestamp-micros":
      return types.localTimestamp();
    case "timestamp-nanos":
      return options.timestampNanos === "long" ? types.int64() : types.timestamp();
    case "local-timestamp-nanos":
      return options.timestampNanos === "long" ? types.int64() : types.localTimestamp();
  }
}

function branchName(type: AvroType): string {
  return "name" in type ? shortName(type.name) : type.kind;
}

function checkNames(names: readonly string[], path: string): void {
  const same = namesakeIn(names);
  if (same === null) return;
  const why = `"${same.other}" and "${same.name}" differ in case only or not at all`;
  refuse("ambiguous names", below(path, same.name), why);
}

/** `curable`: JSON text would hold it. */
function refuse(reason: string, path: string, why: string, curable = CURABLE.includes(reason)): never {
  const fix = curable ? `; ${jsonText.hint(path)}` : "";
  throw new DataError(`Cannot hold "${path}" in columns: ${why}${fix}`, { reason, fieldPath: path });
}

const CURABLE: readonly string[] = ["recursive schema", "type not supported"];
