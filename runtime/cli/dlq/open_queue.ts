/**
 * A dead-letter topic, opened: of a connector by its configuration, or of another tool by its name.
 *
 * @module
 */
import { ConfigError, FatalError, type Log, type Retry } from "../../api/mod.ts";
import { systemClock } from "../../clock.ts";
import { readConfig } from "../../config/read_config.ts";
import type { Instance } from "../../config/resolve_instance.ts";
import { Ledger, ledgerTopic, readLedger } from "../../dlq/ledger.ts";
import type { Letter } from "../../dlq/letter.ts";
import { LetterPipeline, type Outcome } from "../../dlq/pipeline.ts";
import { type QueueChoice, queueRanges, readQueue } from "../../dlq/queue.ts";
import { createAdmin } from "../../kafka/admin.ts";
import { createFetcher } from "../../kafka/fetcher.ts";
import { type KafkaSettings, kafkaSettings } from "../../kafka/settings.ts";
import type { Fetcher, TopicAdmin } from "../../kafka/types.ts";
import { createLog } from "../../log.ts";
import { createRetry } from "../../retry.ts";
import { type ChooseFlags, chooseInstance, type ChosenInstance } from "../chosen_instance.ts";
import type { CliContext } from "../command_line.ts";
import { retentionWarning } from "./retention.ts";
import { shellWord } from "./text.ts";

/** The flags that say which queue. */
export interface QueueFlags extends ChooseFlags {
  /** The dead-letter topic, where the configuration does not name it. */
  readonly topic?: string;
  /** Brokers: without a configuration. */
  readonly bootstrap?: string;
  /** A registry to decode by: without a configuration. */
  readonly registry?: string;
}

const RETRY_TIMEOUT_MS = 30_000;

/** A queue that can be read; `close` it. */
export class OpenQueue {
  readonly #pipelines = new Map<string, LetterPipeline>();
  #ledger: Promise<Ledger> | null = null;

  constructor(
    readonly topic: string,
    /** Null: without a configuration. */
    readonly chosen: ChosenInstance | null,
    readonly kafka: KafkaSettings,
    readonly log: Log,
    readonly retry: Retry,
    readonly admin: TopicAdmin,
    private readonly context: CliContext,
    private readonly flags: QueueFlags,
  ) {}

  /** As a command's flags choose it. */
  get flagsText(): string {
    const { connector, config, topic, bootstrap, registry } = this.flags;
    const flags = { connector, config, topic, bootstrap, registry };
    return Object.entries(flags).flatMap(([name, value]) => value ? [`--${name} ${shellWord(value)}`] : []).join(" ");
  }

  /** ` --config FILE` where one is given, for commands that take it too. */
  get configFlag(): string {
    return this.flags.config === undefined ? "" : ` --config ${shellWord(this.flags.config)}`;
  }

  /** Whose letters are meant, as several may share a queue; undefined: all, as the queue itself is named. */
  get connector(): string | undefined {
    return this.flags.topic === undefined ? this.instance?.name : undefined;
  }

  get instance(): Instance | null {
    return this.chosen?.instance ?? null;
  }

  /** Letters as they stand now. */
  async *read(choice: QueueChoice = {}): AsyncGenerator<Letter> {
    const ranges = await this.retry(`look up "${this.topic}"`, () => queueRanges(this.admin, this.topic, choice));
    const fetcher = this.#newFetcher();
    try {
      yield* readQueue(fetcher, ranges, choice);
    } finally {
      await fetcher.close();
    }
  }

  /** What the broker does to letters by itself, for people; null: nothing. */
  retentionWarning(): Promise<string | null> {
    const servers = this.kafka.consumer.bootstrap.map(({ host, port }) => `${host}:${port}`).join(",");
    return retentionWarning(this.admin, this.topic, servers);
  }

  /** What became of letters: read once. */
  ledger(): Promise<Ledger> {
    return this.#ledger ??= this.ledgerNow();
  }

