/**
 * A task: one loop over the six stages. It runs on a thread of its own, or in-process in tests; it hears and speaks only
 * messages of task_protocol.ts.
 *
 * Order is everything here. Messages and batches are handled one after the other, never interleaved: a `prepare` covers
 * exactly what was put before it, and what a `close` drops is exactly what was read before it.
 *
 * A FatalError about one topic closes that topic and is told; the others go on (`topic.failure`). Any other failure, and
 * a bug wherever it is, ends the task.
 *
 * @module
 */
import {
  ConfigError,
  type DataError,
  FatalError,
  type Offsets,
  partitionKey,
  SinkBatch,
  type SinkTask,
  type TopicPartition,
  TopicsError,
} from "./api/mod.ts";
import type { Accepted } from "./consume.ts";
import { HeldSlabs, type Taken } from "./held_slabs.ts";
import type { TaskShare } from "./coordinator_state.ts";
import { withSchemaOf } from "./dead_letter.ts";
import type { Stage } from "./errant_record_reporter.ts";
import type { Fetched } from "./kafka/types.ts";
import { Preparing, type Shares } from "./preparing.ts";
import { put, putGap, recycleBatch } from "./put.ts";
import { endRetries } from "./retry.ts";
import type { TaskParts } from "./task_parts.ts";
import type { OpenPartition, ToTask } from "./task_protocol.ts";

export type { TaskCounters, TaskParts, TopicStages } from "./task_parts.ts";

const POLL_WAIT_MS = 250;
const MANY_SHARES = 50;

/** One task's life: `run()` until a `stop`, or until it fails. */
export class Task {
  readonly #inbox: ToTask[] = [];
  readonly #held: HeldSlabs;
  /** Shares that were prepared and are not settled, by id. */
  readonly #staged = new Map<string, TaskShare["share"]>();
  #wakeInbox: (() => void) | null = null;
  #stopped = false;
  /** A `stop` is on its way, and with it the end of what is tried again: no failure is a topic's any more. */
  #ending = false;
  #finishing = false;
  #rowsSincePrepare = 0;
  /** Phase one, while the sink makes durable what was put: records are put meanwhile, messages wait. */
  #preparing: Preparing | null = null;

  constructor(private readonly parts: TaskParts) {
    this.#held = new HeldSlabs((slab) => parts.fetcher.release(slab));
  }

  receive(message: ToTask): void {
    this.#inbox.push(message);
    if (message.kind === "stop") this.#ending = true;
    this.#wakeInbox?.();
    this.parts.fetcher.wake();
  }

  /** Resolves after a `stop`; throws what the task failed with, having released everything. */
  async run(): Promise<void> {
    const { fetcher, sink, send, reporter, giveUp } = this.parts;
    let failure: { readonly error: unknown } | null = null;
    const steps = [
      () => this.#live(),
      () => this.#abandonPrepare(),
      () => fetcher.close(),
      () => sink.stop(),
      () => reporter.close(),
    ];
    for (const step of steps) {
      try {
        await step();
      } catch (error) {
        failure ??= { error }; // the first says why; the rest is released all the same
      }
      giveUp();
    }
    if (failure) throw failure.error;
    send({ kind: "stopped" });
  }

