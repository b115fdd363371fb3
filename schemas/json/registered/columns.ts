/**
 * Shapes to columns: the field, and the reader that fills it from bytes.
 *
 * @module
 */
import type { DataType, Field } from "apache-arrow";
import { DataError, FIELD_UNDECLARED, jsonText, types } from "../../../mod.ts";
import { below, namesakeIn } from "../../rows.ts";
import { AdditionalMap, type AdditionalReader, AdditionalText, NoAdditional } from "../additional.ts";
import { ListReader, MapReader, StructReader } from "../nested_readers.ts";
import { compile, jsonReader, type Reader, type ReadOptions } from "../readers.ts";
import { stringReader } from "./strings.ts";
import { type JsonKind, UnionReader } from "../union_reader.ts";
import { epochReader } from "./epochs.ts";
import { type Holding, nameOf, type ObjectShape, type Shape, type Slot } from "./shape.ts";

/** How shapes are mapped. */
export interface MappingOptions extends ReadOptions {
  /** `json.additional.properties` */
  readonly additional: "json" | "map" | "reject";
  /** `json.unions` */
  readonly unions: "struct" | "json";
  /** `columns.json`: paths that are to be JSON text. */
  readonly jsonPaths: ReadonlySet<string>;
  /** What is read is valid: see `isEnforced`. */
  readonly isStrict: boolean;
}

/** What a JSON Schema's value becomes, as the README prints it. */
export const MAPPING: readonly { readonly json: string; readonly column: string }[] = [
  { json: "boolean", column: "boolean" },
  { json: "integer", column: "long; beyond 64 bits a record is rejected, 5.0 is 5" },
  { json: "number; integer or number", column: "double, the nearest one: integers beyond 2^53 are rounded" },
  { json: "string", column: "string" },
  { json: "string, format date-time", column: "timestamp, the offset is subtracted" },
  { json: "string, format date", column: "date" },
  { json: "string, any other format or contentEncoding", column: "string, as it is written" },
  { json: "enum, const", column: "the type of their values" },
  { json: "array", column: "list" },
  { json: "tuple (prefixItems, items as an array)", column: "list where one type holds all places, else JSON text" },
  { json: "object with properties", column: "struct; at the top: a column a property" },
  { json: "object with additionalProperties of one type alone", column: "map of string" },
  { json: "object of which nothing is known, and {}", column: "JSON text" },
  { json: "properties and additionalProperties", column: "struct with a further column `_additional_properties`" },
  { json: "X or null; not in required", column: "X, nullable" },
  {
    json: "oneOf, anyOf, several types",
    column: "struct, one nullable member a branch; with json.unions = json: JSON text",
  },
  { json: "oneOf, anyOf beside properties; then, else", column: "their properties are nullable members of the struct" },
  { json: "allOf, $ref", column: "merged with what stands beside them" },
  { json: "recursive $ref", column: "JSON text" },
  { json: "connect.type int8, int16, int32, float32, bytes", column: "byte, short, integer, float, binary (base64)" },
  { json: "Connect's Decimal, Date, Timestamp (by title)", column: "decimal, date, timestamp" },
];

/** A column: its field, and a new reader of it. */
export interface Column {
  readonly field: Field;
  reader(): Reader;
}

/** Whether a parsed value is valid by the schema at a place. */
export type Accepts = (place: string) => (value: unknown) => boolean;

/** The columns of a row. */
export interface RowColumns {
  readonly fields: readonly Field[];
  /** Reads a row: a struct or union whose members are the columns, or the one column `value`. */
  readonly row: Column;
  readonly isValue: boolean;
}

/** The columns of values of a shape; DataError with the path of what no columns can hold. */
export function rowColumns({ shape, nullable }: Slot, options: MappingOptions, accepts: Accepts): RowColumns {
  const mapping = new Mapping(options, accepts);
  const isRow = (shape.kind === "object" && shape.members.size > 0) ||
    (shape.kind === "union" && options.unions === "struct");
  if (!isRow) {
    const row = mapping.column("value", { shape, nullable }, "value");
    return { fields: [row.field], row, isValue: true };
  }
  const row = mapping.typed("", shape, "", false);
  return { fields: row.field.type.children as Field[], row, isValue: false };
}

