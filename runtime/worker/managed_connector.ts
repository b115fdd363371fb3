/**
 * One connector of a worker: what somebody wants of it, what it does, and the way from one to the other. What is asked of
 * it takes turns; its runs live on meanwhile.
 *
 * @module
 */
import type { Clock, Log } from "../api/mod.ts";
import type { Metrics } from "../metrics.ts";
import type { RestartOptions, RunObserver } from "../run_parts.ts";
import { RunResult } from "../run_result.ts";
import type { PreparedRun } from "../start_run.ts";
import { type ConnectorState, type ConnectorStatus, type FlatConfig, RequestRefused } from "../worker_api.ts";
import type { TargetState } from "./config_storage.ts";
import { within } from "../within.ts";
import { ConnectorLife } from "./life.ts";

/** Where a connector comes from. */
export interface Definition {
  /** As it was given: secrets and references in it. */
  readonly flat: FlatConfig;
  /** The file that it stands in, and that alone changes it; null: it came over HTTP. */
  readonly file: string | null;
}

/** What it is made of. */
export interface ManagedParts {
  readonly name: string;
  readonly definition: Definition;
  readonly target: TargetState;
  readonly workerId: () => string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly restart: RestartOptions;
  /** The time that a stop has. */
  readonly stopTimeoutMs: number;
  /** Makes a run from a definition. */
  readonly prepare: (definition: Definition, observer: RunObserver, signal: AbortSignal) => Promise<PreparedRun>;
  /** Told when nothing of it runs any more. */
  readonly onEnded: () => void;
}

interface TaskInfo {
  state: ConnectorState;
  trace?: string;
}

/** See the module's doc. */
export class ManagedConnector {
  readonly name: string;
  readonly result: RunResult;
  /** Topics that something was committed of. */
  readonly topics = new Set<string>();
  definition: Definition;
  target: TargetState;
  #state: ConnectorState;
  #trace: string | undefined;
  #why = "";
  readonly #tasks = new Map<number, TaskInfo>();
  #life: ConnectorLife | null = null;
  /** The same, or one that is ending. */
  #last: ConnectorLife | null = null;
  #turns: Promise<unknown> = Promise.resolve();
  #isGone = false;
  #hasEnded = false;

