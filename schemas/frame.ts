/**
 * The frame that Schema Registry serializers put before a payload, wire format v0: a zero byte, then the schema's id as
 * a big-endian 32 bit integer (schema-serializer's `SchemaId.java`).
 *
 * @module
 */
import { DataError } from "../mod.ts";

/** What a frame says. */
export interface Frame {
  /** The registry's id of the writer schema. */
  readonly schemaId: number;
  /** Where the payload begins, in the same bytes. */
  readonly payloadStart: number;
}

/** Bytes of a v0 frame. */
export const FRAME_BYTES = 5;

/** Reads the frame of the value in `bytes[start, end)`; DataError "no schema id frame" where there is none. */
export function readFrame(bytes: Uint8Array, start: number, end: number): Frame {
  if (end - start < FRAME_BYTES || bytes[start] !== 0) throw notAFrame(bytes, start, end);
  const schemaId = (bytes[start + 1] << 24) | (bytes[start + 2] << 16) | (bytes[start + 3] << 8) | bytes[start + 4];
  if (schemaId < 0) {
    throw new DataError(`Cannot read the schema id: it is negative (${schemaId}), expected 0 or more`, {
      reason: NO_FRAME,
      bytePosition: 1,
    });
  }
  return { schemaId, payloadStart: start + FRAME_BYTES };
}

const NO_FRAME = "no schema id frame";

function notAFrame(bytes: Uint8Array, start: number, end: number): DataError {
  const size = end - start;
  if (size > 0 && bytes[start] !== 0) {
    const magic = bytes[start];
    const why = magic === 1
      ? "its magic byte is 1 (wire format v1, a schema GUID), which is not supported yet: produce with schema ids (v0)"
      : `its first byte is ${magic}, expected the magic byte 0; choose the converter that the producer used`;
    return new DataError(`Cannot read the schema id: ${why}`, { reason: NO_FRAME, bytePosition: 0 });
  }
  return new DataError(
    `Cannot read the schema id: the value has ${size} bytes, expected at least ${FRAME_BYTES} (magic byte and id)`,
    { reason: NO_FRAME, bytePosition: size },
  );
}
