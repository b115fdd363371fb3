/**
 * The steps of `onboard`: subjects to mappings, a sample to proposals, proposals to a file.
 *
 * @module
 */
import type { Field } from "apache-arrow";
import { type ConfigDef, ConfigError, DataError, FatalError, type Values } from "../../api/mod.ts";
import { systemClock } from "../../clock.ts";
import { type ReadConfig, readConfig } from "../../config/read_config.ts";
import { WORKER_OPTIONS } from "../../config/worker_options.ts";
import { kafkaSettings } from "../../kafka/settings.ts";
import { kafkaKeys } from "../../kafka_keys.ts";
import { createLog } from "../../log.ts";
import type { CliContext } from "../command_line.ts";
import type { OnboardFlags } from "../onboard.ts";
import { counted, round, size } from "../plan/estimate.ts";
import { type InstancePlan, planInstance, type TopicPlan } from "../plan/plan_instance.ts";
import { groupLines } from "../plan/render.ts";
import type { SubjectMapping, TableTools } from "../table_tools.ts";
import { splitSets, type WorkerEntry } from "./addresses.ts";
import { type Draft, draftLines, type DraftTopic } from "./draft.ts";
import { EVOLUTION_NONE, type EvolutionProposal, proposeEvolution } from "./propose_evolution.ts";
import { partitionProblem, type PartitionProposal, proposePartitions } from "./propose_partitions.ts";
import { proposeSizes } from "./propose_sizes.ts";
import type { Ask } from "./questions.ts";
import { mappingText } from "./report_text.ts";
import { isTime, Statistics } from "./statistics.ts";
import { askedSubject, subjectHint, type SubjectTopic, subjectTopic, valueSubjects } from "./subjects.ts";
import { yamlText } from "./yaml.ts";

const REPLICATION_MAX = 3;
/** The reason of a DataError. */
const UNKNOWN = "unknown schema version";

/** One run of the command. Results go to stdout. */
export class Onboarding {
  readonly #log = createLog({ level: "error", format: "text" });

  private constructor(
    private readonly flags: OnboardFlags,
    private readonly context: CliContext,
    private readonly given: Pick<Draft, "worker" | "options" | "unwritten">,
    private readonly tools: TableTools,
  ) {}

  static async begin(flags: OnboardFlags, addresses: readonly WorkerEntry[], context: CliContext): Promise<Onboarding> {
    const { worker, options, unwritten } = splitSets(flags.set, (key) => isSecret(key, context));
    const all = new Map([...addresses, ...worker]);
    return new Onboarding(flags, context, { worker: [...all], options, unwritten }, await context.tables());
  }

