/**
 * Waiting for something to happen, or for a time.
 *
 * @module
 */
import type { Clock } from "../api/clock.ts";

/** Check the condition, then wait without an await between: a wake in that moment cannot be lost. */
export class Wakeup {
  readonly #waiting = new Set<AbortController>();

  constructor(private readonly clock: Clock) {}

  /** Resolves after `ms`, or at the next `wake()`. */
  async wait(ms: number): Promise<void> {
    const controller = new AbortController();
    this.#waiting.add(controller);
    try {
      await this.clock.sleep(ms, controller.signal);
    } catch (error) {
      if (!controller.signal.aborted) throw error;
    } finally {
      this.#waiting.delete(controller);
    }
  }

  wake(): void {
    for (const controller of this.#waiting) controller.abort();
    this.#waiting.clear();
  }
}

/** Runs something every `ms` until the signal. */
export async function every(clock: Clock, ms: number, until: AbortSignal, run: () => void): Promise<void> {
  while (!until.aborted) {
    await clock.sleep(ms, until).catch(() => {}); // told to end
    if (!until.aborted) run();
  }
}
