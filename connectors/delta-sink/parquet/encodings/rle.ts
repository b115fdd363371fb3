/**
 * The RLE / bit-packing hybrid (Parquet format, "Encodings": RLE = 3) of levels and dictionary indices.
 *
 * @module
 */
import type { ByteSink } from "../byte_sink.ts";

/** Bits that hold values up to `max`. */
export function bitWidth(max: number): number {
  return 32 - Math.clz32(max);
}

/** A run of one value. */
export function writeRun(out: ByteSink, value: number, length: number, width: number): void {
  out.varint(length * 2);
  for (let bits = 0; bits < width; bits += 8) out.byte((value >>> bits) & 0xff);
}

/** The first `length` values, `width` bits each (0 to 24): runs of eight and more, the others bit-packed. */
export function writeHybrid(out: ByteSink, values: Int32Array | Uint8Array, length: number, width: number): void {
  if (width === 0) return length > 0 ? writeRun(out, 0, length, 0) : undefined;
  let packedFrom = 0, at = 0;
  while (at + 8 <= length) {
    const value = values[at];
    let end = at + 1;
    while (end < at + 8 && values[end] === value) end++;
    if (end < at + 8) {
      at += 8;
      continue;
    }
    while (end < length && values[end] === value) end++;
    if (packedFrom < at) writePacked(out, values, packedFrom, at, width);
    writeRun(out, value, end - at, width);
    packedFrom = at = end;
  }
  if (packedFrom < length) writePacked(out, values, packedFrom, length, width);
}

/** Values of a bit-packed run: groups of eight, the last one filled up with zeros. */
function writePacked(out: ByteSink, values: Int32Array | Uint8Array, from: number, to: number, width: number): void {
  const groups = (to - from + 7) >> 3;
  out.varint(groups * 2 + 1);
  const size = groups * width;
  out.reserve(size + 4);
  const bytes = out.bytes;
  const end = out.length + size;
  let position = out.length, pending = 0, bits = 0;
  for (let i = from; i < to; i++) {
    pending |= values[i] << bits;
    bits += width;
    while (bits >= 8) {
      bytes[position++] = pending;
      pending >>>= 8;
      bits -= 8;
    }
  }
  if (bits > 0) bytes[position++] = pending;
  bytes.fill(0, position, end);
  out.length = end;
}
