/**
 * Small tools on Arrow data that the Parquet writer, the statistics and the projection share.
 *
 * In a slice, `values` and `valueOffsets` begin at the slice, while `offset` counts the bits to skip in the validity
 * bitmap and in the values of booleans; the child of a list is never sliced.
 *
 * @module
 */
import { type Data, type DataType, type Field, Type } from "apache-arrow";

/** The validity bitmap of a column, or null where no entry is null. Entry i is at bit `data.offset + i`. */
export function validityOf(data: Data): Uint8Array | null {
  return data.nullCount > 0 && data.nullBitmap && data.nullBitmap.length > 0 ? data.nullBitmap : null;
}

/** A struct's child, with the entries null that are null because the struct is. */
export function childOf(struct: Data, index: number): Data {
  const child = struct.children[index];
  const outer = validityOf(struct);
  if (outer === null) return child;
  const inner = validityOf(child);
  const { offset, length } = child;
  const nullBitmap = new Uint8Array((offset + length + 7) >> 3);
  let nullCount = 0;
  for (let i = 0; i < length; i++) {
    const at = offset + i, above = struct.offset + i;
    const valid = (outer[above >> 3] & (1 << (above & 7))) !== 0 &&
      (inner === null || (inner[at >> 3] & (1 << (at & 7))) !== 0);
    if (valid) nullBitmap[at >> 3] |= 1 << (at & 7);
    else nullCount++;
  }
  return withBuffers(child, child.type, { nullBitmap, nullCount });
}

/** The same entries under another type, other values or another validity; nothing is copied. */
export function withBuffers(
  data: Data,
  type: DataType,
  { values, nullBitmap, nullCount, children }: {
    values?: ArrayLike<unknown>;
    nullBitmap?: Uint8Array;
    nullCount?: number;
    children?: Data[];
  },
): Data {
  const buffers = [data.valueOffsets, values ?? data.values, nullBitmap ?? data.nullBitmap, data.typeIds];
  return data.clone(
    type,
    data.offset,
    data.length,
    nullCount ?? data.nullCount,
    buffers as never,
    children ?? data.children,
  );
}

/** The fields below a type: of a struct its fields, of a list its element, of a map its key_value struct. */
export function childFields(type: DataType): readonly Field[] {
  return (type.children ?? []) as Field[];
}

/** Whether a type is a struct, list or map. */
export function isNested(type: DataType): boolean {
  return type.typeId === Type.Struct || type.typeId === Type.List || type.typeId === Type.Map;
}
