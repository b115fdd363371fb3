/**
 * Bounded concurrency for work on many tables or topics.
 *
 * @module
 */
import type { Clock } from "./api/mod.ts";

/** Runs work when its turn comes; the first come are the first served. */
export type Limit = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * At most `max` at a time. What takes longer than `slowMs` goes on but counts no more: tables whose storage is in trouble
 * cannot hold up the others, however many they are.
 */
export function createLimit(max: number, { clock, slowMs }: { readonly clock: Clock; readonly slowMs: number }): Limit {
  let running = 0;
  const waiting: (() => void)[] = [];
  /** The slot goes straight to who waits longest. */
  const release = () => {
    const next = waiting.shift();
    if (next) next();
    else running--;
  };
  return async (work) => {
    if (running >= max) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    const ended = new AbortController();
    clock.sleep(slowMs, ended.signal).then(release, release);
    try {
      return await work();
    } finally {
      ended.abort();
    }
  };
}
