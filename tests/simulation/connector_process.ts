/**
 * One incarnation of a Sluice process: the real run, coordinator, committer, tasks, stages and reporter, on simulated
 * Kafka, storage and time. Its threads are lives of their own, and messages cross them as structured clones.
 *
 * @module
 */
import {
  type Config,
  type ConfigDef,
  type ConverterPlugin,
  FatalError,
  type Log,
  RetriableError,
  type Retry,
  type SinkConnector,
  type SinkTask,
  type TopicPartition,
  type Values,
} from "../../mod.ts";
import { createDeltaCommitter, type DeltaCommitterOptions } from "../../connectors/delta-sink/committer.ts";
import { deltaSinkOptions, tableUri } from "../../connectors/delta-sink/config.ts";
import { deltaSink } from "../../connectors/delta-sink/mod.ts";
import type { Storage } from "../../connectors/delta-sink/storage/storage.ts";
import { DeltaSinkTask } from "../../connectors/delta-sink/task.ts";
import { assembleTask } from "../../runtime/assemble_task.ts";
import { INSTANCE_OPTIONS, type InstanceValues } from "../../runtime/config/instance_options.ts";
import type { Instance } from "../../runtime/config/resolve_instance.ts";
import { ConnectorRun } from "../../runtime/connector_run.ts";
import type { TaskHost } from "../../runtime/run_parts.ts";
import type { RecordProducer } from "../../runtime/kafka/types.ts";
import { createRetry } from "../../runtime/retry.ts";
import type { FromTask, ToTask } from "../../runtime/task_protocol.ts";
import { jsonConverter } from "../../schemas/json/mod.ts";
import { bytesConverter } from "../../schemas/plain/mod.ts";
import type { Life } from "./life.ts";
import type { MemoryKafka } from "./memory_kafka.ts";
import type { Seeded } from "./seeded.ts";

await jsonConverter.load!(); // virtual time does not wait for it

/** The dead-letter topic. */
export const DEAD_LETTERS = "dead-letters";

/** How the connector is configured. */
export interface ConnectorOptions {
  readonly topics: readonly string[];
  readonly tasksMax: number;
  readonly commitIntervalMs: number;
  readonly commitTimeoutMs: number;
  readonly lateMax: number;
  readonly autoOffsetReset: "earliest" | "latest";
  readonly partitionBy: readonly string[];
  readonly fileBytesMax: number;
  readonly schemaEvolution: "none" | "add";
  readonly memoryBytes: number;
  readonly topicRecreated: "fail" | "restart";
  readonly commitRecordsMax: number;
  readonly stagedAgeMaxMs: number;
  /** Messages between threads take up to this long. */
  readonly messageMsMax: number;
  /** How long storage and Kafka may fail before a task does. */
  readonly retryTimeoutMs: number;
  /** How long a commit's storage may fail. */
  readonly putTimeoutMs: number;
  /** Starts of what fails, in a row. */
  readonly restartMax: number;
}

/** Parts of the protocol left out, to prove that it breaks without them. */
export interface Mutations {
  readonly committer?: DeltaCommitterOptions["faults"];
  /** Offsets are committed although dead letters may not be acknowledged. */
  readonly skipLetterAcks?: boolean;
  /** A task deletes staged files when it ends or their topic is closed, although a commit may be naming them. */
  readonly deleteStaged?: boolean;
  /** Partitions whose rows went with a dropped file are not read again. */
  readonly forgetTied?: boolean;
  /** A task deletes the files of a share whose commit failed, although a put without an answer may still land. */
  readonly deleteFailed?: boolean;
}

/** What a process is made of. */
export interface ProcessParts {
  readonly life: Life;
  readonly kafka: MemoryKafka;
  readonly random: Seeded;
  readonly options: ConnectorOptions;
  readonly mutations: Mutations;
  readonly openTable: (uri: string, life: Life) => Storage;
  readonly log: Log;
  /** Where a drain ends, by `partitionKey`. */
  readonly until?: ReadonlyMap<string, bigint>;
  /** Told of everything that is thrown and is no verdict: a bug. */
  readonly onBug: (error: unknown) => void;
}

/** The table's URI for a topic. */
export const TABLE_URI = "memory://lake/${topic}";
const CONNECTOR = "simulated";

/** See the module's doc. */
export class ConnectorProcess {
  readonly life: Life;
  /** What it failed with, once it has. */
  failure: unknown = null;
  /** Topics that are not tried again. */
  readonly failedTopics = new Set<string>();
  #run: ConnectorRun | null = null;
  #taskNumber = 0;
  hasEnded = false;

  constructor(private readonly parts: ProcessParts) {
    this.life = parts.life;
    this.#start().catch((error) => this.#fail(error));
  }

