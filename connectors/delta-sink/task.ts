/**
 * The Delta sink's task: a writer for each table.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import {
  type CommitOutcome,
  type Config,
  FatalError,
  offsetOf,
  type Offsets,
  partitionKey,
  type Share,
  type SinkBatch,
  type SinkTask,
  type SinkTaskContext,
  type StorageUsage,
  type TopicPartition,
  TopicsError,
} from "../../mod.ts";
import { type deltaSinkOptions, tableOfTopic } from "./config.ts";
import { inParallel } from "./in_parallel.ts";
import type { DeltaStaged } from "./staged.ts";
import { openStorage } from "./storage/open.ts";
import { s3Settings } from "./storage/s3/options.ts";
import type { Storage } from "./storage/storage.ts";
import { StorageMeter } from "./storage/usage.ts";
import { loadTableSchema } from "./table_schema.ts";
import { TableWriter } from "./table_writer.ts";

/** What is known of a table that had no rows for so long is dropped, and read again when it has. */
const IDLE_MS = 300_000;

/** See `SinkTask` for the contract. */
export class DeltaSinkTask implements SinkTask<DeltaStaged> {
  readonly overlaps = true;
  readonly copies = true;
  readonly #writers = new Map<string, TableWriter>();
  readonly #openTable: (uri: string) => Storage;
  readonly #meter = new StorageMeter();
  /** By table, up to its last share. */
  readonly #requests = new Map<string, number>();
  /** Shares of tables that were prepared while another failed: the next `preCommit` has them. */
  readonly #prepared: Share<DeltaStaged>[] = [];
  /** Open partitions: the next offset, and whether the table holds none of it yet. */
  readonly #next = new Map<string, { offset: bigint | null; absent: boolean }>();

  constructor(
    private readonly config: Config<typeof deltaSinkOptions>,
    private readonly context: SinkTaskContext,
    openTable?: (uri: string) => Storage,
  ) {
    const s3 = s3Settings(config.values);
    const { retry } = context;
    this.#openTable = openTable ?? ((uri) => openStorage(uri, { s3, retry, meter: this.#meter }));
  }

  open(partitions: readonly TopicPartition[], at: Offsets): Promise<void> {
    for (const partition of partitions) {
      const offset = offsetOf(at, partition);
      this.#next.set(partitionKey(partition), { offset, absent: offset === null });
      this.#writer(partition.topic).forgetSchema();
    }
    return Promise.resolve();
  }

  async put(batch: SinkBatch): Promise<void> {
    const next = this.#next.get(partitionKey(batch));
    const name = `${batch.topic}-${batch.partition}`;
    if (!next) throw new Error(`Cannot put rows of ${name}: the partition is not open`);
    if (next.offset !== null && next.offset !== batch.from) {
      throw new Error(`Cannot put rows of ${name}: expected offset ${next.offset}, current value is ${batch.from}`);
    }
    await this.#writer(batch.topic).put(batch, next.absent);
    next.offset = batch.to;
    await this.#keepWithinMemory();
  }

  /** Covers what was put before the call; rows may be put while it is under way. */
  async preCommit(): Promise<readonly Share<DeltaStaged>[]> {
    const taken = [...this.#writers].flatMap(([topic, writer]) => {
      const prepared = writer.takeOut();
      return prepared ? [{ topic, ...prepared }] : [];
    });
    for (const range of taken.flatMap(({ ranges }) => ranges)) this.#next.get(partitionKey(range))!.absent = false;
    this.#forgetIdle();
    const failures = new Map<string, Error>();
    await inParallel(taken, async ({ topic, share }) => {
      try {
        this.#prepared.push(this.#withRequests(await share()));
      } catch (error) {
        if (!(error instanceof FatalError)) throw error;
        failures.set(topic, error);
      }
    });
    if (failures.size > 0) throw new TopicsError(failures);
    return this.#prepared.splice(0);
  }

  async settle(share: Share<DeltaStaged>, outcome: CommitOutcome): Promise<void> {
    if (outcome.kind !== "stale") return; // failed: a version may name the files
    await this.#writer(share.ranges[0].topic).settleStale(share.staged.files);
  }

  async close(partitions: readonly TopicPartition[]): Promise<Offsets> {
    const again: Offsets[number][] = [];
    for (const [topic, closing] of Map.groupBy(partitions, (partition) => partition.topic)) {
      for (const partition of closing) this.#next.delete(partitionKey(partition));
      const writer = this.#writer(topic);
      // A topic of which nothing is open begins anew, should it be opened again.
      if (![...this.#next.keys()].some((key) => key.startsWith(`${topic}/`))) this.#writers.delete(topic);
      again.push(...await writer.close(closing));
    }
    for (const other of again) this.#next.get(partitionKey(other))!.offset = other.offset;
    return again;
  }

  async stop(): Promise<void> {
    const ends = await Promise.allSettled([...this.#writers.values()].map((writer) => writer.stop()));
    const failed = ends.find((end) => end.status === "rejected");
    if (failed) throw failed.reason;
  }

  bufferedBytes(): number {
    return [...this.#writers.values()].reduce((sum, writer) => sum + writer.bufferedBytes, 0);
  }

  storageUsage(): readonly StorageUsage[] {
    return this.#meter.snapshot();
  }

  targetSchema(topic: string): Promise<Schema | null> {
    return this.#writer(topic).valueSchema();
  }

  #writer(topic: string): TableWriter {
    let writer = this.#writers.get(topic);
    if (!writer) {
      const values = this.config.forTopic(topic);
      const table = tableOfTopic(this.config, topic);
      const storage = this.#openTable(table);
      const { clock, uuid, reject } = this.context;
      const encode = <T>(run: () => T) => this.#counted("encode", run);
      const loadSchema = () => loadTableSchema(storage);
      writer = new TableWriter({ table, storage, values, clock, uuid, reject, loadSchema, encode });
      this.#writers.set(topic, writer);
    }
    return writer;
  }

  /** Work of this thread, which the context is told of. */
  #counted<T>(stage: string, run: () => T): T {
    const { clock, spent } = this.context;
    const startedMs = clock.monotonic();
    const result = run();
    spent?.(stage, clock.monotonic() - startedMs);
    return result;
  }

  /** A writer that has nothing and had nothing for a while goes: schemas, projectors and all. */
  #forgetIdle(): void {
    const before = this.context.clock.monotonic() - IDLE_MS;
    for (const [topic, writer] of this.#writers) if (writer.isIdleSince(before)) this.#writers.delete(topic);
  }

  /** Says what the share took, where requests are counted. */
  #withRequests(share: Share<DeltaStaged>): Share<DeltaStaged> {
    const total = this.#meter.snapshot(share.table).reduce((sum, { requests }) => sum + requests, 0);
    const requests = total - (this.#requests.get(share.table) ?? 0);
    this.#requests.set(share.table, total);
    return total === 0 ? share : { ...share, stats: { ...share.stats, requests } };
  }

  async #keepWithinMemory(): Promise<void> {
    for (;;) {
      let sum = 0;
      let largest: [topic: string, writer: TableWriter] | null = null;
      for (const [topic, writer] of this.#writers) {
        sum += writer.bufferedBytes;
        if (!largest || writer.bufferedBytes > largest[1].bufferedBytes) largest = [topic, writer];
      }
      if (sum <= this.context.memoryBytes) return;
      const [topic, writer] = largest!;
      try {
        await writer.flushLargest();
      } catch (error) {
        // It may be another topic's table: the batch that was put is in its file.
        throw error instanceof FatalError ? new TopicsError(new Map([[topic, error]])) : error;
      }
    }
  }
}
