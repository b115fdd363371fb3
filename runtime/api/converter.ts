/**
 * The contract of a converter: bytes to columns, for one wire format.
 *
 * @module
 */
import type { RecordBatch } from "apache-arrow";
import type { Schema } from "./arrow.ts";
import type { Clock } from "./clock.ts";
import type { ConfigDef, Values } from "./config_def.ts";
import type { DataError } from "./errors.ts";
import type { Log } from "./log.ts";
import type { RawRecords } from "./raw_records.ts";
import type { Retry } from "./retry.ts";

/**
 * A key of a schema's metadata: `<subject>@<version>`, or the subject alone, of the registered schema that the columns
 * come from. A converter sets it where it knows, transforms keep it, and messages name it.
 */
export const SCHEMA_SUBJECT = "sluice.subject";

/**
 * A key of a field's metadata: the field is in the data, but not in the schema that was declared or inferred for the
 * topic. Under `schema.evolution: none` a table is not made with it either.
 */
export const FIELD_UNDECLARED = "sluice.undeclared";

/**
 * A key of a field's metadata: the field (or list element, or map value) is a string column that holds JSON text, by the
 * rules of `jsonText`. `types.jsonField` makes one.
 */
export const FIELD_JSON = "sluice.json";

/** A key of a schema's metadata: the registry's id of the schema that wrote the columns, in digits. */
export const SCHEMA_ID = "sluice.schema.id";

/** A key of a schema's metadata: the schema's own name, where SetSchemaMetadata gave it one. */
export const SCHEMA_NAME = "sluice.schema.name";

/** A key of a schema's metadata: the schema's version in digits, where SetSchemaMetadata gave it one. */
export const SCHEMA_VERSION = "sluice.schema.version";

/** Which part of a record a converter reads. */
export type RecordSide = "key" | "value";

/** Rows that share a schema, as a run of the slab. */
export interface DecodedRows {
  /** A column a field. A value that is not a record (a plain string, say) is one column named `value`. */
  readonly data: RecordBatch;
  /** For each row, the index of its record, ascending. */
  readonly rows: Int32Array;
}

/** Called for each record that cannot be decoded; the record is left out of the result. */
export type RejectRecord = (index: number, error: DataError) => void;

/** What a converter is given. All of it belongs to one topic and one task. */
export interface ConverterContext {
  /** The topic's name. */
  readonly topic: string;
  /** What is decoded: keys or values. */
  readonly side: RecordSide;
  /** Time. */
  readonly clock: Clock;
  /** A log whose lines name connector, task and topic. */
  readonly log: Log;
  /** Tries again what throws a RetriableError. */
  readonly retry: Retry;
  /** HTTP, e.g. to a registry. */
  readonly fetch: typeof fetch;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /**
   * What is to be held as JSON text (`columns.json`), by path as messages write it: names of fields joined by dots, `[]`
   * for the elements of a list, `{}` for the values of a map: `order.lines[].price`. A converter makes the column at such
   * a path a `types.jsonField`, whatever type the format has there, also one that no column can hold (a recursive type,
   * say), with text by the rules of `jsonText`; where it refuses a type, the message ends with `jsonText.hint(path)`.
   * What it leaves in columns of other types the framework turns into text after it. For keys: empty.
   */
  readonly jsonPaths: ReadonlySet<string>;
  /** The schema that the target already has for this topic's values, or null: asked again after each change. */
  targetSchema(): Promise<Schema | null>;
  /**
   * Proposes an inferred schema for this topic. The first proposal in the worker is pinned for all tasks; the answer is
   * what was pinned, so that every task decodes alike.
   */
  pinSchema(proposal: Schema): Promise<Schema>;
}

/** A schema that a registry holds, or might hold. */
export interface SchemaDocument {
  /** What the registry calls its format. */
  readonly schemaType: "AVRO" | "PROTOBUF" | "JSON";
  /** The subject it is, or would be, registered under. */
  readonly subject: string;
  /** Within the subject, from 1; null: it is not registered. */
  readonly version: number | null;
  /** The registry's id; null: it is not registered. */
  readonly id: number | null;
  /** Its text. */
  readonly schema: string;
  /** What it imports, by the name that its text uses. */
  readonly references: readonly { readonly name: string; readonly subject: string; readonly version: number }[];
  /** The rules of its data contract, as the registry holds them. */
  readonly ruleSet?: unknown;
  /** The properties of its data contract, as the registry holds them. */
  readonly metadata?: unknown;
}

/** Bytes to columns. */
export interface Converter {
  /** The schema of all rows, where it is one that is known beforehand. */
  readonly schema?: Schema;
  /**
   * Decodes the records at `indices` (ascending; none of them null). Rows come back as runs in the order of the
   * records: a run ends where the schema changes. Whatever the bytes are, a record either decodes whole or is rejected
   * once; a RetriableError (registry away) means that nothing was decoded and the call can be repeated.
   */
  decode(records: RawRecords, indices: Int32Array, reject: RejectRecord): Promise<readonly DecodedRows[]>;
  /**
   * For formats that infer: how many records the converter wants to see before it can decode (0: none). The task holds
   * slabs back until it has that many, or until the round ends, then calls `learn` with them and decodes them.
   */
  wants?(): Promise<number>;
  /** Shows the converter records to infer from. */
  learn?(sample: readonly RawRecords[]): Promise<void>;
  /**
   * For formats whose records name a schema of a registry: the columns that the records of a schema have, by the options
   * of this converter. Throws DataError where all of them are rejected, FatalError where they stop the topic.
   */
  columnsOf?(schema: SchemaDocument): Promise<Schema>;
}

/** A wire format: `value.converter: <name>`. */
export interface ConverterPlugin<Def extends ConfigDef = ConfigDef> {
  /** What `value.converter` and `key.converter` say. */
  readonly name: string;
  /** What it does, in a line, for lists of plugins. */
  readonly doc?: string;
  /** Options, read from the connector's configuration (without a prefix). */
  readonly options: Def;
  /**
   * Loads what only this format needs, libraries above all, by `import()` of a name that is written out: a program runs
   * with one format or two of all that there are. Called, maybe more than once, where a configuration chooses the format:
   * before the first `create`, and before checks of its options where one that has a check is set. A check that needs
   * what is not loaded passes; `create` refuses the value then. None: all is there.
   */
  load?(): Promise<void>;
  /** Makes the converter of one topic and side. */
  create(config: Values<Def>, context: ConverterContext): Converter;
}
