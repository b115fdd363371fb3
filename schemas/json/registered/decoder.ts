/**
 * Payloads of one JSON Schema to rows: columns are filled from the bytes, so that no integer is rounded; the parsed value
 * is for the validation alone.
 *
 * @module
 */
import { Field, type RecordBatch, Schema } from "apache-arrow";
import { DataError, recordBatch } from "../../../mod.ts";
import type { PayloadDecoder, RowBuilder, SchemaSource } from "../../registered.ts";
import { detailsOf, schemaOf } from "../../rows.ts";
import { pad } from "../additional.ts";
import { extended, signature } from "../extend.ts";
import { Guesser } from "../guesser.ts";
import { ListReader, MapReader, readOrNull, StructReader } from "../nested_readers.ts";
import type { Reader } from "../readers.ts";
import { Scanner } from "../scanner.ts";
import { UnionReader } from "../union_reader.ts";
import { type RowColumns, undeclared } from "./columns.ts";
import type { Validator, Violation } from "./validator.ts";

/** Schemas with additional members remembered; beyond it the memory begins anew. */
const SCHEMAS_MAX = 1_000;

/** Rows of one schema; several decoders may append to them. */
export class Rows implements RowBuilder {
  /** The same object for every batch without undeclared members: consumers cache by identity. */
  readonly schema: Schema;
  /** What the decoders open values with. */
  readonly scan = new Scanner();
  readonly #row: Reader;
  /** Null where rows are no objects. */
  readonly #guesser: Guesser | null;
  readonly #isValue: boolean;
  readonly #extended = new Map<string, Schema>();
  #length = 0;

  constructor({ fields, row, isValue }: RowColumns, source: SchemaSource = {}) {
    this.schema = schemaOf(fields, source);
    this.#row = row.reader();
    this.#isValue = isValue;
    this.#guesser = !isValue && this.#row instanceof StructReader ? new Guesser(this.#row, this.scan) : null;
  }

  /** Appends the value that the scanner was opened with; throws DataError and leaves nothing behind. */
  append(): void {
    const { scan } = this;
    if (this.#guesser?.read()) {
      this.#length++;
      return;
    }
    try {
      if (this.#isValue) readOrNull(scan, this.#row);
      else {
        if (scan.next() < 0) scan.fail("expected a value");
        this.#row.read(scan);
      }
      checkEnd(scan);
      this.#length++;
    } catch (error) {
      this.truncate(this.#length);
      throw error;
    }
    this.#guesser?.learn();
  }

  /** How many rows there are. */
  get length(): number {
    return this.#length;
  }

  /** Forgets the rows from `length` on. */
  truncate(length: number): void {
    this.#row.column.truncate(length);
    this.#row.forget?.();
    this.#length = length;
  }

  discard(): void {
    this.truncate(0);
  }

  finish(): RecordBatch {
    const length = this.#length;
    this.#length = 0;
    this.#guesser?.release();
    addUndeclared(this.#row);
    const own = this.#row.column.finish();
    const data = extended(this.#row, own);
    const columns = this.#isValue ? [data] : data.children;
    if (data === own) return recordBatch(this.schema, columns, length);
    const fields = this.#isValue
      ? this.schema.fields.map(({ name, nullable, metadata }) => new Field(name, data.type, nullable, metadata))
      : data.type.children as Field[];
    const key = signature(fields);
    let schema = this.#extended.get(key);
    if (!schema) {
      if (this.#extended.size >= SCHEMAS_MAX) this.#extended.clear();
      this.#extended.set(key, schema = new Schema(fields, this.schema.metadata));
    }
    return recordBatch(schema, columns, length);
  }
}

/** Payloads of one writer schema to rows. */
export class Decoder implements PayloadDecoder {
  constructor(
    readonly rows: Rows,
    /** Null: what the columns hold is taken as it is. */
    private readonly validator: Validator | null,
    private readonly source: SchemaSource = {},
    /** What the rows take is valid by the validator. */
    private readonly isEnforced = false,
  ) {}

  append(bytes: Uint8Array, start: number, end: number, valueStart: number): DataError | null {
    const { rows, validator } = this;
    const { scan } = rows;
    let unreadable: DataError | null = null;
    try {
      scan.open(bytes, start, end);
      rows.append();
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      unreadable = error;
    }
    if (!unreadable && this.isEnforced) return null;
    try {
      // A record that the schema forbids is rejected for that, not for what the columns make of it.
      if (unreadable) this.#checkSyntax(bytes, start, end);
      const violation = validator?.check(JSON.parse(TEXT.decode(bytes.subarray(start, end)))) ?? null;
      if (violation === null) return unreadable && this.#placed(unreadable, start - valueStart);
      if (!unreadable) rows.truncate(rows.length - 1);
      return this.#invalid(violation);
    } catch (error) {
      if (!unreadable) rows.truncate(rows.length - 1);
      if (error instanceof DataError) return this.#placed(error, start - valueStart);
      throw error;
    }
  }

  /** Throws where the value is not JSON, or nests deeper than the validation may be led. */
  #checkSyntax(bytes: Uint8Array, start: number, end: number): void {
    const { scan } = this.rows;
    scan.open(bytes, start, end);
    scan.skip();
    checkEnd(scan);
  }

  #invalid({ message, path }: Violation): DataError {
    return new DataError(`Cannot decode JSON: it is not valid by its schema: ${message}`, {
      reason: "schema validation failed",
      ...(path === "" ? {} : { fieldPath: path }),
      ...detailsOf(this.source),
    });
  }

  /** The scanner counts from the payload's start. */
  #placed(error: DataError, offset: number): DataError {
    const { bytePosition, ...details } = error.details;
    const at = bytePosition === undefined ? {} : { bytePosition: bytePosition + offset };
    const message = error.message.replace(
      /^Cannot decode JSON at byte \d+/,
      `Cannot decode JSON at byte ${at.bytePosition}`,
    );
    return new DataError(message, { ...details, ...at, ...detailsOf(this.source) });
  }
}

const TEXT = new TextDecoder();

function checkEnd(scan: Scanner): void {
  if (scan.next() < 0) return;
  scan.path = "";
  scan.fail("expected nothing behind the value");
}

/** Hands the columns of undeclared members to `extended`, as long as their structs. */
function addUndeclared(reader: Reader): void {
  if (reader instanceof ListReader) return addUndeclared(reader.element);
  if (reader instanceof MapReader) return addUndeclared(reader.value);
  if (reader instanceof UnionReader) return reader.branches.forEach((branch) => addUndeclared(branch.reader));
  if (!(reader instanceof StructReader)) return;
  reader.children.forEach(addUndeclared);
  const { additional, column } = reader;
  if (!additional) return;
  if (additional.map) addUndeclared(additional.map);
  const field = undeclared(reader);
  if (!field) {
    // Rows that were cut back may have left nulls.
    if (!additional.isDeclared) additional.forget(0);
    return;
  }
  pad(additional, column.length);
  const { map } = additional;
  reader.extensions = [{
    field,
    reader: map ?? { path: reader.path, nullable: true, column: additional.column, read: readNothing },
  }];
}

/** The column is filled by then. */
function readNothing(): void {}