/** The most columns, nested ones counted: types that use each other can multiply without end. */
const COLUMNS_MAX = 10_000;

class Mapping {
  #columns = 0;

  constructor(private readonly options: MappingOptions, private readonly accepts: Accepts) {}

  /** `path` is the column's own. */
  column(name: string, { shape, nullable }: Slot, path: string): Column {
    if (++this.#columns > COLUMNS_MAX) {
      refuse("too many columns", path, `the schema has more than ${COLUMNS_MAX} columns`);
    }
    return this.options.jsonPaths.has(path) ? text(name, path, nullable) : this.typed(name, shape, path, nullable);
  }

  typed(name: string, shape: Shape, path: string, nullable: boolean): Column {
    switch (shape.kind) {
      case "any":
      case "never":
        return text(name, path, nullable);
      case "list": {
        const element = this.column("element", shape.element, `${path}[]`);
        const field = types.field(name, types.list(element.field), nullable);
        return { field, reader: () => new ListReader(field.type, element.reader(), path, nullable) };
      }
      case "object":
        return this.#object(name, shape, path, nullable);
      case "union":
        return this.options.unions === "json"
          ? text(name, path, nullable)
          : this.#union(name, shape.branches, path, nullable);
      default:
        return this.#scalar(name, shape, path, nullable);
    }
  }

  #scalar(
    name: string,
    shape: Extract<Shape, { kind: "boolean" | "string" | "integer" | "number" }>,
    path: string,
    nullable: boolean,
  ): Column {
    const as = shape.kind === "boolean" ? null : shape.as;
    const field = types.field(name, as ? holdingType(as) : PLAIN[shape.kind](), nullable);
    const { options } = this;
    if (as === "epoch-days" || as === "epoch-millis") return { field, reader: () => epochReader(field, path, as) };
    if (shape.kind !== "string") return { field, reader: () => compile(field, path, options) };
    const isTimestamp = as === "timestamp" && options.isStrict;
    return { field, reader: () => stringReader(compile(field, path, options), isTimestamp) };
  }

  #object(name: string, shape: ObjectShape, path: string, nullable: boolean): Column {
    const { members, required, additional } = shape;
    if (members.size === 0) {
      const isFree = additional === null || additional.shape.kind === "any" || additional.shape.kind === "never";
      if (isFree && this.options.additional !== "map") return text(name, path, nullable);
      const { field, map } = this.#map(name, additional, path, nullable);
      return { field, reader: map };
    }
    checkNames([...members.keys()], path);
    const columns = [...members].map(([member, slot]) =>
      this.column(member, required.has(member) ? slot : { ...slot, nullable: true }, below(path, member))
    );
    const rest = this.#additional(shape, path);
    // Columns alone do not tell null from missing.
    const strict = [...members].map(([member, slot]) =>
      this.options.isStrict ? { refusesNull: !slot.nullable, isRequired: required.has(member) } : {}
    );
    const named = columns.map(({ field }) => field);
    const field = types.field(name, types.struct(rest.field ? [...named, rest.field] : named), nullable);
    const { options } = this;
    return {
      field,
      reader: () =>
        new StructReader(
          ...[field.type, named, path, nullable, options] as const,
          columns.map((column, i) => Object.assign(column.reader(), strict[i])),
          rest.reader(),
        ),
    };
  }

  /** The column of members that are not named; `field`: null where the struct has it only with something in it. */
  #additional({ members, additional }: ObjectShape, path: string): { field: Field | null; reader(): AdditionalReader } {
    const isForbidden = this.options.isStrict && additional?.shape.kind === "never";
    if (isForbidden || this.options.additional === "reject") {
      return {
        field: null,
        reader: () => new NoAdditional(path),
      };
    }
    // What is forbidden comes only where validation is off.
    const isDeclared = additional !== null && additional.shape.kind !== "never";
    const name = additionalName(members);
    const at = below(path, name);
    if (this.options.additional === "json") {
      const field = isDeclared ? types.jsonField(name) : null;
      return { field, reader: () => new AdditionalText(at, isDeclared) };
    }
    const { field, map } = this.#map(name, isDeclared ? additional : null, at, true);
    return { field: isDeclared ? field : null, reader: () => new AdditionalMap(map(), isDeclared) };
  }

  #map(name: string, value: Slot | null, path: string, nullable: boolean): { field: Field; map(): MapReader } {
    const slot: Slot = value && value.shape.kind !== "never" ? value : { shape: { kind: "any" }, nullable: true };
    const values = this.column("value", slot, `${path}{}`);
    const field = types.field(name, types.map(types.utf8(), values.field), nullable);
    const entries = (field.type.children as Field[])[0].type;
    return { field, map: () => new MapReader(field.type, entries, values.reader(), path, nullable) };
  }

  #union(
    name: string,
    branches: Extract<Shape, { kind: "union" }>["branches"],
    path: string,
    nullable: boolean,
  ): Column {
    const columns = branches.map((branch) =>
      this.column(branch.name, { shape: branch.shape, nullable: true }, below(path, branch.name))
    );
    const field = types.field(name, types.struct(columns.map((column) => column.field)), nullable);
    const reader = () =>
      new UnionReader(
        field.type,
        columns.map((column, i) => {
          const { at, shape } = branches[i];
          return { kind: kindOf(shape), reader: column.reader(), accepts: at === null ? null : this.accepts(at) };
        }),
        path,
        nullable,
      );
    return { field, reader };
  }
}

