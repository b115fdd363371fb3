/**
 * The life of a simulated process or thread. It may be paused (a stopped process, a long collection of garbage) and
 * killed: from then on nothing that it does has an effect, since every call of it waits for ever.
 *
 * @module
 */
import { type Clock, FatalError, RetriableError } from "../../mod.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** A call that leaves the process: to storage, or to Kafka. */
export interface Operation {
  /** Counts the operations of one process, from 1. */
  readonly number: number;
  /** "storage.putIfAbsent", "kafka.send", ... */
  readonly kind: string;
  readonly label: string;
  readonly life: Life;
}

/**
 * What becomes of an operation. `fail`: no effect, an error that may pass. `refuse`: no effect, an error that ends whoever
 * asked. `lose-reply`: the effect, and an error that may pass. `break`: the effect, and an error that ends whoever asked. `crash-` and `pause-`: its process is killed or stopped
 * before the effect, or between effect and reply.
 */
export type Fate =
  | "ok"
  | "fail"
  | "refuse"
  | "lose-reply"
  | "break"
  | "crash-before"
  | "crash-after"
  | "pause-before"
  | "pause-after";

/** Decides about operations. */
export interface Fortune {
  fateOf(operation: Operation): Fate;
  /** ms, for the way there and, drawn again, for the way back. */
  latencyMs(operation: Operation): number;
  /** Whether a call that was on its way when its process was killed still arrives. */
  landsAfterDeath(operation: Operation): boolean;
}

const WALL_START_MS = 1_790_000_000_000;

/** See the module's doc. A thread's life ends with that of its process. */
export class Life {
  #state: "running" | "paused" | "dead" = "running";
  #resumed: (() => void)[] = [];
  /** Operations so far, of the process. */
  operations = 0;
  readonly clock: Clock;

  constructor(
    readonly name: string,
    readonly time: VirtualTime,
    readonly fortune: Fortune,
    private readonly parent: Life | null = null,
    private readonly clockSkewMs = 0,
  ) {
    this.clock = {
      now: () => Math.floor(WALL_START_MS + this.time.nowMs + this.clockSkewMs),
      monotonic: () => this.time.nowMs,
      sleep: (ms, signal) => this.#sleep(ms, signal),
    };
  }

  /** A thread of this process. */
  thread(name: string): Life {
    return new Life(`${this.name}/${name}`, this.time, this.fortune, this, this.clockSkewMs);
  }

  get process(): Life {
    return this.parent ?? this;
  }

  get isDead(): boolean {
    return this.#state === "dead" || (this.parent?.isDead ?? false);
  }

  get isPaused(): boolean {
    return !this.isDead && (this.#state === "paused" || (this.parent?.isPaused ?? false));
  }

  kill(): void {
    this.#state = "dead";
    this.#resumed = [];
  }

  pause(): void {
    if (this.#state === "running") this.#state = "paused";
  }

  resume(): void {
    if (this.#state !== "paused") return;
    this.#state = "running";
    const waiting = this.#resumed;
    this.#resumed = [];
    for (const wake of waiting) wake();
  }

  /** Resolves while running: at once, or when resumed; never when dead. */
  async running(): Promise<void> {
    while (true) {
      if (this.isDead) return await never();
      const paused = this.#state === "paused" ? this : this.parent?.isPaused ? this.parent : null;
      if (!paused) return;
      await new Promise<void>((resolve) => paused.#resumed.push(resolve));
    }
  }

  /** An operation: `effect` happens whole, at one moment, or not at all. */
  async perform<T>(kind: string, label: string, effect: () => T | Promise<T>): Promise<T> {
    await this.running();
    const { process } = this;
    const operation: Operation = { number: ++process.operations, kind, label, life: this };
    const fate = this.fortune.fateOf(operation);
    if (fate === "crash-before") process.kill();
    if (fate === "pause-before") process.pause();
    await this.running();
    await this.#travel(operation);
    if (this.isDead && !this.fortune.landsAfterDeath(operation)) return await never();
    if (fate === "fail") throw await this.#trouble(operation, "refused");
    if (fate === "refuse") throw await this.#end(operation);
    const result = await effect();
    if (fate === "crash-after") process.kill();
    if (fate === "pause-after") process.pause();
    await this.#travel(operation);
    await this.running();
    if (fate === "lose-reply") throw await this.#trouble(operation, "connection lost");
    if (fate === "break") throw await this.#end(operation);
    return result;
  }

  async #travel(operation: Operation): Promise<void> {
    const ms = this.fortune.latencyMs(operation);
    if (ms > 0) await this.time.sleep(ms);
  }

  async #trouble({ kind, label }: Operation, what: string): Promise<RetriableError> {
    await this.running();
    return new RetriableError(`Simulated trouble with ${kind} ${label}: ${what}`);
  }

  async #end({ kind, label }: Operation): Promise<FatalError> {
    await this.running();
    return new FatalError(`Simulated end of ${kind} ${label}`);
  }

  async #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const cancel = this.time.after(ms, () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
      const onAbort = () => {
        cancel();
        reject(signal!.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
    });
    await this.running();
  }
}

/** A promise that never settles: what the dead wait for. */
export function never<T>(): Promise<T> {
  return new Promise(() => {});
}
