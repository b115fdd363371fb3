/**
 * How the columns of rows stand to a table's, as `project.ts` treats them record by record: for reports made beforehand.
 *
 * @module
 */
import { type DataType, type Field, type Schema, Type } from "apache-arrow";
import { arrowTypeToDelta, describeDeltaType } from "./delta/schema.ts";
import { childFields, isNested } from "./parquet/arrow_data.ts";
import { widening } from "./widen.ts";

/** Each by path; names in any case are the same. */
export interface Fit {
  /** `path: type`: the rows have it, the table lacks it; of what is new as a whole only the whole. */
  readonly added: readonly string[];
  /** Of another type, so that records with a value there are rejected. */
  readonly changed: readonly string[];
  /** Of a narrower type, which the table's holds. */
  readonly widened: readonly string[];
  /** The table has it NOT NULL, the rows lack it: every record is rejected. */
  readonly required: readonly string[];
  /** The table has it, the rows lack it: null in new rows. */
  readonly missing: readonly string[];
}

/** Compares columns. Throws DataError for types and names that no table can have. */
export function fitOf(table: Schema, rows: Schema): Fit {
  const fit: Found = { added: [], changed: [], widened: [], required: [], missing: [] };
  compareFields(table.fields, rows.fields, "", fit);
  return fit;
}

type Found = { readonly [Key in keyof Fit]: string[] };

function compareFields(table: readonly Field[], rows: readonly Field[], path: string, fit: Found): void {
  const left = new Map(rows.map((field) => [field.name.toLowerCase(), field]));
  for (const { name, type, nullable } of table) {
    const at = below(path, name);
    const own = left.get(name.toLowerCase());
    left.delete(name.toLowerCase());
    if (own) compareTypes(type, own.type, at, fit);
    else fit[nullable ? "missing" : "required"].push(`${at}: ${describe(type, at)}`);
  }
  for (const { name, type } of left.values()) {
    const at = below(path, name);
    fit.added.push(`${at}: ${describe(type, at)}`);
  }
}

function compareTypes(table: DataType, rows: DataType, path: string, fit: Found): void {
  if (table.typeId !== rows.typeId || !isNested(table)) {
    const [to, from] = [describe(table, path), describe(rows, path)];
    if (to === from) return;
    const said = `${path}: ${to} in the table, ${from} in the records`;
    fit[widening(rows, table) ? "widened" : "changed"].push(said);
    return;
  }
  const [to, from] = [childFields(table), childFields(rows)];
  if (table.typeId === Type.Struct) return compareFields(to, from, path, fit);
  if (table.typeId === Type.List) return compareTypes(to[0].type, from[0].type, `${path}[]`, fit);
  const [key, value] = childFields(to[0].type), [keyFrom, valueFrom] = childFields(from[0].type);
  compareKeys(key.type, keyFrom.type, `${path}{key}`, fit);
  compareTypes(value.type, valueFrom.type, `${path}{}`, fit);
}

/** A key with a field more is another key, whatever the policy. */
function compareKeys(table: DataType, rows: DataType, path: string, fit: Found): void {
  const within: Found = { ...fit, added: [] };
  compareTypes(table, rows, path, within);
  fit.changed.push(...within.added.map((column) => `${column}: not in the table, whose keys stay as they are`));
}

function describe(type: DataType, path: string): string {
  return describeDeltaType(arrowTypeToDelta(type, path));
}

function below(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
