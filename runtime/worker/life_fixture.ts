/**
 * A run for tests: it ends when it is told to, and says what was asked of it.
 *
 * @module
 */
import type { PreparedRun, RunHandle } from "../start_run.ts";

/** See the module's doc. */
export class FakeRun implements RunHandle {
  readonly #done = Promise.withResolvers<void>();
  /** Resolved when it may be told that it has started; at once unless a test holds it. */
  started: Promise<void> = Promise.resolve();
  /** The same for its last round. */
  flushed: Promise<boolean> = Promise.resolve(true);
  isStopped = false;
  isClosed = false;
  tasks = 2;

  async start(): Promise<void> {
    await Promise.race([this.started, this.done]);
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  async stop(): Promise<boolean> {
    this.isStopped = true;
    const inTime = await this.flushed;
    this.#done.resolve();
    return inTime;
  }

  restartTask(task: number): boolean {
    return task < this.tasks && !this.isStopped;
  }

  fail(error: Error): void {
    this.#done.promise.catch(() => {}); // whoever waits for it hears of it
    this.#done.reject(error);
  }

  prepared(): PreparedRun {
    return {
      run: this,
      close: () => {
        this.isClosed = true;
        return Promise.resolve();
      },
    };
  }
}
