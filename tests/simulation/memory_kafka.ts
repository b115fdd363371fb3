/**
 * A Kafka in memory, as the runtime sees it.
 *
 * @module
 */
import { FatalError, type TopicPartition } from "../../mod.ts";
import type { Fetcher, KafkaAdmin, Membership, ProducerRecord, RecordProducer } from "../../runtime/kafka/types.ts";
import { MemoryFetcher } from "./kafka_fetcher.ts";
import { ConsumerGroup } from "./kafka_group.ts";
import { type PartitionLog, Topics } from "./kafka_log.ts";
import type { Life } from "./life.ts";
import type { Seeded } from "./seeded.ts";

/** See the module's doc. What a life does to it is an operation of that life. */
export class MemoryKafka {
  readonly topics = new Topics();
  readonly group: ConsumerGroup;
  /** Told of every record that a producer of the runtime sends. */
  onProduced: (record: ProducerRecord) => void = () => {};
  readonly #random: Seeded;

  constructor(
    random: Seeded,
    private readonly options: { readonly subscribed: readonly string[]; readonly fetchRecordsMax: number },
  ) {
    this.#random = random;
    this.group = new ConsumerGroup(this.topics, options.subscribed);
  }

  fetcher(life: Life): Fetcher {
    return new MemoryFetcher(this.topics, life, this.#random.fork(), this.options.fetchRecordsMax);
  }

  membership(life: Life): Membership {
    return this.group.membershipOf(life);
  }

  producer(life: Life): RecordProducer {
    return {
      send: (records) =>
        life.perform("kafka.send", `${records.length}`, () => {
          for (const record of records) {
            this.#logFor(record).append(record);
            this.onProduced(record);
          }
          this.topics.changed();
        }),
      close: () => Promise.resolve(),
    };
  }

  admin(life: Life): KafkaAdmin {
    return {
      describeTopics: (which) =>
        life.perform("kafka.describeTopics", String(which), () =>
          this.topics.current
            .filter(({ topic }) => which instanceof RegExp ? which.test(topic) : which.includes(topic))
            .map(({ topic, topicId, partitions }) => ({ topic, topicId, partitions: partitions.length }))),
      logBounds: (partitions) =>
        life.perform("kafka.logBounds", String(partitions.length), () => partitions.flatMap(this.#boundsOf)),
      groupOffsets: () => Promise.reject(new FatalError("Not simulated")),
      ensureTopic: (topic, partitions) =>
        life.perform("kafka.ensureTopic", topic, () => {
          if (!this.topics.get(topic)) this.topics.create(topic, partitions);
        }),
      close: () => Promise.resolve(),
    };
  }

  readonly #boundsOf = ({ topic, partition }: TopicPartition) => {
    const log = this.topics.get(topic)?.partitions[partition];
    if (!log) return [];
    const { topicId, logStartOffset, endOffset } = log;
    return [{ topic, topicId, partition, logStartOffset, endOffset }];
  };

  #logFor({ topic, key }: ProducerRecord): PartitionLog {
    const found = this.topics.get(topic);
    if (!found) throw new FatalError(`Cannot produce: there is no topic ${topic}`);
    const hash = key?.reduce((sum, byte) => (sum * 31 + byte) >>> 0, 7) ?? 0;
    return found.partitions[hash % found.partitions.length];
  }
}
