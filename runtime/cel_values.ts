/**
 * Columns as CEL's values, one entry at a time and only those that an expression asks for.
 *
 * | column | CEL |
 * |---|---|
 * | integers | int |
 * | floats, doubles, decimals | double: what a decimal has beyond 15 digits is rounded |
 * | timestamps, dates | timestamp, to the microsecond; local ones and dates as if they were UTC |
 * | string, binary, boolean | string, bytes, bool |
 * | list | list |
 * | struct, map | map |
 *
 * A null is null, and `has()` says that it is not there, as for the wrapper types of protobuf: both `value.x == null` and
 * `has(value.x)` do what one expects. A column that the schema lacks is an error where it is read, and `has()` is false.
 *
 * @module
 */
import { type CelInput, type CelMap, celMap } from "@bufbuild/cel";
import { type Data, type RecordBatch, Type } from "apache-arrow";
import { type Field, isNull, jsonText, type SinkBatch } from "./api/mod.ts";

/** Told what went wrong while a value was made, before it is thrown. */
type OnFailure = (error: unknown) => void;

/** A row, or a struct in one, as a map from the names of its fields. */
export class RowMap implements ReadonlyMap<string, CelInput> {
  private constructor(
    private readonly fields: readonly Field[],
    private readonly columns: readonly Data[],
    private readonly rowOf: { readonly row: number },
    private readonly onFailure: OnFailure,
  ) {}

  /** The row of a batch that `rowOf` says, at each time: one map serves all of them. */
  static ofRow({ schema, data }: RecordBatch, rowOf: { readonly row: number }, onFailure: OnFailure): CelMap {
    return RowMap.of(schema.fields, data.children, rowOf, onFailure);
  }

  /** An entry of columns. The library's map, too, says of a null that it is not there. */
  static of(
    fields: readonly Field[],
    columns: readonly Data[],
    rowOf: { readonly row: number },
    onFailure: OnFailure,
  ): CelMap {
    return celMap(new RowMap(fields, columns, rowOf, onFailure));
  }

  get size(): number {
    return this.fields.length;
  }
  get(name: string): CelInput | undefined {
    const index = indexOf(this.fields, name);
    if (index < 0) return undefined;
    try {
      return valueAt(this.columns[index], this.rowOf.row, this.onFailure);
    } catch (error) {
      this.onFailure(error);
      throw error;
    }
  }
  has(name: string): boolean {
    return (this.get(name) ?? null) !== null;
  }
  forEach(visit: (value: CelInput, key: string, map: ReadonlyMap<string, CelInput>) => void): void {
    for (const [name, value] of this.entries()) visit(value, name, this);
  }
  *entries(): MapIterator<[string, CelInput]> {
    for (const { name } of this.fields) yield [name, this.get(name)!];
    return undefined;
  }
  *keys(): MapIterator<string> {
    for (const { name } of this.fields) yield name;
    return undefined;
  }
  *values(): MapIterator<CelInput> {
    for (const { name } of this.fields) yield this.get(name)!;
    return undefined;
  }
  [Symbol.iterator](): MapIterator<[string, CelInput]> {
    return this.entries();
  }
}

const INDICES = new WeakMap<readonly Field[], ReadonlyMap<string, number>>();

function indexOf(fields: readonly Field[], name: string): number {
  let indices = INDICES.get(fields);
  if (!indices) INDICES.set(fields, indices = new Map(fields.map((field, i) => [field.name, i])));
  return indices.get(name) ?? -1;
}

/** A row's key: bytes, a single value, or a map of its fields; null where there is none. */
export function keyValue(batch: SinkBatch, row: number, onFailure: OnFailure): CelInput {
  const bytes = batch.key(row);
  const { keys } = batch;
  if (bytes === null || keys === null) return bytes;
  const { fields } = keys.schema;
  if (fields.length === 1 && fields[0].name === "value") return valueAt(keys.data.children[0], row, onFailure);
  return RowMap.ofRow(keys, { row }, onFailure);
}

/** Microseconds since 1970. */
export function timestampOf(micros: bigint): CelInput {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  // What the library knows a message of protobuf by.
  const message = {
    $typeName: "google.protobuf.Timestamp",
    seconds: (micros - fraction) / 1_000_000n,
    nanos: Number(fraction) * 1000,
  };
  return message as unknown as CelInput;
}

const TEXT = new TextDecoder("utf-8", { ignoreBOM: true });
const MICROS_PER_DAY = 86_400_000_000n;

function valueAt(data: Data, row: number, onFailure: OnFailure): CelInput {
  if (isNull(data, row)) return null;
  const { type, values, valueOffsets } = data;
  switch (type.typeId) {
    case Type.Bool:
      return (values[(data.offset + row) >> 3] & 1 << ((data.offset + row) & 7)) !== 0;
    case Type.Int:
      return BigInt(values[row]);
    case Type.Float:
      return values[row];
    case Type.Decimal:
      return Number(jsonText.ofColumn(data, row));
    case Type.Date:
      return timestampOf(BigInt(values[row]) * MICROS_PER_DAY);
    case Type.Timestamp:
      return timestampOf(values[row]);
    case Type.Utf8:
      return TEXT.decode(values.subarray(valueOffsets[row], valueOffsets[row + 1]));
    case Type.Binary:
      return values.subarray(valueOffsets[row], valueOffsets[row + 1]);
    case Type.Struct:
      return RowMap.of(type.children as Field[], data.children, { row }, onFailure);
    case Type.List:
      return entries(data, row).map((at) => valueAt(data.children[0], at, onFailure));
    default:
      return mapOf(data, row, onFailure);
  }
}

/** CEL's keys are strings, whole numbers and booleans; of others the text stands for them. */
function mapOf(data: Data, row: number, onFailure: OnFailure): CelInput {
  const [keys, values] = data.children[0].children;
  const plain = keys.type.typeId === Type.Utf8 || keys.type.typeId === Type.Int || keys.type.typeId === Type.Bool;
  return new Map(
    entries(data, row).map((at) => [
      plain ? valueAt(keys, at, onFailure) as string | bigint | boolean : jsonText.ofColumn(keys, at),
      valueAt(values, at, onFailure),
    ]),
  );
}

function entries({ valueOffsets }: Data, row: number): number[] {
  return Array.from({ length: valueOffsets[row + 1] - valueOffsets[row] }, (_, i) => valueOffsets[row] + i);
}
