/**
 * Rows being built, and the decoders that append to them.
 *
 * @module
 */
import type { DataError, StructColumn } from "../../mod.ts";
import type { RunDecoder } from "../column_code.ts";
import type { PayloadDecoder, Payloads, SchemaSource } from "../registered.ts";
import { compile } from "./compile.ts";
import { generate } from "./generate.ts";
import { Malformed } from "../malformed.ts";
import { ColumnRows } from "../rows.ts";
import { Cursor } from "./cursor.ts";
import { type Plan, resolve } from "./resolve.ts";
import type { Step } from "./scalars.ts";
import type { AvroType } from "./schema.ts";
import { type MappingOptions, rowFields } from "./types.ts";

/** Rows of one schema; several decoders may append to them. */
export class Rows extends ColumnRows {
  /** Throws DataError with the field's path where columns cannot hold the type. */
  constructor(
    readonly type: AvroType,
    readonly options: MappingOptions,
    source: SchemaSource = {},
  ) {
    super(rowFields(type, options), source);
  }
}

/** Payloads of one writer schema to rows. */
export class Decoder implements PayloadDecoder {
  private readonly cursor = new Cursor();
  private readonly step: Step;
  private readonly run: RunDecoder | null;

  constructor(writer: AvroType, readonly rows: Rows, private readonly source: SchemaSource = {}) {
    const { type: reader, row, options } = rows;
    const plan = resolve(writer, reader, reader.kind === "record" ? "" : "value", options.jsonPaths);
    this.step = reader.kind === "record" ? compile(plan, row, options) : valueStep(plan, row, options);
    this.run = generate(plan, reader.kind === "record" ? row : row.children[0], row, this.cursor, options);
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
      if (error instanceof Malformed) return error.explain(valueStart, this.source);
      throw error;
    }
    return null;
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
