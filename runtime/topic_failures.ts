/**
 * Topics that failed while the others go on: each is tried again after a pause, up to a limit, as failed tasks are.
 *
 * @module
 */
import type { Clock, Log } from "./api/mod.ts";
import { restartDelayMs, type RestartOptions, type RunState } from "./run_parts.ts";

/** What it needs. */
export interface TopicFailuresParts {
  readonly restart: RestartOptions;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /** Begins to read a topic again; throws what is still wrong with it. */
  readonly reopen: (topic: string) => Promise<void>;
  readonly onState: (topic: string, state: RunState, why: string) => void;
}

interface Failure {
  restarts: number;
  state: RunState;
  why: string;
}

/** See the module's doc. */
export class TopicFailures {
  readonly #failures = new Map<string, Failure>();

  constructor(private readonly parts: TopicFailuresParts) {}

  /** Whether nothing of the topic is to be read now. */
  isParked(topic: string): boolean {
    return (this.#failures.get(topic)?.state ?? "RUNNING") !== "RUNNING";
  }

  /** Whether it is not tried again. */
  hasFailed(topic: string): boolean {
    return this.#failures.get(topic)?.state === "FAILED";
  }

  /** Those that are not tried again, and why. */
  get failed(): [topic: string, why: string][] {
    return [...this.#failures].filter(([, { state }]) => state === "FAILED").map(([topic, { why }]) => [topic, why]);
  }

  /** The topic is closed everywhere. */
  parked(topic: string, why: string): void {
    const { restart, clock, log, signal, onState } = this.parts;
    if (this.isParked(topic)) return;
    const failure = this.#failures.get(topic) ?? { restarts: 0, state: "RUNNING", why };
    this.#failures.set(topic, failure);
    const delayMs = restartDelayMs(restart, ++failure.restarts);
    failure.why = why;
    failure.state = delayMs === null ? "FAILED" : "RESTARTING";
    onState(topic, failure.state, why);
    const fields = { topic, restarts: failure.restarts, restart_max: restart.max, why };
    if (delayMs === null) return log.error("A topic failed; the others go on", fields);
    log.error("A topic failed: it is tried again, the others go on", { ...fields, delay_ms: delayMs });
    clock.sleep(delayMs, signal).then(() => this.#reopen(topic, failure), () => {}); // aborted: the run has ended
  }

  /** A topic that commits is well. */
  committed(topic: string): void {
    if (!this.isParked(topic)) this.#failures.delete(topic);
  }

  /** The topic is no longer ours, or another by the same name. */
  forget(topic: string): void {
    if (this.#failures.delete(topic)) this.parts.onState(topic, "RUNNING", "");
  }

  async #reopen(topic: string, failure: Failure): Promise<void> {
    if (this.#failures.get(topic) !== failure) return;
    try {
      await this.parts.reopen(topic);
    } catch (error) {
      if (this.#failures.get(topic) !== failure) return;
      failure.state = "RUNNING";
      return this.parked(topic, error instanceof Error ? error.message : String(error));
    }
  }

  /** It is read again from now on; what comes of it shows. False: it does not wait for that. */
  reopened(topic: string): boolean {
    const failure = this.#failures.get(topic);
    if (failure?.state !== "RESTARTING") return false;
    failure.state = "RUNNING";
    this.parts.log.info("A topic that failed is read again", { topic, restarts: failure.restarts });
    this.parts.onState(topic, "RUNNING", "");
    return true;
  }
}
