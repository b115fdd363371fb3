/**
 * Validity of columns: which entries are null, as bits that begin with the first entry, and columns with others of them.
 *
 * @module
 */
import { type Data, type DataType, makeData, Type } from "apache-arrow";

/** Bits of a column of `length` entries, set where an entry is not null; undefined: none is null. */
export interface Validity {
  readonly nullCount: number;
  readonly nullBitmap: Uint8Array | undefined;
}

/** No entry is null. */
export const ALL_VALID: Validity = { nullCount: 0, nullBitmap: undefined };

/** A column's own, also where it is a slice; shared with it where its bits begin at a byte. */
export function validityOf(data: Data): Validity {
  const { nullCount, nullBitmap, offset, length } = data;
  if (nullCount === 0 || !nullBitmap || nullBitmap.length === 0) return ALL_VALID;
  return { nullCount, nullBitmap: bitsFrom(nullBitmap, offset, length) };
}

/** Valid where both are. */
export function both(a: Validity, b: Validity, length: number): Validity {
  if (!a.nullBitmap) return b;
  if (!b.nullBitmap) return a;
  const nullBitmap = new Uint8Array((length + 7) >> 3);
  for (let i = 0; i < nullBitmap.length; i++) nullBitmap[i] = a.nullBitmap[i] & b.nullBitmap[i];
  return { nullCount: length - ones(nullBitmap, length), nullBitmap };
}

/** Valid where a bit is not set: of tombstones, of rows without keys. */
export function validWhereUnset(bits: Uint8Array | null, length: number): Validity {
  if (bits === null) return ALL_VALID;
  const nullCount = ones(bits, length);
  return nullCount === 0 ? ALL_VALID : { nullCount, nullBitmap: bits.map((byte) => ~byte) };
}

/** The bits of the null entries; null: there is none. */
export function nullBits({ nullCount, nullBitmap }: Validity, length: number): Uint8Array | null {
  if (nullCount === 0 || !nullBitmap) return null;
  const bits = nullBitmap.slice(0, (length + 7) >> 3);
  for (let i = 0; i < bits.length; i++) bits[i] = ~bits[i];
  if (length & 7) bits[length >> 3] &= (1 << (length & 7)) - 1;
  return bits;
}

/** The same entries, those null that `validity` says; as a column that is no slice. */
function withValidity(data: Data, validity: Validity, type: DataType = data.type): Data {
  const { length, values, valueOffsets, children, offset } = data;
  const common = { type, length, ...validity };
  const make = (rest: object): Data => makeData({ ...common, ...rest } as never);
  switch (type.typeId) {
    case Type.Bool:
      return make({ data: bitsFrom(values, offset, length) });
    case Type.Struct:
      // The children of a slice start where the slice starts.
      return make({ children: [...children] });
    case Type.List:
    case Type.Map:
      return make({ valueOffsets, child: children[0] });
    case Type.Utf8:
    case Type.Binary:
      return make({ valueOffsets, data: values });
    default:
      return make({ data: values });
  }
}

/** The column, entries that are null in its parent null in it as well. */
export function within(data: Data, parent: Validity): Data {
  if (!parent.nullBitmap) return data;
  const own = validityOf(data);
  const merged = both(own, parent, data.length);
  return merged.nullCount === own.nullCount ? data : withValidity(data, merged);
}

/** `length` bits from `offset` on, the first of them at the lowest bit of the first byte. */
export function bitsFrom(bits: Uint8Array, offset: number, length: number): Uint8Array {
  const start = offset >> 3;
  const shift = offset & 7;
  const bytes = (length + 7) >> 3;
  if (shift === 0) return bits.subarray(start, start + bytes);
  const out = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) out[i] = bits[start + i] >> shift | (bits[start + i + 1] ?? 0) << (8 - shift);
  return out;
}

function ones(bits: Uint8Array, length: number): number {
  let count = 0;
  for (let i = 0; i < length; i++) count += bits[i >> 3] >> (i & 7) & 1;
  return count;
}
