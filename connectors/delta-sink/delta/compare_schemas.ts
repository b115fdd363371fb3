/**
 * Compares the schema of rows with a table's.
 *
 * @module
 */
import { type DeltaStruct, type DeltaType, describeDeltaType, join } from "./schema.ts";

/** How the schema of rows stands to a table's: it fits, it would fit with more columns, or it cannot. */
export type SchemaComparison =
  | { kind: "subset" }
  | { kind: "adds"; added: string[]; merged: DeltaStruct }
  | { kind: "conflict"; diff: string[] };

/**
 * Compares rows with a table. Names are compared without regard to case, types must be equal. Columns that the rows
 * have more (nested ones in structs, list elements and map values too) are added as nullable ones at the end of their
 * struct; columns that they lack become null, which the table must allow. That a row holds no null where the table
 * forbids it is the writer's to check (`project.ts`): the nullability of the rows' own columns is not compared.
 */
export function compareSchemas(table: DeltaStruct, rows: DeltaStruct): SchemaComparison {
  const found: Found = { added: [], diff: [] };
  const merged = mergeStructs(table, rows, "", found);
  if (found.diff.length > 0) return { kind: "conflict", diff: found.diff };
  if (found.added.length > 0) return { kind: "adds", added: found.added, merged };
  return { kind: "subset" };
}

interface Found {
  added: string[];
  diff: string[];
}

function mergeStructs(table: DeltaStruct, rows: DeltaStruct, path: string, found: Found): DeltaStruct {
  const ofRows = new Map(rows.fields.map((field) => [field.name.toLowerCase(), field]));
  const fields = table.fields.map((field) => {
    const at = join(path, field.name);
    const other = ofRows.get(field.name.toLowerCase());
    ofRows.delete(field.name.toLowerCase());
    if (other) return { ...field, type: mergeTypes(field.type, other.type, at, found) };
    if (!field.nullable) {
      found.diff.push(`${at}: the table has ${describeDeltaType(field.type)} NOT NULL, the rows lack it`);
    }
    return field;
  });
  for (const field of ofRows.values()) {
    found.added.push(join(path, field.name));
    fields.push({ ...field, type: allNullable(field.type), nullable: true });
  }
  return { ...table, fields };
}

function mergeTypes(table: DeltaType, rows: DeltaType, path: string, found: Found): DeltaType {
  if (typeof table === "object" && typeof rows === "object") {
    if (table.type === "struct" && rows.type === "struct") return mergeStructs(table, rows, path, found);
    if (table.type === "array" && rows.type === "array") {
      return { ...table, elementType: mergeTypes(table.elementType, rows.elementType, `${path}[]`, found) };
    }
    // A key that got a field more would be another key: keys are equal or in conflict.
    if (table.type === "map" && rows.type === "map" && sameType(table.keyType, rows.keyType)) {
      return { ...table, valueType: mergeTypes(table.valueType, rows.valueType, `${path}{}`, found) };
    }
  }
  if (table !== rows) {
    found.diff.push(`${path}: the table has ${describeDeltaType(table)}, the rows have ${describeDeltaType(rows)}`);
  }
  return table;
}

function sameType(a: DeltaType, b: DeltaType): boolean {
  return describeDeltaType(a).toLowerCase() === describeDeltaType(b).toLowerCase();
}

function allNullable(type: DeltaType): DeltaType {
  if (typeof type === "string") return type;
  switch (type.type) {
    case "struct":
      return {
        ...type,
        fields: type.fields.map((field) => ({ ...field, type: allNullable(field.type), nullable: true })),
      };
    case "array":
      return { ...type, elementType: allNullable(type.elementType), containsNull: true };
    case "map":
      return {
        ...type,
        keyType: allNullable(type.keyType),
        valueType: allNullable(type.valueType),
        valueContainsNull: true,
      };
  }
}
