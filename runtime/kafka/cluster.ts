/**
 * Connections to the brokers of a cluster, with negotiated versions: metadata and offsets, and a door for fetches.
 *
 * @module
 */
import {
  apiVersionsV0,
  apiVersionsV3,
  Connection,
  ConnectionStatuses,
  listOffsetsV4,
  listOffsetsV7,
  metadataV10,
  metadataV11,
  metadataV12,
} from "./client.ts";
import type { Clock } from "../api/clock.ts";
import { FatalError, RetriableError } from "../api/errors.ts";
import type { TopicPartition } from "../api/offsets.ts";
import { systemClock } from "../clock.ts";
import { brokerErrors, classify } from "./classify.ts";
import { connectionOptions } from "./client_options.ts";
import { protocolMismatch } from "./diagnose.ts";
import type { ConnectionSettings } from "./settings.ts";

/** A broker's address. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** A topic and the leaders of its partitions, by partition number. */
export interface TopicMetadata {
  readonly name: string;
  /** base64url; 22 times "A" where the broker has none. */
  readonly topicId: string;
  readonly internal: boolean;
  readonly partitions: ReadonlyMap<number, PartitionMetadata>;
}

/** Who leads a partition; `leader` is -1 where nobody does. */
export interface PartitionMetadata {
  readonly leader: number;
  readonly leaderEpoch: number;
}

/** What a broker knows about the cluster. A topic that does not exist is not in it. */
export interface ClusterMetadata {
  readonly brokers: ReadonlyMap<number, BrokerAddress>;
  readonly topics: ReadonlyMap<string, TopicMetadata>;
  readonly clusterId?: string | null;
}

/** A connection and what its broker can do. */
export interface BrokerConnection {
  readonly connection: Connection;
  /** The highest version that both sides know, in `[min, max]`; throws FatalError where there is none. */
  version(apiKey: number, name: string, min: number, max: number): number;
}

const METADATA = 3;
const LIST_OFFSETS = 2;
const EARLIEST = -2n;
const LATEST = -1n;
/** Errors of a topic in a metadata response that mean "not there" or "ask again", by code. */
const UNKNOWN_TOPIC = 3;
const LEADER_NOT_AVAILABLE = 5;
/** A broker that has not answered by then is not waited for alone. */
const HANGS_MS = 2_000;

/** Connections are made on demand, one a broker, and made anew after they were lost. */
export class Cluster {
  #brokers: readonly BrokerAddress[] = [];
  /** Who answered last is asked first: one that hangs is waited for once. */
  #answered: BrokerAddress | null = null;
  #closed = false;
  readonly #connections = new Map<string, Promise<BrokerConnection>>();
  readonly #opening = new Set<Connection>();

  constructor(private readonly settings: ConnectionSettings, private readonly clock: Clock = systemClock) {}

  /**
   * All topics (`null`) or the named ones, from any broker that answers: the next one is asked where one fails, and also
   * where one hangs. Throws RetriableError or FatalError.
   */
  async metadata(topics: readonly string[] | null): Promise<ClusterMetadata> {
    const asked: Promise<ClusterMetadata>[] = [];
    for (const address of this.#addresses()) {
      const asking = this.#ask(address, topics);
      asked.push(asking);
      const timer = new AbortController();
      const found = await Promise.race([
        Promise.any(asked).catch(() => null), // all have failed so far
        asking.catch((error) => {
          if (!(error instanceof RetriableError)) throw error;
          return null;
        }),
        this.clock.sleep(HANGS_MS, timer.signal).then(() => null, () => null),
      ]).finally(() => timer.abort());
      if (found) return found;
    }
    if (asked.length === 0) throw new FatalError("Cannot get metadata: no broker is configured, set bootstrap.servers");
    try {
      return await Promise.any(asked);
    } catch (error) {
      const { errors } = error as AggregateError;
      throw errors.find((each) => !(each instanceof RetriableError)) ?? errors.at(-1);
    }
  }

  /** The address of a broker that has answered; null before the first has. */
  get answered(): BrokerAddress | null {
    return this.#answered;
  }

