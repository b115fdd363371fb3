/**
 * Decodes the records of a slab by one schema.
 *
 * @module
 */
import { type DataType, type Field, type RecordBatch, Schema, Struct, Type } from "apache-arrow";
import {
  DataError,
  type DecodedRows,
  type RawRecords,
  recordBatch,
  type RecordSide,
  type RejectRecord,
} from "../../mod.ts";
import { extend, extended, type Faults, signature } from "./extend.ts";
import { Guesser } from "./guesser.ts";
import { ListReader, MapReader, StructReader } from "./nested_readers.ts";
import type { Reader, ReadOptions } from "./readers.ts";
import { Scanner } from "./scanner.ts";

/** Extended schemas remembered; beyond it the memory begins anew. */
const SCHEMAS_MAX = 1_000;

/** A schema, compiled. */
export class Decoder {
  readonly #root: StructReader;
  readonly #scan = new Scanner();
  /** Null: every record is read by the complete parser. */
  readonly #guesser: Guesser | null;
  /** Schemas with unknown fields, so that the same fields give the same object. */
  readonly #extended = new Map<string, Schema>();

  /** `guesses`: records are guessed to look like those before them, which makes no difference but in time. */
  constructor(readonly schema: Schema, options: ReadOptions, guesses = true) {
    this.#root = new StructReader(new Struct(schema.fields), schema.fields, "", false, options);
    this.#guesser = guesses ? new Guesser(this.#root, this.#scan) : null;
  }

  /** The target's fields by now: unknown fields that it has are read as what it has them for. */
  follow(fields: readonly Field[]): void {
    follow(this.#root, fields);
  }

  /** Decodes the records at `indices`; null where none of them can be. */
  decode(records: RawRecords, side: RecordSide, indices: Int32Array, reject: RejectRecord): DecodedRows | null {
    const starts = side === "key" ? records.keyStarts : records.valueStarts;
    const ends = side === "key" ? records.keyEnds : records.valueEnds;
    const rejects = new Map<number, DataError>();
    for (let left = indices;;) {
      const rows = this.#read(records.bytes, starts, ends, left, rejects);
      const faults: Faults = new Map();
      extend(this.#root, this.#scan, records.bytes, faults);
      if (faults.size === 0) {
        for (const index of [...rejects.keys()].sort((a, b) => a - b)) reject(index, rejects.get(index)!);
        return rows.length === 0 ? this.#clear() : { data: this.#finish(rows.length), rows };
      }
      // What is wrong with an unknown field shows only now: read again without those records.
      for (const index of rows) {
        const error = faults.get(starts[index]);
        if (error) rejects.set(index, error);
      }
      left = rows.filter((index) => !rejects.has(index));
      this.#clear();
    }
  }

  /** Reads row by row; a record that fails leaves nothing behind. */
  #read(
    bytes: Uint8Array,
    starts: Int32Array,
    ends: Int32Array,
    indices: Int32Array,
    rejects: Map<number, DataError>,
  ): Int32Array {
    const root = this.#root;
    const scan = this.#scan;
    const guesser = this.#guesser;
    root.column.reserve(indices.length);
    const rows = new Int32Array(indices.length);
    let count = 0;
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i];
      try {
        scan.open(bytes, starts[index], ends[index]);
        if (guesser?.read()) {
          rows[count++] = index;
          continue;
        }
        if (scan.next() < 0) scan.fail("expected an object");
        root.read(scan);
        if (scan.next() >= 0) {
          scan.path = "";
          scan.fail("expected nothing behind the object");
        }
        rows[count++] = index;
        guesser?.learn();
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        root.column.truncate(count);
        root.forget();
        rejects.set(index, error);
      }
    }
    return rows.subarray(0, count);
  }

  #finish(length: number): RecordBatch {
    this.#guesser?.release();
    const own = this.#root.column.finish();
    const data = extended(this.#root, own);
    if (data === own) return recordBatch(this.schema, own.children, length);
    const fields = data.type.children as Field[];
    const key = signature(fields);
    let schema = this.#extended.get(key);
    if (!schema) {
      if (this.#extended.size >= SCHEMAS_MAX) this.#extended.clear();
      this.#extended.set(key, schema = new Schema(fields, this.schema.metadata));
    }
    return recordBatch(schema, data.children, length);
  }

  #clear(): null {
    this.#root.column.truncate(0);
    this.#root.forget();
    this.#root.extensions = [];
    return null;
  }
}

function follow(reader: Reader, fields: readonly Field[] | null): void {
  if (reader instanceof StructReader) {
    reader.target = fields;
    reader.children.forEach((child, i) => {
      const name = reader.fields[i].name;
      followType(child, fields?.find((field) => field.name === name)?.type);
    });
  }
}

function followType(reader: Reader, type: DataType | undefined): void {
  const children = (type?.children ?? []) as Field[];
  if (reader instanceof StructReader) follow(reader, type?.typeId === Type.Struct ? children : null);
  else if (reader instanceof ListReader) followType(reader.element, children[0]?.type);
  else if (reader instanceof MapReader) followType(reader.value, children[0]?.type.children?.[1]?.type);
}
