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
/** Growth in which there may be garbage that is worth the time. */
const GROWTH_BYTES_MIN = 16 * 1024 * 1024;

/** What a `GiveBack` watches. */
export interface GiveBackOptions {
  /** What the thread may hold before its garbage is looked for; Infinity unless told. */
  readonly memoryBytes?: number;
  /** What it holds, garbage included. */
  readonly heldBytes?: () => number;
  /** Collects what is garbage now, or all that can go. */
  readonly collect?: (what: "garbage" | "all") => void;
}

/**
 * Gives a thread's memory back to the system after its start, and again after every time of work: V8 keeps what a heap has
 * grown to (12 MB a thread after the start alone) for as long as nothing presses it, which is for ever where nothing happens.
 * While there is work, garbage is collected where the thread holds more than it may: the budget knows of what is in use
 * alone, and buffers of hundreds of columns that are not are as much again before V8 looks.
 */
export class GiveBack {
  #read = 0;
  #quiet = 0;
  /** What was left after the last time, or less. */
  #left = 0;
  readonly #options: Required<GiveBackOptions>;

  constructor({ memoryBytes = Infinity, heldBytes = threadBytes, collect = collectNow }: GiveBackOptions = {}) {
    this.#options = { memoryBytes, heldBytes, collect };
  }

  /** To be called each second, with the number of records that the thread has read until now. */
  second(recordsRead: number): void {
    const isBusy = recordsRead - this.#read >= BUSY_RECORDS;
    this.#read = recordsRead;
    this.#quiet = isBusy ? 0 : this.#quiet + 1;
    if (this.#quiet === QUIET_SECONDS) return this.#options.collect("all");
    const { memoryBytes, heldBytes, collect } = this.#options;
    if (memoryBytes === Infinity) return;
    const held = heldBytes();
    this.#left = Math.min(this.#left, held);
    if (held <= memoryBytes || held - this.#left < GROWTH_BYTES_MIN) return;
    collect("garbage");
    this.#left = heldBytes();
  }
}

/** This thread's heap, and the buffers outside of it. */
function threadBytes(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

function collectNow(what: "garbage" | "all"): void {
  if (what === "all") collectAll();
  else collectGarbage();
}

/** Everything that can go, code that has not run for a while included; takes some 100 ms. */
function collectAll(): void {
  (globalThis as { gc?: (options: { type: "major"; flavor: "last-resort" }) => void }).gc?.({
    type: "major",
    flavor: "last-resort",
  });
}
