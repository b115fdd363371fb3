/**
 * The records of one batch, decompressed: where each key, value and header block lies. The hot loop of reading.
 *
 * A record: length, attributes 1, timestampDelta, offsetDelta, keyLength, key, valueLength, value, header count, headers
 * (keyLength, key, valueLength, value); all lengths, deltas and counts are zigzag varints, -1 is null.
 * Source: https://kafka.apache.org/documentation/#record
 *
 * @module
 */
import type { RecordIndex } from "./slab_pool.ts";

/** The smallest record: seven fields of one byte. */
export const RECORD_BYTES_MIN = 7;

/** Says what is wrong; the caller knows the topic and the offset. */
export class MalformedRecord extends Error {
  override name = "MalformedRecord";
}

/** A batch's records and what they are relative to. */
export interface RecordBytes {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly count: number;
  readonly lastOffsetDelta: number;
  readonly baseTimestamp: number;
  readonly appendTime: number | null;
}

/** The byte after the last varint that was read: a second result without an allocation. */
let after = 0;

/**
 * Appends the batch's records to `index` from entry `at` on; returns the entry after the last one. Positions are moved
 * by `shift`, offset deltas by `deltaBase`; records with a delta below `deltaMin` are dropped. Throws MalformedRecord.
 * One long function: it runs once a record, and every call in it costs.
 */
export function indexRecords(
  batch: RecordBytes,
  shift: number,
  deltaBase: number,
  deltaMin: number,
  index: RecordIndex,
  at: number,
): number {
  const { bytes, end, count, lastOffsetDelta, baseTimestamp, appendTime } = batch;
  const { offsetDeltas, timestampsMs, keyStarts, keyEnds, valueStarts, valueEnds, headerStarts } = index;
  let position = batch.start;
  let lastDelta = -1;
  for (let i = 0; i < count; i++) {
    const length = varint(bytes, position);
    const recordEnd = after + length;
    if (length < RECORD_BYTES_MIN - 1 || recordEnd > end) {
      throw new MalformedRecord(`record ${i} of ${count} claims ${length} bytes, ${end - after} are left`);
    }
    const timestampDelta = varlong(bytes, after + 1);
    const delta = varint(bytes, after);
    if (delta <= lastDelta || delta > lastOffsetDelta) {
      throw new MalformedRecord(
        `record ${i} of ${count} has offset delta ${delta}, wanted ${lastDelta + 1} to ${lastOffsetDelta}`,
      );
    }
    lastDelta = delta;
    const keyLength = varint(bytes, after);
    const keyStart = after;
    const keyEnd = keyLength > 0 ? keyStart + keyLength : keyStart;
    // Beyond the end every byte reads as 0: the check is due before the position is used to index.
    if (keyLength < -1 || keyEnd > recordEnd) throw outside("key", i, keyLength);
    const valueLength = varint(bytes, keyEnd);
    const valueStart = after;
    const valueEnd = valueLength > 0 ? valueStart + valueLength : valueStart;
    if (valueLength < -1 || valueEnd > recordEnd) throw outside("value", i, valueLength);
    const headers = varint(bytes, valueEnd);
    if (headers !== 0) skipHeaders(bytes, headers, recordEnd, i);
    if (after !== recordEnd) {
      throw new MalformedRecord(`record ${i} of ${count} ends at byte ${after}, its length says ${recordEnd}`);
    }
    position = recordEnd;
    if (delta < deltaMin) continue;
    offsetDeltas[at] = deltaBase + delta;
    timestampsMs[at] = appendTime === null ? baseTimestamp + timestampDelta : appendTime;
    keyStarts[at] = keyLength < 0 ? -1 : keyStart + shift;
    keyEnds[at] = keyEnd + shift;
    valueStarts[at] = valueLength < 0 ? -1 : valueStart + shift;
    valueEnds[at] = valueEnd + shift;
    headerStarts[at] = valueEnd + shift;
    at++;
  }
  if (position !== end) throw new MalformedRecord(`${end - position} bytes are left after its ${count} records`);
  return at;
}

/** Leaves `after` behind the header block. */
function skipHeaders(bytes: Uint8Array, count: number, end: number, record: number): void {
  // A header takes two bytes at least.
  if (count < 0 || count > (end - after) / 2) throw outside("header block", record, count);
  for (let i = 0; i < count; i++) {
    const keyLength = varint(bytes, after);
    if (keyLength < 0 || after + keyLength > end) throw outside("header key", record, keyLength);
    const valueLength = varint(bytes, after + keyLength);
    if (valueLength < -1 || after + valueLength > end) throw outside("header value", record, valueLength);
    if (valueLength > 0) after += valueLength;
  }
  if (after > end) throw outside("header block", record, count);
}

function outside(what: string, record: number, length: number): MalformedRecord {
  return new MalformedRecord(`the ${what} of record ${record} has length ${length}, which lies outside of the record`);
}

/** A zigzag varint of 32 bits. */
function varint(bytes: Uint8Array, at: number): number {
  let byte = bytes[at++];
  if (byte < 0x80) {
    after = at;
    return (byte >>> 1) ^ -(byte & 1);
  }
  let result = byte & 0x7f;
  for (let shift = 7; byte & 0x80; shift += 7) {
    if (shift > 28) throw new MalformedRecord("a varint has more than 5 bytes");
    byte = bytes[at++];
    result |= (byte & 0x7f) << shift;
  }
  after = at;
  return (result >>> 1) ^ -(result & 1);
}

/** A zigzag varint of 64 bits as a double: exact up to 2^53, which is far beyond any time in ms. */
function varlong(bytes: Uint8Array, at: number): number {
  let byte = bytes[at++];
  if (byte < 0x80) {
    after = at;
    return (byte >>> 1) ^ -(byte & 1);
  }
  let result = byte & 0x7f;
  let scale = 128;
  for (let size = 1; byte & 0x80; size++) {
    if (size > 9) throw new MalformedRecord("a varlong has more than 10 bytes");
    byte = bytes[at++];
    result += (byte & 0x7f) * scale;
    scale *= 128;
  }
  after = at;
  return result % 2 === 0 ? result / 2 : -(result + 1) / 2;
}