  /** The ledger as it is by now. */
  ledgerNow(): Promise<Ledger> {
    return this.retry(`read the ledger "${ledgerTopic(this.topic)}"`, async () => {
      const fetcher = this.#newFetcher();
      try {
        return await readLedger({ admin: this.admin, fetcher }, this.topic);
      } finally {
        await fetcher.close();
      }
    });
  }

  /** What the pipeline makes of letters; the sink is asked where it is wanted. Null: there is no configuration. */
  async pipeline(withSink: boolean): Promise<LetterPipeline | null> {
    return this.instance && await this.#pipelineOf(`own ${withSink}`, this.instance, withSink);
  }

  /** What converters make of letters: the connector's; without a configuration, by the registry that `--registry` names. */
  async look(letters: readonly Letter[]): Promise<ReadonlyMap<Letter, Outcome>> {
    const own = await this.pipeline(false);
    if (own) return await own.try(letters);
    const { registry } = this.flags;
    if (registry === undefined) return new Map();
    const outcomes = new Map<Letter, Outcome>();
    for (const [converter, of] of await this.#byConverter(letters)) {
      const pipeline = await this.#pipelineOf(converter, await this.#instanceOf(converter, registry), false);
      for (const [letter, outcome] of await pipeline.try(of)) outcomes.set(letter, outcome);
    }
    return outcomes;
  }

  /** The options of the registry that values are decoded by, as `registryOptions` parses them; null: there is none. */
  async registryConfig(): Promise<Record<string, unknown> | null> {
    const { registryOptions } = await this.context.tables();
    const instance = this.instance ??
      (this.flags.registry === undefined ? null : await this.#instanceOf("avro", this.flags.registry));
    if (!instance) return null;
    const topics = Array.isArray(instance.topics) ? instance.topics as readonly string[] : [];
    for (const topic of [...topics, ""]) {
      const { config } = instance.forTopic(topic).valueConverter;
      const own = Object.fromEntries(Object.entries(config).filter(([key]) => key in registryOptions));
      if ((own["schema.registry.url"] as readonly string[] | undefined)?.length) return own;
    }
    return null;
  }

  async close(): Promise<void> {
    for (const pipeline of this.#pipelines.values()) await pipeline.close();
    await this.admin.close();
  }

  #newFetcher(): Fetcher {
    return createFetcher({
      settings: this.kafka.consumer,
      clock: systemClock,
      log: this.log,
      random: Math.random,
    });
  }

  async #pipelineOf(key: string, instance: Instance, withSink: boolean): Promise<LetterPipeline> {
    const known = this.#pipelines.get(key);
    if (known) return known;
    const { log, retry } = this;
    const pipeline = await LetterPipeline.load({
      ...{ instance, log, retry, fetch, withSink, clock: systemClock },
      random: Math.random,
      uuid: () => crypto.randomUUID(),
    });
    this.#pipelines.set(key, pipeline);
    return pipeline;
  }

  /** An instance that only decodes, any topic's values by one converter. */
  async #instanceOf(converter: string, registry: string): Promise<Instance> {
    const sets = [
      ...[`topics=${this.topic}`, `value.converter=${converter}`, `schema.registry.url=${registry}`],
      ...["file.path=.", "tombstones=skip", "errors.tolerance=all", "errors.skip.acknowledged=true"],
      `bootstrap.servers=${this.flags.bootstrap ?? "localhost:9092"}`,
    ];
    const source = { path: null, sets, connector: "file-sink", environment: {}, readTextFile: Deno.readTextFile };
    return (await readConfig(source, this.context.plugins)).instances[0];
  }

  /** Letters by the format of the schema that their values begin with; those without one are left out. */
  async #byConverter(letters: readonly Letter[]): Promise<ReadonlyMap<string, readonly Letter[]>> {
    const found = new Map<string, Letter[]>();
    for (const letter of letters) {
      const id = framedSchemaId(letter.value);
      const schema = id === null ? null : await this.schemaOfId(id);
      if (!schema) continue;
      const converter = CONVERTERS[schema.schemaType];
      found.set(converter, [...found.get(converter) ?? [], letter]);
    }
    return found;
  }

  readonly #schemas = new Map<number, Promise<SchemaOfId | null>>();

  /** A schema in the registry; null: no registry, or it does not know the id. */
  schemaOfId(id: number): Promise<SchemaOfId | null> {
    let schema = this.#schemas.get(id);
    if (!schema) this.#schemas.set(id, schema = this.#lookUp(id));
    return schema;
  }

  async #lookUp(id: number): Promise<SchemaOfId | null> {
    const config = await this.registryConfig();
    if (!config) return null;
    const { schemaOfId } = await this.context.tables();
    const parts = { fetch, clock: systemClock, random: Math.random, log: this.log };
    return await schemaOfId({ config: config as never, id }, parts);
  }
}

