/**
 * Rows being built, and the decoders that append to them.
 *
 * @module
 */
import { type RecordBatch, Schema, Struct } from "apache-arrow";
import { createRow, DataError, recordBatch, SCHEMA_ID, SCHEMA_SUBJECT, type StructColumn } from "../../mod.ts";
import type { PayloadDecoder, RowBuilder, SchemaSource } from "../registered.ts";
import { compile } from "./compile.ts";
import { Cursor, Malformed } from "./cursor.ts";
import { type Plan, resolve } from "./resolve.ts";
import type { Step } from "./scalars.ts";
import type { AvroType } from "./schema.ts";
import { type MappingOptions, rowFields } from "./types.ts";

/** Rows of one schema; several decoders may append to them. */
export class Rows implements RowBuilder {
  /** The same object for every batch: consumers cache by identity. */
  readonly schema: Schema;
  readonly row: StructColumn;

  /** Throws DataError with the field's path where columns cannot hold the type. */
  constructor(
    readonly type: AvroType,
    readonly options: MappingOptions,
    { subject, version, schemaId }: SchemaSource = {},
  ) {
    const fields = rowFields(type, options);
    const name = version === undefined ? subject : `${subject}@${version}`;
    const metadata = new Map<string, string>();
    if (name !== undefined) metadata.set(SCHEMA_SUBJECT, name);
    if (schemaId !== undefined) metadata.set(SCHEMA_ID, String(schemaId));
    this.schema = new Schema(fields, metadata);
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

/** Payloads of one writer schema to rows. */
export class Decoder implements PayloadDecoder {
  private readonly cursor = new Cursor();
  private readonly step: Step;
  private readonly source: { readonly schemaId?: number; readonly subject?: string };

  constructor(writer: AvroType, readonly rows: Rows, source: SchemaSource = {}) {
    const { schemaId, subject } = source;
    this.source = { ...(schemaId === undefined ? {} : { schemaId }), ...(subject === undefined ? {} : { subject }) };
    const { type: reader, row, options } = rows;
    const plan = resolve(writer, reader, reader.kind === "record" ? "" : "value", options.jsonPaths);
    this.step = reader.kind === "record" ? compile(plan, row, options) : valueStep(plan, row, options);
  }

  /**
   * Appends the payload `bytes[start, end)` as one row and returns null, or appends nothing and returns what is wrong
   * with it. `valueStart` is where the record's value begins: positions in errors count from there.
   */
  append(bytes: Uint8Array, start: number, end: number, valueStart = start): DataError | null {
    const { cursor } = this;
    const { row } = this.rows;
    const { length } = row;
    try {
      cursor.set(bytes, start, end);
      this.step(cursor);
      if (cursor.position !== end) {
        cursor.fail("trailing bytes", `the value ends, but ${end - cursor.position} more bytes follow`, "");
      }
    } catch (error) {
      row.truncate(length);
      if (error instanceof Malformed) return this.explain(error, valueStart);
      throw error;
    }
    return null;
  }

  private explain({ reason, what, path, position }: Malformed, valueStart: number): DataError {
    const bytePosition = position - valueStart;
    const where = path === "" ? "" : ` "${path}"`;
    const fieldPath = path === "" ? {} : { fieldPath: path };
    return new DataError(`Cannot decode${where} at byte ${bytePosition}: ${what}`, {
      reason,
      bytePosition,
      ...fieldPath,
      ...this.source,
    });
  }
}

/** A value that is not a record: a row of one column. */
function valueStep(plan: Plan, row: StructColumn, options: MappingOptions): Step {
  const value = compile(plan, row.children[0], options);
  return (cursor) => {
    value(cursor);
    row.close();
  };
}