  /** A ready connection. Throws what the client throws. */
  async connect({ host, port }: BrokerAddress): Promise<BrokerConnection> {
    if (this.#closed) throw new RetriableError(`Cannot connect to ${host}:${port}: the client is closed`);
    const key = `${host}:${port}`;
    const known = await this.#connections.get(key)?.catch(() => null);
    if (known && await isReady(known.connection)) return known;
    if (known) this.#forget(key, known.connection);
    // Somebody else may have begun to connect while we looked.
    const pending = this.#connections.get(key) ?? this.#open(host, port);
    this.#connections.set(key, pending);
    try {
      return await pending;
    } catch (error) {
      if (this.#connections.get(key) === pending) this.#connections.delete(key);
      throw error;
    }
  }

  /** Log start and end. `committed`: the end is the last stable offset, else the high watermark. */
  async logBounds(
    partitions: readonly TopicPartition[],
    committed: boolean,
  ): Promise<{ partition: TopicPartition; start: bigint; end: bigint }[]> {
    const metadata = await this.metadata([...new Set(partitions.map(({ topic }) => topic))]);
    const byLeader = new Map<number, TopicPartition[]>();
    for (const partition of partitions) {
      const found = metadata.topics.get(partition.topic)?.partitions.get(partition.partition);
      const name = `${partition.topic}-${partition.partition}`;
      if (!found) throw new RetriableError(`Cannot list offsets of ${name}: the cluster does not know it (any more)`);
      if (!metadata.brokers.has(found.leader)) throw new RetriableError(`Cannot list offsets of ${name}: no leader`);
      byLeader.set(found.leader, [...byLeader.get(found.leader) ?? [], partition]);
    }
    const answers = await Promise.all([...byLeader].map(async ([leader, asked]) => {
      try {
        const broker = await this.connect(metadata.brokers.get(leader)!);
        const start = await listOffsets(broker, asked, EARLIEST, committed);
        const end = await listOffsets(broker, asked, LATEST, committed);
        return asked.map((partition, i) => ({ partition, start: start[i], end: end[i] }));
      } catch (error) {
        throw classify(error, `Cannot list offsets on broker ${leader}`);
      }
    }));
    const flat = answers.flat();
    return partitions.map((partition) => flat.find((answer) => answer.partition === partition)!);
  }

  /** The first offset of each partition whose record is not older than a time (ms since 1970 UTC); null: there is none. */
  async offsetsAt(partitions: readonly TopicPartition[], timestampMs: number): Promise<(bigint | null)[]> {
    const metadata = await this.metadata([...new Set(partitions.map(({ topic }) => topic))]);
    const leaderOf = ({ topic, partition }: TopicPartition) => {
      const leader = metadata.brokers.get(metadata.topics.get(topic)?.partitions.get(partition)?.leader ?? -1);
      if (!leader) throw new RetriableError(`Cannot list offsets of ${topic}-${partition}: no leader`);
      return leader;
    };
    const found = new Map<TopicPartition, bigint>();
    await Promise.all([...Map.groupBy(partitions, leaderOf)].map(async ([leader, asked]) => {
      try {
        const offsets = await listOffsets(await this.connect(leader), asked, BigInt(Math.floor(timestampMs)), false);
        asked.forEach((partition, i) => found.set(partition, offsets[i]));
      } catch (error) {
        throw classify(error, `Cannot list offsets on broker ${leader.host}:${leader.port}`);
      }
    }));
    return partitions.map((partition) => {
      const offset = found.get(partition)!;
      return offset < 0n ? null : offset;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#connections.values()];
    this.#connections.clear();
    for (const connection of this.#opening) connection.close(() => {}); // one that hangs is not waited for
    await Promise.all(all.map(async (pending) => {
      const broker = await pending.catch(() => null); // one that never opened has nothing to close
      await broker?.connection.close();
    }));
  }

  #addresses(): BrokerAddress[] {
    const all = [...this.#answered ? [this.#answered] : [], ...this.#brokers, ...this.settings.bootstrap];
    return [...new Map(all.map((address) => [`${address.host}:${address.port}`, address])).values()];
  }

  async #ask(address: BrokerAddress, topics: readonly string[] | null): Promise<ClusterMetadata> {
    try {
      const found = await this.#metadataFrom(address, topics);
      this.#answered = address;
      return found;
    } catch (error) {
      const what = `Cannot get metadata from ${address.host}:${address.port}`;
      const sorted = classify(error, what);
      if (!(sorted instanceof RetriableError)) throw sorted;
      const mismatch = this.#answered || this.#closed ? null : await protocolMismatch(this.settings, address);
      throw mismatch ? new FatalError(`${what}: ${mismatch}`, { cause: error }) : sorted;
    }
  }

  async #metadataFrom(address: BrokerAddress, topics: readonly string[] | null): Promise<ClusterMetadata> {
    const broker = await this.connect(address);
    const version = broker.version(METADATA, "Metadata", 10, 12);
    const names = topics === null ? null : [...topics];
    const response = await tolerant(
      version === 12
        ? metadataV12.api.async(broker.connection, names, false, false)
        : version === 11
        ? metadataV11.api.async(broker.connection, names, false, false)
        : metadataV10.api.async(broker.connection, names, false, false, false),
    );
    const brokers = new Map(response.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    this.#brokers = [...brokers.values()];
    const found = new Map<string, TopicMetadata>();
    for (const topic of response.topics) {
      if (topic.errorCode === UNKNOWN_TOPIC || !topic.name) continue;
      if (topic.errorCode !== 0 && topic.errorCode !== LEADER_NOT_AVAILABLE) {
        const error = brokerErrorText(topic.errorCode);
        throw new FatalError(`Cannot read topic "${topic.name}": the broker answers ${error}`);
      }
      const partitions = new Map(
        topic.partitions.map((p) => [p.partitionIndex, { leader: p.leaderId, leaderEpoch: p.leaderEpoch }]),
      );
      const topicId = topicIdText(topic.topicId);
      found.set(topic.name, { name: topic.name, topicId, internal: topic.isInternal, partitions });
    }
    return { brokers, topics: found, clusterId: response.clusterId };
  }

  async #open(host: string, port: number): Promise<BrokerConnection> {
    const connection = new Connection(this.settings.clientId, connectionOptions(this.settings));
    // Every request learns of it through its own promise; but for the first ones, whose answer is a refusal in TLS.
    let refusal: Error | null = null;
    connection.on("error", (error: Error) => refusal ??= error);
    connection.on("close", () => connection.close(() => {})); // stops the timer of its next login
    this.#opening.add(connection);
    try {
      await connection.connect(host, port);
      return new Negotiated(connection, await apiRanges(connection), `${host}:${port}`);
    } catch (error) {
      await connection.close();
      throw refusal ?? error;
    } finally {
      this.#opening.delete(connection);
    }
  }

  #forget(key: string, connection: Connection): void {
    this.#connections.delete(key);
    connection.close(() => {});
  }
}

/** A topic id as Kafka writes it: base64url without padding, from a hyphenated UUID. */
function topicIdText(uuid: string): string {
  return Uint8Array.fromHex(uuid.replaceAll("-", "")).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Whether a connection can be used. One that logs in anew, as its broker asked for, is waited for. */
async function isReady(connection: Connection): Promise<boolean> {
  if (connection.isConnected()) return true;
  if (connection.status !== ConnectionStatuses.REAUTHENTICATING) return false;
  try {
    await connection.ready();
  } catch {
    return false; // a new one is made, and tells what is wrong
  }
  return connection.isConnected();
}

type Range = { readonly minVersion: number; readonly maxVersion: number };

class Negotiated implements BrokerConnection {
  constructor(
    readonly connection: Connection,
    private readonly ranges: ReadonlyMap<number, Range>,
    private readonly name: string,
  ) {}

  version(apiKey: number, name: string, min: number, max: number): number {
    const range = this.ranges.get(apiKey);
    const version = range ? Math.min(max, range.maxVersion) : -1;
    if (range && version >= Math.max(min, range.minVersion)) return version;
    const has = range ? `versions ${range.minVersion} to ${range.maxVersion}` : "no version";
    throw new FatalError(
      `Cannot use broker ${this.name}: it has ${has} of ${name}, wanted ${min} to ${max} (Kafka 2.8 and later)`,
    );
  }
}

async function apiRanges(connection: Connection): Promise<ReadonlyMap<number, Range>> {
  const ask = async () => {
    try {
      return await apiVersionsV3.api.async(connection, "sluice", "1");
    } catch (error) {
      if (!brokerErrors(error).includes("UNSUPPORTED_VERSION")) throw error;
      return await apiVersionsV0.api.async(connection, "sluice", "1");
    }
  };
  return new Map((await ask()).apiKeys.map((api) => [api.apiKey, api]));
}

/** Offsets by timestamp, -2 earliest, -1 latest; one for each partition, in order. */
async function listOffsets(
  broker: BrokerConnection,
  partitions: readonly TopicPartition[],
  timestamp: bigint,
  committed: boolean,
): Promise<bigint[]> {
  const version = broker.version(LIST_OFFSETS, "ListOffsets", 4, 7);
  const topics = [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, list]) => ({
    name,
    partitions: list.map(({ partition }) => ({ partitionIndex: partition, currentLeaderEpoch: -1, timestamp })),
  }));
  const api = version === 7 ? listOffsetsV7.api : listOffsetsV4.api;
  const response = await api.async(broker.connection, -1, committed ? 1 : 0, topics);
  return partitions.map(({ topic, partition }) =>
    response.topics.find(({ name }) => name === topic)!.partitions.find((p) => p.partitionIndex === partition)!.offset
  );
}

/** The client throws a response in which anything is wrong; the response itself is on the error. */
async function tolerant<T>(pending: Promise<T>): Promise<T> {
  try {
    return await pending;
  } catch (error) {
    const response = (error as { response?: T }).response;
    if (response) return response;
    throw error;
  }
}

function brokerErrorText(code: number): string {
  return code === 29 ? "TOPIC_AUTHORIZATION_FAILED (grant READ and DESCRIBE on it)" : `error ${code}`;
}