  /** Stops in good order; nothing is left running after it. */
  async stop(timeoutMs: number): Promise<void> {
    await this.#run?.stop(timeoutMs);
    await this.life.running();
    this.#end();
  }

  async #start(): Promise<void> {
    const { life, kafka, random, options, log, mutations, openTable } = this.parts;
    const { clock } = life;
    const admin = kafka.admin(life);
    const retry = this.#retry(life);
    const topics = await retry("describe topics", () => admin.describeTopics(options.topics));
    const initial = topics.flatMap(({ topic, topicId, partitions }) =>
      Array.from({ length: partitions }, (_, partition): TopicPartition => ({ topic, topicId, partition }))
    );
    const config = sinkConfig(options);
    const committer = createDeltaCommitter({
      appId: CONNECTOR,
      othersAllowed: false,
      topicRecreated: options.topicRecreated,
      openTable: (uri) => openTable(uri, life),
      tableOf: (topic) => tableUri(config.values, topic),
      schemaEvolution: () => options.schemaEvolution,
      autoCreateTable: true,
      allowProtocolUpgrade: false,
      tableProperties: { "delta.checkpointInterval": "7" },
      stagedAgeMaxMs: options.stagedAgeMaxMs,
      putTimeoutMs: options.putTimeoutMs,
      clock,
      uuid: random.uuid,
      log,
      random: random.next,
      faults: mutations.committer,
    });
    this.#run = new ConnectorRun({
      name: CONNECTOR,
      admin,
      membership: kafka.membership(life),
      committer: committer as never,
      spawn: (task, receive) => this.#spawn(task, receive, config),
      clock,
      log,
      retry,
      coordinator: options,
      tasksMax: options.tasksMax,
      autoOffsetReset: options.autoOffsetReset,
      initial,
      until: this.parts.until ?? null,
      restart: { max: options.restartMax, backoffMs: 50, backoffMsMax: 1000 },
      revokeTimeoutMs: 3000,
      topicFailure: "topic",
      observer: {
        onCommit: () => {},
        onTaskMetrics: () => {},
        onTaskState: () => {},
        onTopicState: (topic, state) => {
          if (state === "FAILED") this.failedTopics.add(topic);
          else this.failedTopics.delete(topic);
        },
        onAssigned: () => {},
        onRebalance: () => {},
      },
    });
    this.#run.done.then(() => this.#end(), (error) => this.#fail(error));
    await this.#run.start();
  }

  async #fail(error: unknown): Promise<void> {
    await this.life.running();
    this.failure = error;
    if (!isVerdict(error)) this.parts.onBug(error);
    this.parts.log.error("The process failed", { error: String(error) });
    this.#end();
  }

  #end(): void {
    this.hasEnded = true;
    this.life.kill();
  }

  #retry(life: Life): Retry {
    const { random, log, options } = this.parts;
    const timeoutMs = options.retryTimeoutMs;
    return createRetry({ clock: life.clock, random: random.next, log, delayMs: 20, delayMsMax: 500, timeoutMs });
  }

  /** A task on a thread of its own. */
  #spawn(number: number, receive: (message: FromTask) => void, config: Config<typeof deltaSinkOptions>): TaskHost {
    const { life, log, random } = this.parts;
    const thread = life.thread(`task-${number}.${++this.#taskNumber}`);
    const up = channel<FromTask>(thread, this.parts, receive);
    const assembled = assembleTask({
      instance: this.#instance(thread, config),
      task: number,
      memoryBytes: this.parts.options.memoryBytes,
      fetcher: this.parts.kafka.fetcher(thread),
      producer: this.#producer(thread),
      recordBytesMax: 1 << 20,
      clock: thread.clock,
      log,
      random: random.next,
      uuid: random.uuid,
      fetch: () => Promise.reject(new FatalError("Not simulated")),
      send: up,
    });
    const down = channel<ToTask>(thread, this.parts, (message) => assembled.then((task) => task.receive(message)));
    assembled.then((task) => task.run()).catch(async (error) => {
      await thread.running();
      if (!isVerdict(error)) this.parts.onBug(error);
      const { name, message, stack = "" } = error as Error;
      log.warn("A task failed", { thread: thread.name, error: `${name}: ${message}` });
      up({ kind: "failed", name, message, stack });
    });
    return { post: down, terminate: () => thread.kill() };
  }

  /** The instance as a configuration file would give it, with limits below those that one may set. */
  #instance(thread: Life, connectorConfig: Config<typeof deltaSinkOptions>): Instance {
    const { options, mutations, openTable } = this.parts;
    const plugin: SinkConnector = {
      ...deltaSink as unknown as SinkConnector,
      createTask: (config, context) => {
        const open = (uri: string) => openTable(uri, thread);
        const sink = new DeltaSinkTask(config as typeof connectorConfig, context, open);
        return Promise.resolve(mutated(sink as unknown as SinkTask<unknown>, mutations));
      },
    };
    const values: InstanceValues = {
      ...defaultsOf(INSTANCE_OPTIONS),
      "offsets.missing": "earliest",
      "memory.bytes": options.memoryBytes,
      "commit.records.max": options.commitRecordsMax,
      "errors.tolerance": "all",
      "errors.deadletterqueue.topic.name": DEAD_LETTERS,
      "errors.budget.ratio": 1,
      "errors.retry.timeout": options.retryTimeoutMs,
      "errors.retry.delay.max.ms": 500,
    };
    const json = {
      plugin: jsonConverter as unknown as ConverterPlugin,
      config: defaultsOf(jsonConverter.options) as Values<ConfigDef>,
    };
    const bytes = { plugin: bytesConverter, config: {} };
    return {
      name: CONNECTOR,
      plugin,
      values,
      connectorConfig: connectorConfig as unknown as Config<ConfigDef>,
      topics: options.topics,
      converters: [bytes.plugin, json.plugin],
      forTopic: () => ({
        values,
        connector: connectorConfig.values as unknown as Values<ConfigDef>,
        keyConverter: bytes,
        valueConverter: json,
        transforms: [],
        rules: [],
      }),
    };
  }

  #producer(thread: Life): RecordProducer {
    const producer = this.parts.kafka.producer(thread);
    if (!this.parts.mutations.skipLetterAcks) return producer;
    return {
      send: (records) => {
        producer.send(records).catch(() => {}); // the mutation: nobody waits for it
        return Promise.resolve();
      },
      close: () => producer.close(),
    };
  }
}

