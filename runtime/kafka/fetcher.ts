/**
 * Reads partitions by position: a loop for each broker, one request in flight while the last answer is worked on.
 *
 * @module
 */
import { RetriableError } from "../api/errors.ts";
import { partitionKey, type TopicPartition } from "../api/offsets.ts";
import type { RawRecords } from "../api/raw_records.ts";
import { classify } from "./classify.ts";
import { Cluster, type ClusterMetadata } from "./cluster.ts";
import {
  FETCH_TOPIC_IDS,
  FETCH_VERSIONS,
  type FetchedPartition,
  type FetchResponse,
  freeChunks,
  makeFetchApi,
} from "./fetch_api.ts";
import { FetchRate } from "./fetch_rate.ts";
import { FetchRoom } from "./fetch_room.ts";
import type { FetcherOptions } from "./fetcher_options.ts";
import { backoffMs, dueInMs, dueReadings, isPassing, nameOfError, type Reading, restIfQuiet } from "./reading.ts";
import { scanRecordSet } from "./record_batch.ts";
import { SlabPool } from "./slab_pool.ts";
import { ResponseMemory, SlabQueue } from "./slab_queue.ts";
import type { Fetched, Fetcher, FetchPosition, StoppedBy } from "./types.ts";
import { every, Wakeup } from "./wakeup.ts";

export type { FetcherOptions } from "./fetcher_options.ts";

/** A fetcher over connections of its own. */
export function createFetcher(options: FetcherOptions): Fetcher {
  return new BrokerFetcher(options);
}

const SLAB_BYTES_MAX = 4 * 1024 * 1024;
/** A topic with another id is believed after this, so that one stale answer does not stop a task. */
const TOPIC_CHANGED_MS = 2_000;
const METADATA_PAUSE_MS = 200;
/** Responses of a broker that wait to be polled, the one in flight not counted. */
const RESPONSES_MAX = 2;
const SLOW_MS = 2_000;
const LOOP_PAUSE_MS = 1_000;
const WARN_INTERVAL_MS = 30_000;
const OFFSET_OUT_OF_RANGE = 1;

class BrokerFetcher implements Fetcher {
  readonly usedBytes = (): number => this.#pool.usedBytes;
  readonly #cluster: Cluster;
  readonly #pool: SlabPool;
  readonly #queue: SlabQueue;
  readonly #room: FetchRoom;
  readonly #rate: FetchRate | null;
  readonly #memoryBytes: number;
  readonly #readings = new Map<string, Reading>();
  readonly #loops = new Map<number, Promise<void>>();
  readonly #apis = new Map<number, ReturnType<typeof makeFetchApi>>();
  readonly #arrived: Wakeup;
  readonly #work: Wakeup;
  readonly #metadataAsked: Wakeup;
  readonly #closing: Wakeup;
  readonly #metadataLoop: Promise<void>;
  #brokers: ClusterMetadata["brokers"] = new Map();
  #metadataWanted = false;
  #woken = false;
  #closed = false;
  #failure: Error | null = null;
  #served = 0;
  onWork: Fetcher["onWork"];
  #warnedAt = -Infinity;

  constructor(private readonly options: FetcherOptions) {
    const { settings, settings: { checkCrcs }, clock } = options;
    this.#cluster = new Cluster(settings, clock);
    this.#memoryBytes = options.memoryBytes ?? 4 * settings.fetchMaxBytes;
    this.#pool = new SlabPool(this.#memoryBytes);
    this.#room = new FetchRoom(this.#pool, this.#memoryBytes, settings.fetchMaxBytes);
    this.#rate = options.bytesPerSecond ? new FetchRate(options.bytesPerSecond, clock) : null;
    this.#queue = new SlabQueue(this.#pool, { checkCrcs, slabBytesMax: SLAB_BYTES_MAX, allocator: this.#pool });
    this.#arrived = new Wakeup(clock);
    this.#work = new Wakeup(clock);
    this.#metadataAsked = new Wakeup(clock);
    this.#closing = new Wakeup(clock);
    this.#metadataLoop = this.#guarded(() => this.#keepMetadata());
  }

