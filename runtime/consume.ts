/**
 * Stage 1, consume: where each partition stands. What arrives must begin where the partition stands, under the epoch
 * under which it is read; anything else is left over from before a move and is dropped.
 *
 * @module
 */
import { FatalError, type Log, partitionKey, type RawRecords, type TopicPartition } from "./api/mod.ts";
import type { Fetched, Fetcher } from "./kafka/types.ts";
import type { OpenPartition } from "./task_protocol.ts";

/** What to do where the topic no longer has the offset that the target needs. */
export type OffsetsMissing = "fail" | "earliest" | "latest";

/** Where a partition stands, and what is known of its log. */
export interface Position extends TopicPartition {
  readonly epoch: number;
  /** Where it was opened. */
  readonly opened: bigint;
  next: bigint;
  readonly until: bigint | null;
  /** Changes whenever the partition is moved. */
  token: symbol;
  endOffset: bigint | null;
  logStartOffset: bigint | null;
}

/** What the caller is to do with what was fetched. */
export type Accepted =
  | { readonly kind: "dropped" }
  /** Records to decode; `slab` is what to release afterwards. */
  | { readonly kind: "records"; readonly records: RawRecords; readonly slab: RawRecords; readonly token: symbol }
  /** `[from, to)` is gone from the log, and the configuration says to go on without it. */
  | {
    readonly kind: "gap";
    readonly partition: TopicPartition;
    readonly from: bigint;
    readonly to: bigint;
    readonly token: symbol;
  };

/** The consume stage of one task. */
export class ConsumeStage {
  readonly #positions = new Map<string, Position>();
  #hasRead = false;

  constructor(
    private readonly fetcher: Fetcher,
    private readonly options: {
      readonly offsetsMissing: OffsetsMissing;
      readonly log: Log;
      readonly onCaughtUp: (partition: TopicPartition) => void;
    },
  ) {}

  /** Every partition that is read, those that are caught up included. */
  get positions(): Iterable<Position> {
    return this.#positions.values();
  }

  isOpen(partition: TopicPartition): boolean {
    return this.#positions.has(partitionKey(partition));
  }

  /** The epoch under which a partition is read. */
  epoch(partition: { topic: string; partition: number }): number {
    return this.#positions.get(partitionKey(partition))?.epoch ?? 0;
  }

  open({ topic, topicId, partition, epoch, offset, until }: OpenPartition): void {
    const position: Position = {
      topic,
      topicId,
      partition,
      epoch,
      opened: offset,
      next: offset,
      until,
      token: Symbol(),
      endOffset: null,
      logStartOffset: null,
    };
    this.#positions.set(partitionKey(position), position);
    this.#read(position);
  }

  close(partition: TopicPartition): void {
    this.#positions.delete(partitionKey(partition));
    this.fetcher.remove(partition);
  }

  /** Reads a partition again from `offset`; unknown partitions are left alone. */
  seek(partition: TopicPartition, offset: bigint): void {
    const position = this.#positions.get(partitionKey(partition));
    if (!position) return;
    position.next = offset;
    position.token = Symbol();
    this.#read(position);
  }

  /** Whether the partition of what was accepted under `token` has not been moved or closed since. */
  isCurrent(token: symbol): boolean {
    for (const position of this.#positions.values()) if (position.token === token) return true;
    return false;
  }

  /** Judges what was fetched and moves the position past it. */
  accept(fetched: Fetched): Accepted {
    const position = this.#positions.get(partitionKey(fetched));
    if (!position || fetched.epoch !== position.epoch) return { kind: "dropped" };
    // Fetched together with the last that was wanted: nothing of it is, and a range of nothing is none.
    if (isCaughtUp(position)) return { kind: "dropped" };
    if (fetched.kind === "topic-changed" || fetched.kind === "refused") throw new FatalError(fetched.message);
    position.endOffset = fetched.endOffset;
    position.logStartOffset = fetched.logStartOffset;
    if (fetched.kind === "out-of-range") return this.#missing(position, fetched);
    if (fetched.records.from !== position.next) return { kind: "dropped" };
    const records = cut(fetched.records, position.until);
    position.next = records.to;
    if (isCaughtUp(position)) this.#caughtUp(position);
    if (!this.#hasRead && records.count > 0) this.#tellFirst(position, records);
    return { kind: "records", records, slab: fetched.records, token: position.token };
  }

  /** How long a start takes is counted to here. */
  #tellFirst({ topic, partition }: Position, { from, count }: RawRecords): void {
    this.#hasRead = true;
    this.options.log.debug("The first records have been read", { topic, partition, offset: from, records: count });
  }

  #read(position: Position): void {
    if (isCaughtUp(position)) return this.#caughtUp(position);
    const { topic, topicId, partition, epoch, next } = position;
    this.fetcher.assign({ topic, topicId, partition, epoch, offset: next });
  }

  #caughtUp({ topic, topicId, partition }: Position): void {
    const caughtUp = { topic, topicId, partition };
    this.fetcher.remove(caughtUp);
    this.options.onCaughtUp(caughtUp);
  }

  #missing(position: Position, fetched: Fetched & { kind: "out-of-range" }): Accepted {
    if (fetched.offset !== position.next) return { kind: "dropped" };
    const { topic, topicId, partition, next } = position;
    const name = `${topic}-${partition}`;
    if (next > fetched.endOffset) {
      throw new FatalError(
        `Cannot read ${name} at offset ${next}: the topic ends at ${fetched.endOffset}. The table is ahead of the ` +
          "topic, which was truncated or restored; point table.uri at a new table, or restore the topic",
      );
    }
    if (this.options.offsetsMissing === "fail") {
      throw new FatalError(
        `Cannot read ${name} at offset ${next}: the topic begins at ${fetched.logStartOffset}, so ` +
          `${fetched.logStartOffset - next} offsets were deleted before they were read. Set offsets.missing to ` +
          "earliest (go on at the beginning of the topic) or latest (go on at its end) to accept the loss",
      );
    }
    const to = this.options.offsetsMissing === "earliest" ? fetched.logStartOffset : fetched.endOffset;
    this.options.log.warn("Offsets are missing from the topic: going on without them", {
      topic,
      partition,
      from: next,
      to,
      policy: this.options.offsetsMissing,
    });
    position.next = to;
    this.#read(position);
    return { kind: "gap", partition: { topic, topicId, partition }, from: next, to, token: position.token };
  }
}

function isCaughtUp({ next, until }: Position): boolean {
  return until !== null && next >= until;
}

/** The slab without what lies at or beyond `until`. */
function cut(records: RawRecords, until: bigint | null): RawRecords {
  if (until === null || records.to <= until) return records;
  let count = records.count;
  while (count > 0 && records.baseOffset + BigInt(records.offsetDeltas[count - 1]) >= until) count--;
  return { ...records, count, to: until };
}
