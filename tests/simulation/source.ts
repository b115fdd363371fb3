/**
 * What is produced to the simulated topics, remembered for the verifier.
 *
 * @module
 */
import type { MemoryKafka } from "./memory_kafka.ts";
import type { PartitionLog } from "./kafka_log.ts";
import type { Seeded } from "./seeded.ts";

/** What was produced. */
export interface Produced {
  /** Unique, and in the row. */
  readonly id: string;
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Unique too. */
  readonly timestampMs: number;
  /** It cannot become a row: it must become a dead letter. */
  readonly isPoison: boolean;
  /** It has the column that came later. */
  readonly isWide: boolean;
  /** Whether it can become a row depends on what the column's type was inferred from. */
  readonly isVague: boolean;
  /** Retention deleted it, perhaps before it was read. */
  isDeleted: boolean;
}

/** What to produce. */
export interface RecordKind {
  /** Chance of a record that cannot become a row. */
  readonly poison: number;
  /** Chance of offsets without records before it. */
  readonly gap: number;
  /** Records carry the further column; "vague": with values that some types of column cannot hold. */
  readonly wide: "no" | "yes" | "vague";
  /** Records lack a column that others have. */
  readonly isNarrow?: boolean;
}

const TEXT = new TextEncoder();
const POISONS = ['{"id": "half', "[1, 2]", "not json at all", null, '{"id": "x"} trailing'];

/** Produces, and remembers by incarnation and partition. */
export class Source {
  readonly byPartition = new Map<string, Produced[]>();
  readonly byId = new Map<string, Produced>();
  #count = 0;

  constructor(private readonly kafka: MemoryKafka, private readonly random: Seeded) {}

  /** Appends `count` records to partitions of `topic` by chance, or all to one. */
  produce(topic: string, count: number, kind: RecordKind, partition?: number): void {
    const { partitions } = this.kafka.topics.get(topic)!;
    for (let i = 0; i < count; i++) {
      const log = partitions[partition ?? this.random.int(0, partitions.length - 1)];
      if (this.random.chance(kind.gap)) log.skip(this.random.int(1, 4));
      this.#append(log, kind);
    }
    this.kafka.topics.changed();
  }

  /** Offsets without records at the end of a partition: a transaction's marker. */
  endTransaction(topic: string, partition: number): void {
    this.kafka.topics.get(topic)!.partitions[partition].skip(1);
    this.kafka.topics.changed();
  }

  /** Retention deletes the oldest `count` offsets of a partition. */
  retain(topic: string, partition: number, count: number): void {
    const log = this.kafka.topics.get(topic)!.partitions[partition];
    log.deleteBefore(log.logStartOffset + BigInt(count));
    for (const produced of this.of(log)) if (produced.offset < log.logStartOffset) produced.isDeleted = true;
    this.kafka.topics.changed();
  }

  of(log: { topicId: string; partition: number }): readonly Produced[] {
    return this.byPartition.get(`${log.topicId}/${log.partition}`) ?? [];
  }

  #append(log: PartitionLog, { poison, wide, isNarrow }: RecordKind): void {
    const { topic, topicId, partition } = log;
    const n = ++this.#count;
    const id = `${topic}-${partition}-${n}`;
    const isPoison = this.random.chance(poison);
    const extra = wide === "yes" ? { extra: n + 0.5 } : wide === "vague" ? { vague: n / 2 } : {};
    const value = isPoison
      ? POISONS[n % POISONS.length]
      : JSON.stringify({ id, n, ...(isNarrow ? {} : { day: `d${n % 3}` }), ...extra });
    const timestampMs = 1_700_000_000_000 + n;
    const offset = log.append({
      key: TEXT.encode(`k${n % 5}`),
      value: value === null ? null : TEXT.encode(value),
      headers: n % 4 === 0 ? [{ key: "trace", value: TEXT.encode(id) }] : [],
      timestampMs,
    });
    const key = `${topicId}/${partition}`;
    const list = this.byPartition.get(key) ?? [];
    const produced: Produced = {
      id,
      topic,
      topicId,
      partition,
      offset,
      timestampMs,
      isPoison,
      isWide: wide === "yes",
      isVague: wide === "vague" || isNarrow === true,
      isDeleted: false,
    };
    list.push(produced);
    this.byId.set(id, produced);
    this.byPartition.set(key, list);
  }
}
