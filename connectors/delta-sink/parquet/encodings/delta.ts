/**
 * DELTA_BINARY_PACKED (Parquet format, "Delta Encoding" = 5): blocks of 128 differences, four miniblocks of 32 each.
 *
 * @module
 */
import type { ByteSink } from "../byte_sink.ts";

const BLOCK = 128;
const MINIBLOCK = 32;

const adjusted32 = new Int32Array(BLOCK);
const adjusted53 = new Float64Array(BLOCK);

/**
 * Integers whose low words are at `words[0]`, `words[stride]`, ...; the largest and the smallest differ by less than
 * 2^31. `first` is the first of them.
 */
export function writeDeltas32(out: ByteSink, words: Int32Array, stride: number, length: number, first: bigint): void {
  writeHeader(out, length, first);
  for (let from = 1; from < length; from += BLOCK) {
    const count = Math.min(BLOCK, length - from);
    let least = 0x7fffffff;
    let before = words[(from - 1) * stride];
    for (let i = 0, at = from * stride; i < count; i++, at += stride) {
      const value = words[at];
      const delta = (value - before) | 0;
      before = value;
      adjusted32[i] = delta;
      if (delta < least) least = delta;
    }
    writeLeast(out, least);
    adjusted32.fill(least, count);
    let header = out.length;
    out.reserve(4 + BLOCK * 4 + 8);
    out.length += 4;
    for (let from = 0; from < BLOCK; from += MINIBLOCK) {
      let all = 0;
      for (let i = from; i < from + MINIBLOCK; i++) all |= adjusted32[i] = (adjusted32[i] - least) | 0;
      const width = from < count ? 32 - Math.clz32(all) : 0;
      out.bytes[header++] = width;
      if (width > 0) packMiniblock(out, adjusted32, from, width);
    }
  }
}

/** Integers below 2^53, as doubles; the largest and the smallest differ by less than 2^52. */
export function writeDeltas53(out: ByteSink, values: Float64Array, length: number, first: bigint): void {
  writeHeader(out, length, first);
  for (let from = 1; from < length; from += BLOCK) {
    const count = Math.min(BLOCK, length - from);
    let least = Infinity;
    for (let i = 0; i < count; i++) {
      const delta = values[from + i] - values[from + i - 1];
      adjusted53[i] = delta;
      if (delta < least) least = delta;
    }
    writeLeast(out, least);
    adjusted53.fill(least, count);
    let header = out.length;
    out.reserve(4 + BLOCK * 8 + 8);
    out.length += 4;
    for (let from = 0; from < BLOCK; from += MINIBLOCK) {
      let most = 0;
      for (let i = from; i < from + MINIBLOCK; i++) {
        const value = adjusted53[i] - least;
        adjusted53[i] = value;
        if (value > most) most = value;
      }
      const high = Math.floor(most / 2 ** 32);
      const width = from >= count ? 0 : high > 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(most);
      out.bytes[header++] = width;
      if (width > 32) packWide(out, from, width);
      else if (width > 0) {
        for (let i = from; i < from + MINIBLOCK; i++) adjusted32[i] = adjusted53[i];
        packMiniblock(out, adjusted32, from, width);
      }
    }
  }
}

function writeHeader(out: ByteSink, length: number, first: bigint): void {
  out.varint(BLOCK);
  out.varint(BLOCK / MINIBLOCK);
  out.varint(length);
  out.zigzag64(length > 0 ? first : 0n);
}

/** The smallest difference, below 2^52: its zigzag is exact as a double. */
function writeLeast(out: ByteSink, least: number): void {
  out.varint(least >= 0 ? 2 * least : -2 * least - 1);
}

/** 32 values of `width` bits are exactly `width` words. Room is reserved. */
function packMiniblock(out: ByteSink, values: Int32Array, from: number, width: number): void {
  let pending = 0, bits = 0;
  for (let i = from; i < from + MINIBLOCK; i++) {
    const value = values[i];
    pending |= value << bits;
    bits += width;
    if (bits >= 32) {
      out.word(pending);
      bits -= 32;
      // A shift by 32 would be one by 0.
      pending = bits > 0 ? value >>> (width - bits) : 0;
    }
  }
}

function packWide(out: ByteSink, from: number, width: number): void {
  let pending = 0, bits = 0;
  const put = (value: number, size: number) => {
    pending |= value << bits;
    bits += size;
    if (bits >= 32) {
      out.word(pending);
      bits -= 32;
      pending = bits > 0 ? value >>> (size - bits) : 0;
    }
  };
  for (let i = from; i < from + MINIBLOCK; i++) {
    const value = adjusted53[i];
    put(value | 0, 32);
    put(Math.floor(value / 2 ** 32), width - 32);
  }
}
