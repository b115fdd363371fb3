/**
 * Garbage, collected when there is much of it.
 *
 * @module
 */

/**
 * Collects this thread's garbage, where the program was started with V8's `--expose-gc` (as `deno task start` is). V8 lets
 * a heap grow to several times what is alive before it looks, and buffers of columns outside of the heap with it; with
 * three threads that is more than all that hundreds of tables hold. Takes some 50 ms: for moments after which most of the
 * heap is garbage.
 */
export function collectGarbage(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

/** So many records in a second are work; with fewer, a thread has time to tidy up. */
const BUSY_RECORDS = 1_000;
const QUIET_SECONDS = 3;

/**
 * Gives a thread's memory back to the system after its start, and again after every time of work: V8 keeps what a heap has
 * grown to (12 MB a thread after the start alone) for as long as nothing presses it, which is for ever where nothing happens.
 */
export class GiveBack {
  #read = 0;
  #quiet = 0;

  constructor(private readonly collect: () => void = collectAll) {}

  /** To be called each second, with the number of records that the thread has read until now. */
  second(recordsRead: number): void {
    const isBusy = recordsRead - this.#read >= BUSY_RECORDS;
    this.#read = recordsRead;
    this.#quiet = isBusy ? 0 : this.#quiet + 1;
    if (this.#quiet === QUIET_SECONDS) this.collect();
  }
}

/** Everything that can go, code that has not run for a while included; takes some 100 ms. */
function collectAll(): void {
  (globalThis as { gc?: (options: { type: "major"; flavor: "last-resort" }) => void }).gc?.({
    type: "major",
    flavor: "last-resort",
  });
}
