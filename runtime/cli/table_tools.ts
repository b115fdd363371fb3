/**
 * What commands do with tables and registered schemas, as main.ts hands it to them.
 *
 * @module
 */
import type { DataType, RecordBatch, Schema } from "apache-arrow";
import type { Clock, ConfigDef, Log, SchemaDocument, Values } from "../api/mod.ts";

/** A table as a command shows it; all of it can be printed as JSON. */
export interface InspectedTable {
  readonly version: number;
  /** Null where a file has no statistics that count its rows. */
  readonly rows: number | null;
  readonly files: number;
  readonly bytes: number;
}

/** How tables are reached: opaque, made by `storageOf`. */
export type StorageAccess = Readonly<Record<string, unknown>>;

/** How a subject's records become columns; `schemas/mapping_report.ts` says more. */
export interface SubjectMapping {
  readonly subject: string;
  readonly version: number | null;
  readonly id: number | null;
  /** What `value.converter` says. */
  readonly converter: string;
  readonly lines: readonly {
    readonly path: string;
    readonly writer: string;
    /** Null: no column. */
    readonly type: DataType | null;
    readonly nullable: boolean;
    readonly note: string | null;
    readonly decide: boolean;
  }[];
  /** Null: there are none, and `refused` says why. */
  readonly columns: Schema | null;
  readonly columnsJson: readonly string[];
  readonly renames: readonly { readonly from: string; readonly to: string }[];
  readonly notes: readonly string[];
  readonly refused: string | null;
}

/** What reading a registry needs of the world. */
export interface RegistryParts {
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** How columns of rows stand to a table's; `connectors/delta-sink/fit.ts` says more. */
export interface ColumnsFit {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly widened: readonly string[];
  readonly required: readonly string[];
  readonly missing: readonly string[];
}

/** The subjects of a registry; `schemas/compatibility.ts` says more. */
export interface RegistrySubjects {
  names(): Promise<readonly string[]>;
  versionsOf(subject: string): Promise<readonly number[]>;
  version(subject: string, version: number | "latest"): Promise<SchemaDocument>;
  rulesOf(document: SchemaDocument): readonly {
    readonly name: string;
    readonly type: string;
    readonly expression: string;
    readonly rejects: boolean;
    readonly isUnknown: boolean;
  }[];
  compatibilityOf(candidate: SchemaDocument): Promise<{
    readonly isCompatible: boolean;
    readonly level: string | null;
    readonly messages: readonly string[];
    readonly isFirst: boolean;
  }>;
  register(candidate: SchemaDocument): Promise<{ readonly id: number; readonly version: number | null }>;
}

/** Engines that tables are declared for. */
export type DdlEngine = "spark" | "trino" | "duckdb";

/** For whom, and what the table is called there: `table`, `schema.table` or `catalog.schema.table`; null: by its place. */
export interface DdlAsked {
  readonly engine: DdlEngine;
  readonly name: string | null;
}

/** Looking at tables and changing them. `Def` are the options of the schema registry. */
export interface TableTools<Def extends ConfigDef = ConfigDef> {
  /** The options that say how to reach tables that are elsewhere, as `--set` gives them. */
  readonly storageOptions: ConfigDef;
  /** What parsed options stand for. */
  storageOf(values: Values<ConfigDef>): StorageAccess;
  /** Null where there is no table. */
  inspectTable(uri: string, storage?: StorageAccess): Promise<InspectedTable | null>;
  /** What was inspected, for people. */
  describeTable(table: InspectedTable): string;
  /** Some rows of the newest file. */
  sampleRows(uri: string, count: number, storage?: StorageAccess): Promise<readonly unknown[]>;
  /** Adds the columns that the table lacks, nested ones too. */
  applyTableSchema(
    uri: string,
    schema: Schema,
    parts: { clock: Clock; uuid: () => string },
    storage?: StorageAccess,
  ): Promise<{ version: bigint; added: readonly string[] }>;
  readonly registryOptions: Def;
  /** The columns of a schema in the registry. */
  columnsOfSubject(
    asked: { config: Values<Def>; subject: string; version: number | "latest" },
    parts: { fetch: typeof fetch; clock: Clock; random: () => number; log: Log },
  ): Promise<Schema>;
  /** How a schema of the registry becomes a table's columns. */
  mappingOfSubject(
    asked: { config: Values<Def>; subject: string; version: number | "latest" },
    parts: RegistryParts,
  ): Promise<SubjectMapping>;
  /** All subjects of the registry. */
  subjectsOf(config: Values<Def>, parts: RegistryParts): Promise<readonly string[]>;
  /** A column's type as tables say it. */
  describeColumn(type: DataType, path: string): string;
  /** A schema of the registry by its id, with its columns; null: the registry does not know it. Columns null: none can hold it. */
  schemaOfId(
    asked: { config: Values<Def>; id: number },
    parts: { fetch: typeof fetch; clock: Clock; random: () => number; log: Log },
  ): Promise<
    {
      readonly schemaType: "AVRO" | "PROTOBUF" | "JSON";
      readonly columns: Schema | null;
      readonly subjects: readonly { readonly subject: string; readonly version: number }[];
    } | null
  >;
  /** How columns of rows stand to a table's. Throws DataError for what no table can have. */
  fitOf(table: Schema, rows: Schema): ColumnsFit;
  /** The subjects of a registry: the one thing here that can register a schema. */
  createSubjects(config: Values<Def>, parts: RegistryParts): RegistrySubjects;
  /** The statements by which an engine reads a table; null: there is none. */
  ddlOfTable(uri: string, asked: DdlAsked, storage?: StorageAccess): Promise<string | null>;
  /** The statements that make a table of these columns. Throws DataError where none can have them. */
  ddlOfColumns(
    table: { readonly uri: string; readonly columns: Schema; readonly partitionColumns: readonly string[] },
    asked: DdlAsked,
  ): string;
  /** Begins a Parquet file; the bytes that are returned are to be written out in order. */
  createParquetFile(options: { readonly schema: Schema; readonly codec: "zstd" | "snappy" | "uncompressed" }): {
    append(batch: RecordBatch): Uint8Array[];
    finish(): Uint8Array[];
  };
}
