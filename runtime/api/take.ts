/**
 * Picks rows out of Arrow data: a copy of the rows at `indices`, in that order, for every type of `types.ts`.
 *
 * @module
 */
import { type Data, type Field, makeData, RecordBatch, Struct, Type } from "apache-arrow";
import { FatalError } from "./errors.ts";

/** The rows of a batch at `indices`. */
export function takeBatch(batch: RecordBatch, indices: Int32Array): RecordBatch {
  const children = batch.data.children.map((child) => take(child, indices));
  const type = new Struct(batch.schema.fields);
  return new RecordBatch(batch.schema, makeData({ type, length: indices.length, nullCount: 0, children }));
}

/** The entries of a column at `indices`. */
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
      if (stride === 1) { for (let i = 0; i < length; i++) out[i] = values[indices[i]]; }
      else {for (let i = 0; i < length; i++) {
          for (let w = 0; w < stride; w++) out[i * stride + w] = values[indices[i] * stride + w];
        }}
      return make({ data: out });
    }
    case Type.Utf8:
    case Type.Binary: {
      const { valueOffsets, values } = data;
      const offsets = new Int32Array(length + 1);
      for (let i = 0; i < length; i++) {
        offsets[i + 1] = offsets[i] + valueOffsets[indices[i] + 1] - valueOffsets[indices[i]];
      }
      const bytes = new Uint8Array(offsets[length]);
      for (let i = 0; i < length; i++) {
        bytes.set(values.subarray(valueOffsets[indices[i]], valueOffsets[indices[i] + 1]), offsets[i]);
      }
      return make({ valueOffsets: offsets, data: bytes });
    }
    case Type.List:
    case Type.Map: {
      const { valueOffsets } = data;
      const offsets = new Int32Array(length + 1);
      for (let i = 0; i < length; i++) {
        offsets[i + 1] = offsets[i] + valueOffsets[indices[i] + 1] - valueOffsets[indices[i]];
      }
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

function takeValidity(data: Data, indices: Int32Array): { nullCount: number; nullBitmap: Uint8Array | undefined } {
  if (data.nullCount === 0) return { nullCount: 0, nullBitmap: undefined };
  const nullBitmap = takeBits(data.nullBitmap!, data.offset, indices);
  let nullCount = indices.length;
  for (let i = 0; i < indices.length; i++) if (nullBitmap[i >> 3] & (1 << (i & 7))) nullCount--;
  return { nullCount, nullBitmap: nullCount > 0 ? nullBitmap : undefined };
}

function takeBits(bits: Uint8Array, offset: number, indices: Int32Array): Uint8Array {
  const out = new Uint8Array((indices.length + 7) >> 3);
  for (let i = 0; i < indices.length; i++) {
    const at = offset + indices[i];
    if (bits[at >> 3] & (1 << (at & 7))) out[i >> 3] |= 1 << (i & 7);
  }
  return out;
}
