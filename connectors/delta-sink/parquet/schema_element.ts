/**
 * Elements of a file's schema in the footer (Parquet format, `SchemaElement`, `LogicalType`).
 *
 * @module
 */
import type { LogicalType, SchemaElement } from "hyparquet";
import { FatalError } from "../../../mod.ts";
import type { ThriftWriter } from "./thrift.ts";

const TYPES = ["BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"];
const REPETITIONS = ["REQUIRED", "OPTIONAL", "REPEATED"];
const CONVERTED: Readonly<Record<string, number>> = {
  UTF8: 0,
  MAP: 1,
  LIST: 3,
  DECIMAL: 5,
  DATE: 6,
  TIMESTAMP_MICROS: 10,
  INT_8: 15,
  INT_16: 16,
};

/** Writes an element. */
export function writeSchemaElement(thrift: ThriftWriter, element: SchemaElement): void {
  thrift.begin();
  if (element.type !== undefined) thrift.i32(1, TYPES.indexOf(element.type));
  if (element.type_length !== undefined) thrift.i32(2, element.type_length);
  if (element.repetition_type !== undefined) thrift.i32(3, REPETITIONS.indexOf(element.repetition_type));
  thrift.binary(4, element.name);
  if (element.num_children !== undefined) thrift.i32(5, element.num_children);
  if (element.converted_type !== undefined) thrift.i32(6, CONVERTED[element.converted_type]);
  if (element.scale !== undefined) thrift.i32(7, element.scale);
  if (element.precision !== undefined) thrift.i32(8, element.precision);
  if (element.logical_type !== undefined) {
    thrift.struct(10);
    writeLogicalType(thrift, element.logical_type);
    thrift.end();
  }
  thrift.end();
}

function writeLogicalType(thrift: ThriftWriter, type: LogicalType): void {
  switch (type.type) {
    case "STRING":
      return empty(thrift, 1);
    case "MAP":
      return empty(thrift, 2);
    case "LIST":
      return empty(thrift, 3);
    case "DECIMAL":
      thrift.struct(5);
      thrift.i32(1, type.scale);
      thrift.i32(2, type.precision);
      return thrift.end();
    case "DATE":
      return empty(thrift, 6);
    case "TIMESTAMP":
      thrift.struct(8);
      thrift.boolean(1, type.isAdjustedToUTC);
      thrift.struct(2);
      empty(thrift, 2); // MICROS
      thrift.end();
      return thrift.end();
    case "INTEGER":
      thrift.struct(10);
      thrift.byte(1, type.bitWidth);
      thrift.boolean(2, type.isSigned);
      return thrift.end();
    default:
      throw new FatalError(`Cannot write a Parquet schema: current logical type is ${type.type}, wanted one of ours`);
  }
}

function empty(thrift: ThriftWriter, id: number): void {
  thrift.struct(id);
  thrift.end();
}
