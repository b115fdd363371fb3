/**
 * The framework's own options of an instance: those below `connectors.<name>`. The connector's, the converters' and the
 * transforms' stand beside them and are declared by those.
 *
 * @module
 */
import { type ConfigDef, KiB, MiB, option, type Values } from "../api/config_def.ts";

const source = "Source";
const formats = "Formats";
const commits = "Commits";
const errors = "Errors";
const clients = "Kafka clients";

/** For options that are one decision for all topics of the instance. */
const perTopic = false;

/** A task with less cannot hold a fetch and a file. */
export const TASK_MEMORY_BYTES_MIN = 16 * MiB;

/** The declaration; README tables are printed from it. */
export const INSTANCE_OPTIONS = {
  "connector": option.string({
    doc: "The kind of sink, e.g. delta-sink.",
    importance: "high",
    group: source,
    perTopic,
  }),
  "topics": option.list({
    doc: "The topics to read; or topics.regex.",
    default: [],
    importance: "high",
    group: source,
    perTopic,
    check: (topics) => {
      const wrong = topics.find((topic) => !/^[A-Za-z0-9._-]{1,249}$/.test(topic) || topic === "." || topic === "..");
      if (wrong !== undefined) return `"${wrong}" cannot be a topic's name`;
      const twice = topics.find((topic, i) => topics.indexOf(topic) !== i);
      return twice === undefined ? null : `names "${twice}" twice`;
    },
  }),
  "topics.regex": option.optionalString({
    doc: "A regular expression that the whole name matches, for topics to come too; or topics.",
    importance: "high",
    group: source,
    perTopic,
    check: (text) => text === null || topicsPattern(text) !== null ? null : "is no regular expression",
  }),
  "tasks.max": option.int({
    doc: "Threads that share the partitions.",
    default: 1,
    min: 1,
    max: 256,
    importance: "high",
    group: source,
    perTopic,
  }),
  "auto.offset.reset": option.oneOf(["earliest", "latest"], {
    doc: "Where a partition that the target does not know begins. Partitions that appear later begin at the earliest.",
    default: "earliest",
    group: source,
    perTopic,
  }),
  "offsets.missing": option.oneOf(["fail", "earliest", "latest"], {
    doc:
      "What to do where the topic no longer has the offset that the target needs. Other than fail, records are lost.",
    default: "fail",
    group: source,
    perTopic,
  }),
  "isolation.level": option.oneOf(["read_committed", "read_uncommitted"], {
    doc: "Whether records of open and aborted transactions are left out.",
    default: "read_committed",
    group: source,
    perTopic,
  }),
  "app.id": option.optionalString({
    doc: "Who we are in the target's offsets; the instance's name by default. Another id reads everything again.",
    group: source,
    perTopic,
    check: (id) => id === null || /^[A-Za-z0-9._-]+$/.test(id) ? null : "must be letters, digits, dots, _ and -",
  }),
  "key.converter": option.string({
    doc: "The keys' wire format.",
    default: "bytes",
    importance: "high",
    group: formats,
  }),
  "value.converter": option.string({
    doc: "The values' wire format, e.g. avro or json.",
    importance: "high",
    group: formats,
  }),
  "header.converter": option.string({
    doc: "What headers' values become where somebody asks for them: simple, string, json or bytes.",
    default: "simple",
    group: formats,
  }),
  "transforms": option.list({
    doc: "Aliases of the transforms, in order; transforms.<alias>.type names each, its options stand beside the type.",
    default: [],
    group: formats,
  }),
  "predicates": option.list({
    doc: "Aliases of the predicates; predicates.<alias>.type names each. transforms.<alias>.predicate refers to one.",
    default: [],
    group: formats,
  }),
  "validate": option.map({
    doc:
      "Rules by field: validate.<field>.required, .min, .max, .length.min, .length.max, .pattern, .one.of; or by a " +
      "name of their own: validate.<name>.cel, a CEL expression that must be true, and validate.<name>.message.",
    group: formats,
  }),
  "columns.json": option.list({
    doc: "Paths of what is held as JSON text in a string column, whatever its type: `order`, `order.lines[].price`, " +
      "`[]` for a list's elements, `{}` for a map's values. A path that a record's schema lacks does nothing.",
    default: [],
    group: formats,
    check: (paths) => {
      const wrong = paths.find((path) => path.split(".").some((name) => name === "" || /^(\[|\{)/.test(name)));
      return wrong === undefined ? null : `"${wrong}" is no path, such as order.lines[].price`;
    },
  }),
  "tombstones": option.oneOf(["dead-letter", "skip", "keep"], {
    doc: "What becomes of records without a value.",
    default: "dead-letter",
    group: formats,
  }),
  "commit.interval.ms": option.durationMs({
    doc: "The time from one round to the next: how old the target's newest row may be.",
    default: 60_000,
    min: 100,
    importance: "high",
    group: commits,
    perTopic,
  }),
  "commit.timeout.ms": option.durationMs({
    doc: "How long a round waits for its tasks; what is late joins the next round.",
    default: 30_000,
    min: 100,
    group: commits,
    perTopic,
  }),
  "commit.records.max": option.int({
    doc: "Asks for a round once a task has put this many records; 0: by time and size only.",
    default: 0,
    min: 0,
    group: commits,
    perTopic,
  }),
  "memory.bytes": option.bytes({
    doc: "What a task may hold in slabs, columns, open files and uploads. Over it the largest file is closed early. " +
      "worker.memory.bytes may leave it less.",
    default: 128 * MiB,
    min: TASK_MEMORY_BYTES_MIN,
    group: commits,
    perTopic,
  }),
  "fetch.rate.bytes.max": option.bytes({
    doc:
      "The most bytes, as Kafka sends them, that the tasks fetch in a second, all together; each has its part of it. 0: " +
      "as many as come.",
    default: 0,
    min: 0,
    group: commits,
    perTopic,
  }),
  "topic.failure": option.oneOf(["topic", "all"], {
    doc:
      "What stops where one topic's table or records cannot be used: that topic alone, tried again as failed tasks are " +
      "(task.restart.*), or all topics of the instance.",
    default: "topic",
    group: errors,
    perTopic,
  }),
  "errors.tolerance": option.oneOf(["none", "all"], {
    doc: "Whether a record that cannot be used stops the task (none) or is set aside (all).",
    default: "none",
    importance: "high",
    group: errors,
    perTopic,
  }),
  "errors.deadletterqueue.topic.name": option.optionalString({
    doc: "The topic of the dead letters; created where it is missing.",
    importance: "high",
    group: errors,
    perTopic,
  }),
  "errors.deadletterqueue.topic.replication.factor": option.int({
    doc: "For the topic, where it is created.",
    default: 3,
    min: 1,
    max: 32767,
    group: errors,
    perTopic,
  }),
  "errors.deadletterqueue.topic.partitions": option.int({
    doc: "For the topic, where it is created.",
    default: 1,
    min: 1,
    group: errors,
    perTopic,
  }),
  "errors.deadletterqueue.topic.retention.ms": option.durationMs({
    doc: "How long letters are kept, for the topic, where it is created: -1 for ever. A letter has its record's " +
      "timestamp, and retention goes by it.",
    default: -1,
    min: -1,
    group: errors,
    perTopic,
  }),
  "errors.deadletterqueue.context.headers.enable": option.boolean({
    doc: "Accepted because Connect has it: the headers that say where a letter came from and why are always written.",
    default: true,
    importance: "low",
    group: errors,
    perTopic,
    check: (enabled) =>
      enabled ? null : "cannot be switched off: without the headers nobody can tell where a letter is from",
  }),
  "errors.deadletterqueue.header.bytes.max": option.bytes({
    doc: "The longest a header of ours may be; longer text is cut, with a mark.",
    default: 8 * KiB,
    min: 256,
    importance: "low",
    group: errors,
    perTopic,
  }),
  "errors.skip.acknowledged": option.boolean({
    doc: "Allows errors.tolerance = all without a dead-letter topic: records that cannot be used are lost.",
    default: false,
    group: errors,
    perTopic,
  }),
  "errors.log.enable": option.boolean({
    doc: "Logs every record that is set aside.",
    default: false,
    group: errors,
    perTopic,
  }),
  "errors.log.include.messages": option.boolean({
    doc: "Adds the reason's values and the record's topic, partition and offset to that line, never its bytes.",
    default: false,
    group: errors,
    perTopic,
  }),
  "errors.retry.timeout": option.durationMs({
    doc: "How long a failure that may pass is tried again; 0: not at all, -1: for ever.",
    default: 300_000,
    min: -1,
    group: errors,
    perTopic,
  }),
  "errors.retry.delay.max.ms": option.durationMs({
    doc: "The longest wait between two attempts.",
    default: 60_000,
    min: 1,
    group: errors,
    perTopic,
  }),
  "errors.budget.ratio": option.double({
    doc: "Stops a topic where more than this part of its last errors.budget.window.records was set aside; 1: never.",
    default: 0.9,
    min: 0,
    max: 1,
    group: errors,
    perTopic,
  }),
  "errors.budget.window.records": option.int({
    doc: "How many records the budget looks back over; it does not judge fewer.",
    default: 10_000,
    min: 1,
    max: 10_000_000,
    group: errors,
    perTopic,
  }),
  "consumer.override": option.map({ doc: "Kafka's consumer settings, for this instance.", group: clients, perTopic }),
  "producer.override": option.map({
    doc: "Kafka's producer settings, for the dead letters.",
    group: clients,
    perTopic,
  }),
  "admin.override": option.map({ doc: "Kafka's admin settings, for this instance.", group: clients, perTopic }),
} satisfies ConfigDef;

/** The parsed options of an instance. */
export type InstanceValues = Values<typeof INSTANCE_OPTIONS>;

/** `topics.regex` as a pattern for whole names, or null where it is none. */
export function topicsPattern(text: string): RegExp | null {
  try {
    return new RegExp(`^(?:${text})$`);
  } catch {
    return null;
  }
}
