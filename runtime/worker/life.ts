/**
 * A time in which a connector is to run: one run after the other, for one that fails is started again with back-off, up to
 * the limit. It ends by itself (a drain, or a failure for good) or when it is stopped.
 *
 * @module
 */
import { type Clock, ConfigError, type Log } from "../api/mod.ts";
import { restartDelayMs, type RestartOptions, TaskFailedError } from "../run_parts.ts";
import type { PreparedRun } from "../start_run.ts";

/** What a life is made of. */
export interface LifeParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly restart: RestartOptions;
  /** What fails before anything has run ends the life, instead of being tried again. */
  readonly failsFast: boolean;
  /** Makes a run, from the configuration as it is now. What it tries again ends with the signal. */
  readonly prepare: (signal: AbortSignal) => Promise<PreparedRun>;
  /** Commits so far: a run that committed was well. */
  readonly commits: () => number;
  readonly onState: (state: "RUNNING" | "RESTARTING" | "FAILED", error?: unknown) => void;
}

/** See the module's doc. */
export class ConnectorLife {
  readonly #stopping = new AbortController();
  readonly #started = Promise.withResolvers<void>();
  #current: PreparedRun | null = null;
  #stopped: Promise<boolean> | null = null;
  #hasRun = false;
  /** Why it has FAILED, or null. */
  error: unknown = null;
  /** Whether all that was read is committed. */
  isComplete = true;
  /** Resolves when nothing of it runs any more. */
  readonly ended: Promise<void>;

  constructor(private readonly parts: LifeParts) {
    this.ended = this.#live().finally(() => this.#started.resolve());
  }

  /** Resolves when the first run has started, or never will. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** Commits what was read, and ends; whatever it is doing. Tells whether all that was read is committed. */
  stop(timeoutMs: number): Promise<boolean> {
    return this.#stopped ??= this.#stop(timeoutMs);
  }

  /** See ConnectorRun. */
  restartTask(task: number): boolean {
    return this.#hasRun && (this.#current?.run.restartTask(task) ?? false);
  }

  async #stop(timeoutMs: number): Promise<boolean> {
    if (!this.#hasRun) this.isComplete = false;
    const inTime = await (this.#current?.run.stop(timeoutMs) ?? true);
    this.#stopping.abort(); // not before: the last round may need its retries
    if (!inTime) {
      this.isComplete = false;
      this.parts.log.warn("The last round was not committed in time: its records are read again at the next start", {
        timeout_ms: timeoutMs,
      });
    }
    await this.ended;
    return this.isComplete;
  }

  async #live(): Promise<void> {
    const { clock, log, restart, failsFast, commits, onState } = this.parts;
    for (let restarts = 0;;) {
      const before = commits();
      try {
        return await this.#run();
      } catch (error) {
        await this.#close();
        if (this.#stopped) return this.#failedLate(error);
        if (commits() > before) restarts = 0;
        const delayMs = restartDelayMs(restart, ++restarts);
        const isFinal = error instanceof TaskFailedError || error instanceof ConfigError;
        if (delayMs === null || isFinal || (failsFast && !this.#hasRun)) {
          this.error = error;
          log.error("The connector failed", { error: String(error) });
          return onState("FAILED", error);
        }
        log.error("The connector failed: it is started again", { error: String(error), restarts, delay_ms: delayMs });
        onState("RESTARTING", error);
        await clock.sleep(delayMs, this.#stopping.signal).catch(() => {}); // stopped: seen below
        if (this.#stopped) return;
      }
    }
  }

  /** One run, to its end. */
  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const prepared = await this.parts.prepare(signal);
    this.#current = prepared;
    if (!this.#stopped) {
      await prepared.run.start();
      // Stopped meanwhile, it has ended without ever having run.
      if (!this.#stopped) {
        this.#hasRun = true;
        this.parts.onState("RUNNING");
        this.#started.resolve();
      }
      await prepared.run.done;
    }
    await this.#close();
  }

  async #close(): Promise<void> {
    const current = this.#current;
    this.#current = null;
    try {
      await current?.close();
    } catch (error) {
      this.parts.log.warn("The admin client did not end cleanly", { error: String(error) });
    }
  }

  /** What it had not committed is read again at the next start. */
  #failedLate(error: unknown): void {
    this.isComplete = false;
    const { signal } = this.#stopping;
    if (signal.aborted && error === signal.reason) return; // a retry that the stop ended
    this.parts.log.error("The connector failed while it was stopped", { error: String(error) });
  }
}