/** A failure that means something; anything else is a bug. */
function isVerdict(error: unknown): boolean {
  return error instanceof FatalError || error instanceof RetriableError;
}

/** Delivers clones in order, each after a while; the dead hear and say nothing. */
function channel<T>(
  life: Life,
  { random, onBug, options }: Pick<ProcessParts, "random" | "onBug" | "options">,
  receive: (message: T) => void,
): (message: T) => void {
  let last = 0;
  return (message) => {
    const clone = structuredClone(message);
    if (life.isDead) return;
    last = Math.max(last, life.time.nowMs + random.next() * options.messageMsMax);
    life.time.after(last - life.time.nowMs, () => void life.running().then(() => receive(clone)).catch(onBug));
  };
}

function sinkConfig(options: ConnectorOptions): Config<typeof deltaSinkOptions> {
  const values = {
    ...defaultsOf(deltaSinkOptions),
    "table.uri": TABLE_URI,
    "partition.by": options.partitionBy,
    "columns.kafka": ["partition", "offset"],
    "schema.evolution": options.schemaEvolution,
    "file.bytes.max": options.fileBytesMax,
    "parquet.codec": "uncompressed" as const,
  };
  return { values, forTopic: () => values };
}

/** The declared defaults. */
function defaultsOf<Def extends ConfigDef>(def: Def): Values<Def> {
  return Object.fromEntries(Object.entries(def).map(([key, option]) => [key, option.default])) as Values<Def>;
}

function mutated(
  sink: SinkTask<unknown>,
  { deleteStaged, forgetTied, deleteFailed }: Mutations,
): SinkTask<unknown> {
  type Settled = Parameters<NonNullable<SinkTask<unknown>["settle"]>>;
  const stale: Settled[1] = { kind: "stale", why: "offsets", actual: [] };
  const staged = new Map<string, Settled[0]>();
  const discard = async (isGone: (topic: string) => boolean) => {
    if (!deleteStaged) return;
    for (const share of staged.values()) if (isGone(share.ranges[0].topic)) await sink.settle!(share, stale);
  };
  return {
    overlaps: sink.overlaps,
    open: (partitions, at) => sink.open(partitions, at),
    put: (batch) => sink.put(batch),
    async preCommit() {
      const shares = await sink.preCommit();
      for (const share of shares) staged.set(share.id, share);
      return shares;
    },
    async settle(share, outcome) {
      staged.delete(share.id);
      await sink.settle!(share, outcome.kind === "failed" && deleteFailed ? stale : outcome);
    },
    close: async (partitions) => {
      await discard((topic) => partitions.some((partition) => partition.topic === topic));
      const again = await sink.close(partitions);
      return forgetTied ? [] : again;
    },
    async stop() {
      await discard(() => true);
      await sink.stop();
    },
    targetSchema: (topic) => sink.targetSchema!(topic),
  };
}