  constructor(private readonly parts: ManagedParts) {
    this.name = parts.name;
    this.definition = parts.definition;
    this.target = parts.target;
    this.#state = parts.target === "RUNNING" ? "UNASSIGNED" : parts.target;
    this.result = new RunResult(parts.name, parts.clock);
    parts.metrics.connectorState(parts.name, this.#state);
  }

  get state(): ConnectorState {
    return this.#state;
  }

  /** Why it has FAILED for good, or null. */
  get error(): unknown {
    return this.#life?.error ?? null;
  }

  /** Somebody has started it. */
  get hasBegun(): boolean {
    return this.#life !== null;
  }

  /** What was started has ended by itself. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Of its last life. */
  get isComplete(): boolean {
    return this.#life?.isComplete ?? true;
  }

  get status(): ConnectorStatus {
    const worker_id = this.parts.workerId();
    const shown = (state: ConnectorState, trace?: string) => ({
      state,
      worker_id,
      ...trace === undefined ? {} : { trace },
    });
    return {
      name: this.name,
      connector: shown(this.#state, this.#trace),
      tasks: [...this.#tasks].map(([id, { state, trace }]) => ({ id, ...shown(state, trace) })),
      type: "sink",
    };
  }

  /** Does what is asked when all is done that was asked before. Throws RequestRefused (404) where it is gone by then. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turns.then(() => {
      if (this.#isGone) throw new RequestRefused(404, `Connector ${this.name} not found`);
      return work();
    });
    this.#turns = done.catch(() => {}); // told to who asked
    return done;
  }

  /** Begins a life; to be called where there is none that runs. */
  begin(failsFast = false): ConnectorLife {
    const { name, clock, log, restart, prepare, onEnded } = this.parts;
    this.target = "RUNNING";
    this.#setState("UNASSIGNED");
    const life: ConnectorLife = new ConnectorLife({
      clock,
      log: log.with({ connector: name }),
      restart,
      failsFast,
      commits: () => this.result.commits,
      prepare: (signal) => {
        this.result.started();
        this.parts.metrics.topicsStarted(name);
        return prepare(this.definition, this.#observer(), signal);
      },
      onState: (state, error) => this.#life === life && this.#setState(state, error),
    });
    this.#life = this.#last = life;
    this.#hasEnded = false;
    life.ended.then(() => {
      if (this.#life !== life) return onEnded();
      this.#hasEnded = true;
      if (this.#state === "FAILED") this.#tasksAre("UNASSIGNED");
      onEnded();
    });
    return life;
  }

  /** Ends what runs, and is in a state. */
  async end(state: "PAUSED" | "STOPPED" | "UNASSIGNED"): Promise<void> {
    const life = this.#life;
    this.#life = null; // what it says from now on is no end by itself
    await life?.stop(this.parts.stopTimeoutMs);
    this.#hasEnded = false;
    this.#tasksAre(state === "STOPPED" ? "UNASSIGNED" : state);
    if (state === "STOPPED") {
      this.#tasks.clear();
      this.parts.metrics.tasks(this.name, 0);
    }
    this.#setState(state);
  }

  /** For the end of the process: its state stays what it is. What was asked for is done, if it is in time. */
  async shutDown(): Promise<void> {
    const { clock, stopTimeoutMs } = this.parts;
    const asked = this.#turns.then(() => {});
    await Promise.all([this.#last?.stop(stopTimeoutMs), within(clock, stopTimeoutMs, asked)]);
  }

  /** Starts a task anew; false: there is none of this number that runs. */
  restartTask(task: number): boolean {
    return this.#life?.restartTask(task) ?? false;
  }

  /** Nothing can be asked of it any more. */
  forget(): void {
    this.#isGone = true;
    this.parts.metrics.removed(this.name);
  }

  /** Why it does not do what is wanted of it; empty: it does. */
  notReady(): string[] {
    if (this.#state === "PAUSED" || this.#state === "STOPPED") return [];
    const { error } = this;
    if (this.#state === "RESTARTING") return [`connector "${this.name}" is RESTARTING: ${this.#why}`];
    if (error) return [`connector "${this.name}" has failed: ${error instanceof Error ? error.message : error}`];
    return this.result.notReady().map((why) => `connector "${this.name}": ${why}`);
  }

  degraded(): string[] {
    return this.result.degraded().map((why) => `connector "${this.name}": ${why}`);
  }

  #setState(state: ConnectorState, error?: unknown): void {
    this.#state = state;
    this.#trace = error === undefined ? undefined : traceOf(error);
    this.#why = error instanceof Error ? error.message : String(error);
    if (state === "RESTARTING") this.#tasksAre("UNASSIGNED"); // they have ended with the run
    this.parts.metrics.connectorState(this.name, state);
  }

  /** Those that failed for good stay so. */
  #tasksAre(state: ConnectorState): void {
    for (const [id, task] of this.#tasks) {
      if (this.#state === "FAILED" && task.state === "FAILED") continue;
      this.#tasks.set(id, { state });
      this.parts.metrics.taskState(this.name, id, state);
    }
  }

  #observer(): RunObserver {
    const { metrics } = this.parts;
    const { name, result } = this;
    return {
      onPlugin: (plugin) => metrics.connectorPlugin(name, plugin),
      onTasks: (count) => {
        metrics.tasks(name, count);
        this.#tasks.clear();
        for (let task = 0; task < count; task++) this.#tasks.set(task, { state: "UNASSIGNED" });
      },
      onCommit: (report) => {
        for (const { ranges } of report.shares) for (const { topic } of ranges) this.topics.add(topic);
        result.committed(report);
        metrics.committed(name, report);
      },
      onTaskMetrics: (task, snapshot) => {
        result.taskMetrics(task, snapshot);
        metrics.task(name, task, snapshot);
      },
      onTaskState: (task, state, why) => {
        this.#tasks.set(task, { state, ...state === "RUNNING" || why === undefined ? {} : { trace: why } });
        result.taskState(task, state);
        metrics.taskState(name, task, state);
      },
      onTopicState: (topic, state, why) => {
        result.topicState(topic, state, why);
        metrics.topicState(name, topic, state);
      },
      onAssigned: (partitions) => {
        result.assigned();
        metrics.assigned(name, partitions);
      },
      onRebalance: () => metrics.rebalanced(name),
    };
  }
}

function traceOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? String(error) : String(error);
}