  /** Reads and shows the mappings. Throws ConfigError, DataError where a subject is not there, FatalError where refused. */
  async readSubjects(ask: Ask | null): Promise<DraftTopic[]> {
    const config = await this.#registryConfig();
    const parts = { fetch, clock: systemClock, random: Math.random, log: this.#log };
    const { all, subject, topic } = this.flags;
    const isOpen = !all && subject === undefined && topic === undefined && ask !== null;
    const known = all || isOpen ? await this.tools.subjectsOf(config, parts) : [];
    const { found, others } = all
      ? valueSubjects(known)
      : { found: [subjectTopic(isOpen ? askedSubject(known, ask) : this.flags)], others: [] };
    for (const subject of others) console.log(`${subject}: left out, its topic is not in its name (give --topic)\n`);
    const topics: DraftTopic[] = [];
    for (const { subject, topic, strategy } of found) {
      const mapping = await this.#mapping(config, subject).catch(async (error) => {
        const isUnknown = error instanceof DataError && error.details.reason === UNKNOWN;
        if (!isUnknown || error.details.subject !== subject) throw error;
        const hint = subjectHint({ subject, topic, strategy }, await this.tools.subjectsOf(config, parts));
        throw new FatalError(error.message + hint, { cause: error });
      });
      console.log(`${mappingText(mapping, this.tools.describeColumn)}\n`);
      const refused = mapping.refused ?? this.#emptiness(mapping);
      if (refused !== null) {
        if (!this.flags.all) throw new FatalError(`Cannot onboard ${subject}: ${refused}`);
        console.log(`${subject}: left out: ${refused}\n`);
        continue;
      }
      const key = await this.#keyOf(config, { subject, topic, strategy });
      topics.push({ topic, mapping, key, strategy, partitions: null, evolution: EVOLUTION_NONE, tombstones: 0 });
    }
    if (topics.length === 0) throw new FatalError("Cannot onboard: no subject is left");
    return topics;
  }

  /** Why a table without columns would be made; null: it has some. */
  #emptiness({ columns }: SubjectMapping): string | null {
    const hasOwn = this.given.options.some(([key]) => key === "columns.kafka");
    return columns!.fields.length > 0 || hasOwn
      ? null
      : "its records have no fields that a column could be made of; --set columns.kafka=offset,timestamp makes some";
  }

  tableDefault(topics: readonly DraftTopic[]): string {
    return topics.length === 1 ? `./lake/${topics[0].topic}` : "./lake/${topic}";
  }

  /** Looks at a sample and at the table, and proposes the rest. */
  async propose(topics: readonly DraftTopic[], table: string, ask: Ask | null): Promise<Draft> {
    const name = this.flags.name ?? (topics.length === 1 ? topics[0].topic.replaceAll(/[^A-Za-z0-9_-]/g, "-") : "all");
    const existing = await Promise.all(topics.map(({ topic }) => this.#partitionColumns(topic, table)));
    const first: Draft = {
      name,
      table,
      ...this.given,
      sizes: null,
      replication: 1,
      topics: topics.map((topic, i) => ({ ...topic, partitions: partitionsAsTheyAre(topic.mapping, existing[i]) })),
    };
    const statistics = new Map<string, Statistics>();
    const isNew = (topic: string) => existing[topics.findIndex((each) => each.topic === topic)] === null;
    const { plan, evolutions } = await this.#planEvolving(first, isNew, statistics);
    // Kafka may have less topics than the registry has subjects.
    const isThere = ({ topic }: DraftTopic) => !plan.missing.includes(topic);
    for (const { topic } of topics.filter((topic) => !isThere(topic))) {
      console.log(`${topic}: Kafka has no such topic${this.flags.all ? ", left out" : " yet"}`);
    }
    const kept = this.flags.all ? topics.filter(isThere) : topics;
    if (kept.length === 0) throw new FatalError("Cannot onboard: Kafka has none of the topics");
    const proposed = kept.map((topic): DraftTopic => {
      const columns = existing[topics.indexOf(topic)];
      const fields = topic.mapping.columns!.fields;
      const seen = statistics.get(topic.topic)!;
      const found = columns === null
        ? proposePartitions(fields, (column) => seen.of(column), seen.rows)
        : partitionsAsTheyAre(topic.mapping, columns)!;
      const tombstones = plan.topics.find((each) => each.topic === topic.topic)?.tombstones ?? 0;
      const evolution = evolutions.get(topic.topic) ?? topic.evolution;
      const partitions = kept.length === 1 && columns === null ? asked(found, fields, ask) : found;
      return { ...topic, partitions, evolution, tombstones };
    });
    for (const topic of plan.topics) this.#printTopic(topic);
    return {
      ...first,
      topics: proposed,
      sizes: sizesOf(plan),
      replication: Math.max(1, Math.min(REPLICATION_MAX, plan.brokers)),
    };
  }

  /** Writes the file, which is known to be accepted. */
  async write(draft: Draft): Promise<void> {
    const text = yamlText(draftLines(draft));
    await this.#read(text, draft.name);
    await Deno.writeTextFile(this.flags.out, text, { createNew: !this.flags.force });
    console.log(`\n${this.flags.out} is written: connector ${draft.name}, ${counted(draft.topics.length, "topic")}`);
  }

  printNext(): void {
    const { out, set } = this.flags;
    const sets = set.map((each) => ` --set '${each.replace(/=.*/s, "=...")}'`).join("");
    console.log(`Next:\n  deno task plan --config ${out}${sets}     # what it would make, nothing is written`);
    console.log(`  deno task start --connector delta-sink --config ${out}${sets}`);
  }

  /** The registry's options, as any format of registered schemas has them. */
  async #registryConfig(): Promise<Values<ConfigDef>> {
    const text = yamlText([
      ...this.given.worker.map(([key, value]) => ({ key, value })),
      {
        key: "connectors",
        below: [{
          key: "onboard",
          below: [
            { key: "connector", value: "delta-sink" },
            { key: "topics", value: ["onboard"] },
            { key: "table.uri", value: "./onboard" },
            { key: "value.converter", value: "avro" },
          ],
        }],
      },
    ]);
    const registrySets = this.flags.set.filter((set) => /^\s*schema\.registry\./.test(set) || isWorkers(set));
    const { instances: [instance] } = await this.#read(text, "onboard", registrySets).catch((error) => {
      throw error instanceof ConfigError ? inFlags(error) : error;
    });
    return instance.forTopic("onboard").valueConverter.config;
  }

  #read(text: string, name: string, sets = this.flags.set): Promise<ReadConfig> {
    const { out } = this.flags;
    return readConfig({
      path: "onboard.yaml", // not the file's: its form is told by its name
      name,
      sets,
      environment: Deno.env.toObject(),
      readTextFile: (path) => path === "onboard.yaml" ? Promise.resolve(text) : Deno.readTextFile(path),
    }, this.context.plugins).catch((error) => {
      throw error instanceof ConfigError ? error : new Error(`Cannot read what is to be ${out}`, { cause: error });
    });
  }

  #mapping(config: Values<ConfigDef>, subject: string): Promise<SubjectMapping> {
    const parts = { fetch, clock: systemClock, random: Math.random, log: this.#log };
    return this.tools.mappingOfSubject({ config, subject, version: "latest" }, parts);
  }

  async #keyOf(
    config: Values<ConfigDef>,
    { subject, topic, strategy }: SubjectTopic,
  ): Promise<SubjectMapping | null> {
    if (strategy !== null) return null;
    try {
      return await this.#mapping(config, `${/^:[^:]*:/.exec(subject)?.[0] ?? ""}${topic}-key`);
    } catch (error) {
      if (error instanceof DataError) return null; // there is none, or none that we read: keys stay bytes
      throw error;
    }
  }

  /** Null where there is no table. */
  async #partitionColumns(topic: string, table: string): Promise<readonly string[] | null> {
    const { storageOptions, storageOf, inspectTable } = this.tools;
    const ours = this.flags.set.filter((set) => set.split("=")[0].trim() in storageOptions);
    const { parseConfig } = await import("../../config/parse_config.ts");
    const { rawKeys } = await import("../../config/raw.ts");
    const keys = rawKeys(Object.fromEntries(ours.map((set) => [set.split("=")[0].trim(), set.replace(/^[^=]*=/, "")])));
    const storage = storageOf(parseConfig(storageOptions, keys).values);
    const found = await inspectTable(table.replaceAll("${topic}", topic), storage);
    return found ? (found as unknown as { partitionColumns: readonly string[] }).partitionColumns : null;
  }

  /** Where the first records of a topic would make a table that others do not fit, the sample is taken again for one that grows. */
  async #planEvolving(
    draft: Draft,
    isNew: (topic: string) => boolean,
    statistics: Map<string, Statistics>,
  ): Promise<{ plan: InstancePlan; evolutions: ReadonlyMap<string, EvolutionProposal> }> {
    const plan = await this.#plan(draft, draft.topics, statistics);
    const evolutions = new Map(plan.topics.map((each) => [each.topic, proposeEvolution(each)]));
    const isGiven = draft.options.some(([key]) => key === "schema.evolution");
    const growing = draft.topics.filter(({ topic }) =>
      !isGiven && isNew(topic) && evolutions.get(topic)?.value === "add"
    );
    for (const { topic } of draft.topics) if (!growing.some((each) => each.topic === topic)) evolutions.delete(topic);
    if (growing.length === 0) return { plan, evolutions };
    const topics = draft.topics.map((topic) => ({
      ...topic,
      evolution: evolutions.get(topic.topic) ?? topic.evolution,
    }));
    const again = await this.#plan({ ...draft, topics }, growing, statistics);
    const planned = plan.topics.map((each) => again.topics.find(({ topic }) => topic === each.topic) ?? each);
    return { plan: { ...plan, topics: planned }, evolutions };
  }

  /** Of some of the topics. */
  async #plan(
    draft: Draft,
    topics: readonly DraftTopic[],
    statistics: Map<string, Statistics>,
  ): Promise<InstancePlan> {
    for (const { topic } of topics) statistics.set(topic, new Statistics());
    const config = await this.#read(yamlText(draftLines(draft)), draft.name);
    const [instance] = config.instances;
    const { sample } = this.flags;
    if (!/^[1-9]\d{0,6}$/.test(sample)) {
      throw new ConfigError([{ key: "--sample", value: sample, why: "must be a number from 1 to 9999999" }]);
    }
    return await planInstance(instance, {
      kafka: await kafkaSettings(kafkaKeys(config.worker, instance.values)),
      clock: systemClock,
      log: this.#log,
      describe: this.tools.describeColumn,
      sample: { records: Number(sample), from: "both" },
      onBatch: (batch) => statistics.get(batch.topic)?.add(batch),
      topics: topics.map(({ topic }) => topic),
    });
  }

  #printTopic({ topic, records, partitions, rate, sampled, rejects, refused, bytesPerRow }: TopicPlan): void {
    const growth = rate === null
      ? "no records yet"
      : `${round(rate.messagesPerSecond)} records/s, ${size(rate.bytesPerSecond)}/s over ${rate.over}`;
    console.log(`${topic}: ${counted(records, "record")} in ${counted(partitions, "partition")}, ${growth}`);
    const bad = rejects.reduce((sum, { count }) => sum + count, 0);
    const parquet = bytesPerRow === null ? "" : `, ${round(bytesPerRow)} bytes a row in Parquet`;
    if (sampled > 0) console.log(`${topic}: ${sampled} sampled, ${bad} would be dead letters${parquet}`);
    for (const line of groupLines(rejects, sampled)) console.log(line);
    if (refused !== null) console.log(`${topic}: REFUSED: ${refused}`);
  }
}

