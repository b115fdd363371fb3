/**
 * The bookkeeping of offsets that `SinkTask` asks for, for tasks that keep what they hold of each partition apart: a share a
 * partition, and no file or request with rows of two.
 *
 * @module
 */
import type { SinkBatch } from "./batch.ts";
import { FatalError } from "./errors.ts";
import { offsetOf, type Offsets, partitionKey, type Share, type TopicPartition } from "./offsets.ts";

interface Open<Held> extends TopicPartition {
  held: Held;
  /** Whether the target held no offset of it, and no share has given it one since. */
  absent: boolean;
  /** What was put since the last round is `[from, to)`; `from` is null where that is nothing. */
  from: bigint | null;
  /** Where the next batch begins; null: wherever it does. */
  to: bigint | null;
  rows: number;
  timestampMsMax: number | null;
}

/**
 * The partitions of a task, where each of them stands, and what the task holds of it.
 *
 * ```ts
 * import { OpenPartitions } from "@sluice/sluice";
 * const open = new OpenPartitions(() => ({ lines: "" }));
 * console.assert(open.size === 0 && open.shares("the target", crypto.randomUUID).length === 0);
 * ```
 */
export class OpenPartitions<Held> {
  readonly #open = new Map<string, Open<Held>>();

  /** `begin` makes what is held of a partition that is opened. */
  constructor(private readonly begin: () => Held) {}

  /** How many there are. */
  get size(): number {
    return this.#open.size;
  }

  /** As `SinkTask.open` is told. */
  open(partitions: readonly TopicPartition[], at: Offsets): void {
    for (const { topic, topicId, partition } of partitions) {
      const to = offsetOf(at, { topic, partition });
      const where = { absent: to === null, from: null, to, rows: 0, timestampMsMax: null };
      this.#open.set(partitionKey({ topic, partition }), { topic, topicId, partition, held: this.begin(), ...where });
    }
  }

  /**
   * Accounts for a batch, rows or none, and returns what is held of its partition. Throws FatalError where that is not open,
   * or stands elsewhere.
   */
  put(batch: SinkBatch): Held {
    const { topic, partition, from, to, numRows } = batch;
    const open = this.#open.get(partitionKey(batch));
    if (!open) throw new FatalError(`Cannot put rows of ${topic}-${partition}: the partition is not open`);
    if (open.to !== null && open.to !== from) {
      throw new FatalError(
        `Cannot put rows of ${topic}-${partition}: expected offset ${open.to}, current value is ${from}`,
      );
    }
    open.from ??= from;
    open.to = to;
    open.rows += numRows;
    for (let row = 0; row < numRows; row++) {
      const ms = batch.timestampMs(row);
      if (ms > (open.timestampMsMax ?? -1)) open.timestampMsMax = ms;
    }
    return open.held;
  }

  /** What is held of each partition. */
  *held(): Iterable<Held> {
    for (const { held } of this.#open.values()) yield held;
  }

  /** Ends a round: a share for each partition of which anything was put. All of that is to be durable by now. */
  shares(table: string, uuid: () => string): Share<null>[] {
    const shares: Share<null>[] = [];
    for (const open of this.#open.values()) {
      const { topic, topicId, partition, absent: fromAbsent, from, to, rows, timestampMsMax } = open;
      if (from === null || to === null || from === to) continue;
      const ranges = [{ topic, topicId, partition, from, to, fromAbsent }];
      shares.push({ id: uuid(), table, ranges, staged: null, stats: { rows, files: 0, bytes: 0, timestampMsMax } });
      Object.assign(open, { absent: false, from: null, rows: 0, timestampMsMax: null });
    }
    return shares;
  }

  /** Forgets partitions, and what is held of them. As no two share anything, the answer of `SinkTask.close` is: none. */
  close(partitions: readonly TopicPartition[]): Offsets {
    for (const partition of partitions) this.#open.delete(partitionKey(partition));
    return [];
  }
}
