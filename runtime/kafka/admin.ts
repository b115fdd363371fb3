/**
 * The control plane: kafkajs, loaded with its first use, for creating topics and for groups' offsets; our own connections for
 * topic ids and stable offsets.
 *
 * @module
 */
import type { Admin } from "kafkajs";
import type { Log } from "../api/log.ts";
import type { Offsets, TopicPartition } from "../api/offsets.ts";
import { brokerErrors, classify } from "./classify.ts";
import { kafkajsOptions } from "./client_options.ts";
import { Cluster } from "./cluster.ts";
import { silenceNegativeTimeouts } from "./kafkajs_warning.ts";
import type { ConnectionSettings } from "./settings.ts";
import type { LogBounds, TopicAdmin, TopicDescription } from "./types.ts";

/** What an admin needs. */
export interface AdminOptions {
  readonly settings: ConnectionSettings;
  readonly log: Log;
  /** Whether the end of a log is its last stable offset: the consumer's isolation level. */
  readonly readCommitted: boolean;
}

/** An admin that connects at its first call. */
export function createAdmin(options: AdminOptions): TopicAdmin {
  return new ClusterAdmin(options);
}

/** kafkajs' number of this kind of resource. */
const TOPIC_RESOURCE = 2;

class ClusterAdmin implements TopicAdmin {
  readonly #cluster: Cluster;
  #kafkajs: Promise<Admin> | null = null;

  constructor(private readonly options: AdminOptions) {
    this.#cluster = new Cluster(options.settings);
  }

  async describeTopics(which: readonly string[] | RegExp): Promise<TopicDescription[]> {
    const byName = Array.isArray(which) as boolean;
    const { topics } = await this.#cluster.metadata(byName ? which as readonly string[] : null);
    const wanted = [...topics.values()].filter(({ name, internal }) =>
      byName || (!internal && !name.startsWith("__") && matches(which as RegExp, name))
    );
    return wanted.map(({ name, topicId, partitions }) => ({ topic: name, topicId, partitions: partitions.size }));
  }

  async logBounds(partitions: readonly TopicPartition[]): Promise<LogBounds[]> {
    const answers = await this.#cluster.logBounds(partitions, this.options.readCommitted);
    return answers.map(({ partition: { topic, topicId, partition }, start, end }) => (
      { topic, topicId, partition, logStartOffset: start, endOffset: end }
    ));
  }

  async groupOffsets(group: string, partitions: readonly TopicPartition[]): Promise<Offsets> {
    const topics = [...new Set(partitions.map(({ topic }) => topic))];
    if (topics.length === 0) return [];
    const answers = await this.#run(
      `Cannot read the offsets of group "${group}"`,
      (admin) => admin.fetchOffsets({ groupId: group, topics }),
    );
    return partitions.flatMap(({ topic, topicId, partition }) => {
      const found = answers.find((a) => a.topic === topic)?.partitions.find((p) => p.partition === partition);
      const offset = BigInt(found?.offset ?? -1);
      return offset < 0n ? [] : [{ topic, topicId, partition, offset }];
    });
  }

  async ensureTopic(
    topic: string,
    partitions: number,
    replicationFactor: number,
    config: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    if ((await this.#cluster.metadata([topic])).topics.has(topic)) return;
    const wanted = `${partitions} partition(s), replication factor ${replicationFactor}`;
    await this.#run(`Cannot create topic "${topic}" (${wanted})`, async (admin) => {
      try {
        const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
        const topics = [{ topic, numPartitions: partitions, replicationFactor, configEntries }];
        await admin.createTopics({ topics, waitForLeaders: true });
      } catch (error) {
        if (!brokerErrors(error).includes("TOPIC_ALREADY_EXISTS")) throw error;
      }
    });
  }

  async topicConfig(topic: string, name: string): Promise<string | null> {
    const { resources } = await this.#run(
      `Cannot read the configuration of topic "${topic}"`,
      (admin) =>
        admin.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: TOPIC_RESOURCE, name: topic, configNames: [name] }],
        }),
    );
    return resources[0]?.configEntries.find(({ configName }) => configName === name)?.configValue ?? null;
  }

  async clusterId(): Promise<string | null> {
    return (await this.#cluster.metadata([])).clusterId ?? null;
  }

  async close(): Promise<void> {
    const admin = await this.#kafkajs?.catch(() => null); // one that never connected has nothing to close
    this.#kafkajs = null;
    await admin?.disconnect();
    await this.#cluster.close();
  }

  async #run<T>(what: string, call: (admin: Admin) => Promise<T>): Promise<T> {
    try {
      this.#kafkajs ??= this.#connect();
      return await call(await this.#kafkajs);
    } catch (error) {
      const broken = this.#kafkajs;
      this.#kafkajs = null;
      await (await broken?.catch(() => null))?.disconnect();
      throw classify(error, what);
    }
  }

  async #connect(): Promise<Admin> {
    const { settings, log } = this.options;
    const { Kafka, logLevel } = (await import("kafkajs")).default; // most runs create no topic
    silenceNegativeTimeouts();
    // Its retries log as errors what may pass; what does not pass is thrown, and logged by who catches it.
    const logCreator = () => ({ log }: { log: { message: string } }) => this.#note(log.message);
    const admin = new Kafka({ ...kafkajsOptions(settings), logLevel: logLevel.WARN, logCreator }).admin();
    log.debug("Connecting the admin client");
    await admin.connect();
    return admin;
  }

  #note(message: string): void {
    this.options.log.debug("kafkajs", { said: message });
  }
}

/** A pattern is to match the whole name, as Connect's `topics.regex` does. */
export function matches(pattern: RegExp, name: string): boolean {
  return new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gy]/g, "")).test(name);
}
