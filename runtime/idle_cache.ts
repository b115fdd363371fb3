/**
 * Things that are dear to make and to keep: made when they are wanted, dropped when they were not for a while.
 *
 * @module
 */

/** By key. */
export class IdleCache<V> {
  readonly #entries = new Map<string, { readonly value: V; usedMs: number }>();

  /** Times are monotonic. */
  constructor(private readonly make: (key: string) => V, private readonly idleMs: number) {}

  /** The one that there is, else a new one. */
  get(key: string, nowMs: number): V {
    let entry = this.#entries.get(key);
    if (!entry) this.#entries.set(key, entry = { value: this.make(key), usedMs: nowMs });
    entry.usedMs = nowMs;
    return entry.value;
  }

  /** Drops one. */
  drop(key: string): void {
    this.#entries.delete(key);
  }

  /** Drops what was not asked for in a while. */
  sweep(nowMs: number): void {
    for (const [key, { usedMs }] of this.#entries) if (nowMs - usedMs > this.idleMs) this.#entries.delete(key);
  }
}
