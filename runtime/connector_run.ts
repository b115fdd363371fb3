/**
 * One run of a connector on the main thread: its membership in the group, its tasks, its coordinator and committer. A
 * run lives until it is stopped, is caught up (where it is a drain), or fails.
 *
 * @module
 */
import {
  type Clock,
  type Committer,
  FatalError,
  type Log,
  type Offsets,
  partitionKey,
  type Retry,
  type TopicPartition,
} from "./api/mod.ts";
import { type CommitReport, CommitStage } from "./commit.ts";
import type { CoordinatorEffect, CoordinatorOptions } from "./coordinator_state.ts";
import type { KafkaAdmin, Membership } from "./kafka/types.ts";
import type { TaskMetrics } from "./task_meter.ts";
import { PinnedSchemas } from "./schema_pins.ts";
import { dealPartitions } from "./deal.ts";
import { isCaughtUp } from "./drain.ts";
import { beginAtLatest, startingOffsets } from "./starting_offsets.ts";
import type { FromTask, OpenPartition, ToTask } from "./task_protocol.ts";

/** A task wherever it runs. */
export interface TaskHost {
  post(message: ToTask): void;
  /** Ends it at once; nothing is flushed. */
  terminate(): void;
}

/** What a run is made of. */
export interface ConnectorRunParts {
  readonly name: string;
  readonly admin: KafkaAdmin;
  readonly membership: Membership;
  readonly committer: Committer<unknown>;
  readonly spawn: (task: number, receive: (message: FromTask) => void) => TaskHost;
  readonly clock: Clock;
  readonly log: Log;
  readonly retry: Retry;
  readonly coordinator: CoordinatorOptions;
  readonly tasksMax: number;
  readonly autoOffsetReset: "earliest" | "latest";
  /** All partitions that existed at the start. */
  readonly initial: readonly TopicPartition[];
  /** Where a drain ends, by `partitionKey`; null: run on. */
  readonly until: ReadonlyMap<string, bigint> | null;
  readonly restart: { readonly max: number; readonly backoffMs: number; readonly backoffMsMax: number };
  /** How long the flush before a rebalance may take. */
  readonly revokeTimeoutMs: number;
  readonly observer: RunObserver;
}

/** A task failed as often in a row as it may: nothing is gained by another run. */
export class TaskFailedError extends FatalError {
  override name = "TaskFailedError";
}

/** Who wants to know how a run goes. */
export interface RunObserver {
  onCommit(report: CommitReport): void;
  onTaskMetrics(task: number, metrics: TaskMetrics): void;
  onTaskState(task: number, state: "RUNNING" | "FAILED" | "RESTARTING", why?: string): void;
  onAssigned(partitions: readonly TopicPartition[]): void;
  onRebalance(): void;
}

const TICK_MS = 50;
const CAUGHT_UP_POLL_MS = 500;
/** A commit in doubt may be pursued for minutes; nothing is lost where it is left, since the table decides. */
const FAILED_END_MS_MAX = 20_000;
/** A drain waits for the checkpoints that it began. */
const DRAIN_END_MS_MAX = 600_000;

/** See the module's doc. */
export class ConnectorRun {
  /** Running tasks; `shares` are those that they have not been told the outcome of. */
  readonly #tasks = new Map<number, { host: TaskHost; ready: boolean; shares: Set<string> }>();
  readonly #restarts = new Map<number, number>();
  /** Which task reads what: stays as it is while the partition stays with us. */
  readonly #dealt = new Map<string, { task: number; partition: TopicPartition }>();
  readonly #stopping = new AbortController();
  readonly #done = Promise.withResolvers<void>();
  readonly #pins: PinnedSchemas;
  readonly #stage: CommitStage;
  #onReady: (() => void) | null = null;
  #onStopped: (() => void) | null = null;
  #onCaughtUp: (() => void) | null = null;
  #assigning: Promise<void> = Promise.resolve();
  /** Partitions that their task has read up to the end of the drain. */
  readonly #caughtUp = new Set<string>();
  #taskCount = 0;
  /** Tasks were told to stop: none is replaced. */
  #shuttingDown = false;
  #ended = false;

