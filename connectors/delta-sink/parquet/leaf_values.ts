/**
 * The values of a leaf column's open page: copied out of Arrow data without the nulls, then written in one of the
 * encodings of their type.
 *
 * @module
 */
import { type Data, type DataType, Precision, Type } from "apache-arrow";
import type { ByteSink } from "./byte_sink.ts";
import { BooleanValues } from "./boolean_values.ts";
import { ByteArrayValues } from "./byte_array_values.ts";
import type { Extent } from "./extent.ts";
import { FixedValues } from "./fixed_values.ts";
import { Int32Values, Int64Values } from "./number_values.ts";
import { decimalBytes } from "./schema.ts";

/** Numbers of encodings (Parquet format, `Encoding`). */
export const Encoding = {
  PLAIN: 0,
  RLE: 3,
  DELTA_BINARY_PACKED: 5,
  DELTA_LENGTH_BYTE_ARRAY: 6,
  RLE_DICTIONARY: 8,
} as const;

/** What a page of values can be told to do; none of it keeps a reference to what it is given. */
export interface LeafValues {
  /** How many there are. */
  readonly count: number;
  /** What they take in PLAIN. */
  readonly bytes: number;
  /** Memory held. */
  readonly capacity: number;
  /** The encodings besides a dictionary, the first one first where there is nothing to choose by. */
  readonly encodings: readonly number[];
  /** Copies the entries `index[from]` to `index[to - 1]` (without an index `from` to `to - 1`), none of which is null. */
  append(data: Data, index: Int32Array | null, from: number, to: number): void;
  /** Up to which entry, beyond `from`, they take at most `room` bytes; one at least. */
  fitting(data: Data, index: Int32Array | null, from: number, to: number, room: number): number;
  /** What they take in PLAIN. */
  sizeOf(data: Data, index: Int32Array | null, from: number, to: number): number;
  /** The smallest and the largest of them. `write` relies on it being asked before. */
  extent(): Extent;
  /** Appends the first `count` in an encoding, in PLAIN where that one cannot hold them; returns which. */
  write(encoding: number, out: ByteSink, count: number): number;
  /** A dictionary for a chunk; null where the type has none. */
  createDictionary(): LeafDictionary | null;
  clear(): void;
  /** Empty, and its memory for others. */
  release(): void;
}

/** Distinct values of a chunk. */
export interface LeafDictionary {
  readonly size: number;
  /** What they take in PLAIN. */
  readonly bytes: number;
  readonly capacity: number;
  /** The indices of `values` `from` to `to - 1`, new ones added; false where there are too many of them. */
  index(values: LeafValues, from: number, to: number, out: Int32Array): boolean;
  /** The extent of those that `indices` name; null where the values tell it as fast themselves. */
  extent(indices: Int32Array, count: number): Extent | null;
  write(out: ByteSink): void;
  release(): void;
}

/** Begins the pages of a leaf column. */
export function createLeafValues(type: DataType): LeafValues {
  switch (type.typeId) {
    case Type.Bool:
      return new BooleanValues();
    case Type.Float:
      return (type as unknown as { precision: Precision }).precision === Precision.SINGLE
        ? new Int32Values(true)
        : new Int64Values(true);
    case Type.Decimal: {
      const { precision } = type as unknown as { precision: number };
      if (precision <= 9) return new Int32Values(false);
      return precision <= 18 ? new Int64Values(false) : new FixedValues(decimalBytes(precision));
    }
    case Type.Utf8:
    case Type.Binary:
      return new ByteArrayValues();
    case Type.Int:
      return (type as unknown as { bitWidth: number }).bitWidth === 64
        ? new Int64Values(false)
        : new Int32Values(false);
    case Type.Timestamp:
      return new Int64Values(false);
    default:
      return new Int32Values(false); // dates; other types were refused with the schema
  }
}