/** See `TableTools.schemaOfId`. */
type SchemaOfId = NonNullable<Awaited<ReturnType<Awaited<ReturnType<CliContext["tables"]>>["schemaOfId"]>>>;

const CONVERTERS = { AVRO: "avro", PROTOBUF: "protobuf", JSON: "json-schema" } as const;

/** The id that Confluent's serializers put before a value: a zero byte, then 4 bytes. */
export function framedSchemaId(value: Uint8Array | null): number | null {
  if (value === null || value.length < 5 || value[0] !== 0) return null;
  return new DataView(value.buffer, value.byteOffset).getInt32(1);
}

/** Opens the queue that the flags choose. Throws ConfigError. */
export async function openQueue(flags: QueueFlags, context: CliContext): Promise<OpenQueue> {
  if (flags.bootstrap !== undefined && flags.topic === undefined) {
    throw new ConfigError([{ key: "--topic", why: "is missing: --bootstrap says where, and not which queue" }]);
  }
  if (flags.bootstrap !== undefined && flags.connector !== undefined) {
    const why = "goes without --connector, whose configuration names the brokers (--topic may still name the queue)";
    throw new ConfigError([{ key: "--bootstrap", value: flags.bootstrap, why }]);
  }
  if (flags.registry !== undefined && flags.bootstrap === undefined) {
    const why = "goes with --bootstrap; a connector's configuration names its registry (schema.registry.url)";
    throw new ConfigError([{ key: "--registry", value: flags.registry, why }]);
  }
  const chosen = flags.bootstrap === undefined ? await chooseInstance(flags, context) : null;
  const topic = flags.topic ?? chosen?.instance.values["errors.deadletterqueue.topic.name"] ?? null;
  if (topic === null) {
    throw new FatalError(
      `Cannot find the dead letters of "${
        chosen!.instance.name
      }": no errors.deadletterqueue.topic.name is configured; ` +
        "set it (with errors.tolerance: all), or name a topic by --topic",
    );
  }
  const log = chosen?.log ?? createLog({ level: "warn", format: "text" });
  const configured = chosen?.kafka ?? await kafkaSettings({ "bootstrap.servers": flags.bootstrap! });
  // A queue is read as its writers meant it, whatever the connector reads its topics by.
  const kafka = { ...configured, consumer: { ...configured.consumer, readCommitted: true } };
  const retry = createRetry({
    clock: systemClock,
    log,
    random: Math.random,
    delayMsMax: 2000,
    timeoutMs: RETRY_TIMEOUT_MS,
  });
  const admin = createAdmin({ settings: kafka.admin, log, readCommitted: true });
  return new OpenQueue(topic, chosen, kafka, log, retry, admin, context, flags);
}

/** Runs something with an open queue, and closes it. */
export async function withQueue<T>(
  flags: QueueFlags,
  context: CliContext,
  run: (queue: OpenQueue) => Promise<T>,
): Promise<T> {
  const queue = await openQueue(flags, context);
  try {
    return await run(queue);
  } finally {
    await queue.close();
  }
}
