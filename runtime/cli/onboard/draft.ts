/**
 * From what was found out about subjects to the lines of a configuration.
 *
 * @module
 */
import { counted } from "../plan/estimate.ts";
import type { SubjectMapping } from "../table_tools.ts";
import { EVOLUTION_NONE, type EvolutionProposal } from "./propose_evolution.ts";
import type { PartitionProposal } from "./propose_partitions.ts";
import type { SizeProposal } from "./propose_sizes.ts";
import type { YamlLine } from "./yaml.ts";

/** One topic to be. */
export interface DraftTopic {
  readonly topic: string;
  readonly mapping: SubjectMapping;
  /** Of `<topic>-key`; null: there is none. */
  readonly key: SubjectMapping | null;
  /** How producers name the subject, where it is not `<topic>-value`. */
  readonly strategy: string | null;
  /** Null: not looked for yet. */
  readonly partitions: PartitionProposal | null;
  readonly evolution: EvolutionProposal;
  /** Of what was sampled. */
  readonly tombstones: number;
}

/** A configuration to be. */
export interface Draft {
  readonly name: string;
  readonly topics: readonly DraftTopic[];
  readonly table: string;
  /** Bootstrap, registry and what else the worker is given, as it was written. */
  readonly worker: readonly (readonly [key: string, value: string | readonly string[]])[];
  /** Options of the connector by `--set`. */
  readonly options: readonly (readonly [key: string, value: string])[];
  /** Secrets that were given in clear: not written. */
  readonly unwritten: readonly string[];
  readonly sizes: SizeProposal | null;
  readonly replication: number;
}

/** The lines. What `--set` gave stands instead of what would be proposed. */
export function draftLines(draft: Draft): YamlLine[] {
  const { name, topics, worker, options, unwritten } = draft;
  const subjects = topics.map(({ mapping }) => `${mapping.subject} version ${mapping.version ?? "?"}`).join(", ");
  const given = new Set(options.map(([key]) => key));
  return [
    { comment: `Written by onboard from ${subjects}. It is yours: change what you like.` },
    ...unwritten.map((key): YamlLine => ({
      comment: `${key} is a secret and was not written: put it as a reference, \${env:NAME} or \${file:PATH:KEY}`,
    })),
    ...worker.map(([key, value]): YamlLine => ({ key, value })),
    {
      key: "connectors",
      below: [{
        key: name,
        below: [
          ...without(instanceLines(draft), given),
          ...options.map(([key, value]): YamlLine => ({ key, value })),
        ],
      }],
    },
  ];
}

/** Without options of these keys, those of topics too; what is commented out stays. */
function without(lines: readonly YamlLine[], keys: ReadonlySet<string>): YamlLine[] {
  return lines.flatMap((line): YamlLine[] => {
    if ("below" in line) return [{ ...line, below: without(line.below, keys) }];
    return "key" in line && !line.off && keys.has(line.key) ? [] : [line];
  });
}

function instanceLines(draft: Draft): YamlLine[] {
  const { name, topics, table, sizes, replication } = draft;
  const [first] = topics;
  const isOne = topics.length === 1;
  return [
    { comment: `The consumer group is connect-${name}; the table holds the offsets under app.id ${name}.` },
    { key: "connector", value: "delta-sink" },
    { key: "topics", value: topics.map(({ topic }) => topic) },
    ...sizeLine("tasks.max", sizes?.tasksMax),
    ...isOne ? formatLines(first) : [{ key: "value.converter", value: first.mapping.converter }],
    { key: "table.uri", value: table },
    ...isOne ? partitionLines(first) : [],
    { key: "schema.evolution", ...isOne ? first.evolution : EVOLUTION_NONE },
    ...isOne ? keyLines(first) : [],
    ...sizeLine("commit.interval.ms", sizes?.commitInterval),
    ...sizeLine("file.bytes.max", sizes?.fileBytesMax),
    { key: "errors.tolerance", value: "all", why: "what cannot be used is set aside, none: it stops the task" },
    { key: "errors.deadletterqueue.topic.name", value: `${name}-dlq`, why: "created with the start" },
    {
      key: "errors.deadletterqueue.topic.replication.factor",
      value: String(replication),
      why: replication < 3 ? `there is ${counted(replication, "broker")} now` : "as usual",
    },
    ...isOne ? [] : [{
      key: "per.topic",
      below: topics.map((topic): YamlLine => ({
        key: topic.topic,
        below: [...formatLines(topic), ...partitionLines(topic), ...evolutionLines(topic), ...keyLines(topic)],
      })),
    }],
  ];
}

function sizeLine(key: string, sized: { readonly value: string; readonly why: string } | undefined): YamlLine[] {
  return sized ? [{ key, value: sized.value, why: sized.why }] : [];
}

function formatLines({ mapping, strategy, tombstones }: DraftTopic): YamlLine[] {
  const { converter, columnsJson, renames, lines, notes } = mapping;
  const decisions = lines.filter(({ decide }) => decide);
  return [
    { key: "value.converter", value: converter },
    ...strategy === null ? [] : [{ key: "value.subject.name.strategy", value: strategy }],
    ...notes.map((comment): YamlLine => ({ comment })),
    ...decisions.map(({ path, writer, note }): YamlLine => ({ comment: `${path} (${writer}): ${note}` })),
    ...columnsJson.length === 0 ? [] : [{
      key: "columns.json",
      value: columnsJson,
      why: "held as JSON text",
    }],
    ...renames.length === 0 ? [] : [
      { key: "transforms", value: ["names"] },
      { key: "transforms.names.type", value: "ReplaceField", why: "names that no table can have" },
      { key: "transforms.names.renames", value: renames.map(({ from, to }) => `${from}:${to}`) },
    ],
    ...tombstones === 0 ? [] : [{
      key: "tombstones",
      value: "skip",
      why: `the sample has ${
        counted(tombstones, "record")
      } without a value; the sink appends and cannot delete by them`,
      off: true,
    }],
  ];
}

function partitionLines({ partitions }: DraftTopic): YamlLine[] {
  if (partitions === null) return [];
  return [
    { key: "partition.by", value: partitions.by, why: partitions.why },
    ...partitions.alternatives.map(({ by, why }): YamlLine => ({ key: "partition.by", value: [by], why, off: true })),
  ];
}

/** Where it is not the instance's. */
function evolutionLines({ evolution }: DraftTopic): YamlLine[] {
  return evolution.value === EVOLUTION_NONE.value ? [] : [{ key: "schema.evolution", ...evolution }];
}

function keyLines({ topic, key, mapping }: DraftTopic): YamlLine[] {
  if (key === null || key.columns === null) return [];
  const names = key.columns.fields.map(({ name }) => name);
  const values = new Set(mapping.columns?.fields.map(({ name }) => name.toLowerCase()));
  const isSingle = names.length === 1 && names[0] === "value" && !values.has("value");
  const columns = isSingle ? "_kafka_key" : names.join(", ");
  return [
    {
      comment: `Key columns by ${topic}-key: ${columns}. The sink appends today; an upsert would merge on them. ` +
        "To have the key as a column:",
    },
    { key: "key.converter", value: key.converter, off: true },
    { key: "columns.kafka", value: ["key"], off: true },
  ];
}
