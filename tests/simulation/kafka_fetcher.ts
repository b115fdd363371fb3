/**
 * Reads partitions of the simulated Kafka. Slabs that are released are overwritten, so that whoever uses them after that
 * reads rubbish; now and then it brings what was on its way before a partition was moved.
 *
 * @module
 */
import { partitionKey, type RawRecords, type TopicPartition } from "../../mod.ts";
import type { Fetched, Fetcher, FetchPosition } from "../../runtime/kafka/types.ts";
import type { Topics } from "./kafka_log.ts";
import type { Life } from "./life.ts";
import type { Seeded } from "./seeded.ts";

const STALE_CHANCE = 0.2;

/** See the module's doc. */
export class MemoryFetcher implements Fetcher {
  readonly #positions = new Map<string, FetchPosition>();
  /** Brought before a partition was moved. */
  #stale: Fetched[] = [];
  #wake: (() => void) | null = null;
  #woken = false;
  #closed = false;
  readonly #lent = new Set<RawRecords>();

  constructor(
    private readonly topics: Topics,
    private readonly life: Life,
    private readonly random: Seeded,
    private readonly fetchRecordsMax: number,
  ) {}

  assign(position: FetchPosition): void {
    const key = partitionKey(position);
    const before = this.#positions.get(key);
    if (before && this.random.chance(STALE_CHANCE)) this.#stale.push(...this.#read(before));
    this.#positions.set(key, position);
    this.wake();
  }

  remove(partition: TopicPartition): void {
    const key = partitionKey(partition);
    const before = this.#positions.get(key);
    if (before && this.random.chance(STALE_CHANCE)) this.#stale.push(...this.#read(before));
    this.#positions.delete(key);
  }

  async poll(maxWaitMs: number): Promise<Fetched[]> {
    await this.life.running();
    if (this.#closed) throw new Error("Cannot poll: the fetcher is closed");
    if (!this.#hasData() && !this.#woken) await this.#wait(maxWaitMs);
    this.#woken = false;
    await this.life.running();
    if (!this.#hasData()) return [];
    const wanted = [...this.#positions.values()];
    return await this.life.perform("kafka.fetch", String(wanted.length), () => this.#fetch());
  }

  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  release(records: RawRecords): void {
    if (!this.#lent.delete(records)) throw new Error("A slab was released that is not on loan, or twice");
    records.bytes.fill(0xdd);
    records.offsetDeltas.fill(-1);
    records.valueStarts.fill(-7);
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #fetch(): Fetched[] {
    const fetched = this.#stale;
    this.#stale = [];
    const order = [...this.#positions.values()].sort(() => this.random.next() - 0.5);
    for (const position of order) {
      for (let slabs = this.random.int(1, 2); slabs > 0; slabs--) {
        const read = this.#read(this.#positions.get(partitionKey(position))!);
        fetched.push(...read);
        const last = read.at(-1);
        if (last?.kind !== "records") break;
        this.#positions.set(partitionKey(position), { ...position, offset: last.records.to });
      }
    }
    return fetched;
  }

  #read({ topic, topicId, partition, epoch, offset }: FetchPosition): Fetched[] {
    const common = { topic, topicId, partition, epoch };
    if (this.topics.get(topic)?.topicId !== topicId) {
      return [{ ...common, kind: "topic-changed", message: `Topic ${topic} was created again` }];
    }
    const log = this.topics.log({ topicId, partition })!;
    const { logStartOffset, endOffset } = log;
    if (offset < logStartOffset || offset > endOffset) {
      return [{ ...common, kind: "out-of-range", offset, logStartOffset, endOffset }];
    }
    if (offset === endOffset) return [];
    const records = log.read(offset, this.random.int(1, this.fetchRecordsMax));
    this.#lent.add(records);
    return [{ ...common, kind: "records", records, endOffset, logStartOffset }];
  }

  #hasData(): boolean {
    if (this.#stale.length > 0) return true;
    for (const { topic, topicId, partition, offset } of this.#positions.values()) {
      const log = this.topics.log({ topicId, partition });
      if (this.topics.get(topic)?.topicId !== topicId || !log || offset !== log.endOffset) return true;
    }
    return false;
  }

  #wait(maxWaitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        unwatch();
        this.#wake = null;
        resolve();
      };
      const cancel = this.life.time.after(maxWaitMs, done);
      const unwatch = this.topics.watch(() => this.#hasData() && done());
      this.#wake = done;
    });
  }
}
