/**
 * A real Kafka cluster on 127.0.0.1 whose brokers are stopped, killed, paused and moved at will: one controller of its own,
 * so that the cluster survives whatever happens to its brokers.
 *
 * @module
 */
import {
  Admin as PlatformaticAdmin,
  type alterClientQuotasV1,
  Connection,
  createAPI,
  FindCoordinatorKeyTypes,
  metadataV12,
  type Reader,
  Writer,
} from "@platformatic/kafka";
import { type Admin, Kafka, logLevel } from "kafkajs";
import { systemClock } from "../../runtime/clock.ts";
import { kafkaLibs, run } from "../../runtime/cli/services/artifacts.ts";
import { clusterId } from "../../runtime/cli/services/kafka.ts";
import type { ServerHandle } from "../../runtime/cli/services/server.ts";
import { silenceNegativeTimeouts } from "../../runtime/kafka/kafkajs_warning.ts";
import {
  type BrokerNode,
  brokerNode,
  type ClusterOptions,
  freeStablePort,
  javaFlags,
  startBroker,
  startController,
} from "./kafka_nodes.ts";

export type { ClusterOptions } from "./kafka_nodes.ts";

/** A partition as the cluster describes it. */
export interface PartitionState {
  /** -1: nobody. */
  readonly leader: number;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
}

/** Starts a cluster; returns when every broker is a member of it. */
export async function startCluster(options: ClusterOptions = {}): Promise<KafkaCluster> {
  const log = options.log ?? (() => {});
  const libs = await kafkaLibs(log, undefined, options.version);
  const cluster = { id: clusterId(), voter: freeStablePort() };
  const started: ServerHandle[] = [];
  try {
    const controller = await startController(cluster, javaFlags(libs, 128), options.formatArgs ?? []);
    started.push(controller);
    const nodes = Array.from({ length: options.brokers ?? 3 }, (_, i) => brokerNode(i + 1, cluster, options));
    const flags = [...options.jvmFlags ?? [], ...javaFlags(libs, options.heapMiB ?? 160)];
    const brokers = await Promise.allSettled(nodes.map((node) => startBroker(node, cluster.id, flags)));
    for (const broker of brokers) if (broker.status === "fulfilled") started.push(broker.value);
    for (const broker of brokers) if (broker.status === "rejected") throw broker.reason;
    const made = new KafkaCluster(controller, nodes, started.slice(1), javaFlags(libs, 96));
    await made.untilMembers();
    return made;
  } catch (error) {
    for (const server of started) await server.stop();
    throw error;
  }
}

/** A running cluster. `await using` ends it and removes its data. */
export class KafkaCluster implements AsyncDisposable {
  readonly #paused = new Set<number>();

  constructor(
    readonly controller: ServerHandle,
    private readonly nodes: readonly BrokerNode[],
    private readonly servers: readonly ServerHandle[],
    private readonly java: readonly string[],
  ) {}

  get ids(): number[] {
    return this.nodes.map(({ id }) => id);
  }
  /** All brokers, without credentials. */
  get bootstrap(): string {
    return this.bootstrapOf("PLAINTEXT");
  }
  /** All brokers, on one of their listeners. */
  bootstrapOf(listener: string): string {
    return this.nodes.map(({ ports }) => `127.0.0.1:${ports.get(listener)!}`).join(",");
  }
  /** One broker's process and log. */
  broker(id: number): ServerHandle {
    return this.servers[this.ids.indexOf(id)];
  }

  /** Ends a broker in good order: it gives its partitions away. */
  halt(id: number): Promise<void> {
    return this.broker(id).halt();
  }
  /** SIGKILL. */
  kill(id: number): Promise<void> {
    return this.broker(id).kill();
  }
  /** SIGSTOP: connections stay, nothing is answered. */
  pause(id: number): void {
    this.#paused.add(id);
    Deno.kill(this.broker(id).pid, "SIGSTOP");
  }
  resume(id: number): void {
    this.#paused.delete(id);
    Deno.kill(this.broker(id).pid, "SIGCONT");
  }
  /** Starts a halted or killed broker again; returns when it is a member. */
  async start(id: number): Promise<void> {
    await this.broker(id).start();
    await this.untilMembers([id]);
  }
  /** Every broker in turn, in good order; the next one when all replicas are in sync. */
  async rollingRestart(): Promise<void> {
    for (const id of this.ids) {
      await this.halt(id);
      await this.start(id);
      await this.untilInSync();
    }
  }

