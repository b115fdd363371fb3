/**
 * Column builders: typed buffers that a decoder appends to, row by row, and that become Arrow data without a copy.
 *
 * Every builder grows by doubling, knows how many entries it holds (`length`) and can be cut back to fewer
 * (`truncate`), so that a row that fails half-way is rolled back whole. Nothing is allocated per entry.
 *
 * @module
 */
import { Type } from "apache-arrow";
import type { DataType, Field } from "./arrow.ts";
import type { Column } from "./column.ts";
import { FatalError } from "./errors.ts";
import { BoolColumn, BytesColumn, NumberColumn, WordsColumn } from "./flat_columns.ts";
import { ListColumn, StructColumn } from "./nested_columns.ts";

export { type Column, ColumnBase } from "./column.ts";
export { BoolColumn, BytesColumn, type NumberArray, NumberColumn, WordsColumn } from "./flat_columns.ts";
export { ListColumn, StructColumn } from "./nested_columns.ts";

/** The builder of a type of `types.ts`. */
export function createColumn(type: DataType): Column {
  switch (type.typeId) {
    case Type.Bool:
      return new BoolColumn(type);
    case Type.Int: {
      const width = (type as unknown as { bitWidth: number }).bitWidth;
      if (width === 64) return new WordsColumn(type, 2);
      return new NumberColumn(type, width === 8 ? Int8Array : width === 16 ? Int16Array : Int32Array);
    }
    case Type.Float:
      return new NumberColumn(
        type,
        (type as unknown as { precision: number }).precision === 1 ? Float32Array : Float64Array,
      );
    case Type.Date:
      return new NumberColumn(type, Int32Array);
    case Type.Timestamp:
      return new WordsColumn(type, 2);
    case Type.Decimal:
      return new WordsColumn(type, 4);
    case Type.Utf8:
    case Type.Binary:
      return new BytesColumn(type);
    case Type.List:
    case Type.Map:
      return new ListColumn(type, createColumn((type.children as Field[])[0].type));
    case Type.Struct:
      return new StructColumn(type, (type.children as Field[]).map((child) => createColumn(child.type)));
    default:
      throw new FatalError(
        `Cannot build a column of type ${type}: it is none of the framework's types (runtime/api/types.ts)`,
      );
  }
}

/** The builder of one row of top-level fields: a struct that is never null. */
export function createRow(fields: readonly Field[], type: DataType): StructColumn {
  return new StructColumn(type, fields.map((f) => createColumn(f.type)));
}