  constructor(private readonly parts: ConnectorRunParts) {
    const { committer, clock, log, coordinator, observer } = parts;
    this.#pins = new PinnedSchemas(log);
    this.#done.promise.catch(() => {}); // read by `done`
    this.#stage = new CommitStage({
      options: coordinator,
      committer,
      clock,
      log,
      tell: (task, message) => this.#tell(task, message),
      open: (effect, isCurrent) => this.#open(effect, isCurrent),
      advance: (ranges) => this.#advance(ranges.map(({ to, ...range }) => ({ ...plain(range), offset: to }))),
      onCommit: (report) => {
        this.#noteSuccess(report);
        observer.onCommit(report);
      },
      onTaskFailed: (task, why) => this.#taskFailed(task, why),
      onFatal: (error) => this.#fail(error),
    });
  }

  /** Resolves when the run has ended well (stopped, or caught up and committed); rejects with what it failed with. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** Starts tasks and joins the group; resolves when it has joined. */
  async start(): Promise<void> {
    const { membership, initial, tasksMax, until, autoOffsetReset, retry } = this.parts;
    if (autoOffsetReset === "latest") {
      await retry("begin at the latest offsets", () => beginAtLatest(initial, this.parts));
    }
    const caughtUp = until !== null && await isCaughtUp(until, this.parts);
    if (this.#shuttingDown) return; // stopped meanwhile
    if (caughtUp) return this.#end();
    this.#taskCount = Math.max(1, Math.min(tasksMax, initial.length));
    const ready = Promise.withResolvers<void>();
    this.#onReady = () => {
      if ([...this.#tasks.values()].every((task) => task.ready)) ready.resolve();
    };
    for (let task = 0; task < this.#taskCount; task++) this.#spawn(task);
    await Promise.race([ready.promise, this.done]);
    if (this.#ended) return;
    void this.#tick();
    try {
      await membership.join({
        onAssigned: (partitions) => this.#assigned(partitions),
        onRevoking: () => this.#revoking(),
        onLost: () => this.#assigned([]),
        onFailed: (error) => this.#fail(error),
      });
    } catch (error) {
      this.#fail(error); // the tasks run already
      throw error;
    }
    if (until) void this.#watchCaughtUp();
  }

  /** Prepares, commits, leaves; resolves within `timeoutMs`. Returns whether everything that was read is committed. */
  async stop(timeoutMs: number): Promise<boolean> {
    if (this.#ended) return true;
    for (const { host } of this.#tasks.values()) host.post({ kind: "finish" });
    // A run that fails meanwhile has nothing left to flush.
    const flushed = Promise.race([this.#stage.flush(), this.#done.promise]);
    const inTime = await this.#within(timeoutMs * 0.75, flushed);
    await this.#shutDown(timeoutMs / 8, timeoutMs / 8);
    this.#end();
    return inTime;
  }

  #end(): void {
    this.#ended = true;
    this.#stopping.abort();
    this.#done.resolve();
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#shutDown(1000, FAILED_END_MS_MAX).finally(() => {
      this.#stopping.abort();
      this.#done.reject(error);
    });
  }

  /** Ends tasks (by force after `tasksMs`), then committer and membership; what they have begun by `endMs` is left to itself. */
  async #shutDown(tasksMs: number, endMs: number): Promise<void> {
    const { membership, committer, log } = this.parts;
    this.#shuttingDown = true;
    const stopped = Promise.withResolvers<void>();
    this.#onStopped = () => {
      if (this.#tasks.size === 0) stopped.resolve();
    };
    for (const { host } of this.#tasks.values()) host.post({ kind: "stop" });
    this.#onStopped();
    await this.#within(tasksMs, stopped.promise);
    for (const { host } of this.#tasks.values()) host.terminate();
    this.#tasks.clear();
    for (
      const [what, end] of [["committer", () => committer.stop()], ["membership", () => membership.leave()]] as const
    ) {
      const ended = end().catch((error) => log.warn(`The ${what} did not end cleanly`, { error: String(error) }));
      if (!await this.#within(endMs / 2, ended)) log.warn(`The ${what} did not end in time`, { limit_ms: endMs / 2 });
    }
  }

  /** Waits for `work`, at most `ms`; tells whether it was done, and in time. */
  async #within(ms: number, work: Promise<void>): Promise<boolean> {
    const timeout = new AbortController();
    const late = this.parts.clock.sleep(ms, timeout.signal).then(() => false, () => false);
    const inTime = await Promise.race([work.then(() => true, () => false), late]);
    timeout.abort();
    return inTime;
  }

  async #tick(): Promise<void> {
    try {
      while (!this.#ended) {
        this.#stage.tick();
        await this.parts.clock.sleep(TICK_MS, this.#stopping.signal);
      }
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#fail(error);
    }
  }

  #spawn(task: number): void {
    const host = this.parts.spawn(task, (message) => {
      if (this.#tasks.get(task)?.host !== host) return;
      try {
        this.#hear(task, message);
      } catch (error) {
        this.#fail(error); // thrown into the event loop it would end the process, and other connectors with it
      }
    });
    this.#tasks.set(task, { host, ready: false, shares: new Set() });
  }

  #hear(task: number, message: FromTask): void {
    switch (message.kind) {
      case "ready":
        return this.#ready(task);
      case "prepared": {
        const shares = message.shares.map((share) => ({ ...share, task }));
        for (const { share } of shares) this.#tasks.get(task)!.shares.add(share.id);
        return this.#stage.dispatch({ kind: "prepared", task, epoch: message.epoch, shares });
      }
      case "pin":
        return this.#tasks.get(task)?.host.post(this.#pins.answer(message));
      case "commit-requested":
        return this.#stage.dispatch({ kind: "requested", nowMs: this.parts.clock.monotonic() });
      case "caught-up":
        this.#caughtUp.add(partitionKey(message.partition));
        return this.#onCaughtUp?.();
      case "metrics":
        return this.parts.observer.onTaskMetrics(task, message.metrics);
      case "failed":
        return this.#taskFailed(task, whyFailed(message));
      case "stopped":
        this.#tasks.delete(task);
        return this.#onStopped?.();
    }
  }

  #tell(task: number, message: ToTask): void {
    const running = this.#tasks.get(task);
    // A share may outlive the task that prepared it; the one that has its number now knows nothing of it.
    if (message.kind === "settle" && !running?.shares.delete(message.share)) return;
    running?.host.post(message);
  }

  /** A task whose share is committed is well; what others commit says nothing about it. */
  #noteSuccess({ shares, outcomes }: CommitReport): void {
    const committed = shares.filter((_, i) => outcomes[i].kind === "committed");
    for (const [task, running] of this.#tasks) {
      if (committed.some(({ id }) => running.shares.has(id))) this.#restarts.delete(task);
    }
  }

  #ready(task: number): void {
    const running = this.#tasks.get(task)!;
    running.ready = true;
    this.parts.observer.onTaskState(task, "RUNNING");
    this.#stage.dispatch({ kind: "task-joined", task });
    const partitions = [...this.#dealt.values()].filter((dealt) => dealt.task === task).map((dealt) => dealt.partition);
    if (partitions.length > 0) this.#stage.dispatch({ kind: "assigned", task, partitions });
    this.#onReady?.();
  }

  /** A failed task is replaced after a pause, up to a limit; a commit sets the count back. */
  #taskFailed(task: number, why: string): void {
    const { log, restart, clock, observer } = this.parts;
    const running = this.#tasks.get(task);
    if (!running) return;
    running.host.terminate();
    this.#tasks.delete(task);
    if (this.#shuttingDown) return this.#onStopped?.();
    this.#stage.dispatch({ kind: "task-left", task });
    const restarts = (this.#restarts.get(task) ?? 0) + 1;
    this.#restarts.set(task, restarts);
    if (restarts > restart.max) {
      observer.onTaskState(task, "FAILED", why);
      return this.#fail(new TaskFailedError(`Task ${task} of connector "${this.parts.name}" failed: ${why}`));
    }
    observer.onTaskState(task, "RESTARTING", why);
    const delayMs = Math.min(restart.backoffMsMax, restart.backoffMs * 2 ** (restarts - 1));
    log.error("A task failed: it is started again", {
      task,
      restarts,
      restart_max: restart.max,
      delay_ms: delayMs,
      why,
    });
    clock.sleep(delayMs, this.#stopping.signal).then(() => this.#shuttingDown || this.#spawn(task), () => {});
  }

  /** Takes a new assignment: lets go what is gone, then deals out what is new. */
  #assigned(partitions: readonly TopicPartition[]): void {
    this.#assigning = this.#assigning.then(async () => {
      if (this.#ended) return;
      const now = new Map(partitions.map((partition) => [partitionKey(partition), partition]));
      const gone = [...this.#dealt].filter(([key, { partition }]) => now.get(key)?.topicId !== partition.topicId);
      for (const [key] of gone) this.#dealt.delete(key);
      if (gone.length > 0) await this.#stage.release(gone.map(([, { partition }]) => partition));
      const added = [...now.values()].filter((partition) => !this.#dealt.has(partitionKey(partition)));
      const load = new Array<number>(this.#taskCount).fill(0);
      for (const { task } of this.#dealt.values()) load[task]++;
      for (const [task, dealt] of dealPartitions(added, load)) {
        for (const partition of dealt) this.#dealt.set(partitionKey(partition), { task, partition });
        // A task that is being started gets its partitions when it is ready.
        if (this.#tasks.get(task)?.ready) this.#stage.dispatch({ kind: "assigned", task, partitions: dealt });
      }
      this.parts.observer.onAssigned(partitions);
    }).catch((error) => this.#fail(error));
  }

  /** Before a rejoin: commits what was read, as far as the time allows. What is late is settled by the tables. */
  async #revoking(): Promise<void> {
    this.parts.observer.onRebalance();
    if (this.#ended || this.#dealt.size === 0) return;
    await this.#within(this.parts.revokeTimeoutMs, this.#stage.flush());
  }

  /** Carries out the coordinator's `open`: from where the target stands, or by the reset policy. */
  async #open(
    { task, epoch, partitions, reopened }: CoordinatorEffect & { kind: "open" },
    isCurrent: (partition: TopicPartition) => boolean,
  ): Promise<void> {
    const { until } = this.parts;
    const starts = await this.parts.retry("find where to read", () => startingOffsets(partitions, this.parts));
    const open: OpenPartition[] = starts.filter(isCurrent).map((start) => ({
      ...start,
      epoch,
      until: until === null ? null : until.get(partitionKey(start)) ?? start.offset,
    }));
    for (const partition of open) this.#caughtUp.delete(partitionKey(partition));
    if (open.length > 0) this.#tasks.get(task)?.host.post({ kind: "open", partitions: open, reopened });
  }

  #advance(offsets: Offsets): void {
    const { membership, log } = this.parts;
    membership.advance(offsets).catch((error) =>
      log.warn("The group's offsets did not move: lag displays are behind until the next commit", {
        error: String(error),
      })
    );
  }

  /** A drain ends when the target stands at or beyond every end, whoever brought it there. */
  async #watchCaughtUp(): Promise<void> {
    try {
      while (!this.#ended) {
        // Our tasks tell when they are there; what others bring shows in the table alone.
        const told = new Promise<void>((resolve) => this.#onCaughtUp = resolve);
        await Promise.race([told, this.parts.clock.sleep(CAUGHT_UP_POLL_MS, this.#stopping.signal)]);
        const all = [...this.#dealt.keys()].every((key) => this.#caughtUp.has(key));
        if (!all || this.#ended) continue;
        if (this.#dealt.size > 0) await this.#stage.flush();
        if (!await isCaughtUp(this.parts.until!, this.parts) || this.#ended) continue;
        await this.#shutDown(5000, DRAIN_END_MS_MAX);
        return this.#end();
      }
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#fail(error);
    }
  }
}

/** A bug keeps its trace: the stack of the thread is the only one that tells where it is. */
function whyFailed({ name, message, stack }: FromTask & { kind: "failed" }): string {
  return ["FatalError", "RetriableError", "DataError", "ConfigError"].includes(name) ? message : stack || message;
}

function plain({ topic, topicId, partition }: TopicPartition): TopicPartition {
  return { topic, topicId, partition };
}
