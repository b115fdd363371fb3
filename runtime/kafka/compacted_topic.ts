/**
 * A compacted topic as a map of keys to bytes: what is put last is what a key holds, a tombstone takes it out. Whoever opens
 * it reads it to its end first, and may read on at any time to see what others have put.
 *
 * @module
 */
import {
  type Clock,
  FatalError,
  type Log,
  rawKey,
  type RawRecords,
  rawValue,
  type TopicPartition,
} from "../api/mod.ts";
import { createAdmin } from "./admin.ts";
import { createFetcher } from "./fetcher.ts";
import { createProducer } from "./producer.ts";
import { readRanges } from "./read_ranges.ts";
import type { KafkaSettings } from "./settings.ts";
import type { RecordProducer, TopicAdmin } from "./types.ts";

/** What it needs. */
export interface CompactedTopicOptions {
  readonly settings: KafkaSettings;
  readonly topic: string;
  /** For the topic, where it is created. */
  readonly replicationFactor: number;
  /** For the topic, where it is created. Default 1: then all that is put is in one order. */
  readonly partitions?: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  /** Told of each entry that is read or put, in the order of its partition; null: taken out. */
  readonly onEntry?: (key: string, value: Uint8Array | null) => void;
}

/** Keys are UTF-8 text. */
export class CompactedTopic {
  readonly #entries = new Map<string, Uint8Array>();
  readonly #admin: TopicAdmin;
  readonly #producer: RecordProducer;
  #topicId: string | null = null;
  /** Where reading stands, by partition. */
  #next: bigint[] = [];

  constructor(private readonly options: CompactedTopicOptions) {
    const { settings, log } = options;
    this.#admin = createAdmin({ settings: settings.admin, log, readCommitted: settings.consumer.readCommitted });
    this.#producer = createProducer(settings.producer);
  }

  /** What is known now; of the last `refresh`, and what was put since. */
  get entries(): ReadonlyMap<string, Uint8Array> {
    return this.#entries;
  }

  /**
   * Creates the topic where it is missing, and reads it to its end. Throws FatalError where it is not compacted: it would
   * forget what nobody took out.
   */
  async load(): Promise<ReadonlyMap<string, Uint8Array>> {
    const { topic, partitions = 1, replicationFactor } = this.options;
    await this.#admin.ensureTopic(topic, partitions, replicationFactor, { "cleanup.policy": "compact" });
    const policy = await this.#admin.topicConfig(topic, "cleanup.policy");
    if (policy !== "compact") {
      throw new FatalError(
        `Cannot keep anything in topic "${topic}": its cleanup.policy is ${policy}, which loses entries; wanted: compact`,
      );
    }
    return await this.refresh();
  }

  /** Reads on to the end of now. Throws FatalError where the topic was created anew meanwhile. */
  async refresh(): Promise<ReadonlyMap<string, Uint8Array>> {
    const { topic } = this.options;
    const [found] = await this.#admin.describeTopics([topic]);
    if (!found || (this.#topicId !== null && found.topicId !== this.#topicId)) {
      throw new FatalError(`Cannot read topic "${topic}": it was ${found ? "created anew" : "deleted"} meanwhile`);
    }
    this.#topicId = found.topicId;
    const partitions = Array.from({ length: found.partitions }, (_, partition): TopicPartition => (
      { topic, topicId: found.topicId, partition }
    ));
    const bounds = await this.#admin.logBounds(partitions);
    const ranges = bounds.map(({ logStartOffset, endOffset, ...at }) => {
      const next = this.#next[at.partition] ?? logStartOffset;
      return { ...at, from: next > logStartOffset ? next : logStartOffset, to: endOffset };
    });
    if (ranges.every(({ from, to }) => from >= to)) return this.#entries;
    const { settings, clock, log, random } = this.options;
    const fetcher = createFetcher({ settings: settings.consumer, clock, log, random });
    try {
      for await (const { records, count } of readRanges(fetcher, ranges)) {
        for (let i = 0; i < count; i++) this.#take(records, i);
      }
      for (const { partition, to } of ranges) this.#next[partition] = to;
    } finally {
      await fetcher.close();
    }
    return this.#entries;
  }

  /** Puts a value, or with null takes the key out; resolves once all in-sync replicas have it. */
  async put(key: string, value: Uint8Array | null): Promise<void> {
    await this.putAll([[key, value]]);
  }

  /** Puts several, in order. Not in one step: a crash may leave the first ones alone. */
  async putAll(entries: readonly (readonly [key: string, value: Uint8Array | null])[]): Promise<void> {
    const { topic, clock } = this.options;
    const timestampMs = clock.now();
    const encoder = new TextEncoder();
    await this.#producer.send(
      entries.map(([key, value]) => ({ topic, key: encoder.encode(key), value, headers: [], timestampMs })),
    );
    for (const [key, value] of entries) this.#set(key, value);
  }

  /** Takes a key out. */
  async delete(key: string): Promise<void> {
    await this.put(key, null);
  }

  /** Ends its connections. */
  async close(): Promise<void> {
    await Promise.all([this.#producer.close(), this.#admin.close()]);
  }

  #take(records: RawRecords, index: number): void {
    const key = rawKey(records, index);
    if (key === null) return; // nobody's: a compacted topic takes none
    const value = rawValue(records, index);
    this.#set(new TextDecoder().decode(key), value === null ? null : value.slice()); // the slab is used again
  }

  #set(key: string, value: Uint8Array | null): void {
    if (value === null) this.#entries.delete(key);
    else this.#entries.set(key, value);
    this.options.onEntry?.(key, value);
  }
}