/** The field of a struct's members that are not named, in a batch that has some. */
export function undeclared({ additional, fields }: StructReader): Field | null {
  if (!additional || additional.isDeclared || additional.column.length === additional.column.nullCount) return null;
  const name = additionalName(new Map(fields.map((field) => [field.name, field])));
  const field = additional.map ? types.field(name, additional.column.type) : types.jsonField(name);
  field.metadata.set(FIELD_UNDECLARED, "true");
  return field;
}

const PLAIN = { boolean: types.boolean, integer: types.int64, number: types.float64, string: types.utf8 };

function holdingType(as: Holding): DataType {
  switch (as) {
    case "date":
    case "epoch-days":
      return types.date();
    case "timestamp":
    case "epoch-millis":
      return types.timestamp();
    case "binary":
    case "int8":
    case "int16":
    case "int32":
    case "float32":
      return types[as]();
    default: {
      const [precision, scale] = as.slice("decimal(".length, -1).split(",").map(Number);
      return types.decimal(precision, scale);
    }
  }
}

/** The value's own text, strings in their quotes. */
function text(name: string, path: string, nullable: boolean): Column {
  return { field: types.jsonField(name, nullable), reader: () => jsonReader(path, nullable) };
}

function kindOf(shape: Shape): JsonKind {
  return shape.kind === "integer" ? "number" : shape.kind === "list" ? shape.kind : nameOf(shape) as JsonKind;
}

/** `_additional_properties`, longer by underscores where the schema has a property of that name. */
function additionalName(members: ReadonlyMap<string, unknown>): string {
  const taken = new Set([...members.keys()].map((name) => name.toLowerCase()));
  let name = "_additional_properties";
  while (taken.has(name)) name += "_";
  return name;
}

function checkNames(names: readonly string[], path: string): void {
  const same = namesakeIn(names);
  if (same === null) return;
  const why = `"${same.other}" and "${same.name}" differ in case only`;
  refuse("ambiguous names", below(path, same.name), path === "" ? why : `${why}; ${jsonText.hint(path)}`);
}

function refuse(reason: string, path: string, why: string): never {
  throw new DataError(`Cannot hold "${path}" in columns: ${why}`, { reason, fieldPath: path });
}
