/**
 * Rows being built, and the decoders that append to them.
 *
 * @module
 */
import type { DataError } from "../../mod.ts";
import type { RunDecoder } from "../column_code.ts";
import type { PayloadDecoder, Payloads, SchemaSource } from "../registered.ts";
import { compileMessage } from "./compile.ts";
import { Malformed } from "../malformed.ts";
import { ColumnRows } from "../rows.ts";
import { Cursor } from "./cursor.ts";
import type { Fields } from "./fields.ts";
import { generate } from "./generate.ts";
import type { ProtoMessage, ProtoSchema } from "./proto.ts";
import { rowFields } from "./types.ts";

/** Rows of one message. */
export class Rows extends ColumnRows {
  /** Throws DataError with the field's path where columns cannot hold the type. */
  constructor(message: ProtoMessage, jsonPaths: ReadonlySet<string>, source: SchemaSource) {
    super(rowFields(message, jsonPaths), source);
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
  private readonly source: SchemaSource;
  private readonly run: RunDecoder | null;

  /** `schema` is where an Any finds its types. Throws DataError as `Rows` does. */
  constructor(message: ProtoMessage, schema: ProtoSchema, { jsonPaths = new Set(), source = {} }: DecoderOptions = {}) {
    this.source = source;
    this.rows = new Rows(message, jsonPaths, source);
    this.fields = compileMessage(message, this.rows.row, "", { schema, jsonPaths });
    this.run = generate(message, this.rows.row, new Cursor(), { schema, jsonPaths });
  }

  /** As many of the payloads of `indices[from, to)` as generated code reads; returns where it stopped. */
  appendRun(bytes: Uint8Array, payloads: Payloads, from: number, to: number): number {
    return this.run === null ? from : this.run(bytes, payloads, from, to);
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
      if (error instanceof Malformed) return error.explain(valueStart, this.source);
      throw error;
    }
    return null;
  }
}
