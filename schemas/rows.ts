/**
 * What rows of registered schemas share, whatever their format: names and paths of columns, the metadata that says where they
 * come from, the builder of formats that append to one column a field.
 *
 * @module
 */
import { type Field, type RecordBatch, Schema, Struct } from "apache-arrow";
import { createRow, recordBatch, SCHEMA_ID, SCHEMA_SUBJECT, type StructColumn } from "../mod.ts";
import type { RowBuilder, SchemaSource } from "./registered.ts";

/** The path of a field below `path`. */
export function below(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** The first name that another one is but for case (tables know columns by their names in any case), or null. */
export function namesakeIn(names: readonly string[]): { readonly name: string; readonly other: string } | null {
  const seen = new Map<string, string>();
  for (const name of names) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined) return { name, other };
    seen.set(name.toLowerCase(), name);
  }
  return null;
}

/** Columns of a schema, with what is known of it as their metadata. */
export function schemaOf(fields: readonly Field[], { subject, version, schemaId }: SchemaSource): Schema {
  const name = version === undefined ? subject : `${subject}@${version}`;
  const metadata = new Map<string, string>();
  if (name !== undefined) metadata.set(SCHEMA_SUBJECT, name);
  if (schemaId !== undefined) metadata.set(SCHEMA_ID, String(schemaId));
  return new Schema([...fields], metadata);
}

/** What errors say of a schema. */
export function detailsOf({ schemaId, subject }: SchemaSource): { schemaId?: number; subject?: string } {
  return { ...(schemaId === undefined ? {} : { schemaId }), ...(subject === undefined ? {} : { subject }) };
}

/** Rows of columns, one a field. */
export class ColumnRows implements RowBuilder {
  /** The same object for every batch: consumers cache by identity. */
  readonly schema: Schema;
  /** What decoders append to: an entry a row. */
  readonly row: StructColumn;

  constructor(fields: Field[], source: SchemaSource) {
    this.schema = schemaOf(fields, source);
    this.row = createRow(fields, new Struct(fields));
  }

  get length(): number {
    return this.row.length;
  }

  /** Forgets the rows so far. */
  discard(): void {
    this.row.truncate(0);
  }

  /** The rows so far; none are left. */
  finish(): RecordBatch {
    const { length } = this.row;
    const { children } = this.row.finish();
    const batch = recordBatch(this.schema, children, length);
    // Arrow's constructor copies the schema that it is given.
    return batch.schema === this.schema ? batch : Object.assign(batch, { schema: this.schema });
  }
}
