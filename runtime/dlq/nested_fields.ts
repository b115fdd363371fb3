/**
 * Columns by paths that lead into structs: looked up, replaced, taken out.
 *
 * A path is a top-level field's name, whatever it holds; else dots lead into structs, and backticks are put around a name that
 * has dots itself (Kafka Connect's `field.syntax.version` V2).
 *
 * @module
 */
import { type Data, type DataType, Field, makeData } from "apache-arrow";
import { DataError, FatalError, isNull, types } from "../api/mod.ts";
import { indicesOf, isStruct, parseFieldPath } from "../transforms/field_path.ts";
import { type Validity, validityOf } from "../transforms/validity.ts";

/** Fields of one struct, or of rows. */
export interface Columns {
  readonly fields: readonly Field[];
  readonly columns: readonly Data[];
  readonly length: number;
}

/** A field with its entries. */
export interface Column {
  readonly field: Field;
  readonly column: Data;
}

/** What is wrong with a path whatever fields there are, or null. */
export function pathProblem(path: string): string | null {
  try {
    if (!parseFieldPath(path.trim(), "V2").includes("")) return null;
    return "must be a field's name, or names with dots between them that lead into structs";
  } catch (error) {
    if (error instanceof FatalError) return error.message;
    throw error;
  }
}

/** The steps of a path among these fields. */
export function stepsOf(path: string, fields: readonly Field[]): readonly string[] {
  return fields.some(({ name }) => name === path) ? [path] : parseFieldPath(path, "V2");
}

/** The field at a path; null: there is none. A DataError where a path leads into what is no struct. */
export function columnAt(steps: readonly string[], { fields, columns }: Columns): Column | DataError | null {
  const indices = indicesOf(steps, fields);
  if (indices === null) return blockedAt(steps, fields);
  let found = { field: fields[indices[0]], column: columns[indices[0]] };
  for (const index of indices.slice(1)) {
    found = { field: (found.field.type.children as Field[])[index], column: found.column.children[index] };
  }
  return found;
}

/** The same with another field at a path, whose parents are made where they are missing; null: without that field. */
export function withColumnAt(all: Columns, [name, ...rest]: readonly string[], made: Column | null): Columns {
  const { length } = all;
  const at = all.fields.findIndex((field) => field.name === name);
  const own = rest.length === 0 ? made : withChild(all.fields[at], all.columns[at], rest, made, name, length);
  const [fields, columns] = [[...all.fields], [...all.columns]];
  if (own === null) {
    if (at >= 0) { for (const list of [fields, columns]) list.splice(at, 1); }
  } else {
    fields[at < 0 ? fields.length : at] = own.field;
    columns[at < 0 ? columns.length : at] = own.column;
  }
  return { fields, columns, length };
}

/** A struct with another field in it; null: none is left. */
function withChild(
  field: Field | undefined,
  column: Data | undefined,
  steps: readonly string[],
  made: Column | null,
  name: string,
  length: number,
): Column | null {
  if (!field && made === null) return null;
  const inner = withColumnAt(
    { fields: (field?.type.children ?? []) as Field[], columns: column?.children ?? [], length },
    steps,
    made,
  );
  if (inner.fields.length === 0) return null;
  const set = made === null ? null : inner.columns[inner.fields.findIndex((each) => each.name === steps[0])];
  const validity = validWhere(length, (i) => (column && !isNull(column, i)) || (set !== null && !isNull(set, i)));
  const wasNull = column ? validityOf(column).nullCount : length;
  // Where a struct comes into being its other fields have no values.
  const fields = validity.nullCount === wasNull ? inner.fields : inner.fields.map(asNullable);
  const type = types.struct(fields);
  return {
    field: new Field(name, type as DataType, (field?.nullable ?? true) || validity.nullCount > 0, field?.metadata),
    column: makeData({ type, length, ...validity, children: [...inner.columns] } as never),
  };
}

function validWhere(length: number, holds: (index: number) => boolean): Validity {
  const nullBitmap = new Uint8Array((length + 7) >> 3);
  let nullCount = 0;
  for (let i = 0; i < length; i++) {
    if (holds(i)) nullBitmap[i >> 3] |= 1 << (i & 7);
    else nullCount++;
  }
  return { nullCount, nullBitmap: nullCount === 0 ? undefined : nullBitmap };
}

function asNullable(field: Field): Field {
  return field.nullable ? field : new Field(field.name, field.type, true, field.metadata);
}

/** Null: it is only that a name is not there. */
function blockedAt(steps: readonly string[], fields: readonly Field[]): DataError | null {
  let within = fields;
  for (const [i, step] of steps.entries()) {
    const field = within.find(({ name }) => name === step);
    if (!field || i === steps.length - 1) return null;
    if (!isStruct(field.type)) {
      const path = steps.slice(0, i + 1).join(".");
      return new DataError(
        `Cannot change ${
          steps.join(".")
        }: ${path} is a ${field.type}, and paths lead into structs alone. Change ${path} ` +
          "as a whole, or bring a transform of your own (--transforms)",
        { reason: "path does not lead into a struct", fieldPath: path },
      );
    }
    within = field.type.children as Field[];
  }
  return null;
}
