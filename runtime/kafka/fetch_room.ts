/**
 * Room in a fetcher's budget for responses: what is asked for counts before it is there.
 *
 * @module
 */
import type { SlabPool } from "./slab_pool.ts";

/** Less is not worth a request. */
const RESPONSE_BYTES_MIN = 64 * 1024;

/** Half of the budget is for responses on their way, so that a broker that has nothing to tell keeps nobody waiting. */
export class FetchRoom {
  #asked = 0;

  constructor(
    private readonly pool: SlabPool,
    private readonly memoryBytes: number,
    private readonly responseBytesMax: number,
  ) {}

  /**
   * The size of a response that may be asked for now, of one of `brokers` brokers, or 0: wait until something is given
   * back. Where nothing is in use there is always room, or the smallest budget would stop the task. Every size is to be
   * given to `answered` once.
   */
  ask(brokers: number): number {
    const share = Math.floor(this.memoryBytes / 2 / Math.max(2, brokers));
    const bytes = Math.min(this.responseBytesMax, Math.max(RESPONSE_BYTES_MIN, share));
    const held = this.pool.usedBytes + this.#asked;
    if (held > 0 && held + bytes > this.memoryBytes) return 0;
    this.#asked += bytes;
    return bytes;
  }

  /** The response is there, and its memory counts for itself; or it will never be. */
  answered(bytes: number): void {
    this.#asked -= bytes;
  }
}
