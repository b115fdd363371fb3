/**
 * Distinct numbers of a chunk: open addressing over their words.
 *
 * @module
 */
import { giveBuffer, resized, takeBuffer } from "../../../mod.ts";
import type { ByteSink } from "./byte_sink.ts";
import type { LeafDictionary, LeafValues } from "./leaf_values.ts";

/** The most entries of a dictionary: its indices have 16 bits. */
export const DICTIONARY_SIZE_MAX = 1 << 16;

const SLOTS_MIN = 256;

/** Numbers of one or two words. */
export class NumberDictionary implements LeafDictionary {
  size = 0;
  /** Entries by hash, plus one; 0: free. At most half of them are taken. */
  #slots = emptySlots(SLOTS_MIN);
  #entries: Int32Array<ArrayBuffer>;

  constructor(private readonly width: 1 | 2) {
    this.#entries = new Int32Array(takeBuffer((SLOTS_MIN / 2) * width * 4));
  }

  get bytes(): number {
    return this.size * this.width * 4;
  }

  get capacity(): number {
    return this.#slots.byteLength + this.#entries.byteLength;
  }

  index(values: LeafValues & { readonly words: Int32Array }, from: number, to: number, out: Int32Array): boolean {
    return this.width === 2
      ? this.#indexPairs(values.words, from, to, out)
      : this.#indexSingles(values.words, from, to, out);
  }

  extent(): null {
    return null;
  }

  write(out: ByteSink): void {
    out.append(new Uint8Array(this.#entries.buffer, 0, this.bytes));
  }

  release(): void {
    giveBuffer(this.#slots.buffer);
    giveBuffer(this.#entries.buffer);
    this.#slots = this.#entries = new Int32Array(0);
  }

  #indexPairs(words: Int32Array, from: number, to: number, out: Int32Array): boolean {
    let slots = this.#slots, entries = this.#entries, mask = slots.length - 1;
    let beforeLow = 0, beforeHigh = 0, before = -1;
    for (let i = from; i < to; i++) {
      const low = words[2 * i], high = words[2 * i + 1];
      if (before >= 0 && low === beforeLow && high === beforeHigh) {
        out[i] = before;
        continue;
      }
      let slot = hashOf(low, high) & mask, found = -1;
      for (let entry = slots[slot]; entry > 0; entry = slots[slot = (slot + 1) & mask]) {
        const at = 2 * (entry - 1);
        if (entries[at] === low && entries[at + 1] === high) {
          found = entry - 1;
          break;
        }
      }
      if (found < 0) {
        if (this.size === DICTIONARY_SIZE_MAX) return false;
        found = this.size++;
        slots[slot] = found + 1;
        entries[2 * found] = low;
        entries[2 * found + 1] = high;
        if (this.size * 2 >= slots.length) {
          this.#grow();
          slots = this.#slots;
          entries = this.#entries;
          mask = slots.length - 1;
        }
      }
      out[i] = before = found;
      beforeLow = low;
      beforeHigh = high;
    }
    return true;
  }

  #indexSingles(words: Int32Array, from: number, to: number, out: Int32Array): boolean {
    let slots = this.#slots, entries = this.#entries, mask = slots.length - 1;
    for (let i = from; i < to; i++) {
      const word = words[i];
      let slot = hashOf(word, 0) & mask, found = -1;
      for (let entry = slots[slot]; entry > 0; entry = slots[slot = (slot + 1) & mask]) {
        if (entries[entry - 1] === word) {
          found = entry - 1;
          break;
        }
      }
      if (found < 0) {
        if (this.size === DICTIONARY_SIZE_MAX) return false;
        found = this.size++;
        slots[slot] = found + 1;
        entries[found] = word;
        if (this.size * 2 >= slots.length) {
          this.#grow();
          slots = this.#slots;
          entries = this.#entries;
          mask = slots.length - 1;
        }
      }
      out[i] = found;
    }
    return true;
  }

  #grow(): void {
    const { width } = this;
    const slots = emptySlots(this.#slots.length * 2);
    const entries = this.#entries = resized(this.#entries, (slots.length / 2) * width);
    const mask = slots.length - 1;
    for (let entry = 0; entry < this.size; entry++) {
      let slot = hashOf(entries[entry * width], width === 2 ? entries[entry * 2 + 1] : 0) & mask;
      while (slots[slot] > 0) slot = (slot + 1) & mask;
      slots[slot] = entry + 1;
    }
    giveBuffer(this.#slots.buffer);
    this.#slots = slots;
  }
}

/** Free slots, a power of two of them. */
export function emptySlots(length: number): Int32Array<ArrayBuffer> {
  return new Int32Array(takeBuffer(length * 4)).fill(0);
}

function hashOf(low: number, high: number): number {
  let hash = Math.imul(low, 0x9e3779b1) ^ Math.imul(high ^ (high >>> 15), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
