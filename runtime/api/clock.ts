/** Time as an argument: wall time for timestamps, monotonic time for deadlines and intervals. */
export interface Clock {
  /** Wall time, ms since 1970 UTC. */
  now(): number;
  /** Monotonic ms since some start; never goes back. */
  monotonic(): number;
  /** Resolves after `ms`, or rejects with the signal's reason as soon as it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
