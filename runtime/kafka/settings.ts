/**
 * Kafka's own configuration keys, read once into plain data that feeds both clients and crosses threads.
 *
 * Keys without a prefix hold for every client; `consumer.override.<key>`, `producer.override.<key>` and
 * `admin.override.<key>` hold for one. A key that nothing reads is refused.
 *
 * @module
 */
import { Secret } from "../api/config_def.ts";
import { ConfigError, type ConfigProblem } from "../api/errors.ts";

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

/** PEM texts. */
export interface TlsSettings {
  readonly ca: string | null;
  readonly certificate: string | null;
  readonly key: string | null;
  readonly passphrase: string | null;
  readonly verifyHostname: boolean;
}

/** PLAIN or SCRAM. */
export interface SaslSettings {
  readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
  readonly username: string;
  readonly password: string;
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

/** Raw configuration: Kafka's keys. */
export type RawKafkaSettings = Readonly<Record<string, string | Secret>>;

const COMMON = {
  "bootstrap.servers": "",
  "client.id": "sluice",
  "security.protocol": "PLAINTEXT",
  "sasl.mechanism": "",
  "sasl.jaas.config": "",
  "sasl.username": "",
  "sasl.password": "",
  "ssl.truststore.location": "",
  "ssl.truststore.type": "PEM",
  "ssl.keystore.location": "",
  "ssl.keystore.type": "PEM",
  "ssl.key.location": "",
  "ssl.key.password": "",
  "ssl.endpoint.identification.algorithm": "https",
  "socket.connection.setup.timeout.ms": "10000",
  "request.timeout.ms": "30000",
  "metadata.max.age.ms": "60000",
};
const CONSUMER = {
  "fetch.max.bytes": String(8 * 1024 * 1024),
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
const ROLES = { consumer: CONSUMER, producer: PRODUCER, admin: {} };
type Role = keyof typeof ROLES;
const SECRETS = /password|jaas/;

/** Whether `kafkaSettings` reads this key. */
export function isKafkaKey(key: string): boolean {
  if (key in COMMON || key in CONSUMER || key in PRODUCER) return true;
  return /^(consumer|producer|admin)\.override\./.test(key);
}

/** Reads the configuration and the PEM files it names. Throws ConfigError with every problem at once. */
export async function kafkaSettings(
  raw: RawKafkaSettings,
  readFile: (path: string) => Promise<string> = Deno.readTextFile,
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
  const reader = (role: Role) => new Reader(raw, role, problems, readFile);
  const settings = {
    consumer: await consumerSettings(reader("consumer")),
    producer: await producerSettings(reader("producer")),
    admin: await connectionSettings(reader("admin")),
  };
  if (problems.length > 0) throw new ConfigError(unique(problems));
  return settings;
}

async function consumerSettings(read: Reader): Promise<ConsumerSettings> {
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

async function producerSettings(read: Reader): Promise<ProducerSettings> {
  const compression = read.oneOf("compression.type", ["none", "gzip", "snappy", "lz4", "zstd"]);
  return {
    ...await connectionSettings(read),
    compression: compression as ProducerSettings["compression"],
    requestBytesMax: read.int("max.request.size", 1024),
  };
}

async function connectionSettings(read: Reader): Promise<ConnectionSettings> {
  const protocol = read.oneOf("security.protocol", ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]);
  return {
    bootstrap: read.brokers("bootstrap.servers"),
    clientId: read.text("client.id"),
    connectTimeoutMs: read.int("socket.connection.setup.timeout.ms", 1),
    requestTimeoutMs: read.int("request.timeout.ms", 1),
    metadataMaxAgeMs: read.int("metadata.max.age.ms", 1),
    tls: protocol.endsWith("SSL") ? await tlsSettings(read) : null,
    sasl: protocol.startsWith("SASL") ? saslSettings(read) : null,
  };
}

async function tlsSettings(read: Reader): Promise<TlsSettings> {
  for (const key of ["ssl.truststore.type", "ssl.keystore.type"]) {
    if (read.text(key) !== "PEM") read.problem(key, "only PEM files are read; convert with keytool and openssl");
  }
  const keystore = await read.file("ssl.keystore.location");
  return {
    ca: await read.file("ssl.truststore.location"),
    certificate: keystore,
    // A PEM keystore holds the key beside the certificates, unless the key has a file of its own.
    key: await read.file("ssl.key.location") ?? keystore,
    passphrase: read.text("ssl.key.password") || null,
    verifyHostname: read.text("ssl.endpoint.identification.algorithm") !== "",
  };
}

function saslSettings(read: Reader): SaslSettings {
  const mechanism = read.oneOf("sasl.mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]);
  const jaas = read.text("sasl.jaas.config");
  const part = (name: string): string => new RegExp(`${name}\\s*=\\s*"((?:[^"\\\\]|\\\\.)*)"`).exec(jaas)?.[1] ?? "";
  const unescape = (text: string): string => text.replace(/\\(.)/g, "$1");
  const username = read.text("sasl.username") || unescape(part("username"));
  const password = read.text("sasl.password") || unescape(part("password"));
  if (!username) read.problem("sasl.username", "missing; set it, or username in sasl.jaas.config");
  if (!password) read.problem("sasl.password", "missing; set it, or password in sasl.jaas.config");
  return { mechanism: mechanism as SaslSettings["mechanism"], username, password };
}

/** Reads keys for one client: its override, else the common value, else the default. */
class Reader {
  constructor(
    private readonly raw: RawKafkaSettings,
    private readonly role: Role,
    private readonly problems: ConfigProblem[],
    private readonly readFile: (path: string) => Promise<string>,
  ) {}

  text(key: string): string {
    const value = this.raw[this.#source(key)];
    if (value !== undefined) return value instanceof Secret ? value.reveal() : value.trim();
    return ({ ...COMMON, ...CONSUMER, ...PRODUCER } as Record<string, string>)[key];
  }
  int(key: string, min: number): number {
    const text = this.text(key);
    const value = Number(text);
    const fits = /^\d+$/.test(text) && value >= min && value <= 2 ** 31 - 1;
    if (!fits) this.problem(key, `wanted a whole number from ${min} to ${2 ** 31 - 1}`);
    return value;
  }
  oneOf(key: string, accepted: readonly string[]): string {
    const value = this.text(key);
    if (!accepted.includes(value)) this.problem(key, `wanted one of ${accepted.join(", ")}`);
    return value;
  }
  brokers(key: string): ConnectionSettings["bootstrap"] {
    const text = this.text(key);
    if (!text) this.problem(key, "missing; wanted host:port, several separated by commas");
    return text.split(",").map((entry) => entry.trim()).filter((entry) => entry !== "").map((entry) => {
      const [, host, port] = /^(?:\w+:\/\/)?\[?(.+?)\]?:(\d+)$/.exec(entry) ?? [];
      if (!host || Number(port) > 65535) this.problem(key, `"${entry}" is not host:port`);
      return { host: host ?? "", port: Number(port) };
    });
  }
  async file(key: string): Promise<string | null> {
    const path = this.text(key);
    if (!path) return null;
    try {
      return await this.readFile(path);
    } catch (error) {
      this.problem(key, `cannot be read: ${error instanceof Error ? error.message : error}`);
      return null;
    }
  }
  problem(key: string, why: string): void {
    const source = this.#source(key);
    const value = this.raw[source];
    const shown = value === undefined ? undefined : SECRETS.test(key) || value instanceof Secret ? "[hidden]" : value;
    this.problems.push({ key: source, value: shown, why });
  }
  #source(key: string): string {
    const override = `${this.role}.override.${key}`;
    return override in this.raw ? override : key;
  }
}

function list(accepted: object): string {
  return Object.keys(accepted).sort().join(", ");
}

function unique(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return problems.filter((p, i) => problems.findIndex((q) => q.key === p.key && q.why === p.why) === i);
}
