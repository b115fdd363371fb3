/**
 * A clock for tests: time moves only when the test says so.
 *
 * @module
 */
import type { Clock } from "../../runtime/api/clock.ts";

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** Time under the test's control; monotonic time starts at 0. */
export class FakeClock implements Clock {
  #elapsedMs = 0;
  #sleepers: Sleeper[] = [];
  readonly #startMs: number;
  readonly #runsAhead: boolean;

  /** With `runsAhead` a sleep moves the time itself and resolves at once. */
  constructor(startMs = 1_700_000_000_000, { runsAhead = false }: { runsAhead?: boolean } = {}) {
    this.#startMs = startMs;
    this.#runsAhead = runsAhead;
  }

  now(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#runsAhead) {
      this.#elapsedMs += Math.max(0, ms);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#sleepers = this.#sleepers.filter((s) => s !== sleeper);
        reject(signal!.reason);
      };
      const wake = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const sleeper: Sleeper = { atMs: this.#elapsedMs + Math.max(0, ms), wake };
      this.#sleepers.push(sleeper);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** How many sleep now. */
  get sleepers(): number {
    return this.#sleepers.length;
  }

  /** Moves the time on, waking sleepers at their time, and lets what they started run. */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsedMs + ms;
    await settled();
    for (;;) {
      const next = this.#sleepers.reduce<Sleeper | null>((a, b) => a === null || b.atMs < a.atMs ? b : a, null);
      if (next === null || next.atMs > until) break;
      this.#elapsedMs = next.atMs;
      this.#sleepers = this.#sleepers.filter((s) => s !== next);
      next.wake();
      await settled();
    }
    this.#elapsedMs = until;
  }
}

/** Resolves once all that can run without time passing has run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
