/**
 * Leaf columns of a file, in the order of its schema.
 *
 * @module
 */
import type { DataType, Schema } from "apache-arrow";
import { Type } from "apache-arrow";
import type { SchemaElement } from "hyparquet";
import { childFields } from "./arrow_data.ts";
import { leafElement } from "./schema.ts";

/** A column as Parquet has it. */
export interface Leaf {
  readonly type: DataType;
  readonly element: Omit<SchemaElement, "name">;
  readonly path: readonly string[];
  /** The definition level of a value that is not null. */
  readonly levelMax: number;
  /** How many lists and maps are around it. */
  readonly repeatMax: number;
}

/** All leaf columns below the columns of a schema. */
export function leavesOf(schema: Schema): Leaf[] {
  return schema.fields.flatMap(({ name, type }) => leavesBelow(type, [name], 1, 0));
}

/** `level` is that of a value of `type`. */
function leavesBelow(type: DataType, path: readonly string[], level: number, repeats: number): Leaf[] {
  const children = childFields(type);
  switch (type.typeId) {
    case Type.Struct:
      return children.flatMap((child) => leavesBelow(child.type, [...path, child.name], level + 1, repeats));
    case Type.List:
      return leavesBelow(children[0].type, [...path, "list", "element"], level + 2, repeats + 1);
    case Type.Map: {
      const [key, value] = childFields(children[0].type);
      return [
        ...leavesBelow(key.type, [...path, "key_value", "key"], level + 1, repeats + 1),
        ...leavesBelow(value.type, [...path, "key_value", "value"], level + 2, repeats + 1),
      ];
    }
    default:
      return [{ type, element: leafElement(type), path, levelMax: level, repeatMax: repeats }];
  }
}
