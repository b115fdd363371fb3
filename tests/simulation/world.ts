/**
 * A world: Kafka, tables and time, which outlive the processes in it.
 *
 * @module
 */
import { LocalStorage } from "../../connectors/delta-sink/storage/local.ts";
import { type MemoryObjects, MemoryStorage } from "../../connectors/delta-sink/storage/memory.ts";
import type { Storage } from "../../connectors/delta-sink/storage/storage.ts";
import { collectingLog, type LogLine } from "../support/log.ts";
import { type ConnectorOptions, ConnectorProcess, DEAD_LETTERS, type Mutations } from "./connector_process.ts";
import { Journal } from "./journal.ts";
import { type Fortune, Life } from "./life.ts";
import { MemoryKafka } from "./memory_kafka.ts";
import { Seeded } from "./seeded.ts";
import { simulatedStorage, type StorageEvents } from "./simulated_storage.ts";
import { Source } from "./source.ts";
import { VirtualTime } from "./virtual_time.ts";

/** Tables on a real store. */
export interface WorldStore {
  /** As processes reach it; what it did without being able to say so, it tells `events`. */
  inside(uri: string, events: StorageEvents): Storage;
  /** As it is. */
  outside(uri: string): Storage;
}

/** What a world is made of. */
export interface WorldOptions {
  readonly seed: number;
  readonly topics: readonly { readonly topic: string; readonly partitions: number }[];
  readonly connector: Omit<ConnectorOptions, "topics" | "tasksMax">;
  readonly fetchRecordsMax: number;
  readonly mutations?: Mutations;
  /** A folder for the tables; in memory where absent. */
  readonly folder?: string;
  /** A store for the tables, in place of a folder. */
  readonly store?: WorldStore;
}

/** See the module's doc. */
export class World {
  readonly time = new VirtualTime();
  readonly random: Seeded;
  readonly kafka: MemoryKafka;
  readonly source: Source;
  readonly journal = new Journal();
  readonly processes: ConnectorProcess[] = [];
  readonly lines: LogLine[] = [];
  /** What was thrown and is no verdict. */
  readonly bugs: unknown[] = [];
  readonly #objects = new Map<string, MemoryObjects>();

  constructor(readonly options: WorldOptions) {
    this.random = new Seeded(options.seed);
    const subscribed = options.topics.map(({ topic }) => topic);
    this.kafka = new MemoryKafka(this.random.fork(), { subscribed, fetchRecordsMax: options.fetchRecordsMax });
    for (const { topic, partitions } of options.topics) this.kafka.topics.create(topic, partitions);
    this.kafka.topics.create(DEAD_LETTERS, 2);
    this.source = new Source(this.kafka, this.random.fork());
    this.kafka.onProduced = this.journal.onProduced;
    this.kafka.group.onAdvance = this.journal.onAdvance;
  }

  /** Starts a process with `tasksMax` tasks; `until`: a drain. */
  start(tasksMax: number, fortune: Fortune, until?: ReadonlyMap<string, bigint>): ConnectorProcess {
    const number = this.processes.length + 1;
    const random = this.random.fork();
    const { store } = this.options;
    const inside = (uri: string) => store?.inside(uri, this.journal) ?? this.storage(uri);
    const life = new Life(`process-${number}`, this.time, fortune, null, random.int(-5000, 5000));
    const process = new ConnectorProcess({
      life,
      kafka: this.kafka,
      random,
      options: { ...this.options.connector, topics: this.options.topics.map(({ topic }) => topic), tasksMax },
      mutations: this.options.mutations ?? {},
      openTable: (uri, owner) => simulatedStorage(uri, inside(uri), owner, this.journal),
      log: collectingLog(this.lines, { process: number }),
      onBug: (error) => this.bugs.push(error),
      until,
    });
    this.processes.push(process);
    return process;
  }

  /** Kills a process; the group notices when its session is over. */
  crash({ life }: ConnectorProcess, noticedAfterMs: number): void {
    life.kill();
    this.time.after(noticedAfterMs, () => this.kafka.group.expire(life));
  }

  /** A table's objects, seen from outside of every process. */
  storage(uri: string): Storage {
    const { folder, store } = this.options;
    if (store !== undefined) return store.outside(uri);
    if (folder !== undefined) return new LocalStorage(`${folder}/${uri.split("/").at(-1)}`, uri);
    const objects = this.#objects.get(uri) ?? new Map();
    this.#objects.set(uri, objects);
    return new MemoryStorage({ uri, objects, now: () => Math.floor(this.time.nowMs) });
  }

  /** Whether the tables hold all that the topics have; a partition that never had anything to read has no offset. */
  isComplete(): boolean {
    return this.options.topics.every(({ topic }) =>
      this.kafka.topics.get(topic)!.partitions.every(({ topicId, partition, logStartOffset, endOffset }) =>
        endOffset === (this.journal.offsets.get(`${topic}/${partition}/${topicId}`) ?? logStartOffset)
      )
    );
  }

  /** Lets time pass. */
  async run(ms: number): Promise<void> {
    await this.time.runUntil(() => this.bugs.length > 0, this.time.nowMs + ms);
  }

  /** Lets time pass until the tables hold all; tells whether they do after `msMax`. */
  async complete(msMax: number): Promise<boolean> {
    await this.time.runUntil(() => this.bugs.length > 0 || this.isComplete(), this.time.nowMs + msMax);
    return this.isComplete();
  }
}