/** Nobody wrote the keys that an address was put under. */
function inFlags({ problems }: ConfigError): ConfigError {
  return new ConfigError(problems.map((problem) => {
    const key = problem.key.replace(/^connectors\.onboard\./, "");
    return { ...problem, key: { "schema.registry.url": "--registry", "bootstrap.servers": "--bootstrap" }[key] ?? key };
  }));
}

function isWorkers(set: string): boolean {
  return set.split("=")[0].trim() in WORKER_OPTIONS;
}

/** By its declaration, wherever that is, or by its name below Kafka's overrides. */
function isSecret(key: string, { plugins }: CliContext): boolean {
  const bare = key.replace(/^(key|value)\.converter\./, "");
  const defs: ConfigDef[] = [WORKER_OPTIONS, ...[...plugins.connectors, ...plugins.converters].map((p) => p.options)];
  if (defs.some((def) => def[bare]?.type === "secret")) return true;
  return /\.override\./.test(key) && /password|secret|token|jaas|\.key$/i.test(key);
}

/** A table's own partition columns as an option; null where there is no table. */
function partitionsAsTheyAre(
  { columns }: SubjectMapping,
  existing: readonly string[] | null,
): PartitionProposal | null {
  if (existing === null) return null;
  const fields: readonly Field[] = columns?.fields ?? [];
  const by = existing.map((column) => {
    if (fields.some(({ name }) => name === column)) return column;
    const source = fields.find((field) =>
      isTime(field) && ["date", "hour"].some((call) => column === `${field.name}_${call}`)
    );
    if (source) return `${column.slice(source.name.length + 1)}(${source.name})`;
    const kafka = /^kafka_timestamp_(date|hour)$/.exec(column);
    return kafka ? `${kafka[1]}(kafka.timestamp)` : column;
  });
  return { by, why: "as the table has it", alternatives: [] };
}

