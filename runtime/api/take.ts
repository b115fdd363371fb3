/**
 * Picks rows out of Arrow data: a copy of the rows at `indices`, in that order, for every type of `types.ts`.
 *
 * @module
 */
import { type Data, makeData, RecordBatch, Struct, Type } from "apache-arrow";
import type { Field, Schema } from "./arrow.ts";
import { FatalError } from "./errors.ts";

/**
 * Columns of equal length as a record batch; `length` counts where there are no columns. The batch's schema is `schema`
 * itself: what is derived from a schema is kept by its identity, and Arrow's own constructor would make a copy.
 */
export function recordBatch(schema: Schema, columns: readonly Data[], length: number): RecordBatch {
  // Arrow pads a column that is too short with nulls, and a field of a missing column becomes nullable: never silently.
  if (columns.length !== schema.fields.length || columns.some((column) => column.length !== length)) {
    throw new RangeError(
      `Cannot make a batch of ${length} rows: the columns have ${columns.map((c) => c.length)} entries, ` +
        `wanted ${length} for each of the fields ${schema.names}`,
    );
  }
  const type = new Struct(schema.fields);
  const batch = new RecordBatch(schema, makeData({ type, length, nullCount: 0, children: [...columns] }));
  (batch as { schema: Schema }).schema = schema;
  return batch;
}

/** A batch without rows. */
export function emptyBatch(schema: Schema): RecordBatch {
  return recordBatch(schema, schema.fields.map((field) => nulls(field, 0)), 0);
}

/** The rows of a batch at `indices`; -1 gives a row of nulls, whatever the schema says about them. */
export function takeBatch(batch: RecordBatch, indices: Int32Array): RecordBatch {
  return recordBatch(batch.schema, batch.data.children.map((child) => take(child, indices)), indices.length);
}

/** The entries of a column at `indices`; -1 gives a null. */
export function take(data: Data, indices: Int32Array): Data {
  const length = indices.length;
  const { type } = data;
  const { nullCount, nullBitmap } = takeValidity(data, indices);
  const common = { type, length, nullCount, nullBitmap };
  const make = (rest: object): Data => makeData({ ...common, ...rest } as never);
  switch (type.typeId) {
    case Type.Bool:
      return make({ data: takeBits(data.values, data.offset, indices) });
    case Type.Int:
    case Type.Float:
    case Type.Date:
    case Type.Timestamp:
    case Type.Decimal: {
      const { values, stride } = data;
      const ArrayType = values.constructor as new (n: number) => typeof values;
      const out = new ArrayType(length * stride);
      for (let i = 0; i < length; i++) {
        const at = indices[i] * stride;
        if (at >= 0) { for (let word = 0; word < stride; word++) out[i * stride + word] = values[at + word]; }
      }
      return make({ data: out });
    }
    case Type.Utf8:
    case Type.Binary: {
      const { valueOffsets, values } = data;
      const offsets = takeOffsets(valueOffsets, indices);
      const bytes = new Uint8Array(offsets[length]);
      for (let i = 0; i < length; i++) {
        if (offsets[i + 1] === offsets[i]) continue;
        bytes.set(values.subarray(valueOffsets[indices[i]], valueOffsets[indices[i] + 1]), offsets[i]);
      }
      return make({ valueOffsets: offsets, data: bytes });
    }
    case Type.List:
    case Type.Map: {
      const { valueOffsets } = data;
      const offsets = takeOffsets(valueOffsets, indices);
      const inner = new Int32Array(offsets[length]);
      for (let i = 0; i < length; i++) {
        const from = valueOffsets[indices[i]];
        for (let at = offsets[i]; at < offsets[i + 1]; at++) inner[at] = from + at - offsets[i];
      }
      return make({ valueOffsets: offsets, child: take(data.children[0], inner) });
    }
    case Type.Struct: {
      // The children of a slice start where the slice starts: Arrow slices them with their parent.
      return make({ children: data.children.map((child) => take(child, indices)) });
    }
    default:
      throw new FatalError(
        `Cannot pick rows of type ${type}: it is none of the framework's types (runtime/api/types.ts)`,
      );
  }
}

/** Whether entry `index` is null. */
export function isNull(data: Data, index: number): boolean {
  if (data.nullCount === 0 || !data.nullBitmap || data.nullBitmap.length === 0) return false;
  const at = data.offset + index;
  return (data.nullBitmap[at >> 3] & (1 << (at & 7))) === 0;
}

/** A column of `length` nulls. */
export function nulls(field: Field, length: number): Data {
  const { type } = field;
  const common = { type, length, nullCount: length, nullBitmap: new Uint8Array((length + 7) >> 3) };
  const make = (rest: object): Data => makeData({ ...common, ...rest } as never);
  const children = (type.children ?? []) as Field[];
  switch (type.typeId) {
    case Type.Struct:
      return make({ children: children.map((child) => nulls(child, length)) });
    case Type.List:
    case Type.Map:
      return make({ valueOffsets: new Int32Array(length + 1), child: nulls(children[0], 0) });
    case Type.Utf8:
    case Type.Binary:
      return make({ valueOffsets: new Int32Array(length + 1), data: new Uint8Array(0) });
    case Type.Bool:
      return make({ data: new Uint8Array((length + 7) >> 3) });
    default: {
      const ArrayType = (type as unknown as { ArrayType: new (n: number) => ArrayLike<number> }).ArrayType;
      const stride = type.typeId === Type.Decimal ? 4 : 1;
      return make({ data: new ArrayType(length * stride) });
    }
  }
}

/** Offsets of the picked entries, from 0; a null in place of -1 holds nothing. */
function takeOffsets(offsets: Int32Array, indices: Int32Array): Int32Array {
  const out = new Int32Array(indices.length + 1);
  for (let i = 0; i < indices.length; i++) {
    const at = indices[i];
    out[i + 1] = out[i] + (at < 0 ? 0 : offsets[at + 1] - offsets[at]);
  }
  return out;
}

function takeValidity(data: Data, indices: Int32Array): { nullCount: number; nullBitmap: Uint8Array | undefined } {
  if (data.nullCount === 0 && !indices.includes(-1)) return { nullCount: 0, nullBitmap: undefined };
  const nullBitmap = new Uint8Array((indices.length + 7) >> 3);
  let nullCount = 0;
  for (let i = 0; i < indices.length; i++) {
    if (indices[i] < 0 || isNull(data, indices[i])) nullCount++;
    else nullBitmap[i >> 3] |= 1 << (i & 7);
  }
  return { nullCount, nullBitmap: nullCount > 0 ? nullBitmap : undefined };
}

function takeBits(bits: Uint8Array, offset: number, indices: Int32Array): Uint8Array {
  const out = new Uint8Array((indices.length + 7) >> 3);
  for (let i = 0; i < indices.length; i++) {
    const at = offset + indices[i];
    if (indices[i] >= 0 && bits[at >> 3] & (1 << (at & 7))) out[i >> 3] |= 1 << (i & 7);
  }
  return out;
}
