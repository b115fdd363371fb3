/**
 * The benchmark's topics: produced once for a format, schema, compression and number of records, then used by all runs.
 *
 * @module
 */
import { type Admin, Kafka, logLevel } from "kafkajs";
import { systemClock } from "../../runtime/clock.ts";
import { Cluster } from "../../runtime/kafka/cluster.ts";
import { silenceNegativeTimeouts } from "../../runtime/kafka/kafkajs_warning.ts";
import { kafkaSettings } from "../../runtime/kafka/settings.ts";
import { BatchBuilder, type Compression } from "./batches.ts";
import { createEncoder, type Format, registeredSchema } from "./formats.ts";
import { ProduceClient } from "./produce_client.ts";
import { mixed, shapeOf } from "./schemas.ts";

/** What a topic holds. */
export interface TopicSpec {
  readonly format: Format;
  readonly schema: string;
  readonly compression: Compression;
  readonly records: number;
  readonly partitions: number;
}

/** A topic that is there. */
export interface FilledTopic extends TopicSpec {
  readonly name: string;
}

/** Where topics and schemas go. */
export interface TopicServices {
  readonly bootstrap: string;
  /** Null where only JSON is produced. */
  readonly registryUrl: string | null;
}

/** Records of a batch where they are small: about 200 KB of flat8, what a busy producer sends. */
const BATCH_RECORDS = 1000;
/** What brokers take by default is 1 MiB and a little. */
const BATCH_BYTES = 800 * 1024;
const LEADERS_MS = 30_000;
/** For records of 1 MiB. */
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;

/** Creates the topic and produces its records; one that holds them all already is left as it is. */
export async function fillTopic(name: string, spec: TopicSpec, services: TopicServices): Promise<FilledTopic> {
  const admin = await connectAdmin(services.bootstrap);
  try {
    const isThere = (await admin.listTopics()).includes(name);
    const held = isThere
      ? (await admin.fetchTopicOffsets(name)).reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0)
      : 0;
    if (isThere && held === spec.records) return { ...spec, name };
    if (held > 0) throw new Error(`Topic ${name} holds ${held} records, wanted ${spec.records}: choose another name`);
    if (!isThere) {
      const configEntries = [{ name: "max.message.bytes", value: String(MESSAGE_BYTES_MAX) }];
      const topics = [{ topic: name, numPartitions: spec.partitions, replicationFactor: 1, configEntries }];
      await admin.createTopics({ topics, waitForLeaders: true });
      await untilLed(() => admin.fetchTopicOffsets(name));
    }
  } finally {
    await admin.disconnect();
  }
  await produceRecords({ topic: name, from: 0, to: spec.records, spec, services });
  return { ...spec, name };
}

/** Of hundreds of partitions a broker hears of some later that it leads them. */
async function untilLed(ask: () => Promise<unknown>): Promise<void> {
  for (const untilMs = systemClock.monotonic() + LEADERS_MS;;) {
    try {
      return void await ask();
    } catch (error) {
      if (systemClock.monotonic() > untilMs) throw error;
      await systemClock.sleep(200);
    }
  }
}

/** Forgets topics of a broker that is not ours. */
export async function deleteTopics(names: readonly string[], bootstrap: string): Promise<void> {
  const admin = await connectAdmin(bootstrap);
  try {
    await admin.deleteTopics({ topics: [...names] });
  } finally {
    await admin.disconnect();
  }
}

/** Produces records `from` to `to` - 1; says on stderr how fast. */
async function produceRecords(
  { topic, from, to, spec, services }: {
    topic: string;
    from: number;
    to: number;
    spec: TopicSpec;
    services: TopicServices;
  },
): Promise<void> {
  const started = systemClock.monotonic();
  const sender = await openSender(topic, spec, services);
  try {
    const bytes = await sender.send(from, to);
    const seconds = (systemClock.monotonic() - started) / 1000;
    console.error(
      `Produced ${to - from} ${spec.format} records (${spec.schema}, ${spec.compression}, ` +
        `${(bytes / 1e6).toFixed(1)} MB) to ${topic} at ${Math.round((to - from) / seconds)}/s`,
    );
  } finally {
    sender.close();
  }
}

/** Sends records of one topic, again and again. */
export interface Sender {
  /** Resolves with the bytes of the batches once all are acknowledged. */
  send(from: number, to: number): Promise<number>;
  close(): void;
}

/** Connects to the leaders of a topic and registers its schema. */
export async function openSender(topic: string, spec: TopicSpec, services: TopicServices): Promise<Sender> {
  const shape = shapeOf(spec.schema);
  const encode = createEncoder(spec.format, shape, await register(topic, spec, services));
  const clients = await connectLeaders(topic, services.bootstrap);
  const builders = clients.map(() => new BatchBuilder());
  const flush = async (partition: number) => {
    const batch = builders[partition].finish(spec.compression, systemClock.now()); // not made up: see retention
    await clients[partition].send(topic, partition, batch);
    return batch.length;
  };
  return {
    async send(from, to) {
      let bytes = 0;
      for (let id = from; id < to; id++) {
        const partition = Math.floor(mixed(id, 1000) * builders.length); // as a hash of the key would
        const builder = builders[partition];
        builder.add(String(id), (writer) => encode(id, writer));
        if (builder.count >= BATCH_RECORDS || builder.length >= BATCH_BYTES) bytes += await flush(partition);
      }
      for (const [partition, { count }] of builders.entries()) if (count > 0) bytes += await flush(partition);
      await Promise.all(clients.map((client) => client.flush()));
      return bytes;
    },
    close: () => new Set(clients).forEach((client) => client.close()),
  };
}

async function connectAdmin(bootstrap: string): Promise<Admin> {
  silenceNegativeTimeouts();
  const admin = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  return admin;
}

/** Registers the value's schema under the topic's name; 0 where the format has none. */
async function register(topic: string, { format, schema }: TopicSpec, { registryUrl }: TopicServices): Promise<number> {
  const wanted = registeredSchema(format, shapeOf(schema));
  if (wanted === null) return 0;
  if (registryUrl === null) throw new Error(`Cannot produce ${format} without a registry: give --registry`);
  const response = await fetch(`${registryUrl}/subjects/${topic}-value/versions`, {
    method: "POST",
    headers: { "content-type": "application/vnd.schemaregistry.v1+json" },
    body: JSON.stringify({ schema: wanted.text, schemaType: wanted.type }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`The registry refuses the schema of ${topic}: ${JSON.stringify(answer)}`);
  return answer.id;
}

/** A connection for each partition; those of one broker share it. */
async function connectLeaders(topic: string, bootstrap: string): Promise<ProduceClient[]> {
  const { admin } = await kafkaSettings({ "bootstrap.servers": bootstrap });
  const cluster = new Cluster(admin);
  try {
    const { brokers, topics } = await cluster.metadata([topic]);
    const partitions = topics.get(topic)?.partitions;
    if (!partitions) throw new Error(`Topic ${topic} does not exist`);
    const byNode = new Map<number, ProduceClient>();
    const clients: ProduceClient[] = [];
    for (let partition = 0; partition < partitions.size; partition++) {
      const { leader } = partitions.get(partition)!;
      if (!byNode.has(leader)) byNode.set(leader, await ProduceClient.connect(brokers.get(leader)!));
      clients.push(byNode.get(leader)!);
    }
    return clients;
  } finally {
    await cluster.close();
  }
}
