/**
 * Booleans of an open page: a byte each until they are packed.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import { giveBuffer, resized } from "../../../mod.ts";
import type { ByteSink } from "./byte_sink.ts";
import type { Extent } from "./extent.ts";
import type { LeafValues } from "./leaf_values.ts";

const PLAIN = 0;

/** See `LeafValues`. */
export class BooleanValues implements LeafValues {
  readonly encodings = [PLAIN];
  count = 0;
  #values = new Uint8Array(0);

  get bytes(): number {
    return this.count >> 3;
  }

  get capacity(): number {
    return this.#values.length;
  }

  append(data: Data, index: Int32Array | null, from: number, to: number): void {
    this.#reserve(to - from);
    const bits = data.values as Uint8Array, values = this.#values;
    let at = this.count;
    for (let i = from; i < to; i++) {
      const bit = data.offset + (index === null ? i : index[i]);
      values[at++] = (bits[bit >> 3] >> (bit & 7)) & 1;
    }
    this.count = at;
  }

  fitting(_data: Data, _index: Int32Array | null, _from: number, to: number): number {
    return to; // pages are cut by their rows long before they are large
  }

  sizeOf(_data: Data, _index: Int32Array | null, from: number, to: number): number {
    return (to - from) / 8;
  }

  extent(): Extent {
    const { count } = this;
    const values = this.#values;
    let min = 1, max = 0;
    for (let i = 0; i < count; i++) {
      min &= values[i];
      max |= values[i];
    }
    return count === 0 ? { min: null, max: null, hasNaN: false } : { min, max, hasNaN: false };
  }

  write(_encoding: number, out: ByteSink, count: number): number {
    out.reserve((count + 7) >> 3);
    const { bytes } = out;
    const values = this.#values;
    const whole = count & ~7;
    let at = out.length;
    for (let i = 0; i < whole; i += 8) {
      bytes[at++] = values[i] | (values[i + 1] << 1) | (values[i + 2] << 2) | (values[i + 3] << 3) |
        (values[i + 4] << 4) | (values[i + 5] << 5) | (values[i + 6] << 6) | (values[i + 7] << 7);
    }
    if (whole < count) {
      let last = 0;
      for (let i = whole; i < count; i++) last |= values[i] << (i & 7);
      bytes[at++] = last;
    }
    out.length = at;
    return PLAIN;
  }

  createDictionary(): null {
    return null;
  }

  clear(): void {
    this.count = 0;
  }

  release(): void {
    this.count = 0;
    giveBuffer(this.#values.buffer);
    this.#values = new Uint8Array(0);
  }

  #reserve(size: number): void {
    if (this.count + size <= this.#values.length) return;
    this.#values = resized(this.#values, Math.max(this.count + size, 2 * this.#values.length));
  }
}
