/**
 * Time that jumps: it moves to the next timer when nothing else can run, so that hours take milliseconds.
 *
 * @module
 */
import { setImmediate } from "node:timers";

interface Timer {
  readonly atMs: number;
  readonly number: number;
  readonly fire: () => void;
}

/** Timers in the order of their time; those of the same time in the order in which they were set. */
export class VirtualTime {
  #nowMs = 0;
  #timers: Timer[] = [];
  #lastNumber = 0;
  #outside: Promise<unknown>[] = [];

  /** ms since the start. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Calls `fire` after `ms`; returns how to call it off. */
  after(ms: number, fire: () => void): () => void {
    const timer: Timer = { atMs: this.#nowMs + Math.max(0, ms), number: ++this.#lastNumber, fire };
    let at = this.#timers.length;
    // The latest comes first: the next one is popped from the end.
    while (at > 0 && this.#timers[at - 1].atMs <= timer.atMs) at--;
    this.#timers.splice(at, 0, timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index >= 0) this.#timers.splice(index, 1);
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Time stands still until `work`, which is not simulated (a real disk's), is done. */
  hold<T>(work: Promise<T>): Promise<T> {
    this.#outside.push(work.catch(() => {}));
    return work;
  }

  /** Lets time run until `isDone`, at most until `untilMs`; tells whether it is done. Stops at what `check` throws. */
  async runUntil(isDone: () => boolean, untilMs: number): Promise<boolean> {
    for (;;) {
      await this.#settle();
      if (isDone()) return true;
      const timer = this.#timers.at(-1);
      if (!timer || timer.atMs > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        return false;
      }
      this.#timers.pop();
      this.#nowMs = timer.atMs;
      timer.fire();
    }
  }

  /** Resolves once all that can run without time passing has run. */
  async #settle(): Promise<void> {
    await turn();
    while (this.#outside.length > 0) {
      const outside = this.#outside;
      this.#outside = [];
      await Promise.all(outside);
      await turn();
    }
  }
}

/** A turn of the event loop: every promise that can settle has settled by then. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
