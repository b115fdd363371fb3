/**
 * Waiting, but not for ever.
 *
 * @module
 */
import type { Clock } from "./api/mod.ts";

/** Waits for `work`, at most `ms`; tells whether it was done, and in time. */
export async function within(clock: Clock, ms: number, work: Promise<void>): Promise<boolean> {
  const timeout = new AbortController();
  const late = clock.sleep(ms, timeout.signal).then(() => false, () => false);
  const inTime = await Promise.race([work.then(() => true, () => false), late]);
  timeout.abort();
  return inTime;
}
