/**
 * Slabs that wait until their topic's schema is known, by topic. Each is given back to the fetcher exactly once: by whoever
 * takes it out, or here.
 *
 * @module
 */
import { partitionKey, type RawRecords, type TopicPartition } from "./api/mod.ts";
import type { Accepted } from "./consume.ts";

/** Records on their way; `token` tells whether the partition was moved or closed since they were accepted. */
export type Taken = Accepted & { kind: "records" };

/** What the smallest slab takes, index and all. */
const SLAB_BYTES_MIN = 8 * 1024;

/** See the module's doc. */
export class HeldSlabs {
  readonly #byTopic = new Map<string, Taken[]>();

  constructor(private readonly release: (slab: RawRecords) => void) {}

  get topics(): readonly string[] {
    return [...this.#byTopic.keys()];
  }

  /** Of all topics: what they hold is not there for fetching. */
  get bytes(): number {
    const held = [...this.#byTopic.values()].flat();
    return held.reduce((sum, { records }) => sum + Math.max(SLAB_BYTES_MIN, records.bytes.length), 0);
  }

  of(topic: string): readonly Taken[] {
    return this.#byTopic.get(topic) ?? [];
  }

  add(taken: Taken): void {
    const { topic } = taken.records;
    this.#byTopic.set(topic, [...this.of(topic), taken]);
  }

  /** Takes out what is held of a topic, and does `work` with each in order; all of it is released, also where that fails. */
  async processEach(topic: string, work: (taken: Taken) => Promise<void>): Promise<void> {
    const held = this.of(topic);
    this.#byTopic.delete(topic);
    let at = 0;
    try {
      for (; at < held.length; at++) {
        await work(held[at]);
        this.release(held[at].slab);
      }
    } finally {
      for (; at < held.length; at++) this.release(held[at].slab);
    }
  }

  /** Drops those of these partitions. */
  drop(partitions: ReadonlySet<string>): void {
    const isDropped = ({ records }: { records: TopicPartition }) => partitions.has(partitionKey(records));
    for (const [topic, held] of this.#byTopic) {
      for (const taken of held) if (isDropped(taken)) this.release(taken.slab);
      const kept = held.filter((taken) => !isDropped(taken));
      if (kept.length > 0) this.#byTopic.set(topic, kept);
      else this.#byTopic.delete(topic);
    }
  }
}