  /** Makes a topic; returns when all its partitions have leaders. `replicas`: how many, or for each partition which. */
  async makeTopic(
    topic: string,
    partitions: number,
    replicas: number | readonly (readonly number[])[],
    config: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    const placed = typeof replicas === "number" ? { numPartitions: partitions, replicationFactor: replicas } : {
      replicaAssignment: replicas.map((ids, partition) => ({ partition, replicas: [...ids] })),
    };
    await this.withAdmin((admin) =>
      admin.createTopics({ topics: [{ topic, ...placed, configEntries }], waitForLeaders: false })
    );
    await this.#until(`${topic} has leaders`, async () => {
      const found = await this.partitions(topic);
      return found.length === partitions && found.every(({ leader }) => leader >= 0);
    });
  }
  /** All partitions of a topic, by number. */
  async partitions(topic: string): Promise<PartitionState[]> {
    const [found] = await this.#topics([topic]);
    return found;
  }
  async leaderOf(topic: string, partition: number): Promise<number> {
    return (await this.partitions(topic))[partition].leader;
  }
  /** The broker that coordinates a group. */
  async coordinatorOf(group: string): Promise<number> {
    const admin = this.#platformaticAdmin();
    try {
      const [{ nodeId }] = await admin.findCoordinator({
        keyType: FindCoordinatorKeyTypes.GROUP,
        keys: [group],
      });
      return nodeId;
    } finally {
      await admin.close();
    }
  }
  /** Gives a partition another leader out of its replicas: `to`, else the next one. Returns its id. */
  async moveLeader(topic: string, partition: number, to?: number): Promise<number> {
    const { leader, replicas } = (await this.partitions(topic))[partition];
    const wanted = to ?? replicas[(replicas.indexOf(leader) + 1) % replicas.length];
    const preferred = [wanted, ...replicas.filter((id) => id !== wanted)];
    await this.reassign(topic, [{ partition, replicas: preferred }]);
    await this.electPreferred(topic, [partition]);
    await this.#until(
      `broker ${wanted} leads ${topic}-${partition}`,
      async () => await this.leaderOf(topic, partition) === wanted,
    );
    return wanted;
  }
  /** Puts replicas elsewhere, the preferred leader first; returns when the cluster has begun to. */
  async reassign(topic: string, partitionAssignment: { partition: number; replicas: number[] }[]): Promise<void> {
    await this.withAdmin((admin) =>
      admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment }], timeout: 10_000 })
    );
  }
  /** Makes the first replica the leader, where it is in sync. */
  async electPreferred(topic: string, partitions: readonly number[]): Promise<void> {
    await this.#ask((connection) => ELECT_LEADERS.async(connection, topic, partitions));
  }
  /** Sets quotas of a client id, e.g. `{ consumer_byte_rate: 20_000 }`; null removes one. */
  async setQuotas(clientId: string, quotas: Readonly<Record<string, number | null>>): Promise<void> {
    const admin = this.#platformaticAdmin();
    try {
      const ops = Object.entries(quotas).map(([key, value]) =>
        (value === null
          ? { key, remove: true }
          : { key, value, remove: false }) as alterClientQuotasV1.AlterClientQuotasRequestOp
      );
      const entities = [{ entityType: "client-id" as const, entityName: clientId }];
      await admin.alterClientQuotas({ entries: [{ entities, ops }], validateOnly: false });
    } finally {
      await admin.close();
    }
  }

  /** Runs one of Kafka's own tools, e.g. `kafka.admin.ConfigCommand`; returns what it printed. */
  tool(main: string, ...args: string[]): Promise<string> {
    return run("java", [...this.java, main, ...args]);
  }
  /** Runs something with a connected kafkajs admin. */
  async withAdmin<T>(use: (admin: Admin) => Promise<T>): Promise<T> {
    silenceNegativeTimeouts();
    const brokers = this.nodes.filter(({ id }) => this.#isUp(id))
      .map(({ ports }) => `127.0.0.1:${ports.get("PLAINTEXT")!}`);
    const admin = new Kafka({ clientId: "cluster", brokers, logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    try {
      return await use(admin);
    } finally {
      await admin.disconnect();
    }
  }

  /** Waits until brokers are members of the cluster: all that live, unless told which. */
  async untilMembers(ids = this.ids.filter((id) => this.#isUp(id))): Promise<void> {
    await this.#until(`brokers ${ids.join(", ")} are members`, async () => {
      const { brokers } = await this.withAdmin((admin) => admin.describeCluster());
      return ids.every((id) => brokers.some(({ nodeId }) => nodeId === id));
    });
  }
  /** Waits until every replica of every topic is in sync. */
  async untilInSync(): Promise<void> {
    await this.#until("all replicas are in sync", async () => {
      const all = (await this.#topics(null)).flat();
      return all.every(({ isr, replicas }) => isr.length === replicas.length);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing of it is needed any more: no broker has to give its partitions away.
    await Promise.all([...this.servers, this.controller].map(async (server) => {
      await server.kill();
      await server.stop();
    }));
  }

  #platformaticAdmin(): PlatformaticAdmin {
    const bootstrapBrokers = this.nodes.filter(({ id }) => this.#isUp(id))
      .map(({ ports }) => `127.0.0.1:${ports.get("PLAINTEXT")!}`);
    return new PlatformaticAdmin({ clientId: "cluster", bootstrapBrokers, retries: 20, retryDelay: 250 });
  }

  /** The partitions of the named topics, or of all. */
  async #topics(names: string[] | null): Promise<PartitionState[][]> {
    const { topics } = await this.#ask(async (connection) => {
      try {
        return await metadataV12.api.async(connection, names, false, false);
      } catch (error) {
        // The client throws an answer with any error in it, e.g. a partition without a leader; the answer is on the error.
        const { response } = error as { response?: MetadataResponse };
        if (response) return response;
        throw error;
      }
    });
    return topics.map(({ partitions }) =>
      partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex)
        .map(({ leaderId, replicaNodes, isrNodes }) => ({ leader: leaderId, replicas: replicaNodes, isr: isrNodes }))
    );
  }

  /** Calls a broker that is there. */
  async #ask<T>(call: (connection: Connection) => Promise<T>): Promise<T> {
    const alive = this.nodes.find(({ id }) => this.#isUp(id))!;
    const connection = new Connection("cluster", { connectTimeout: 5_000, requestTimeout: 15_000 });
    connection.on("error", () => {}); // the call's own promise tells
    try {
      await connection.connect("127.0.0.1", alive.ports.get("PLAINTEXT")!);
      return await call(connection);
    } finally {
      await connection.close();
    }
  }

  #isUp(id: number): boolean {
    return this.broker(id).pid !== 0 && !this.#paused.has(id);
  }

  /** What fails meanwhile has not come true yet; the last of it is told in the end. */
  async #until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const deadline = systemClock.monotonic() + PATIENCE_MS;
    let last: unknown = null;
    while (true) {
      try {
        if (await holds()) return;
      } catch (error) {
        last = error;
      }
      if (systemClock.monotonic() > deadline) {
        throw new Error(`Waited ${PATIENCE_MS} ms in vain until ${what}`, last ? { cause: last } : {});
      }
      await systemClock.sleep(100);
    }
  }
}

type MetadataResponse = Awaited<ReturnType<typeof metadataV12.api.async>>;

const PATIENCE_MS = 60_000;

/** ElectLeaders 2, which neither client has: the preferred ones of a topic's partitions. */
const ELECT_LEADERS = createAPI<[topic: string, partitions: readonly number[]], number>(
  43,
  2,
  (topic: string, partitions: readonly number[]) =>
    Writer.create().appendInt8(0).appendArray(
      [topic],
      (w, name) => w.appendString(name).appendArray([...partitions], (w, p) => w.appendInt32(p), true, false),
    ).appendInt32(10_000).appendTaggedFields(),
  (_correlationId, _apiKey, _apiVersion, reader: Reader) => {
    reader.readInt32();
    const errorCode = reader.readInt16();
    if (errorCode !== 0) throw new Error(`Cannot elect leaders: the cluster answers error ${errorCode}`);
    return errorCode;
  },
  true,
  true,
);
