/**
 * Topics in memory: logs with gaps, retention and re-creation.
 *
 * @module
 */
import type { RawRecords, RecordHeader } from "../../mod.ts";
import { slabOf } from "../conformance/slab.ts";

/** A record in a log. */
export interface StoredRecord {
  readonly offset: bigint;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  readonly timestampMs: number;
}

/** One partition of one incarnation of a topic. */
export class PartitionLog {
  readonly records: StoredRecord[] = [];
  logStartOffset = 0n;
  endOffset = 0n;

  constructor(readonly topic: string, readonly topicId: string, readonly partition: number) {}

  append(record: Omit<StoredRecord, "offset">): bigint {
    const offset = this.endOffset++;
    this.records.push({ ...record, offset });
    return offset;
  }

  /** Offsets without a record: a transaction's marker, an aborted record, one that compaction removed. */
  skip(count: number): void {
    this.endOffset += BigInt(count);
  }

  /** What retention does. */
  deleteBefore(offset: bigint): void {
    this.logStartOffset = offset < this.endOffset ? offset : this.endOffset;
    const kept = this.records.findIndex((record) => record.offset >= offset);
    this.records.splice(0, kept < 0 ? this.records.length : kept);
  }

  /** A slab of at most `countMax` records from `from` on, and the gap behind them where it is the log's end. */
  read(from: bigint, countMax: number): RawRecords {
    const first = this.#indexOf(from);
    const taken = this.records.slice(first, first + countMax);
    const isLast = first + taken.length === this.records.length;
    const to = isLast ? this.endOffset : taken[taken.length - 1].offset + 1n;
    const { topic, topicId, partition } = this;
    return slabOf(taken, { topic, topicId, partition, from, to });
  }

  #indexOf(offset: bigint): number {
    let low = 0, high = this.records.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.records[middle].offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** One incarnation of a topic. */
export class Topic {
  readonly partitions: PartitionLog[] = [];

  constructor(readonly topic: string, readonly topicId: string, partitions: number) {
    this.grow(partitions);
  }

  grow(partitions: number): void {
    for (let p = this.partitions.length; p < partitions; p++) {
      this.partitions.push(new PartitionLog(this.topic, this.topicId, p));
    }
  }
}

/** All topics, those that were deleted too. */
export class Topics {
  readonly #current = new Map<string, Topic>();
  readonly #all: Topic[] = [];
  readonly #watchers = new Set<() => void>();

  /** Creates a topic, in place of an older one of that name. */
  create(name: string, partitions: number): Topic {
    const topic = new Topic(name, `topic${String(this.#all.length).padStart(17, "0")}`, partitions);
    this.#current.set(name, topic);
    this.#all.push(topic);
    return topic;
  }

  get(name: string): Topic | undefined {
    return this.#current.get(name);
  }

  /** Deletes a topic and creates it anew, under another id. */
  recreate(name: string): Topic {
    const topic = this.create(name, this.#current.get(name)!.partitions.length);
    this.changed();
    return topic;
  }

  get current(): Topic[] {
    return [...this.#current.values()];
  }

  get all(): readonly Topic[] {
    return this.#all;
  }

  /** The log of an incarnation's partition, deleted or not. */
  log({ topicId, partition }: { topicId: string; partition: number }): PartitionLog | undefined {
    return this.#all.find((topic) => topic.topicId === topicId)?.partitions[partition];
  }

  /** Tells whoever waits for data. */
  changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}
