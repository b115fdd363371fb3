/**
 * Arrow's types as the contracts speak of them: the framework's type system is Arrow's (`npm:apache-arrow`).
 *
 * @module
 */
import type * as arrow from "apache-arrow";

/** The type of a column. */
export type DataType = arrow.DataType;
/** A named column of a schema. */
export type Field = arrow.Field;
/** The columns of a batch, in order. */
export type Schema = arrow.Schema;
/** A row as an object that reads from the columns. */
export type StructRow = arrow.StructRowProxy;
