/**
 * Phase one that is under way: the sink makes durable what was put, while the task goes on.
 *
 * @module
 */
import type { SinkTask } from "./api/mod.ts";

/** What a sink has prepared. */
export type Shares = Awaited<ReturnType<SinkTask<unknown>["preCommit"]>>;

/** One `preCommit`. */
export class Preparing {
  /** Null until it has ended. */
  outcome: { readonly shares: Shares } | { readonly error: unknown } | null = null;
  /** Resolves once it has, however it ended. */
  readonly ended: Promise<void>;

  /** `onEnded` is called once there is an outcome; `startedMs` is monotonic, of the round's first try. */
  constructor(readonly epoch: number, readonly startedMs: number, shares: Promise<Shares>, onEnded: () => void) {
    this.ended = shares.then(
      (shares) => void (this.outcome = { shares }),
      (error) => void (this.outcome = { error }),
    ).then(onEnded);
  }
}
