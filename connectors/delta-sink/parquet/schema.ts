/**
 * Column types as Parquet schema elements (Parquet format, "Logical Types").
 *
 * @module
 */
import { type DataType, Precision, type Schema, Type } from "apache-arrow";
import type { SchemaElement } from "hyparquet";
import { FatalError } from "../../../mod.ts";
import { childFields } from "./arrow_data.ts";

/** The elements of a file's schema, depth first, the root before all. Everything but keys of maps is optional. */
export function parquetSchema(schema: Schema): SchemaElement[] {
  if (schema.fields.length === 0) throw new FatalError("Cannot write a Parquet file: current schema has no columns");
  return [
    { name: "schema", num_children: schema.fields.length },
    ...schema.fields.flatMap((field) => elementsOf(field.name, field.type, "OPTIONAL")),
  ];
}

/** Bytes of a decimal's unscaled value: the fewest that hold `precision` digits and the sign. */
export function decimalBytes(precision: number): number {
  return Math.ceil((Math.log2(10 ** precision) + 1) / 8);
}

function elementsOf(name: string, type: DataType, repetition_type: "OPTIONAL" | "REQUIRED"): SchemaElement[] {
  const children = childFields(type);
  switch (type.typeId) {
    case Type.Struct:
      return [
        { name, repetition_type, num_children: children.length },
        ...children.flatMap((child) => elementsOf(child.name, child.type, "OPTIONAL")),
      ];
    case Type.List:
      return [
        { name, repetition_type, num_children: 1, converted_type: "LIST", logical_type: { type: "LIST" } },
        { name: "list", repetition_type: "REPEATED", num_children: 1 },
        ...elementsOf("element", children[0].type, "OPTIONAL"),
      ];
    case Type.Map: {
      const [key, value] = childFields(children[0].type);
      return [
        { name, repetition_type, num_children: 1, converted_type: "MAP", logical_type: { type: "MAP" } },
        { name: "key_value", repetition_type: "REPEATED", num_children: 2 },
        ...elementsOf("key", key.type, "REQUIRED"),
        ...elementsOf("value", value.type, "OPTIONAL"),
      ];
    }
    default:
      return [{ name, repetition_type, ...leafElement(type) }];
  }
}

/** The element of a column without parts, without its name. */
export function leafElement(type: DataType): Omit<SchemaElement, "name"> {
  switch (type.typeId) {
    case Type.Bool:
      return { type: "BOOLEAN" };
    case Type.Int: {
      const { bitWidth } = type as unknown as { bitWidth: number };
      if (bitWidth === 64) return { type: "INT64" };
      if (bitWidth === 32) return { type: "INT32" };
      const logical_type = { type: "INTEGER", bitWidth, isSigned: true } as const;
      return { type: "INT32", converted_type: bitWidth === 8 ? "INT_8" : "INT_16", logical_type };
    }
    case Type.Float:
      return {
        type: (type as unknown as { precision: Precision }).precision === Precision.SINGLE ? "FLOAT" : "DOUBLE",
      };
    case Type.Decimal: {
      const { precision, scale } = type as unknown as { precision: number; scale: number };
      const decimal = {
        converted_type: "DECIMAL",
        precision,
        scale,
        logical_type: { type: "DECIMAL", precision, scale },
      } as const;
      if (precision <= 9) return { type: "INT32", ...decimal };
      if (precision <= 18) return { type: "INT64", ...decimal };
      return { type: "FIXED_LEN_BYTE_ARRAY", type_length: decimalBytes(precision), ...decimal };
    }
    case Type.Utf8:
      return { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } };
    case Type.Binary:
      return { type: "BYTE_ARRAY" };
    case Type.Date:
      return { type: "INT32", converted_type: "DATE", logical_type: { type: "DATE" } };
    case Type.Timestamp: {
      const utc = (type as unknown as { timezone: string | null }).timezone !== null;
      const logical_type = { type: "TIMESTAMP", isAdjustedToUTC: utc, unit: "MICROS" } as const;
      return utc
        ? { type: "INT64", converted_type: "TIMESTAMP_MICROS", logical_type }
        : { type: "INT64", logical_type };
    }
    default:
      throw new FatalError(
        `Cannot write a Parquet column of type ${type}: it is none of the framework's types (runtime/api/types.ts)`,
      );
  }
}
