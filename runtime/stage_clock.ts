/**
 * Whose turn a task's thread has: every moment of it belongs to one stage, so that shares add up to the whole. Looked at
 * a few times a batch, never for a record.
 *
 * Beside the stages there are `idle`, which waits for records or messages, `prepare`, and `other`: opening, closing,
 * settling. A sink may tell of stages of its own, e.g. `encode`.
 *
 * @module
 */
import type { Clock } from "./api/mod.ts";

/** See the module's doc. */
export class StageClock {
  readonly #ms: Record<string, number> = {};
  #stage: string;
  #sinceMs: number;
  readonly #puts = { count: 0, ms: 0, msMax: 0 };

  constructor(private readonly clock: Pick<Clock, "monotonic">, first: string = "other") {
    this.#stage = first;
    this.#sinceMs = clock.monotonic();
  }

  /** From now on time is this stage's; returns whose it was, to give it back. */
  enter(stage: string): string {
    this.#look();
    const before = this.#stage;
    this.#stage = stage;
    return before;
  }

  /** The time that `work` takes is this stage's; what it serves meanwhile has its own. */
  async during<T>(stage: string, work: () => Promise<T>): Promise<T> {
    const before = this.enter(stage);
    const startedMs = this.#sinceMs;
    try {
      return await work();
    } finally {
      this.enter(before);
      if (stage === "put") this.#notePut(this.#sinceMs - startedMs);
    }
  }

  /** Work of stage put so far, in ms from its begin to its end, what others did within it included; `msMax`: since the last look. */
  takePuts(): { count: number; ms: number; msMax: number } {
    const taken = { ...this.#puts };
    this.#puts.msMax = 0;
    return taken;
  }

  #notePut(ms: number): void {
    this.#puts.count++;
    this.#puts.ms += ms;
    if (ms > this.#puts.msMax) this.#puts.msMax = ms;
  }

  /** The last `ms`, which went by in one piece and without a wait, were this stage's, whosever turn it is. */
  spent(stage: string, ms: number): void {
    this.#add(stage, ms);
    this.#sinceMs += ms;
  }

  /** Milliseconds by stage, up to now. */
  totals(): Record<string, number> {
    this.#look();
    return { ...this.#ms };
  }

  #look(): void {
    const now = this.clock.monotonic();
    this.#add(this.#stage, now - this.#sinceMs);
    this.#sinceMs = now;
  }

  #add(stage: string, ms: number): void {
    this.#ms[stage] = (this.#ms[stage] ?? 0) + ms;
  }
}
