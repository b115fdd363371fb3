/**
 * A broker of a time when Kafka needed ZooKeeper (before 3.3), on 127.0.0.1.
 *
 * @module
 */
import { kafkaLibs } from "../../runtime/cli/services/artifacts.ts";
import { makeServiceDir } from "../../runtime/cli/services/kafka.ts";
import { type ServerHandle, startServer } from "../../runtime/cli/services/server.ts";
import { systemClock } from "../../runtime/clock.ts";
import { brokerAnswers } from "../../runtime/kafka/probe.ts";
import { freeStablePort, javaFlags } from "./kafka_nodes.ts";

/** A broker and its ZooKeeper; `await using` ends both. */
export interface ZooKeeperKafka extends AsyncDisposable {
  readonly bootstrap: string;
  /** Starts the broker again on the same data, with these entries over those of before. */
  restartWith(properties: Readonly<Record<string, string>>): Promise<void>;
}

/** Starts both. `properties` are entries of server.properties, over ours. */
export async function startZooKeeperKafka(
  version: string,
  properties: Readonly<Record<string, string>> = {},
): Promise<ZooKeeperKafka> {
  const libs = await kafkaLibs(() => {}, undefined, version);
  const zooKeeper = await startZooKeeper(libs);
  try {
    const port = freeStablePort();
    const dir = await makeServiceDir("zk-broker");
    const file = `${dir}/server.properties`;
    const entries = {
      "broker.id": "1",
      "zookeeper.connect": `127.0.0.1:${zooKeeper.port}`,
      "listeners": `PLAINTEXT://127.0.0.1:${port}`,
      "log.dirs": `${dir}/data`,
      "auto.create.topics.enable": "false",
      "offsets.topic.num.partitions": "1",
      "offsets.topic.replication.factor": "1",
      "transaction.state.log.num.partitions": "1",
      "transaction.state.log.replication.factor": "1",
      "transaction.state.log.min.isr": "1",
      "group.min.session.timeout.ms": "500",
      "group.initial.rebalance.delay.ms": "0",
      "log.cleaner.dedupe.buffer.size": "4194304",
      ...properties,
    };
    await writeProperties(file, entries);
    const bootstrap = `127.0.0.1:${port}`;
    const ready = () => brokerAnswers(bootstrap);
    const args = [...javaFlags(libs, 160), "kafka.Kafka", file];
    const broker = await start(`Kafka ${version} on ${bootstrap}`, { dir, port, mark: file, args, ready });
    return {
      bootstrap,
      async restartWith(more) {
        await broker.halt();
        await writeProperties(file, { ...entries, ...more });
        await broker.start();
      },
      async [Symbol.asyncDispose]() {
        for (const server of [broker, zooKeeper]) {
          await server.kill();
          await server.stop();
        }
      },
    };
  } catch (error) {
    await zooKeeper.stop();
    throw error;
  }
}

function writeProperties(file: string, entries: Readonly<Record<string, string>>): Promise<void> {
  return Deno.writeTextFile(file, Object.entries(entries).map(([key, value]) => `${key}=${value}\n`).join(""));
}

async function startZooKeeper(libs: string): Promise<ServerHandle> {
  const port = freeStablePort();
  const dir = await makeServiceDir("zookeeper");
  const file = `${dir}/zookeeper.properties`;
  await Deno.writeTextFile(
    file,
    `dataDir=${dir}/data\nclientPortAddress=127.0.0.1\nclientPort=${port}\nadmin.enableServer=false\nmaxClientCnxns=0\n`,
  );
  const ready = async () => {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return true;
    } catch {
      return false; // not there yet: that is what was asked
    }
  };
  const args = [...javaFlags(libs, 64), "org.apache.zookeeper.server.quorum.QuorumPeerMain", file];
  return await start(`ZooKeeper on 127.0.0.1:${port}`, { dir, port, mark: file, args, ready });
}

interface Jvm {
  readonly dir: string;
  readonly port: number;
  readonly mark: string;
  readonly args: readonly string[];
  readonly ready: () => Promise<boolean>;
}

function start(what: string, jvm: Jvm): Promise<ServerHandle> {
  const more = { logFile: `${jvm.dir}/server.log`, command: "java", detached: false, graceMs: 10_000 };
  return startServer({ what, ...jvm, ...more }, systemClock);
}
