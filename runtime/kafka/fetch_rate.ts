/**
 * A limit on what a fetcher brings: a bucket that fills by so many bytes a second. What a response was larger than asked
 * for is owed, and waited for.
 *
 * @module
 */
import type { Clock } from "../api/clock.ts";

/** Bytes of one second may come at once. */
const BURST_S = 1;

/** See the module's doc. */
export class FetchRate {
  #bytes: number;
  #atMs: number;

  constructor(private readonly bytesPerSecond: number, private readonly clock: Clock) {
    if (!(bytesPerSecond > 0)) {
      throw new RangeError(`Cannot limit fetches: ${bytesPerSecond} bytes/s, wanted more than 0`);
    }
    this.#bytes = this.#capacity;
    this.#atMs = clock.monotonic();
  }

  /** What may be asked for now, bytes, at most `wanted`; 0: nothing before `waitMs()`. */
  ask(wanted: number): number {
    this.#fill();
    return Math.min(wanted, Math.max(0, Math.floor(this.#bytes)));
  }

  /** So many bytes have come. */
  took(bytes: number): void {
    this.#fill();
    this.#bytes -= bytes;
  }

  /** How long until a worthwhile part may be asked for: a tenth of a second's bytes. */
  waitMs(): number {
    this.#fill();
    const missing = this.bytesPerSecond / 10 - this.#bytes;
    return missing <= 0 ? 0 : Math.ceil(missing / this.bytesPerSecond * 1000);
  }

  get #capacity(): number {
    return this.bytesPerSecond * BURST_S;
  }

  #fill(): void {
    const now = this.clock.monotonic();
    this.#bytes = Math.min(this.#capacity, this.#bytes + (now - this.#atMs) / 1000 * this.bytesPerSecond);
    this.#atMs = now;
  }
}
