/**
 * Time from the system: the only place that asks for it.
 *
 * @module
 */
import type { Clock } from "./api/clock.ts";

/** What a timer can hold; a longer sleep is made of several. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The system's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    let rest = Math.max(0, ms);
    do {
      const part = Math.min(rest, TIMER_MS_MAX);
      await timer(part, signal);
      rest -= part;
    } while (rest > 0);
  },
};

function timer(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(id);
      reject(signal!.reason);
    };
    const id = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
