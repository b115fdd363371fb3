/**
 * The client's consumer, told about the cluster by connections of our own.
 *
 * By itself the client takes an answer about the cluster for an error as a whole where one partition in it has no leader,
 * and then neither joins nor sends heartbeats; it asks the first configured broker alone, also one that hangs; and it
 * keeps to a group's coordinator that is not in the cluster any more.
 *
 * @module
 */
import type * as Client from "@platformatic/kafka";
import type {
  Broker,
  Callback,
  CallbackWithPromise,
  ClusterMetadata as ClientMetadata,
  Connection,
  ConsumerOptions,
  MetadataOptions,
} from "@platformatic/kafka";
import type { Buffer } from "node:buffer";
import type { Clock } from "../api/clock.ts";
import { RetriableError } from "../api/errors.ts";
import { clientPart } from "./client.ts";
import { Cluster, type ClusterMetadata } from "./cluster.ts";
import type { ConnectionSettings } from "./settings.ts";

const { Consumer } = await clientPart("clients/consumer/consumer.js", ["Consumer"]);
const base = await clientPart("clients/base/base.js", ["kGetBootstrapConnection", "kGetConnection", "kMetadata"]);
const kGetBootstrapConnection: typeof Client.kGetBootstrapConnection = base.kGetBootstrapConnection;
const kGetConnection: typeof Client.kGetConnection = base.kGetConnection;
const kMetadata: typeof Client.kMetadata = base.kMetadata;
const { NetworkError } = await clientPart("errors.js", ["NetworkError"]);

type Options = ConsumerOptions<Buffer, Buffer, Buffer, Buffer>;

/** See the module's doc. */
export class GroupConsumer extends Consumer {
  readonly #cluster: Cluster;
  #known: { readonly metadata: ClientMetadata; readonly atMs: number } | null = null;

  constructor(options: Options, private readonly settings: ConnectionSettings, private readonly clock: Clock) {
    super(options);
    this.#cluster = new Cluster(settings, clock);
  }

  /** Ends every connection: what hangs on one fails now, and the coordinator is looked for anew. */
  async dropConnections(): Promise<void> {
    this.clearMetadata();
    await Promise.all([...this.connections].map(([, connection]) => connection.close()));
  }

  /** Leaves the group and closes everything. */
  async end(): Promise<void> {
    try {
      await this.close();
    } finally {
      await this.#cluster.close();
    }
  }

  override get currentMetadata(): ClientMetadata | undefined {
    return this.#known?.metadata;
  }

  override clearMetadata(): void {
    super.clearMetadata();
    this.#known = null;
  }

  override [kMetadata](options: MetadataOptions, callback: CallbackWithPromise<ClientMetadata>): void {
    this.#metadata(options).then((metadata) => callback(null, metadata), (error) => callback(error));
  }

  override [kGetBootstrapConnection](callback: Callback<Connection>): void {
    // Whoever has just answered, not whoever did once: that one may hang by now, e.g. the coordinator that was lost.
    this.#cluster.metadata([]).then(
      () => this[kGetConnection](this.#cluster.answered!, callback),
      (error) => callback(error),
    );
  }

  override [kGetConnection](broker: Broker | undefined, callback: CallbackWithPromise<Connection>): void {
    if (broker) return super[kGetConnection](broker, callback);
    // The coordinator has left the cluster. As an error of the network it is forgotten; the client's own error keeps it.
    this.clearMetadata();
    callback(new NetworkError("The broker is not in the cluster any more"));
  }

  async #metadata({ topics = [], forceUpdate }: MetadataOptions): Promise<ClientMetadata> {
    const known = this.#known;
    const isFresh = known !== null && this.clock.monotonic() - known.atMs < this.settings.metadataMaxAgeMs;
    if (isFresh && !forceUpdate && topics.every((topic) => known.metadata.topics.has(topic))) return known.metadata;
    const metadata = toClient(await this.#cluster.metadata(topics), this.clock.now());
    const missing = topics.find((topic) => !metadata.topics.has(topic));
    if (missing) throw new RetriableError(`Topic "${missing}" does not exist (any more)`);
    this.#known = { metadata, atMs: this.clock.monotonic() };
    return metadata;
  }
}

/** What the client asks of it: brokers, and how many partitions a topic has. */
function toClient({ brokers, topics }: ClusterMetadata, nowMs: number): ClientMetadata {
  return {
    id: "",
    controllerId: -1,
    lastUpdate: nowMs,
    brokers: new Map([...brokers].map(([id, address]) => [id, { ...address, rack: null }])),
    topics: new Map(
      [...topics.values()].map(({ name, topicId, partitions }) => [name, {
        id: topicId,
        partitionsCount: partitions.size,
        lastUpdate: nowMs,
        partitions: [...partitions].sort(([a], [b]) => a - b).map(([, { leader, leaderEpoch }]) => ({
          leader,
          leaderEpoch,
          replicas: [],
          isr: [],
          offlineReplicas: [],
        })),
      }]),
    ),
  };
}
