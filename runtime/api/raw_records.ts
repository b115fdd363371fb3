/**
 * A slab: records of one partition as Kafka sent them, with an index of where each key, value and header block lies.
 *
 * @module
 */
import type { TopicPartition } from "./offsets.ts";

/** A range `[start, end)` of a record; start is -1 for null. Arrays hold one entry a record, index 0 to `count - 1`. */
export interface RawRecords extends TopicPartition {
  /** Decompressed record bytes; every position below points into it. Valid until the slab is released. */
  readonly bytes: Uint8Array;
  /** Records in the slab. */
  readonly count: number;
  /** The range that the slab covers: `from` is where reading stood, `to` is the last batch's last offset + 1. */
  readonly from: bigint;
  /** See `from`. */
  readonly to: bigint;
  /** The offset of record i is `baseOffset + BigInt(offsetDeltas[i])`, ascending. */
  readonly baseOffset: bigint;
  /** See `baseOffset`. */
  readonly offsetDeltas: Int32Array;
  /** Kafka's timestamps, ms since 1970 UTC. */
  readonly timestampsMs: Float64Array;
  /** Where keys begin; -1: null. */
  readonly keyStarts: Int32Array;
  /** Where keys end. */
  readonly keyEnds: Int32Array;
  /** Where values begin; -1: null, a tombstone. */
  readonly valueStarts: Int32Array;
  /** Where values end. */
  readonly valueEnds: Int32Array;
  /** Where the record's header block begins: a varint count, then the headers. */
  readonly headerStarts: Int32Array;
}

/** A record's header; a name may repeat. */
export interface RecordHeader {
  /** The header's name. */
  readonly key: string;
  /** Its bytes. */
  readonly value: Uint8Array | null;
  /** Its value is UTF-8 text that a transform made: `header.converter` leaves it as it is. */
  readonly isText?: true;
}

/** The offset of record `index`. */
export function rawOffset(records: RawRecords, index: number): bigint {
  return records.baseOffset + BigInt(records.offsetDeltas[index]);
}

/** The record's key as bytes of the slab (not a copy), or null. */
export function rawKey(records: RawRecords, index: number): Uint8Array | null {
  const start = records.keyStarts[index];
  return start < 0 ? null : records.bytes.subarray(start, records.keyEnds[index]);
}

/** The record's value as bytes of the slab (not a copy), or null: a tombstone. */
export function rawValue(records: RawRecords, index: number): Uint8Array | null {
  const start = records.valueStarts[index];
  return start < 0 ? null : records.bytes.subarray(start, records.valueEnds[index]);
}

const TEXT = new TextDecoder();

/** Decodes the record's headers (Kafka record format v2: zigzag varint lengths). Values are views of the slab. */
export function rawHeaders(records: RawRecords, index: number): RecordHeader[] {
  const { bytes } = records;
  let position = records.headerStarts[index];
  const varint = (): number => {
    let result = 0, shift = 0, byte: number;
    do {
      byte = bytes[position++];
      result |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte & 0x80);
    return (result >>> 1) ^ -(result & 1);
  };
  const headers: RecordHeader[] = [];
  for (let left = varint(); left > 0; left--) {
    const keyLength = varint();
    const key = TEXT.decode(bytes.subarray(position, position + keyLength));
    position += keyLength;
    const valueLength = varint();
    headers.push({ key, value: valueLength < 0 ? null : bytes.subarray(position, position + valueLength) });
    if (valueLength > 0) position += valueLength;
  }
  return headers;
}
