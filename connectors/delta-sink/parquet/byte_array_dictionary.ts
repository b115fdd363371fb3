/**
 * Distinct strings of a chunk: open addressing over their bytes.
 *
 * @module
 */
import { giveBuffer, resized, takeBuffer } from "../../../mod.ts";
import type { ByteArrayValues } from "./byte_array_values.ts";
import type { ByteSink } from "./byte_sink.ts";
import { BOUND_BYTES_MAX, compareBytes, type Extent } from "./extent.ts";
import type { LeafDictionary, LeafValues } from "./leaf_values.ts";
import { DICTIONARY_SIZE_MAX, emptySlots } from "./number_dictionary.ts";

const SLOTS_MIN = 256;
/** The most bytes of all entries. */
const BYTES_MAX = 1024 * 1024;

/** See `LeafDictionary`. */
export class ByteArrayDictionary implements LeafDictionary {
  size = 0;
  /** Entries by hash, plus one; 0: free. At most half of them are taken. */
  #slots = emptySlots(SLOTS_MIN);
  #hashes = new Int32Array(takeBuffer(SLOTS_MIN * 2));
  #ends = new Int32Array(takeBuffer(SLOTS_MIN * 2));
  #data = new Uint8Array(takeBuffer(1024));
  #view = new DataView(this.#data.buffer);

  get bytes(): number {
    return this.#used + this.size * 4;
  }

  get capacity(): number {
    return this.#slots.byteLength + this.#hashes.byteLength + this.#ends.byteLength + this.#data.byteLength;
  }

  index(values: LeafValues, from: number, to: number, out: Int32Array): boolean {
    const { data, ends } = values as ByteArrayValues;
    const view = new DataView(data.buffer);
    for (let i = from, start = i === 0 ? 0 : ends[i - 1]; i < to; i++) {
      const end = ends[i];
      const hash = hashOf(view, start, end);
      const mask = this.#slots.length - 1;
      let slot = (hash ^ (hash >>> 15)) & mask, found = -1;
      for (let entry = this.#slots[slot]; entry > 0; entry = this.#slots[slot = (slot + 1) & mask]) {
        if (this.#hashes[entry - 1] === hash && this.#equals(entry - 1, view, start, end)) {
          found = entry - 1;
          break;
        }
      }
      if (found < 0) {
        if (this.size === DICTIONARY_SIZE_MAX || this.#used + (end - start) > BYTES_MAX) return false;
        found = this.#add(hash, slot, data, start, end);
      }
      out[i] = found;
      start = end;
    }
    return true;
  }

  extent(indices: Int32Array, count: number): Extent {
    const seen = new Uint8Array(this.size);
    let min = -1, max = -1;
    for (let i = 0; i < count; i++) {
      const entry = indices[i];
      if (seen[entry] !== 0) continue;
      seen[entry] = 1;
      if (min < 0) min = max = entry;
      else if (compareBytes(this.#entry(entry), this.#entry(min)) < 0) min = entry;
      else if (compareBytes(this.#entry(entry), this.#entry(max)) > 0) max = entry;
    }
    if (min < 0) return { min: null, max: null, hasNaN: false };
    return {
      min: this.#entry(min).slice(0, BOUND_BYTES_MAX),
      max: this.#entry(max).slice(0, BOUND_BYTES_MAX),
      hasNaN: false,
    };
  }

  write(out: ByteSink): void {
    for (let entry = 0; entry < this.size; entry++) {
      const bytes = this.#entry(entry);
      out.word(bytes.length);
      out.append(bytes);
    }
  }

  release(): void {
    for (const { buffer } of [this.#slots, this.#hashes, this.#ends, this.#data]) giveBuffer(buffer);
    this.#slots = this.#hashes = this.#ends = new Int32Array(0);
    this.#data = new Uint8Array(0);
  }

  get #used(): number {
    return this.size === 0 ? 0 : this.#ends[this.size - 1];
  }

  #entry(entry: number): Uint8Array {
    return this.#data.subarray(entry === 0 ? 0 : this.#ends[entry - 1], this.#ends[entry]);
  }

  #equals(entry: number, view: DataView, start: number, end: number): boolean {
    const from = entry === 0 ? 0 : this.#ends[entry - 1];
    const size = end - start;
    if (this.#ends[entry] - from !== size) return false;
    const ours = this.#view;
    const whole = size & ~3;
    let i = 0;
    for (; i < whole; i += 4) if (ours.getInt32(from + i) !== view.getInt32(start + i)) return false;
    for (; i < size; i++) if (ours.getUint8(from + i) !== view.getUint8(start + i)) return false;
    return true;
  }

  #add(hash: number, slot: number, data: Uint8Array, start: number, end: number): number {
    const used = this.#used, size = end - start;
    if (used + size > this.#data.length) {
      this.#data = resized(this.#data, Math.max(used + size, 2 * this.#data.length));
      this.#view = new DataView(this.#data.buffer);
    }
    this.#data.set(data.subarray(start, end), used);
    const entry = this.size++;
    this.#ends[entry] = used + size;
    this.#hashes[entry] = hash;
    this.#slots[slot] = entry + 1;
    if (this.size * 2 >= this.#slots.length) this.#grow();
    return entry;
  }

  #grow(): void {
    const slots = emptySlots(this.#slots.length * 2);
    const hashes = this.#hashes = resized(this.#hashes, slots.length / 2);
    this.#ends = resized(this.#ends, slots.length / 2);
    const mask = slots.length - 1;
    for (let entry = 0; entry < this.size; entry++) {
      let slot = (hashes[entry] ^ (hashes[entry] >>> 15)) & mask;
      while (slots[slot] > 0) slot = (slot + 1) & mask;
      slots[slot] = entry + 1;
    }
    giveBuffer(this.#slots.buffer);
    this.#slots = slots;
  }
}

/** Four bytes at a time. */
function hashOf(view: DataView, start: number, end: number): number {
  let hash = end - start;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(hash ^ view.getInt32(at, true), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) hash = Math.imul(hash ^ view.getUint8(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 13), 0x85ebca6b);
  return hash ^ (hash >>> 16);
}