function asked(proposal: PartitionProposal, fields: readonly Field[], ask: Ask | null): PartitionProposal {
  if (!ask) return proposal;
  const otherwise = proposal.by.join(", ") || "none";
  const answer = ask("Partition the table by?", otherwise, (text) => partitionProblem(splitAnswer(text), fields));
  return answer === otherwise ? proposal : { ...proposal, by: splitAnswer(answer), why: "as you chose" };
}

function splitAnswer(answer: string): string[] {
  return answer === "none" ? [] : answer.split(",").map((part) => part.trim()).filter((part) => part !== "");
}

/** For all topics together. */
function sizesOf({ topics }: InstancePlan): Draft["sizes"] {
  const rates = topics.flatMap(({ rate }) => rate ? [rate] : []);
  const rows = topics.flatMap(({ bytesPerRow, rate }) => bytesPerRow === null || !rate ? [] : [{ bytesPerRow, rate }]);
  const messages = rates.reduce((sum, rate) => sum + rate.messagesPerSecond, 0);
  const written = rows.reduce((sum, { bytesPerRow, rate }) => sum + bytesPerRow * rate.messagesPerSecond, 0);
  return proposeSizes({
    rate: rates.length === 0 ? null : {
      messagesPerSecond: messages,
      bytesPerSecond: rates.reduce((sum, rate) => sum + rate.bytesPerSecond, 0),
      over: rates.length === 1 ? rates[0].over : "what their logs say",
    },
    bytesPerRow: written === 0 || messages === 0 ? null : written / messages,
    kafkaPartitions: topics.reduce((sum, { partitions }) => sum + partitions, 0),
    // What is new is of a day or two.
    tablePartitions: topics.length,
  });
}
