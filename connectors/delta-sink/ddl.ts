/**
 * The statements by which Spark, Trino and DuckDB read a table: `table ddl`.
 *
 * @module
 */
import { resolve } from "node:path";
import type { Schema } from "apache-arrow";
import { ConfigError } from "../../mod.ts";
import { columnLines, type Dialect, duckdb, spark, trino } from "./ddl_types.ts";
import { loadSnapshot } from "./delta/load.ts";
import { arrowToDelta, type DeltaStruct, parseDeltaSchema, usesTimestampNtz } from "./delta/schema.ts";
import { type OpenOptions, openStorage } from "./storage/open.ts";

/** For whom, and what the table is called there; null: by its place. */
export interface DdlAsked {
  readonly engine: "spark" | "trino" | "duckdb";
  readonly name: string | null;
}

/** Of a table that is there; null: there is none. */
export async function ddlOfTable(uri: string, asked: DdlAsked, options: OpenOptions = {}): Promise<string | null> {
  const snapshot = await loadSnapshot(openStorage(uri, options));
  if (snapshot === null) return null;
  const { schemaString, partitionColumns } = snapshot.metadata;
  return ddl({ uri, columns: parseDeltaSchema(schemaString), partitionColumns, version: snapshot.version }, asked);
}

/** Of one that is to be. Throws DataError where no table can have the columns. */
export function ddlOfColumns(
  { uri, columns, partitionColumns }: {
    readonly uri: string;
    readonly columns: Schema;
    readonly partitionColumns: readonly string[];
  },
  asked: DdlAsked,
): string {
  return ddl({ uri, columns: arrowToDelta(columns), partitionColumns, version: null }, asked);
}

interface Table {
  readonly uri: string;
  readonly columns: DeltaStruct;
  readonly partitionColumns: readonly string[];
  /** Null: it is not there. */
  readonly version: bigint | null;
}

function ddl(table: Table, { engine, name }: DdlAsked): string {
  const place = placeOf(table.uri);
  const parts = name === null ? [place.split("/").at(-1)!] : name.split(".");
  if (parts.length > 3 || parts.includes("")) {
    throw new ConfigError([{
      key: "--name",
      value: name ?? "",
      why: "must be TABLE, SCHEMA.TABLE or CATALOG.SCHEMA.TABLE",
    }]);
  }
  return [...LINES[engine](table, place, parts), ""].join("\n").trimEnd();
}

const LINES: Readonly<Record<DdlAsked["engine"], (table: Table, place: string, name: readonly string[]) => string[]>> =
  {
    spark(table, place, name) {
      const target = name.map(spark.name).join(".");
      // Spark's own file systems: Hadoop's for S3, paths with their scheme for local files.
      const location = sparkText(place.startsWith("/") ? `file://${place}` : place.replace(/^s3:/, "s3a:"));
      const notes = [
        ...place.startsWith("s3:") ? ["Databricks and EMR take s3:// as it is"] : [],
        ...usesTimestampNtz(table.columns) ? ["TIMESTAMP_NTZ: Spark 3.4 or newer"] : [],
      ];
      if (table.version !== null) {
        return [
          ...comments(table, spark, notes),
          `CREATE TABLE IF NOT EXISTS ${target} USING DELTA LOCATION ${location};`,
        ];
      }
      return [
        ...notes.map(comment),
        `CREATE TABLE IF NOT EXISTS ${target} (`,
        ...listed(columnLines(table.columns, spark)),
        ") USING DELTA",
        ...table.partitionColumns.length > 0
          ? [`PARTITIONED BY (${table.partitionColumns.map(spark.name).join(", ")})`]
          : [],
        `LOCATION ${location};`,
      ];
    },
    trino(table, place, name) {
      const [catalog, schema, own] = ["delta", "default", ""].slice(0, 3 - name.length).concat(name);
      const location = text(place.startsWith("/") ? `file://${place}` : place);
      if (table.version !== null) {
        return [
          ...comments(table, trino, ["delta.register-table-procedure.enabled=true in the catalog's properties"]),
          `CALL ${trino.name(catalog)}.system.register_table(`,
          ...listed([
            `schema_name => ${text(schema)}`,
            `table_name => ${text(own)}`,
            `table_location => ${location}`,
          ]),
          ");",
        ];
      }
      const partitions = table.partitionColumns.map((column) => text(column.toLowerCase())).join(", ");
      return [
        `CREATE TABLE IF NOT EXISTS ${[catalog, schema, own].map(trino.name).join(".")} (`,
        ...listed(columnLines(table.columns, trino)),
        ") WITH (",
        ...listed([`location = ${location}`, ...partitions ? [`partitioned_by = ARRAY[${partitions}]`] : []]),
        ");",
      ];
    },
    duckdb(table, place, name) {
      const isS3 = place.startsWith("s3:");
      return [
        ...comments(table, duckdb, [
          ...table.version === null ? ["DuckDB makes no Delta tables: the view is of one that is there"] : [],
          ...isS3
            ? ["CREATE SECRET (TYPE s3, PROVIDER credential_chain); -- or KEY_ID, SECRET, REGION, ENDPOINT of your own"]
            : [],
        ]),
        "INSTALL delta;",
        "LOAD delta;",
        `CREATE OR REPLACE VIEW ${name.map(duckdb.name).join(".")} AS SELECT * FROM delta_scan(${text(place)});`,
      ];
    },
  };

/** What the table is, and its columns. */
function comments({ uri, version, columns, partitionColumns }: Table, dialect: Dialect, notes: string[]): string[] {
  return [
    version === null ? `${uri}, which is not there yet` : `${uri}, version ${version}`,
    ...columnLines(columns, dialect).map((line) => `  ${line}`),
    ...partitionColumns.length > 0 ? [`partitioned by ${partitionColumns.map(dialect.name).join(", ")}`] : [],
    ...notes,
  ].map(comment);
}

/** One line, whatever is in it. */
function comment(line: string): string {
  return `-- ${line.replace(/[\r\n\u2028\u2029]+/g, " ")}`;
}

function listed(lines: readonly string[]): string[] {
  return lines.map((line, i) => `  ${line}${i < lines.length - 1 ? "," : ""}`);
}

/** A literal of text. */
function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** Spark's: two quotes side by side are two literals there. */
function sparkText(value: string): string {
  return `'${value.replace(/[\\']/g, "\\$&")}'`;
}

/** Local paths whole, S3 by its own scheme, everything without a slash at its end. */
function placeOf(uri: string): string {
  const place = uri.replace(/\/+$/, "").replace(/^s3a:/i, "s3:");
  if (/^file:/.test(place)) return decodeURIComponent(new URL(place).pathname);
  return /^[a-z0-9]+:\/\//i.test(place) ? place : resolve(place);
}
