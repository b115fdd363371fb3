/**
 * Columns of another copy of Arrow, as a plugin may bring one, made columns of ours: Arrow tells types apart by their class.
 * Buffers are taken over as they are. A schema becomes one schema, since what is derived from a schema is kept by its identity.
 *
 * @module
 */
import {
  Binary,
  Bool,
  Data,
  DataType,
  Date_,
  Decimal,
  Field,
  Float,
  Int,
  List,
  Map_,
  Null,
  RecordBatch,
  Schema,
  Struct,
  Timestamp,
  Type,
  Utf8,
} from "apache-arrow";
import { FatalError, recordBatch } from "../api/mod.ts";

const known = new WeakMap<Schema, Schema>();

/** The schema itself where all of it is ours. */
export function ownSchema(schema: Schema): Schema {
  const before = known.get(schema);
  if (before) return before;
  const isOurs = schema.constructor === Schema && schema.fields.every(isOurField);
  const own = isOurs ? schema : new Schema(schema.fields.map(ownField), new Map(schema.metadata));
  known.set(schema, own);
  return own;
}

/** The batch itself where all of it is ours. */
export function ownBatch(batch: RecordBatch): RecordBatch {
  const schema = ownSchema(batch.schema);
  const columns = batch.data.children;
  if (batch.constructor === RecordBatch && schema === batch.schema && columns.every(isOurData)) return batch;
  return recordBatch(schema, columns.map((column, i) => ownData(column, schema.fields[i].type)), batch.numRows);
}

function isOurField(field: Field): boolean {
  return field.constructor === Field && isOurType(field.type);
}

function isOurType(type: DataType): boolean {
  return type instanceof DataType && ((type.children ?? []) as Field[]).every(isOurField);
}

function isOurData(data: Data): boolean {
  return data.constructor === Data && data.type instanceof DataType && data.children.every(isOurData);
}

function ownField({ name, type, nullable, metadata }: Field): Field {
  return new Field(name, ownType(type), nullable, new Map(metadata));
}

/** What a type of any copy of Arrow tells about itself. */
interface Told {
  readonly isSigned: boolean;
  readonly bitWidth: number;
  readonly precision: number;
  readonly scale: number;
  readonly unit: number;
  readonly timezone: string | null;
  readonly keysSorted: boolean;
}

function ownType(type: DataType): DataType {
  const { isSigned, bitWidth, precision, scale, unit, timezone, keysSorted } = type as unknown as Told;
  const children = ((type.children ?? []) as Field[]).map(ownField);
  switch (type.typeId as Type) {
    case Type.Null:
      return new Null();
    case Type.Bool:
      return new Bool();
    case Type.Int:
      return new Int(isSigned as never, bitWidth as never);
    case Type.Float:
      return new Float(precision as never);
    case Type.Utf8:
      return new Utf8();
    case Type.Binary:
      return new Binary();
    case Type.Decimal:
      return new Decimal(scale, precision, bitWidth);
    case Type.Date:
      return new Date_(unit as never);
    case Type.Timestamp:
      return new Timestamp(unit as never, timezone);
    case Type.List:
      return new List(children[0]);
    case Type.Struct:
      return new Struct(children);
    case Type.Map:
      return new Map_(children[0] as never, keysSorted);
    default:
      throw new FatalError(`Cannot take a column of type ${type}: types.*() of @sluice/sluice makes those that can be`);
  }
}

function ownData(data: Data, type: DataType): Data {
  const { offset, length, nullCount, valueOffsets, values, nullBitmap, typeIds } = data;
  const buffers = [valueOffsets, values, nullBitmap, typeIds];
  const fields = (type.children ?? []) as Field[];
  return new Data(
    type,
    offset,
    length,
    nullCount,
    buffers as never,
    data.children.map((c, i) => ownData(c, fields[i].type)),
  );
}
