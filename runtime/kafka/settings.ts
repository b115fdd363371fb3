/**
 * Kafka's own configuration keys, read once into plain data that feeds both clients and crosses threads.
 *
 * Keys without a prefix hold for every client; `consumer.override.<key>`, `producer.override.<key>` and
 * `admin.override.<key>` hold for one. A key that nothing reads is refused.
 *
 * @module
 */
import { ConfigError, type ConfigProblem } from "../api/errors.ts";
import { KeyReader, type Outside, type RawKafkaSettings, type Role } from "./key_reader.ts";
import { type SaslSettings, SECURITY_KEYS, securitySettings, type TlsSettings } from "./security_settings.ts";

export type { RawKafkaSettings } from "./key_reader.ts";

/** How to reach and convince a broker. */
export interface ConnectionSettings {
  readonly bootstrap: readonly { readonly host: string; readonly port: number }[];
  readonly clientId: string;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly metadataMaxAgeMs: number;
  readonly tls: TlsSettings | null;
  readonly sasl: SaslSettings | null;
}

/** How records are fetched, and how the group is joined. */
export interface ConsumerSettings extends ConnectionSettings {
  readonly fetchMaxBytes: number;
  readonly partitionFetchMaxBytes: number;
  readonly fetchMaxWaitMs: number;
  readonly fetchMinBytes: number;
  readonly readCommitted: boolean;
  readonly checkCrcs: boolean;
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  /** How long a rebalance waits for a member that prepares and commits. */
  readonly rebalanceTimeoutMs: number;
  readonly groupInstanceId: string | null;
}

/** How records are produced. */
export interface ProducerSettings extends ConnectionSettings {
  readonly compression: "none" | "gzip" | "snappy" | "lz4" | "zstd";
  readonly requestBytesMax: number;
}

/** Everything about Kafka that is configured: structured-cloneable, secrets revealed, so never log it. */
export interface KafkaSettings {
  readonly consumer: ConsumerSettings;
  readonly producer: ProducerSettings;
  readonly admin: ConnectionSettings;
}

const COMMON = {
  "bootstrap.servers": "",
  "client.id": "sluice",
  ...SECURITY_KEYS,
  "socket.connection.setup.timeout.ms": "10000",
  "request.timeout.ms": "30000",
  "metadata.max.age.ms": "60000",
};
const CONSUMER = {
  // Twice as much costs 28 MB a thread and saves nothing, half of it a tenth of the stage's CPU (README.md).
  "fetch.max.bytes": String(4 * 1024 * 1024),
  "max.partition.fetch.bytes": String(4 * 1024 * 1024),
  "fetch.max.wait.ms": "500",
  "fetch.min.bytes": "1",
  "isolation.level": "read_committed",
  "check.crcs": "true",
  "session.timeout.ms": "45000",
  "heartbeat.interval.ms": "3000",
  "max.poll.interval.ms": "60000",
  "group.instance.id": "",
};
const PRODUCER = { "compression.type": "none", "max.request.size": String(1024 * 1024) };
const ROLES: Readonly<Record<Role, Readonly<Record<string, string>>>> = {
  consumer: CONSUMER,
  producer: PRODUCER,
  admin: {},
};

/** Whether `kafkaSettings` reads this key. */
export function isKafkaKey(key: string): boolean {
  if (key in COMMON || key in CONSUMER || key in PRODUCER) return true;
  return /^(consumer|producer|admin)\.override\./.test(key);
}

/** Reads the configuration and the PEM files it names. Throws ConfigError with every problem at once. */
export async function kafkaSettings(
  raw: RawKafkaSettings,
  outside: Partial<Outside> = {},
): Promise<KafkaSettings> {
  const problems: ConfigProblem[] = [];
  const known: Record<string, string> = { ...COMMON, ...CONSUMER, ...PRODUCER };
  for (const key of Object.keys(raw)) {
    const [, role, inner] = /^(consumer|producer|admin)\.override\.(.+)$/.exec(key) ?? [];
    if (role) {
      const accepted = { ...COMMON, ...ROLES[role as Role] };
      if (!(inner in accepted)) problems.push({ key, why: `no such ${role} setting; there are ${list(accepted)}` });
    } else if (!(key in known)) {
      problems.push({ key, why: `no such Kafka setting; there are ${list(known)}` });
    }
  }
  const reader = (role: Role) =>
    new KeyReader(raw, role, known, problems, {
      readFile: Deno.readTextFile,
      environment: (name) => Deno.env.get(name),
      ...outside,
    });
  const settings = {
    consumer: await consumerSettings(reader("consumer")),
    producer: await producerSettings(reader("producer")),
    admin: await connectionSettings(reader("admin")),
  };
  if (problems.length > 0) throw new ConfigError(unique(problems));
  return settings;
}

async function consumerSettings(read: KeyReader): Promise<ConsumerSettings> {
  const isolation = read.oneOf("isolation.level", ["read_committed", "read_uncommitted"]);
  return {
    ...await connectionSettings(read),
    fetchMaxBytes: read.int("fetch.max.bytes", 1024),
    partitionFetchMaxBytes: read.int("max.partition.fetch.bytes", 1024),
    fetchMaxWaitMs: read.int("fetch.max.wait.ms", 0),
    fetchMinBytes: read.int("fetch.min.bytes", 0),
    readCommitted: isolation === "read_committed",
    checkCrcs: read.oneOf("check.crcs", ["true", "false"]) === "true",
    sessionTimeoutMs: read.int("session.timeout.ms", 1000),
    heartbeatIntervalMs: read.int("heartbeat.interval.ms", 100),
    rebalanceTimeoutMs: read.int("max.poll.interval.ms", 1000),
    groupInstanceId: read.text("group.instance.id") || null,
  };
}

async function producerSettings(read: KeyReader): Promise<ProducerSettings> {
  const compression = read.oneOf("compression.type", ["none", "gzip", "snappy", "lz4", "zstd"]);
  return {
    ...await connectionSettings(read),
    compression,
    requestBytesMax: read.int("max.request.size", 1024),
  };
}

async function connectionSettings(read: KeyReader): Promise<ConnectionSettings> {
  const bootstrap = read.brokers("bootstrap.servers");
  const requestTimeoutMs = read.int("request.timeout.ms", 1);
  return {
    bootstrap,
    clientId: read.text("client.id"),
    connectTimeoutMs: read.int("socket.connection.setup.timeout.ms", 1),
    requestTimeoutMs,
    metadataMaxAgeMs: read.int("metadata.max.age.ms", 1),
    ...await securitySettings(read, bootstrap, requestTimeoutMs),
  };
}

function list(accepted: object): string {
  return Object.keys(accepted).sort().join(", ");
}

function unique(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return problems.filter((p, i) => problems.findIndex((q) => q.key === p.key && q.why === p.why) === i);
}
