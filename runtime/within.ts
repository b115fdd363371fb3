/**
 * Waiting, but not for ever.
 *
 * @module
 */
import type { Clock, Log } from "./api/mod.ts";

/** Waits for `work`, at most `ms`; tells whether it was done, and in time. */
export async function within(clock: Clock, ms: number, work: Promise<void>): Promise<boolean> {
  const timeout = new AbortController();
  const late = clock.sleep(ms, timeout.signal).then(() => false, () => false);
  const inTime = await Promise.race([work.then(() => true, () => false), late]);
  timeout.abort();
  return inTime;
}

/** Waits for the end of a part, at most `ms`; an end that is late or not clean is logged. */
export async function endWithin(
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  ms: number,
  what: string,
  ending: Promise<unknown>,
): Promise<void> {
  const ended = ending.then(() => {}, (error) => log.warn(`The ${what} did not end cleanly`, { error: String(error) }));
  if (!await within(clock, ms, ended)) log.warn(`The ${what} did not end in time`, { limit_ms: ms });
}