  async #live(): Promise<void> {
    const { fetcher, send, counters: { stages: turns } } = this.parts;
    send({ kind: "ready" });
    while (!this.#stopped) {
      turns.enter("consume"); // what is not another's: a topic that failed may have left its own
      await this.#serve();
      if (this.#stopped) break;
      if (this.#finishing) {
        await turns.during("idle", () => this.#something());
        continue;
      }
      for (const fetched of await turns.during("idle", () => fetcher.poll(POLL_WAIT_MS))) {
        await this.#serve();
        if (this.#stopped || this.#finishing) break;
        await this.#isolated(fetched.topic, () => this.#take(fetched));
      }
    }
  }

  /** Does what concerns one topic: where that cannot go on, the topic ends, and not the task. */
  async #isolated(topic: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      // What is wrong with options may show only with a topic's records.
      const isTopics = error instanceof FatalError || error instanceof ConfigError;
      if (!this.#isolates || !isTopics) throw error;
      await this.#failTopic(topic, error);
    }
  }

  /** Does what may show that topics cannot go on, and says which: it is done all the same. */
  async #whoever(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.#isolates || !(error instanceof TopicsError)) throw error;
      for (const [topic, why] of error.failures) await this.#failTopic(topic, why);
    }
  }

  get #isolates(): boolean {
    return this.parts.isolatesTopics && !this.#ending;
  }

  /** Closes all that there is of a topic; whatever its sink has to say against it. */
  async #failTopic(topic: string, { message }: Error): Promise<void> {
    const { reporter, consume, send, log, forgetStages } = this.parts;
    await this.#endPrepare(); // what was put before is not what failed
    await reporter.room(); // letters that cannot be sent are no topic's failure
    log.warn("A topic cannot go on: it is closed", { topic, error: message });
    try {
      await this.#closeOpen([...consume.positions].filter((position) => position.topic === topic));
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      log.warn("A topic that failed was not closed cleanly: files may be left", { topic, error: error.message });
    }
    forgetStages?.(topic);
    reporter.forgetTopic?.(topic);
    send({ kind: "topic-failed", topic, why: message });
  }

  /** Handles every message that is there; while files become durable, none. */
  async #serve(): Promise<void> {
    const { stages: turns } = this.parts.counters;
    if (this.#preparing?.outcome) await turns.during("prepare", () => this.#endPrepare());
    while (!this.#stopped && !this.#preparing && this.#inbox.length > 0) {
      const message = this.#inbox.shift()!;
      await turns.during(message.kind === "prepare" ? "prepare" : "other", () => this.#handle(message));
    }
  }

  /** Resolves when there is something to serve. */
  #something(): Promise<void> {
    if (this.#preparing) return this.#preparing.ended;
    if (this.#inbox.length > 0) return Promise.resolve();
    return new Promise((resolve) => this.#wakeInbox = resolve);
  }

  /** Waits for `work` while messages are handled: the work touches nothing that they touch. Null after a `stop`. */
  async #whileServing<T>(work: Promise<T>): Promise<T | null> {
    let done = false;
    const settled = work.finally(() => done = true);
    settled.catch(() => {}); // awaited below, unless the task stops first
    while (!done) {
      await Promise.race([settled.catch(() => {}), this.#something()]);
      if (!done) await this.#serve();
      if (this.#stopped) return null;
    }
    return await settled;
  }

  async #handle(message: ToTask): Promise<void> {
    switch (message.kind) {
      case "open":
        return await this.#open(message.partitions, message.reopened);
      case "close":
        return await this.#close(message.partitions);
      case "prepare":
        return await this.#prepare(message.epoch);
      case "settle":
        return await this.#settle(message.share, message.outcome);
      case "finish":
        this.#finishing = true;
        return;
      case "stop":
        this.#stopped = true;
        return;
      case "pinned":
        throw new Error("A pinned schema is answered at once, by SchemaPins, and never queued");
    }
  }

  /** The six stages, for what one fetch brought of one partition. */
  async #take(fetched: Fetched): Promise<void> {
    const { consume, fetcher, counters } = this.parts;
    const accepted = consume.accept(fetched);
    if (accepted.kind !== "records") {
      if (fetched.kind === "records") fetcher.release(fetched.records);
      if (accepted.kind === "gap") await this.#putGap(accepted);
      return;
    }
    const { topic, count, bytes } = accepted.records;
    counters.read(count, bytes.length);
    const wants = () =>
      this.parts.retry(`find the schema of ${topic}`, () => this.parts.stagesOf(topic).decode.wants());
    this.#held.add(accepted); // before anything can fail: what is held is released with its topic
    const waiting = this.#held.of(topic);
    if (waiting.length === 1 && await wants() === 0) return await this.#processHeld(topic);
    if (waiting.reduce((sum, each) => sum + each.records.count, 0) >= await wants()) await this.#learn(topic);
    else if (this.#held.bytes >= this.parts.heldBytesMax) await this.#learnAll();
  }

  #processHeld(topic: string): Promise<void> {
    return this.#held.processEach(topic, (taken) => this.#process(taken));
  }

  /** decode -> validate -> transform -> put. */
  async #process({ records, token }: Taken): Promise<void> {
    const { consume, counters, counters: { stages: turns }, reporter, retry, sink, log } = this.parts;
    const { topic, partition, from, to } = records;
    const stages = this.parts.stagesOf(topic);
    const decode = () => retry(`decode ${topic}-${partition} [${from}, ${to})`, () => stages.decode.decode(records));
    const decoded = consume.isCurrent(token) ? await turns.during("decode", () => this.#whileServing(decode())) : null;
    // Messages were served meanwhile: the partition may have been moved or closed, and the records come again.
    if (decoded === null || !consume.isCurrent(token)) {
      return log.debug("Dropped records of a partition that was moved", { topic, partition, from, to });
    }
    reporter.noteRecords(topic, records.count);
    for (const batch of decoded) {
      const report = (of: SinkBatch, row: number, error: DataError, stage: Stage) =>
        reporter.report(stage, of.origin.raw, of.origin.rows[row], withSchemaOf(error, of));
      turns.enter("validate");
      const valid = stages.validate(batch, (row, error) => report(batch, row, error, "VALIDATION"));
      turns.enter("transform");
      const transformed = stages.transform(valid, (of, row, error) => report(of, row, error, "TRANSFORMATION"));
      turns.enter("consume");
      for (const part of transformed) {
        await turns.during("put", () => this.#whoever(() => put(sink, part, retry)));
        counters.put(part.numRows);
        this.#rowsSincePrepare += part.numRows;
        if (!consume.isCurrent(token)) return; // its topic failed
      }
    }
    for (const batch of decoded) recycleBatch(sink, batch);
    await reporter.room(); // a slab of nothing but bad records is reported whole: the next waits until these are sent
    const { commitRecordsMax, send } = this.parts;
    if (commitRecordsMax > 0 && this.#rowsSincePrepare >= commitRecordsMax) {
      this.#rowsSincePrepare = 0;
      send({ kind: "commit-requested" });
    }
  }

  /** Accounts for offsets that the topic no longer has, after what was read before them. */
  async #putGap(gap: Accepted & { kind: "gap" }): Promise<void> {
    await this.#learn(gap.partition.topic);
    if (!this.parts.consume.isCurrent(gap.token)) return;
    await this.#whoever(() => putGap(this.parts.sink, gap, this.parts.retry));
  }

  /** Infers the topic's schema from what was held back, then treats it. */
  async #learn(topic: string): Promise<void> {
    if (this.#held.of(topic).length === 0) return;
    await this.#infer(topic);
    await this.#processHeld(topic);
  }

  /** All that hold something at once: each waits for the main thread, which pins what all tasks are to use. */
  async #learnAll(): Promise<void> {
    const { topics } = this.#held;
    const inferred = await Promise.allSettled(topics.map((topic) => this.#infer(topic)));
    for (const [i, topic] of topics.entries()) {
      await this.#isolated(topic, async () => {
        const outcome = inferred[i];
        if (outcome.status === "rejected") throw outcome.reason;
        await this.#processHeld(topic);
      });
    }
  }

  async #infer(topic: string): Promise<void> {
    const sample = this.#held.of(topic).map(({ records }) => records);
    const { decode } = this.parts.stagesOf(topic);
    await this.parts.retry(`infer the schema of ${topic}`, () => decode.learn(sample));
  }

  async #open(partitions: readonly OpenPartition[], reopened: boolean): Promise<void> {
    const { consume, sink } = this.parts;
    if (reopened) await this.#close(partitions);
    for (const [topic, own] of Map.groupBy(partitions, (partition) => partition.topic)) {
      await this.#isolated(topic, async () => {
        const at: Offsets = own.filter(({ absent }) => !absent);
        await sink.open(own, at);
        for (const partition of own) consume.open(partition);
      });
    }
  }

  /** Drops what is open or held of these, and reads again what others lost by it. Shares wait to be settled. */
  async #close(partitions: readonly TopicPartition[]): Promise<void> {
    for (const [topic, own] of Map.groupBy(partitions, (partition) => partition.topic)) {
      await this.#isolated(topic, () => this.#closeOpen(own));
    }
  }

  async #closeOpen(partitions: readonly TopicPartition[]): Promise<void> {
    const { consume, sink } = this.parts;
    const closing = partitions.filter((partition) => consume.isOpen(partition));
    if (closing.length === 0) return;
    for (const partition of closing) consume.close(partition);
    this.#held.drop(new Set(closing.map(partitionKey)));
    const again = await sink.close(closing).catch(endRetries);
    this.#held.drop(new Set(again.map(partitionKey)));
    for (const other of again) consume.seek(other, other.offset);
  }

  /** Phase one: what was put becomes durable, and the dead letters of its range are acknowledged. */
  async #prepare(epoch: number): Promise<void> {
    const startedMs = this.parts.clock.monotonic();
    await this.#learnAll();
    this.#rowsSincePrepare = 0;
    this.#preparing = this.#begun(epoch, startedMs);
    if (!this.parts.sink.overlaps) await this.#endPrepare();
  }

  #begun(epoch: number, startedMs: number): Preparing {
    const { retry, sink, fetcher } = this.parts;
    const shares = retry(`prepare epoch ${epoch}`, () => sink.preCommit());
    return new Preparing(epoch, startedMs, shares, () => fetcher.wake());
  }

  /** Waits for the end of phase one, if there is one, and says what became of it. */
  async #endPrepare(): Promise<void> {
    if (!this.#preparing) return;
    const { epoch, startedMs } = this.#preparing;
    const shares = await this.#prepared();
    const { reporter, consume, send, counters, clock } = this.parts;
    await reporter.flush();
    for (const share of shares) this.#staged.set(share.id, share);
    counters.prepared(clock.monotonic() - startedMs);
    if (shares.length >= MANY_SHARES) this.parts.collect?.(); // the batches of so many files are garbage now
    send({
      kind: "prepared",
      epoch,
      shares: shares.map((share) => ({
        share,
        epochs: Object.fromEntries(share.ranges.map((range) => [partitionKey(range), consume.epoch(range)])),
      })),
    });
  }

  /** Topics that cannot be prepared are closed, and the others asked again: at most once for each topic. */
  async #prepared(): Promise<Shares> {
    for (let preparing = this.#preparing!;;) {
      await preparing.ended;
      this.#preparing = null;
      const outcome = preparing.outcome!;
      if ("shares" in outcome) return outcome.shares;
      const { error } = outcome;
      if (!this.#isolates || !(error instanceof TopicsError)) throw error;
      for (const [topic, why] of error.failures) await this.#failTopic(topic, why);
      preparing = this.#begun(preparing.epoch, preparing.startedMs);
    }
  }

  /** The task ends in the middle of phase one: nobody heard of its shares. */
  async #abandonPrepare(): Promise<void> {
    if (!this.#preparing) return;
    await this.#preparing.ended;
    const outcome = this.#preparing.outcome!;
    if (!("shares" in outcome)) return; // what it failed with is not what the task ends with
    for (const share of outcome.shares) {
      await this.parts.sink.settle?.(share, { kind: "stale", why: "files", actual: [] });
    }
  }

  async #settle(id: string, outcome: Parameters<NonNullable<SinkTask<unknown>["settle"]>>[1]): Promise<void> {
    const share = this.#staged.get(id);
    if (!share) throw new Error(`Cannot settle share ${id}: it was never prepared, or is settled already`);
    this.#staged.delete(id);
    await this.#isolated(
      share.ranges[0].topic,
      () => this.parts.retry(`settle share ${id}`, async () => await this.parts.sink.settle?.(share, outcome)),
    );
    if (outcome.kind === "committed") this.parts.reporter.forget(share.ranges);
  }
}
