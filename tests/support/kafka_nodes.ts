/**
 * The processes of a local Kafka cluster: their properties, ports and folders.
 *
 * @module
 */
import { systemClock } from "../../runtime/clock.ts";
import { run } from "../../runtime/cli/services/artifacts.ts";
import { JVM_FLAGS, LOG_FLAGS, makeServiceDir } from "../../runtime/cli/services/kafka.ts";
import { type ServerHandle, startServer } from "../../runtime/cli/services/server.ts";
import { brokerAnswers } from "../../runtime/kafka/probe.ts";

/** What cluster to start. */
export interface ClusterOptions {
  /** Brokers have the ids 1, 2, ... Default 3. */
  readonly brokers?: number;
  /** Apache Kafka's version; default ours. With KRaft, so 3.3 or later (2.8 to 3.2 as a preview). */
  readonly version?: string;
  /** Entries of every broker's server.properties, over ours; a function gets the broker's id. */
  readonly properties?: Readonly<Record<string, string>> | ((id: number) => Readonly<Record<string, string>>);
  /** Listeners beside PLAINTEXT, each on a port of its own, e.g. `["SASL_SSL"]`; see `bootstrapOf`. */
  readonly listeners?: readonly string[];
  /** More flags of every broker's JVM, e.g. `-Djava.security.auth.login.config=...`. */
  readonly jvmFlags?: readonly string[];
  /** Java heap of a broker, MiB. Default 160. */
  readonly heapMiB?: number;
  /** More arguments of the controller's `StorageTool format`, e.g. `["--add-scram", "..."]`. */
  readonly formatArgs?: readonly string[];
  readonly log?: (line: string) => void;
}

/** What all processes of a cluster know. */
export interface ClusterAddress {
  readonly id: string;
  /** The controller's port. */
  readonly voter: number;
}

/** A broker before its start. */
export interface BrokerNode {
  readonly id: number;
  /** By listener. */
  readonly ports: ReadonlyMap<string, number>;
  readonly properties: Readonly<Record<string, string>>;
}

const CONTROLLER_ID = 100;

function shared({ voter }: ClusterAddress): Record<string, string> {
  return {
    "controller.quorum.voters": `${CONTROLLER_ID}@127.0.0.1:${voter}`,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map":
      "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL",
    // A dead broker's partitions are given away after this.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    // Leaders move when a test says so.
    "auto.leader.rebalance.enable": "false",
  };
}

/** The flags of a JVM with a small heap. */
export function javaFlags(libs: string, heapMiB: number): string[] {
  return [...JVM_FLAGS, ...LOG_FLAGS, `-Xmx${heapMiB}m`, "-cp", `${libs}/*`];
}

/** Formats and starts the controller; returns when it listens. */
export async function startController(
  cluster: ClusterAddress,
  java: readonly string[],
  formatArgs: readonly string[],
): Promise<ServerHandle> {
  const dir = await makeServiceDir("controller");
  const file = await writeProperties(dir, {
    ...shared(cluster),
    "process.roles": "controller",
    "node.id": String(CONTROLLER_ID),
    "listeners": `CONTROLLER://127.0.0.1:${cluster.voter}`,
    "log.dirs": `${dir}/data`,
  });
  await run("java", [...java, "kafka.tools.StorageTool", "format", "-t", cluster.id, "-c", file, ...formatArgs]);
  const answers = async () => {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port: cluster.voter })).close();
      return true;
    } catch {
      return false; // not there yet: that is what was asked
    }
  };
  return await startJvm("Kafka's controller", { dir, file, port: cluster.voter, java, ready: answers });
}

/** Ports and properties of a broker. */
export function brokerNode(id: number, cluster: ClusterAddress, options: ClusterOptions): BrokerNode {
  const ports = new Map(["PLAINTEXT", ...options.listeners ?? []].map((name) => [name, freeStablePort()]));
  const listeners = [...ports].map(([name, port]) => `${name}://127.0.0.1:${port}`).join(",");
  const replication = String(Math.min(3, options.brokers ?? 3));
  const { properties = {} } = options;
  return {
    id,
    ports,
    properties: {
      ...shared(cluster),
      "process.roles": "broker",
      "node.id": String(id),
      "listeners": listeners,
      "advertised.listeners": listeners,
      "inter.broker.listener.name": "PLAINTEXT",
      "auto.create.topics.enable": "false",
      "default.replication.factor": replication,
      "min.insync.replicas": "1",
      "offsets.topic.num.partitions": "3",
      "offsets.topic.replication.factor": replication,
      "transaction.state.log.num.partitions": "3",
      "transaction.state.log.replication.factor": replication,
      "transaction.state.log.min.isr": "1",
      "group.min.session.timeout.ms": "500",
      "group.initial.rebalance.delay.ms": "0",
      "replica.lag.time.max.ms": "3000",
      // Its default, 128 MiB, would be most of the heap.
      "log.cleaner.dedupe.buffer.size": "4194304",
      ...typeof properties === "function" ? properties(id) : properties,
    },
  };
}

/** Starts a broker; returns when it answers a metadata request. */
export async function startBroker(node: BrokerNode, id: string, java: readonly string[]): Promise<ServerHandle> {
  const dir = await makeServiceDir(`broker-${node.id}`);
  const file = await writeProperties(dir, { ...node.properties, "log.dirs": `${dir}/data` });
  // What `StorageTool format` would write for a broker that is no controller, a second of a JVM earlier.
  const meta = { version: "1", "cluster.id": id, "node.id": String(node.id) };
  await Deno.mkdir(`${dir}/data`);
  await Deno.writeTextFile(`${dir}/data/meta.properties`, propertiesText(meta));
  const port = node.ports.get("PLAINTEXT")!;
  const ready = () => brokerAnswers(`127.0.0.1:${port}`);
  return await startJvm(`Kafka's broker ${node.id}`, { dir, file, port, java, ready });
}

function startJvm(
  what: string,
  { dir, file, port, java, ready }: {
    dir: string;
    file: string;
    port: number;
    java: readonly string[];
    ready: () => Promise<boolean>;
  },
): Promise<ServerHandle> {
  return startServer({
    what,
    port,
    dir,
    logFile: `${dir}/kafka.log`,
    mark: file,
    command: "java",
    args: [...java, "kafka.Kafka", file],
    detached: false,
    graceMs: 30_000,
    ready,
  }, systemClock);
}

async function writeProperties(dir: string, properties: Readonly<Record<string, string>>): Promise<string> {
  const file = `${dir}/server.properties`;
  await Deno.writeTextFile(file, propertiesText(properties));
  return file;
}

function propertiesText(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties).map(([key, value]) => `${key}=${value}\n`).join("");
}

/**
 * A port that is free now and below those that the kernel gives to outgoing connections: while its broker is down, nobody
 * takes it by chance.
 */
export function freeStablePort(): number {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error("Cannot find a free port between 12000 and 32000");
}
