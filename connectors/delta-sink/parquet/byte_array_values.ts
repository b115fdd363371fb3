/**
 * Strings and binaries of an open page: their bytes one after the other, and where each ends.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import { giveBuffer, resized } from "../../../mod.ts";
import { ByteArrayDictionary } from "./byte_array_dictionary.ts";
import type { ByteSink } from "./byte_sink.ts";
import { writeDeltas32 } from "./encodings/delta.ts";
import { BOUND_BYTES_MAX, type Extent } from "./extent.ts";
import type { LeafDictionary, LeafValues } from "./leaf_values.ts";

const PLAIN = 0;
const DELTA_LENGTH_BYTE_ARRAY = 6;

let lengths = new Int32Array(1024);

/** See `LeafValues`. */
export class ByteArrayValues implements LeafValues {
  readonly encodings = [DELTA_LENGTH_BYTE_ARRAY, PLAIN];
  count = 0;
  /** All bytes; value i is `data[ends[i - 1]]` to `data[ends[i] - 1]`. */
  data = new Uint8Array(0);
  ends = new Int32Array(0);
  #view = new DataView(this.data.buffer);

  get bytes(): number {
    return this.size + this.count * 4;
  }

  /** Bytes of all values. */
  get size(): number {
    return this.count === 0 ? 0 : this.ends[this.count - 1];
  }

  get capacity(): number {
    return this.data.byteLength + this.ends.byteLength;
  }

  append({ valueOffsets, values }: Data, index: Int32Array | null, from: number, to: number): void {
    if (to === from) return;
    const first = index === null ? from : index[from];
    const last = index === null ? to - 1 : index[to - 1];
    const start = this.size;
    let size = 0;
    if (index === null) size = valueOffsets[to] - valueOffsets[from];
    else for (let i = from; i < to; i++) size += valueOffsets[index[i] + 1] - valueOffsets[index[i]];
    this.#reserve(to - from, size);
    const { data, ends } = this;
    let at = this.count, end = start;
    // Entries that are skipped have no bytes as a rule, so that all of the others lie in one piece.
    if (last >= first && valueOffsets[last + 1] - valueOffsets[first] === size) {
      data.set((values as Uint8Array).subarray(valueOffsets[first], valueOffsets[last + 1]), start);
      if (index === null) {
        const shift = start - valueOffsets[from];
        for (let i = from; i < to; i++) ends[at++] = valueOffsets[i + 1] + shift;
      } else {
        for (let i = from; i < to; i++) ends[at++] = end += valueOffsets[index[i] + 1] - valueOffsets[index[i]];
      }
    } else {
      for (let i = from; i < to; i++) {
        const entry = index === null ? i : index[i];
        const read = valueOffsets[entry], readEnd = valueOffsets[entry + 1];
        data.set((values as Uint8Array).subarray(read, readEnd), end);
        ends[at++] = end += readEnd - read;
      }
    }
    this.count = at;
  }

  fitting({ valueOffsets }: Data, index: Int32Array | null, from: number, to: number, room: number): number {
    if (index === null && valueOffsets[to] - valueOffsets[from] + (to - from) * 4 <= room) return to;
    let left = room;
    for (let i = from; i < to; i++) {
      const entry = index === null ? i : index[i];
      left -= valueOffsets[entry + 1] - valueOffsets[entry] + 4;
      if (left <= 0) return i + 1;
    }
    return to;
  }

  sizeOf({ valueOffsets }: Data, index: Int32Array | null, from: number, to: number): number {
    let size = (to - from) * 4;
    for (let i = from; i < to; i++) {
      const entry = index === null ? i : index[i];
      size += valueOffsets[entry + 1] - valueOffsets[entry];
    }
    return size;
  }

  extent(): Extent {
    const { count, data, ends } = this;
    if (count === 0) return { min: null, max: null, hasNaN: false };
    const view = this.#view;
    let min = 0, minEnd = ends[0], max = 0, maxEnd = minEnd;
    for (let i = 1, start = minEnd; i < count; i++) {
      const end = ends[i];
      if (compareRanges(view, start, end, min, minEnd) < 0) {
        min = start;
        minEnd = end;
      } else if (compareRanges(view, start, end, max, maxEnd) > 0) {
        max = start;
        maxEnd = end;
      }
      start = end;
    }
    return {
      min: data.slice(min, Math.min(minEnd, min + BOUND_BYTES_MAX)),
      max: data.slice(max, Math.min(maxEnd, max + BOUND_BYTES_MAX)),
      hasNaN: false,
    };
  }

  write(encoding: number, out: ByteSink, count: number): number {
    return encoding === PLAIN || count === 0 ? this.#writePlain(out, count) : this.#writeLengths(out, count);
  }

  createDictionary(): LeafDictionary {
    return new ByteArrayDictionary();
  }

  clear(): void {
    this.count = 0;
    // A page of huge values does not stay.
    if (this.capacity > 4 * 1024 * 1024) this.release();
  }

  release(): void {
    this.count = 0;
    giveBuffer(this.data.buffer);
    giveBuffer(this.ends.buffer);
    this.data = new Uint8Array(0);
    this.ends = new Int32Array(0);
    this.#view = new DataView(this.data.buffer);
  }

  #writePlain(out: ByteSink, count: number): number {
    const { data, ends } = this;
    out.reserve((count === 0 ? 0 : ends[count - 1]) + count * 4);
    const { bytes } = out;
    for (let i = 0, start = 0; i < count; i++) {
      const end = ends[i];
      out.word(end - start);
      let at = out.length;
      if (end - start > 40) {
        bytes.set(data.subarray(start, end), at);
        at += end - start;
      } else for (let read = start; read < end; read++) bytes[at++] = data[read];
      out.length = at;
      start = end;
    }
    return PLAIN;
  }

  #writeLengths(out: ByteSink, count: number): number {
    const { data, ends } = this;
    if (lengths.length < count) lengths = new Int32Array(2 * count);
    for (let i = 0, start = 0; i < count; i++) {
      lengths[i] = ends[i] - start;
      start = ends[i];
    }
    writeDeltas32(out, lengths, 1, count, BigInt(lengths[0]));
    out.append(data.subarray(0, ends[count - 1]));
    return DELTA_LENGTH_BYTE_ARRAY;
  }

  #reserve(count: number, size: number): void {
    const used = this.size;
    if (used + size > this.data.length) {
      this.data = resized(this.data, Math.max(used + size, 2 * this.data.length));
      this.#view = new DataView(this.data.buffer);
    }
    if (this.count + count > this.ends.length) {
      this.ends = resized(this.ends, Math.max(this.count + count, 2 * this.ends.length));
    }
  }
}

/** Compares bytes, four at a time. */
function compareRanges(view: DataView, a: number, aEnd: number, b: number, bEnd: number): number {
  const sizeA = aEnd - a, sizeB = bEnd - b;
  const size = sizeA < sizeB ? sizeA : sizeB;
  const whole = size & ~3;
  let i = 0;
  for (; i < whole; i += 4) {
    const wordA = view.getInt32(a + i), wordB = view.getInt32(b + i);
    if (wordA !== wordB) return wordA >>> 0 < wordB >>> 0 ? -1 : 1;
  }
  for (; i < size; i++) {
    const difference = view.getUint8(a + i) - view.getUint8(b + i);
    if (difference !== 0) return difference;
  }
  return sizeA - sizeB;
}
