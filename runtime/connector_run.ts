/**
 * One run of a connector on the main thread: its membership in the group, its tasks, its coordinator and committer. A
 * run lives until it is stopped, is caught up (where it is a drain), or fails.
 *
 * @module
 */
import { FatalError, partitionKey, type TopicPartition } from "./api/mod.ts";
import { type CommitReport, CommitStage } from "./commit.ts";
import type { CoordinatorEffect } from "./coordinator_state.ts";
import { dealPartitions } from "./deal.ts";
import { GroupAdvance } from "./group_advance.ts";
import type { ConnectorRunParts, TaskHost } from "./run_parts.ts";
import { restartDelayMs, taskCount, TaskFailedError, TopicsFailedError } from "./run_parts.ts";
import { PinnedSchemas } from "./schema_pins.ts";
import { startingOffsets } from "./starting_offsets.ts";
import { TargetOffsets } from "./target_offsets.ts";
import { type FromTask, type OpenPartition, type ToTask, whyFailed } from "./task_protocol.ts";
import { TopicFailures } from "./topic_failures.ts";
import { endWithin, within } from "./within.ts";

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
  readonly #topics: TopicFailures;
  readonly #advance: GroupAdvance;
  readonly #target: TargetOffsets;
  #onReady: (() => void) | null = null;
  #onStopped: (() => void) | null = null;
  #onCaughtUp: (() => void) | null = null;
  /** What the group gives us, and the topics of what it took and a commit still holds. */
  #wanted: ReadonlyMap<string, TopicPartition> = new Map();
  readonly #releasing: string[] = [];
  /** Partitions that their task has read up to the end of the drain. */
  readonly #caughtUp = new Set<string>();
  #taskCount = 0;
  /** Tasks were told to stop: none is replaced. */
  #shuttingDown = false;
  #ended = false;

  constructor(private readonly parts: ConnectorRunParts) {
    const { committer, clock, log, coordinator, observer, tracer } = parts;
    this.#pins = new PinnedSchemas(log);
    this.#advance = new GroupAdvance(parts);
    this.#target = new TargetOffsets(parts, {
      hasFailed: (topic) => this.#topics.hasFailed(topic),
      onFailed: (topic, why) => this.#topicFailed(topic, why),
    });
    this.#topics = new TopicFailures({
      restart: parts.restart,
      clock,
      log,
      signal: this.#stopping.signal,
      reopen: (topic) => this.#reopen(topic),
      onState: (topic, state, why) => observer.onTopicState(topic, state, why),
    });
    this.#done.promise.catch(() => {}); // read by `done`
    this.#stage = new CommitStage({
      options: coordinator,
      committer,
      clock,
      log,
      tell: (task, message) => this.#tell(task, message),
      open: (effect, isCurrent) => this.#open(effect, isCurrent),
      isolatesTopics: parts.topicFailure === "topic",
      onTopicParked: (topic, why) => this.#topicParked(topic, why),
      advance: (ranges) => this.#advance.to(ranges),
      onCommit: (report) => {
        this.#noteSuccess(report);
        observer.onCommit(report);
      },
      onTaskFailed: (task, why) => this.#taskFailed(task, why),
      onFatal: (error) => this.#fail(error),
      tracer,
    });
  }

  /** Resolves when the run has ended well (stopped, or caught up and committed); rejects with what it failed with. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** Starts tasks and joins the group; resolves when it has joined. */
  async start(): Promise<void> {
    const { membership, initial, tasksMax, until, failed = new Map<string, string>() } = this.parts;
    for (const [topic, why] of failed) this.#topicFailed(topic, why);
    await this.#target.beginAtLatest(initial.filter(({ topic }) => !this.#topics.isParked(topic)));
    const caughtUp = until !== null && await this.#target.isCaughtUp();
    if (this.#shuttingDown) return await this.done; // stopped, or failed, meanwhile
    if (caughtUp) return this.#end();
    this.#taskCount = taskCount(tasksMax, initial.length);
    this.parts.observer.onTasks?.(this.#taskCount);
    const ready = Promise.withResolvers<void>();
    this.#onReady = () => {
      if ([...this.#tasks.values()].every((task) => task.ready)) ready.resolve();
    };
    for (let task = 0; task < this.#taskCount; task++) this.#spawn(task);
    await Promise.race([ready.promise, this.done]);
    if (this.#ended) return;
    void this.#tick();
    const take = (given: readonly TopicPartition[]) =>
      void Promise.resolve(given).then((all) => this.#assigned(all)).catch((error) => this.#fail(error));
    try {
      await membership.join({
        onAssigned: take,
        onRevoking: () => this.#revoking(),
        onLost: () => take([]),
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
    const inTime = await within(this.parts.clock, timeoutMs * 0.75, flushed);
    await this.#shutDown(timeoutMs / 8, timeoutMs / 8);
    this.#end();
    return inTime;
  }

  /** Ends a task, whatever it does, and starts it anew at once. False: there is none of this number now. */
  restartTask(task: number): boolean {
    if (this.#shuttingDown || this.#ended || task >= this.#taskCount) return false;
    this.#tasks.get(task)?.host.terminate();
    if (this.#tasks.delete(task)) this.#stage.dispatch({ kind: "task-left", task });
    this.parts.observer.onTaskState(task, "RESTARTING", "somebody asked for it");
    this.#spawn(task);
    return true;
  }

  #end(): void {
    const { until, name, log } = this.parts;
    this.#ended = true;
    this.#stopping.abort();
    const failed = this.#topics.failed.map(([topic, why]) => `${topic}: ${why}`).join("; ");
    const message = `Topics of connector "${name}" failed, the others are done: ${failed}`;
    if (failed !== "" && until) return this.#done.reject(new TopicsFailedError(message));
    if (failed !== "") log.warn(message);
    this.#done.resolve();
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.parts.tracer?.failed(error);
    this.#shutDown(1000, FAILED_END_MS_MAX).finally(() => {
      this.#stopping.abort();
      this.#done.reject(error);
    });
  }

  /** Ends tasks (by force after `tasksMs`), then committer and membership; what they have begun by `endMs` is left to itself. */
  async #shutDown(tasksMs: number, endMs: number): Promise<void> {
    const { membership, committer } = this.parts;
    this.#shuttingDown = true;
    const stopped = Promise.withResolvers<void>();
    this.#onStopped = () => {
      if (this.#tasks.size === 0) stopped.resolve();
    };
    for (const { host } of this.#tasks.values()) host.post({ kind: "stop" });
    this.#onStopped();
    await within(this.parts.clock, tasksMs, stopped.promise);
    for (const { host } of this.#tasks.values()) host.terminate();
    this.#tasks.clear();
    const end = (what: string, ending: Promise<unknown>) => endWithin(this.parts, endMs / 2, what, ending);
    await end("committer", Promise.all([committer.stop(), this.#advance.done()]));
    await end("membership", membership.leave());
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
    if (this.#shuttingDown || this.#tasks.has(task)) return;
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
      case "topic-failed":
        return this.#topicFailed(message.topic, message.why);
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
        this.#tasks.get(task)?.host.terminate(); // its thread lives on by itself, with all that it has loaded
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
    for (const { ranges } of committed) for (const { topic } of ranges) this.#topics.committed(topic);
  }

  #ready(task: number): void {
    const running = this.#tasks.get(task)!;
    running.ready = true;
    this.parts.observer.onTaskState(task, "RUNNING");
    this.#stage.dispatch({ kind: "task-joined", task });
    const partitions = [...this.#dealt.values()].filter((dealt) => dealt.task === task).map((dealt) => dealt.partition)
      .filter(({ topic }) => !this.#topics.isParked(topic));
    if (partitions.length > 0) this.#stage.dispatch({ kind: "assigned", task, partitions });
    this.#onReady?.();
  }

  /** A failed task is replaced after a pause, up to a limit; a commit sets the count back. */
  #taskFailed(task: number, why: string): void {
    const { log, restart, clock, observer } = this.parts;
    this.#tasks.get(task)?.host.terminate();
    if (!this.#tasks.delete(task)) return;
    if (this.#shuttingDown) return this.#onStopped?.();
    this.#stage.dispatch({ kind: "task-left", task });
    const restarts = (this.#restarts.get(task) ?? 0) + 1;
    this.#restarts.set(task, restarts);
    const delayMs = restartDelayMs(restart, restarts);
    if (delayMs === null) {
      observer.onTaskState(task, "FAILED", why);
      return this.#fail(new TaskFailedError(`Task ${task} of connector "${this.parts.name}" failed: ${why}`));
    }
    observer.onTaskState(task, "RESTARTING", why);
    log.error("A task failed: it is started again", { task, restarts, delay_ms: delayMs, why });
    clock.sleep(delayMs, this.#stopping.signal).then(() => this.#spawn(task), () => {});
  }

  /** Takes a new assignment: lets go what is gone, deals out what is new. No topic waits for another's commit. */
  #assigned(partitions: readonly TopicPartition[]): void {
    if (this.#ended) return;
    this.#wanted = new Map(partitions.map((partition) => [partitionKey(partition), partition]));
    const gone = [...this.#dealt].filter(([key, own]) => this.#wanted.get(key)?.topicId !== own.partition.topicId);
    for (const [key] of gone) this.#dealt.delete(key);
    for (const [topic, own] of Map.groupBy(gone, ([, { partition }]) => partition.topic)) {
      if (![...this.#dealt.values()].some(({ partition }) => partition.topic === topic)) this.#topics.forget(topic);
      this.#releasing.push(topic);
      this.#stage.release(own.map(([, { partition }]) => partition)).then(() => {
        this.#releasing.splice(this.#releasing.indexOf(topic), 1);
        if (!this.#ended) this.#deal();
      }).catch((error) => this.#fail(error));
    }
    this.#deal();
    this.parts.observer.onAssigned(partitions);
  }

  #deal(): void {
    const free = [...this.#wanted.values()].filter(({ topic }) => !this.#releasing.includes(topic));
    const added = free.filter((partition) => !this.#dealt.has(partitionKey(partition)));
    for (const [task, dealt] of dealPartitions(added, [...this.#dealt.values()], this.#taskCount)) {
      for (const partition of dealt) this.#dealt.set(partitionKey(partition), { task, partition });
      // A task that is being started gets its partitions when it is ready.
      this.#assign(task, dealt.filter(({ topic }) => !this.#topics.isParked(topic)));
    }
  }

  /** Before a rejoin: commits what was read, as far as the time allows. What is late is settled by the tables. */
  async #revoking(): Promise<void> {
    this.parts.observer.onRebalance();
    if (this.#ended || this.#dealt.size === 0) return;
    await within(this.parts.clock, this.parts.revokeTimeoutMs, this.#stage.flush().then(() => this.#advance.done()));
  }

  /** Carries out the coordinator's `open`: from where the target stands, or by the reset policy. */
  async #open(
    { task, epoch, partitions, reopened }: CoordinatorEffect & { kind: "open" },
    isCurrent: (partition: TopicPartition) => boolean,
  ): Promise<void> {
    const { until } = this.parts;
    const starts = await this.parts.retry("find where to read", () => startingOffsets(partitions, this.parts));
    const open = starts.filter(isCurrent).map((start): OpenPartition => (
      { ...start, epoch, until: until && (until.get(partitionKey(start)) ?? start.offset) }
    ));
    for (const partition of open) this.#caughtUp.delete(partitionKey(partition));
    if (open.length > 0) this.#tasks.get(task)?.host.post({ kind: "open", partitions: open, reopened });
  }

  #assign(task: number, partitions: readonly TopicPartition[]): void {
    if (partitions.length === 0 || !this.#tasks.get(task)?.ready) return;
    this.#stage.dispatch({ kind: "assigned", task, partitions });
  }

  /** Nothing of the topic is read any more: it waits for another attempt, if there is one. */
  #topicParked(topic: string, why: string): void {
    if (this.#ended || this.#shuttingDown) return;
    this.#topics.parked(topic, why);
    if (!this.#topics.hasFailed(topic)) return;
    const ours = this.#dealt.size > 0 ? [...this.#dealt.values()].map((dealt) => dealt.partition) : this.parts.initial;
    if (ours.every((partition) => this.#topics.hasFailed(partition.topic))) {
      return this.#fail(new TaskFailedError(`Every topic of connector "${this.parts.name}" failed; ${topic}: ${why}`));
    }
    this.#onCaughtUp?.();
  }

  /** Another attempt at a topic, as a start of it would be. */
  async #reopen(topic: string): Promise<void> {
    const { check, initial } = this.parts;
    try {
      await check?.(topic);
      await this.#target.begin(initial.filter((partition) => partition.topic === topic));
    } catch (error) {
      if (!(error instanceof FatalError)) this.#fail(error);
      throw error;
    }
    if (this.#shuttingDown || !this.#topics.reopened(topic)) return;
    const dealt = [...this.#dealt.values()].filter(({ partition }) => partition.topic === topic);
    for (const [task, own] of Map.groupBy(dealt, (each) => each.task)) {
      this.#assign(task, own.map(({ partition }) => partition));
    }
  }

  #topicFailed(topic: string, why: string): void {
    this.#stage.dispatch({ kind: "topic-failed", topic, why });
  }

  /** A drain ends when the target stands at or beyond every end, whoever brought it there. */
  async #watchCaughtUp(): Promise<void> {
    try {
      while (!this.#ended) {
        // Our tasks tell when they are there; what others bring shows in the table alone.
        const told = new Promise<void>((resolve) => this.#onCaughtUp = resolve);
        await Promise.race([told, this.parts.clock.sleep(CAUGHT_UP_POLL_MS, this.#stopping.signal)]);
        const all = [...this.#dealt].every(([key, { partition }]) =>
          this.#caughtUp.has(key) || this.#topics.hasFailed(partition.topic)
        );
        if (!all || this.#ended) continue;
        if (this.#dealt.size > 0) await this.#stage.flush();
        if (!await this.#target.isCaughtUp() || this.#ended) continue;
        await this.#shutDown(5000, DRAIN_END_MS_MAX);
        return this.#end();
      }
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#fail(error);
    }
  }
}
