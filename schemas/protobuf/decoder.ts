/**
 * Rows being built, and the decoders that append to them.
 *
 * @module
 */
import { type RecordBatch, Schema, Struct } from "apache-arrow";
import { createRow, DataError, recordBatch, SCHEMA_ID, SCHEMA_SUBJECT, type StructColumn } from "../../mod.ts";
import type { PayloadDecoder, RowBuilder, SchemaSource } from "../registered.ts";
import { compileMessage } from "./compile.ts";
import { Cursor, Malformed } from "./cursor.ts";
import type { Fields } from "./fields.ts";
import type { ProtoMessage, ProtoSchema } from "./proto.ts";
import { rowFields } from "./types.ts";

/** Rows of one message. */
export class Rows implements RowBuilder {
  /** The same object for every batch: consumers cache by identity. */
  readonly schema: Schema;
  readonly row: StructColumn;

  /** Throws DataError with the field's path where columns cannot hold the type. */
  constructor(message: ProtoMessage, jsonPaths: ReadonlySet<string>, { subject, version, schemaId }: SchemaSource) {
    const fields = rowFields(message, jsonPaths);
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

/** What a decoder is made of. */
export interface DecoderOptions {
  /** Paths to be held as JSON text. */
  readonly jsonPaths?: ReadonlySet<string>;
  readonly source?: SchemaSource;
}

/** Payloads of one message to rows. */
export class Decoder implements PayloadDecoder {
  readonly rows: Rows;
  private readonly cursor = new Cursor();
  private readonly fields: Fields;
  private readonly source: { readonly schemaId?: number; readonly subject?: string };

  /** `schema` is where an Any finds its types. Throws DataError as `Rows` does. */
  constructor(message: ProtoMessage, schema: ProtoSchema, { jsonPaths = new Set(), source = {} }: DecoderOptions = {}) {
    this.rows = new Rows(message, jsonPaths, source);
    this.fields = compileMessage(message, this.rows.row, "", { schema, jsonPaths });
    const { schemaId, subject } = source;
    this.source = { ...(schemaId === undefined ? {} : { schemaId }), ...(subject === undefined ? {} : { subject }) };
  }

  /**
   * Appends the payload `bytes[start, end)` as one row and returns null, or appends nothing and returns what is wrong
   * with it. `valueStart` is where the record's value begins: positions in errors count from there.
   */
  append(bytes: Uint8Array, start: number, end: number, valueStart = start): DataError | null {
    const { cursor, fields } = this;
    const { row } = this.rows;
    const { length } = row;
    try {
      cursor.set(bytes, start, end);
      fields.begin();
      fields.merge(cursor, 0);
      fields.finish(cursor);
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
