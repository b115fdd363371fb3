/**
 * Delta's types and names in the words of engines. Sources: Delta protocol, "Primitive Types"; Spark's SQL reference, "Data
 * Types"; Trino's Delta Lake connector, "Delta Lake to Trino type mapping"; what DuckDB's `delta_scan` describes.
 *
 * @module
 */
import type { DeltaStruct, DeltaType } from "./delta/schema.ts";

/** An engine's words. */
export interface Dialect {
  /** A name in quotes. */
  readonly name: (name: string) => string;
  readonly type: (type: DeltaType) => string;
}

/** What each engine calls the types that have no parts. */
const PRIMITIVES: Readonly<Record<string, readonly [spark: string, trino: string, duckdb: string]>> = {
  string: ["STRING", "VARCHAR", "VARCHAR"],
  long: ["BIGINT", "BIGINT", "BIGINT"],
  integer: ["INT", "INTEGER", "INTEGER"],
  short: ["SMALLINT", "SMALLINT", "SMALLINT"],
  byte: ["TINYINT", "TINYINT", "TINYINT"],
  float: ["FLOAT", "REAL", "FLOAT"],
  double: ["DOUBLE", "DOUBLE", "DOUBLE"],
  boolean: ["BOOLEAN", "BOOLEAN", "BOOLEAN"],
  binary: ["BINARY", "VARBINARY", "BLOB"],
  date: ["DATE", "DATE", "DATE"],
  timestamp: ["TIMESTAMP", "TIMESTAMP(3) WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE"],
  timestamp_ntz: ["TIMESTAMP_NTZ", "TIMESTAMP(6)", "TIMESTAMP"],
};

/** Types that are not known here stand as the table names them. */
function primitive(type: string, of: 0 | 1 | 2): string {
  return Object.hasOwn(PRIMITIVES, type) ? PRIMITIVES[type][of] : type.toUpperCase();
}

function quoted(name: string, mark: '"' | "`"): string {
  return mark + name.replaceAll(mark, mark + mark) + mark;
}

/** Spark SQL. */
export const spark: Dialect = {
  name: (name) => quoted(name, "`"),
  type(type) {
    if (typeof type === "string") return primitive(type, 0);
    switch (type.type) {
      case "struct":
        return `STRUCT<${
          type.fields.map(({ name, type, nullable }) =>
            `${spark.name(name)}: ${spark.type(type)}${nullable ? "" : " NOT NULL"}`
          ).join(", ")
        }>`;
      case "array":
        return `ARRAY<${spark.type(type.elementType)}>`;
      case "map":
        return `MAP<${spark.type(type.keyType)}, ${spark.type(type.valueType)}>`;
    }
  },
};

/** Trino. */
export const trino: Dialect = {
  name: (name) => quoted(name, '"'),
  type(type) {
    if (typeof type === "string") return primitive(type, 1);
    switch (type.type) {
      case "struct":
        return `ROW(${type.fields.map(({ name, type }) => `${trino.name(name)} ${trino.type(type)}`).join(", ")})`;
      case "array":
        return `ARRAY(${trino.type(type.elementType)})`;
      case "map":
        return `MAP(${trino.type(type.keyType)}, ${trino.type(type.valueType)})`;
    }
  },
};

/** DuckDB. */
export const duckdb: Dialect = {
  name: (name) => quoted(name, '"'),
  type(type) {
    if (typeof type === "string") return primitive(type, 2);
    switch (type.type) {
      case "struct":
        return `STRUCT(${type.fields.map(({ name, type }) => `${duckdb.name(name)} ${duckdb.type(type)}`).join(", ")})`;
      case "array":
        return `${duckdb.type(type.elementType)}[]`;
      case "map":
        return `MAP(${duckdb.type(type.keyType)}, ${duckdb.type(type.valueType)})`;
    }
  },
};

/** A line a column: name, type, whether nulls are forbidden. */
export function columnLines({ fields }: DeltaStruct, { name, type }: Dialect): string[] {
  return fields.map((field) => `${name(field.name)} ${type(field.type)}${field.nullable ? "" : " NOT NULL"}`);
}
