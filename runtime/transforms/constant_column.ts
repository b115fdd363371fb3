/**
 * Columns whose entries are all alike, but for nulls.
 *
 * @module
 */
import { type Data, type DataType, type Field, makeData, Type } from "apache-arrow";
import { nulls } from "../api/mod.ts";
import type { Validity } from "./validity.ts";

/** What a constant is: nothing is the type's zero, false, epoch, empty text, bytes, list or map. */
export type Constant = number | bigint | Uint8Array | null;

/** A column of `length` entries of `value`, those null that `validity` says; for all types but structs. */
export function constantColumn(type: DataType, value: Constant, validity: Validity, length: number): Data {
  const make = (rest: object): Data => makeData({ type, length, ...validity, ...rest } as never);
  switch (type.typeId) {
    case Type.Utf8:
    case Type.Binary: {
      const { offsets, count, size } = offsetsOf(value as Uint8Array | null, validity, length);
      return make({ valueOffsets: offsets, data: repeated(value as Uint8Array | null, count * size) });
    }
    case Type.List:
    case Type.Map:
      return make({ valueOffsets: new Int32Array(length + 1), child: nulls(type.children[0] as Field, 0) });
    case Type.Bool:
      return make({ data: new Uint8Array((length + 7) >> 3) });
    case Type.Decimal:
      return make({ data: repeatedWords(BigInt(value as bigint | null ?? 0n), length) });
    default: {
      const { ArrayType } = type as unknown as {
        ArrayType: new (n: number) => { fill(value: unknown): ArrayLike<unknown> };
      };
      const values = new ArrayType(length);
      return make({ data: value === null ? values : values.fill(value) });
    }
  }
}

/** A null takes no bytes. */
function offsetsOf(value: Uint8Array | null, { nullBitmap }: Validity, length: number) {
  const size = value?.length ?? 0;
  const offsets = new Int32Array(length + 1);
  let at = 0;
  for (let i = 0; i < length; i++) {
    if (!nullBitmap || nullBitmap[i >> 3] & (1 << (i & 7))) at += size;
    offsets[i + 1] = at;
  }
  return { offsets, size, count: size === 0 ? 0 : at / size };
}

function repeated(value: Uint8Array | null, total: number): Uint8Array {
  const bytes = new Uint8Array(total);
  if (value === null || total === 0) return bytes;
  bytes.set(value);
  for (let filled = value.length; filled < total; filled *= 2) bytes.copyWithin(filled, 0, filled);
  return bytes;
}

function repeatedWords(value: bigint, length: number): Uint32Array {
  const words = new Uint32Array(length * 4);
  for (let word = 0; word < 4; word++) {
    const part = Number(BigInt.asUintN(32, value >> BigInt(32 * word)));
    for (let i = word; part !== 0 && i < words.length; i += 4) words[i] = part;
  }
  return words;
}