  assign(position: FetchPosition): void {
    const { topic, topicId, partition, epoch, offset } = position;
    const known = this.#readings.get(partitionKey(position));
    const sameTopic = known?.topicId === topicId;
    this.#readings.set(partitionKey(position), {
      topic,
      topicId,
      partition,
      epoch,
      offset,
      bytesMax: this.options.settings.partitionFetchMaxBytes,
      leader: sameTopic ? known.leader : -1,
      leaderEpoch: sameTopic ? known.leaderEpoch : -1,
      retryAt: 0,
      failures: 0,
      goneSince: null,
      served: 0,
      stopped: false,
    });
    if (!sameTopic || known.leader < 0) this.#wantMetadata();
    else this.#startLoop(known.leader);
    this.#work.wake();
  }

  remove(partition: TopicPartition): void {
    this.#readings.delete(partitionKey(partition));
    this.#work.wake();
  }

  async poll(maxWaitMs: number): Promise<Fetched[]> {
    const out = this.#take();
    if (out.length > 0 || this.#woken || maxWaitMs <= 0) {
      this.#woken = false;
      return out;
    }
    await this.#arrived.wait(maxWaitMs);
    this.#woken = false;
    return this.#take();
  }

  wake(): void {
    this.#woken = true;
    this.#arrived.wake();
  }

  release(records: RawRecords): void {
    this.#queue.release(records);
    this.#work.wake();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#readings.clear();
    this.wake();
    this.#work.wake();
    this.#metadataAsked.wake();
    this.#closing.wake();
    await this.#cluster.close();
    await Promise.all([this.#metadataLoop, ...this.#loops.values()]);
  }

  #take(): Fetched[] {
    if (this.#failure) throw this.#failure;
    const out = this.#counted(() => this.#queue.take(SLAB_BYTES_MAX, this.#memoryBytes));
    this.#work.wake();
    return out;
  }

  /** Work of this thread, which is counted. */
  #counted<T>(run: () => T): T {
    const { clock } = this.options;
    const startedMs = clock.monotonic();
    const result = run();
    this.onWork?.(clock.monotonic() - startedMs);
    return result;
  }

  /** What is thrown in the background surfaces in `poll`, once for ever. */
  async #guarded(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (this.#closed) return;
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
      this.#arrived.wake();
    }
  }

  #wantMetadata(): void {
    this.#metadataWanted = true;
    this.#metadataAsked.wake();
  }

  async #keepMetadata(): Promise<void> {
    const { settings } = this.options;
    let failures = 0;
    while (!this.#closed) {
      if (!this.#metadataWanted) await this.#metadataAsked.wait(settings.metadataMaxAgeMs);
      this.#metadataWanted = false;
      if (this.#closed) return;
      const topics = [...new Set([...this.#readings.values()].map(({ topic }) => topic))];
      if (topics.length === 0) continue;
      try {
        this.#apply(await this.#cluster.metadata(topics));
        failures = 0;
        await this.#closing.wait(METADATA_PAUSE_MS);
      } catch (error) {
        if (this.#closed) return;
        if (!(error instanceof RetriableError)) throw error;
        this.#warn("Kafka cannot be reached; trying again", error);
        this.#metadataWanted = true;
        await this.#closing.wait(backoffMs(++failures, this.options.random));
      }
    }
  }

  #apply(metadata: ClusterMetadata): void {
    this.#brokers = metadata.brokers;
    for (const reading of this.#readings.values()) {
      if (reading.stopped) continue;
      const topic = metadata.topics.get(reading.topic);
      const partition = topic?.partitions.get(reading.partition);
      const changed = topic !== undefined && topic.topicId !== reading.topicId;
      if (!partition || changed) {
        this.#missing(reading, changed ? topic.topicId : null);
        continue;
      }
      reading.goneSince = null;
      reading.leader = partition.leader;
      reading.leaderEpoch = partition.leaderEpoch;
      if (metadata.brokers.has(partition.leader)) this.#startLoop(partition.leader);
      else this.#metadataWanted = true;
    }
    this.#work.wake();
  }

  /** The topic is not there, or is another one: believed after a while. */
  #missing(reading: Reading, otherId: string | null): void {
    const now = this.options.clock.monotonic();
    reading.leader = -1;
    reading.goneSince ??= now;
    this.#metadataWanted = true;
    const patienceMs = otherId ? TOPIC_CHANGED_MS : this.options.topicGoneMs ?? 30_000;
    if (now - reading.goneSince < patienceMs) return;
    const { topic, topicId, partition } = reading;
    const message = otherId
      ? `Topic "${topic}" was created anew: its id is ${otherId}, expected ${topicId}`
      : `Partition ${topic}-${partition} does not exist (any more): its topic's id was ${topicId}`;
    this.#stopWith(reading, { kind: "topic-changed", message });
  }

  #startLoop(node: number): void {
    if (this.#closed || this.#loops.has(node)) return;
    const loop = this.#guarded(() => this.#fetchFrom(node)).finally(() => {
      this.#loops.delete(node);
      // What was assigned while it was ending has found it still there.
      if (this.#failure === null && this.#hasWork(node)) this.#startLoop(node);
    });
    this.#loops.set(node, loop);
  }

  #hasWork(node: number): boolean {
    return [...this.#readings.values()].some((r) => r.leader === node && !r.stopped);
  }

  async #fetchFrom(node: number): Promise<void> {
    const { clock } = this.options;
    let failures = 0;
    while (!this.#closed && this.#hasWork(node)) {
      const due = dueReadings(this.#readings.values(), node, clock.monotonic());
      const waits = due.length === 0 || this.#queue.responsesFrom(node) >= RESPONSES_MAX;
      const tooFastMs = this.#rate?.waitMs() ?? 0;
      const maxBytes = waits || tooFastMs > 0 ? 0 : this.#room.ask(this.#loops.size);
      if (maxBytes === 0) {
        await (tooFastMs > 0 ? this.#closing : this.#work).wait(
          tooFastMs || dueInMs(this.#readings.values(), node, clock.monotonic(), LOOP_PAUSE_MS),
        );
        continue;
      }
      try {
        const throttleMs = await this.#fetchOnce(node, due, maxBytes);
        failures = 0;
        if (throttleMs > 0) await this.#closing.wait(throttleMs);
      } catch (cause) {
        if (this.#closed) return;
        const error = classify(cause, `Cannot fetch from broker ${node}`);
        if (!(error instanceof RetriableError)) throw error;
        this.#warn("Fetching failed; trying again", error);
        const pauseMs = backoffMs(++failures, this.options.random);
        // Those that are led elsewhere by now go on there.
        for (const reading of due) if (reading.leader === node) reading.retryAt = clock.monotonic() + pauseMs;
        this.#wantMetadata();
      }
    }
  }

  async #fetchOnce(node: number, due: readonly Reading[], maxBytes: number): Promise<number> {
    const { settings } = this.options;
    const answered = new AbortController();
    // A broker that hangs may have lost its partitions: while it does not answer, others are asked who leads them.
    void every(this.options.clock, settings.fetchMaxWaitMs + SLOW_MS, answered.signal, () => this.#wantMetadata());
    try {
      const address = this.#brokers.get(node);
      if (!address) throw new RetriableError(`Cannot fetch from broker ${node}: it is not in the cluster (any more)`);
      const broker = await this.#cluster.connect(address);
      const version = broker.version(FETCH_VERSIONS.key, "Fetch", FETCH_VERSIONS.min, FETCH_VERSIONS.max);
      let api = this.#apis.get(version);
      if (!api) this.#apis.set(version, api = makeFetchApi(version, this.#pool));
      const response = await api.async(broker.connection, {
        maxWaitMs: settings.fetchMaxWaitMs,
        minBytes: settings.fetchMinBytes,
        maxBytes: this.#rate?.ask(maxBytes) ?? maxBytes,
        readCommitted: settings.readCommitted,
        partitions: due,
      });
      this.#rate?.took(response.partitions.reduce((sum, { records }) => sum + records.length, 0));
      freeChunks(response.chunks); // the client has passed them, too
      await this.#receive(node, due, response, version >= FETCH_TOPIC_IDS);
      return response.throttleTimeMs;
    } finally {
      answered.abort();
      this.#room.answered(maxBytes);
      this.#work.wake();
    }
  }

  async #receive(node: number, due: readonly Reading[], response: FetchResponse, byId: boolean): Promise<void> {
    const memory = new ResponseMemory(response.memory, this.#pool);
    memory.hold();
    try {
      if (response.errorCode !== 0) {
        throw new RetriableError(`Broker ${node} refuses the fetch: ${nameOfError(response.errorCode)}`);
      }
      const asked = new Map(due.map((r) => [partitionKey({ ...r, topic: byId ? r.topicId : r.topic }), r]));
      for (const part of response.partitions) {
        const reading = asked.get(partitionKey(part));
        if (!reading || !this.#isCurrent(reading)) continue;
        if (part.errorCode === 0) this.#counted(() => this.#accept(node, reading, part, memory));
        else if (part.errorCode === OFFSET_OUT_OF_RANGE) await this.#outOfRange(reading);
        else this.#refused(node, reading, part.errorCode);
      }
    } finally {
      memory.drop();
    }
    if (!this.#queue.isEmpty) this.#arrived.wake();
  }

  #accept(node: number, reading: Reading, part: FetchedPartition, memory: ResponseMemory): void {
    reading.failures = 0;
    if (part.records.length === 0) return;
    const { settings } = this.options;
    const { topic, topicId, partition, epoch, offset } = reading;
    const aborted = settings.readCommitted ? part.aborted : null;
    const set = { topic, topicId, partition, from: offset, bytes: part.records, aborted };
    const scan = scanRecordSet(set);
    if (scan.to === offset) {
      // Not one whole batch: the broker sends a large one whole only to the partition that is asked for first.
      reading.bytesMax = Math.max(reading.bytesMax, scan.cutBatchBytes);
      reading.served = 0;
      return;
    }
    reading.offset = scan.to;
    reading.served = ++this.#served;
    restIfQuiet(reading, part.records.length, this.#readings.size, this.options);
    this.#queue.addRecords({
      isCurrent: () => this.#isCurrent(reading),
      epoch,
      set,
      memory,
      endOffset: settings.readCommitted ? part.lastStableOffset : part.highWatermark,
      logStartOffset: part.logStartOffset,
      node,
    });
  }

  /** Asks for the log's bounds: a leader that lags behind may have refused an offset that exists. */
  async #outOfRange(reading: Reading): Promise<void> {
    const [log] = await this.#cluster.logBounds([reading], false);
    if (reading.offset >= log.start && reading.offset <= log.end) return this.#again(reading);
    const [readable] = await this.#cluster.logBounds([reading], this.options.settings.readCommitted);
    const bounds = { logStartOffset: readable.start, endOffset: readable.end };
    this.#stopWith(reading, { kind: "out-of-range", offset: reading.offset, ...bounds });
  }

  #refused(node: number, reading: Reading, code: number): void {
    const message = `Cannot fetch ${reading.topic}-${reading.partition} from broker ${node}: ${nameOfError(code)}`;
    if (!isPassing(code)) return this.#stopWith(reading, { kind: "refused", message });
    this.options.log.debug("The broker refuses a partition; trying again", { error: message });
    this.#again(reading);
    this.#wantMetadata();
  }

  #again(reading: Reading): void {
    reading.retryAt = this.options.clock.monotonic() + backoffMs(++reading.failures, this.options.random);
  }

  #stopWith(reading: Reading, why: StoppedBy): void {
    const { topic, topicId, partition, epoch } = reading;
    reading.stopped = true;
    this.#queue.addNote(() => this.#isCurrent(reading), { topic, topicId, partition, epoch, ...why });
    this.#arrived.wake();
  }

  #isCurrent(reading: Reading): boolean {
    return this.#readings.get(partitionKey(reading)) === reading;
  }

  #warn(message: string, error: Error): void {
    const now = this.options.clock.monotonic();
    if (now - this.#warnedAt < WARN_INTERVAL_MS) return;
    this.#warnedAt = now;
    this.options.log.warn(message, { error: error.message });
  }
}
