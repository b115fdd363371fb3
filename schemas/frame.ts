/**
 * How a record names the schema that wrote it (schema-serializer's `SchemaId.java`): a prefix of the payload, or the
 * same prefix as the value of a header, the payload then being bare.
 *
 * | prefix | bytes |
 * |---|---|
 * | wire format v0 | `0x00`, the schema's id as a big-endian 32 bit integer |
 * | wire format v1 | `0x01`, the schema's GUID, 16 bytes |
 *
 * For Protobuf, message indexes follow: which message of the file it is, as zigzag varints, their count first; a single
 * `0x00` stands for the first message.
 *
 * @module
 */
import { DataError, type RawRecords, type RecordSide } from "../mod.ts";

/** What a prefix says. */
export interface Frame {
  /** The writer schema: the registry's id of it, or its GUID in lower case. */
  readonly schema: number | string;
  /** The path to the message from the file's messages on; empty for formats without. */
  readonly messageIndexes: readonly number[];
  /** Where the prefix ends, in the same bytes. */
  readonly end: number;
}

/** The headers that hold the prefix, by side. */
const SCHEMA_ID_HEADERS = { key: "__key_schema_id", value: "__value_schema_id" } as const;

const V0_BYTES = 5;
const V1_BYTES = 17;
/** Nested messages are few; a longer path is none. */
const INDEXES_MAX = 64;
const NO_FRAME = "no schema id frame";

/** Reads the prefix at `bytes[start, end)`; DataError "no schema id frame" where there is none. */
export function readFrame(bytes: Uint8Array, start: number, end: number, hasMessageIndexes = false): Frame {
  const schema = bytes[start] === 1 && end > start ? readGuid(bytes, start, end) : readId(bytes, start, end);
  const after = start + (typeof schema === "number" ? V0_BYTES : V1_BYTES);
  return hasMessageIndexes ? readIndexes(bytes, start, after, end, schema) : { schema, messageIndexes: [], end: after };
}

/**
 * Where the record's schema id header lies, or null where it has none; of several the last counts. Only its bytes are
 * looked at: most records have no header at all.
 */
export function schemaIdHeader(
  { bytes, headerStarts }: RawRecords,
  index: number,
  side: RecordSide,
): { readonly start: number; readonly end: number } | null {
  let at = headerStarts[index];
  if (at < 0 || bytes[at] === 0) return null;
  const varint = (): number => {
    let result = 0, shift = 0, byte: number;
    do {
      byte = bytes[at++];
      result |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte & 0x80);
    return (result >>> 1) ^ -(result & 1);
  };
  const name = NAMES[side];
  let found: { start: number; end: number } | null = null;
  for (let left = varint(); left > 0; left--) {
    const keyBytes = varint();
    const isIt = keyBytes === name.length && name.every((byte, i) => bytes[at + i] === byte);
    at += keyBytes;
    const valueBytes = Math.max(0, varint());
    if (isIt) found = { start: at, end: at + valueBytes };
    at += valueBytes;
  }
  return found;
}

const encoder = new TextEncoder();
const NAMES = { key: encoder.encode(SCHEMA_ID_HEADERS.key), value: encoder.encode(SCHEMA_ID_HEADERS.value) };

function readId(bytes: Uint8Array, start: number, end: number): number {
  const size = end - start;
  if (size > 0 && bytes[start] !== 0) {
    throw refuse(
      `its first byte is ${
        bytes[start]
      }, expected the magic byte 0 (an id) or 1 (a GUID); choose the converter that the ` +
        "producer used",
      0,
    );
  }
  if (size < V0_BYTES) {
    throw refuse(`there are ${size} bytes, expected at least ${V0_BYTES} (magic byte and id)`, size);
  }
  const id = (bytes[start + 1] << 24) | (bytes[start + 2] << 16) | (bytes[start + 3] << 8) | bytes[start + 4];
  if (id < 0) throw refuse(`it is negative (${id}), expected 0 or more`, 1);
  return id;
}

function readGuid(bytes: Uint8Array, start: number, end: number): string {
  const size = end - start;
  if (size < V1_BYTES) {
    throw refuse(`there are ${size} bytes, expected at least ${V1_BYTES} (magic byte 1 and GUID)`, size);
  }
  const hex = Array.from(bytes.subarray(start + 1, start + V1_BYTES), (byte) => byte.toString(16).padStart(2, "0"));
  return [[0, 4], [4, 6], [6, 8], [8, 10], [10, 16]].map(([from, to]) => hex.slice(from, to).join("")).join("-");
}

function readIndexes(bytes: Uint8Array, start: number, from: number, end: number, schema: number | string): Frame {
  let at = from;
  const next = (): number => {
    let result = 0;
    for (let shift = 0; shift < 32; shift += 7) {
      if (at >= end) throw refuse("the message indexes after it are cut off", at - start);
      const byte = bytes[at++];
      result |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (result >>> 1) ^ -(result & 1);
    }
    throw refuse("the message indexes after it are no varints", at - start);
  };
  const count = next();
  if (count < 0 || count > INDEXES_MAX) {
    throw refuse(`${count} message indexes follow it, expected 0 to ${INDEXES_MAX}`, from - start);
  }
  if (count === 0) return { schema, messageIndexes: FIRST, end: at };
  const messageIndexes = Array.from({ length: count }, () => {
    const index = next();
    if (index < 0) throw refuse(`a message index after it is negative (${index})`, at - start);
    return index;
  });
  return { schema, messageIndexes, end: at };
}

const FIRST: readonly number[] = [0];

function refuse(why: string, bytePosition: number): DataError {
  return new DataError(`Cannot read the schema id: ${why}`, { reason: NO_FRAME, bytePosition });
}
