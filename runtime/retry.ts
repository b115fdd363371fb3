/**
 * Retries: the only place that tries again.
 *
 * @module
 */
import { type Clock, FatalError, type Log, RetriableError, type Retry } from "./api/mod.ts";

/** How to retry. */
export interface RetryOptions {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  /** The first delay's upper bound; it doubles with every attempt. */
  readonly delayMs?: number;
  readonly delayMsMax: number;
  /** Time from the first attempt until a failure is final: 0 = no second attempt, -1 = no end. */
  readonly timeoutMs: number;
  /** Called before each wait, e.g. to count. */
  readonly onRetry?: (what: string, error: RetriableError) => void;
  /** Ends a wait: the retry then rejects with the signal's reason, which is no verdict on what was attempted. */
  readonly signal?: AbortSignal;
}

/**
 * Retries a RetriableError with exponential back-off and full jitter (the delay is uniform between 0 and the bound). The
 * last attempt is made at the deadline; its failure is a FatalError that says what was attempted, with the failure as its
 * cause. Any other error passes through at once.
 */
export function createRetry(options: RetryOptions): Retry {
  const { clock, random, log, delayMs = 300, delayMsMax, timeoutMs, onRetry, signal } = options;
  return async <T>(what: string, attempt: () => Promise<T>): Promise<T> => {
    const start = clock.monotonic();
    for (let attempts = 1;; attempts++) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof RetriableError)) throw error;
        const elapsedMs = clock.monotonic() - start;
        const restMs = timeoutMs < 0 ? Infinity : timeoutMs - elapsedMs;
        if (restMs <= 0) throw exhausted(what, attempts, elapsedMs, timeoutMs, error);
        // 2 ** 30 keeps the product finite; the cap holds long before.
        const bound = Math.min(delayMsMax, delayMs * 2 ** Math.min(attempts - 1, 30));
        const waitMs = Math.min(random() * bound, restMs);
        onRetry?.(what, error);
        log.warn("An attempt failed and is repeated", {
          attempted: what,
          attempt: attempts,
          waitMs: Math.round(waitMs),
          error: error.message,
        });
        await clock.sleep(waitMs, signal);
      }
    }
  };
}

function exhausted(what: string, attempts: number, elapsedMs: number, timeoutMs: number, cause: RetriableError) {
  const limit = timeoutMs === 0 ? "retries are off (errors.retry.timeout = 0)" : `the limit is ${timeoutMs} ms`;
  return new FatalError(
    `Cannot ${what}: gave up after ${attempts} attempt${attempts === 1 ? "" : "s"} in ${Math.round(elapsedMs)} ms, ` +
      `${limit}: ${cause.message}`,
    { cause },
  );
}

/** What may pass is final where nothing is done again. */
export function endRetries(error: unknown): never {
  throw error instanceof RetriableError ? new FatalError(error.message, { cause: error }) : error;
}
