/**
 * A real Kafka broker of one node (KRaft) on 127.0.0.1, for the quickstart, development and tests.
 *
 * @module
 */
import type { Clock } from "../../api/clock.ts";
import { brokerAnswers } from "../../kafka/probe.ts";
import { cacheDir, kafkaLibs, type Progress, run } from "./artifacts.ts";
import { freePort } from "./process.ts";
import { type ServerHandle, startServer } from "./server.ts";

/** Small and quick to start rather than fast in the long run. */
export const JVM_FLAGS = ["-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"] as const;

/** What a broker's log looks like, in a file. */
export const LOG_FLAGS = [
  "-Dorg.slf4j.simpleLogger.showDateTime=true",
  "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
] as const;

/** How to start a broker. */
export interface KafkaOptions {
  readonly clock: Clock;
  readonly log?: Progress;
  /** Default: a free one. */
  readonly port?: number;
  /** Default: a temporary folder in the cache. Removed by `stop()`. */
  readonly dir?: string;
  /** Entries of server.properties, over ours. */
  readonly config?: Readonly<Record<string, string>>;
  /** True: survives this process (`services up`). */
  readonly detached?: boolean;
  /** Java heap, MiB. Default 256. */
  readonly heapMiB?: number;
}

/** A running broker. */
export interface KafkaHandle extends ServerHandle {
  readonly bootstrap: string;
}

/** Starts a broker; returns when it answers a metadata request. */
export async function startKafka(options: KafkaOptions): Promise<KafkaHandle> {
  const log = options.log ?? (() => {});
  const libs = await kafkaLibs(log);
  const port = options.port ?? freePort();
  const bootstrap = `127.0.0.1:${port}`;
  const dir = options.dir ?? await makeServiceDir("kafka");
  await Deno.mkdir(`${dir}/data`, { recursive: true });
  const file = `${dir}/server.properties`;
  await Deno.writeTextFile(file, serverProperties(port, freePort(), dir, options.config ?? {}));
  log(`Starting Kafka on ${bootstrap} ...`);
  const java = [...JVM_FLAGS, `-Xmx${options.heapMiB ?? 256}m`, "-cp", `${libs}/*`, ...LOG_FLAGS];
  if (!(await isFormatted(dir))) {
    await run("java", [...java, "kafka.tools.StorageTool", "format", "-t", clusterId(), "-c", file]);
  }
  const handle = await startServer({
    what: `Kafka on ${bootstrap}`,
    port,
    dir,
    logFile: `${dir}/kafka.log`,
    mark: file,
    command: "java",
    args: [...java, "kafka.Kafka", file],
    detached: options.detached ?? false,
    graceMs: 10_000,
    ready: () => brokerAnswers(bootstrap),
  }, options.clock);
  return Object.assign(handle, { bootstrap });
}

/** A new folder in the cache, for a server's data and log. */
export async function makeServiceDir(name: string): Promise<string> {
  const run = `${cacheDir()}/run`;
  await Deno.mkdir(run, { recursive: true });
  return await Deno.makeTempDir({ dir: run, prefix: `${name}-` });
}

function serverProperties(
  port: number,
  controllerPort: number,
  dir: string,
  overrides: Readonly<Record<string, string>>,
): string {
  const entries: Record<string, string> = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    "listeners": `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "listener.security.protocol.map":
      "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": `${dir}/data`,
    "num.partitions": "1",
    "auto.create.topics.enable": "false",
    // A member that was killed need not be waited for: tests choose short sessions.
    "group.min.session.timeout.ms": "500",
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    // A broker that was killed is let in again only after this: tests kill it.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    // A transaction that nobody ends would hold the last stable offset for a minute.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    ...overrides,
  };
  return Object.entries(entries).map(([key, value]) => `${key}=${value}\n`).join("");
}

/** A cluster's id, 22 characters of base64url. It begins with a letter: a dash would be taken for a flag. */
export function clusterId(bytes: Uint8Array<ArrayBuffer> = crypto.getRandomValues(new Uint8Array(16))): string {
  const id = bytes.slice();
  id[0] &= 0x7f; // the first character is one of the first 32, which are letters
  return id.toBase64({ alphabet: "base64url", omitPadding: true });
}

async function isFormatted(dir: string): Promise<boolean> {
  try {
    return (await Deno.stat(`${dir}/data/meta.properties`)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
