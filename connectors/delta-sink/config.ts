/**
 * The options of the Delta sink.
 *
 * @module
 */
import { type Config, MiB, option, type Values } from "../../mod.ts";
import { partitionByProblem } from "./partition_by.ts";
import { s3Options } from "./storage/s3/options.ts";

/** The Kafka columns that `columns.kafka` can add, and what each is called in the table. */
export const KAFKA_COLUMNS = {
  topic: "_kafka_topic",
  partition: "_kafka_partition",
  offset: "_kafka_offset",
  timestamp: "_kafka_timestamp",
  key: "_kafka_key",
  headers: "_kafka_headers",
} as const;

/** The declaration. */
export const deltaSinkOptions = {
  "table.uri": option.string({
    doc:
      "Where the table is; `${topic}` stands for the topic's name (as RegexRouter leaves it) and must be in it when " +
      "there are several topics.",
    importance: "high",
    group: "table",
  }),
  "auto.create.table": option.boolean({
    doc: "Create the table with its first commit when it does not exist; false: refuse to start without it.",
    default: true,
    perTopic: false,
    group: "table",
  }),
  "partition.by": option.list({
    doc:
      "Partition columns: `column`, `date(column)`, `hour(column)`, `date(kafka.timestamp)`, `hour(kafka.timestamp)`.",
    default: [],
    check: partitionByProblem,
    importance: "high",
    group: "table",
  }),
  "columns.kafka": option.list({
    doc: "Columns to add for where a record came from, as `_kafka_<name>`. `key` is as key.converter decodes it: " +
      "binary, a single value, or a struct; `headers` is a list of structs of key and value, as header.converter " +
      "converts them.",
    default: [],
    oneOf: Object.keys(KAFKA_COLUMNS),
    group: "table",
  }),
  "schema.evolution": option.oneOf(["none", "add"], {
    doc:
      "`none`: a record that needs a change of the table's schema is rejected, with the diff and the command to run. " +
      "`add`: new nullable columns, nested ones too, come with the commit of the first rows that have them.",
    default: "none",
    importance: "high",
    group: "table",
  }),
  "table.properties": option.map({
    doc: "Table properties to create the table with, e.g. `table.properties.delta.checkpointInterval: 20`.",
    perTopic: false,
    group: "table",
  }),
  "allow.protocol.upgrade": option.boolean({
    doc: "Raise the protocol of an existing table where a column needs it (timestamp without zone).",
    default: false,
    perTopic: false,
    group: "table",
  }),
  "file.bytes.max": option.bytes({
    doc: "Close a data file once it holds this much.",
    default: 128 * MiB,
    min: 1024,
    group: "files",
  }),
  "row.group.bytes.max": option.bytes({
    doc: "A row group is complete once its values take this much before they are encoded and compressed.",
    default: 64 * MiB,
    min: 1024,
    importance: "low",
    group: "files",
  }),
  "files.open.max": option.int({
    doc:
      "The most files of a table that a task keeps open, one for each combination of partition values; over it the " +
      "largest is closed early.",
    default: 200,
    min: 1,
    importance: "low",
    group: "files",
  }),
  "parquet.codec": option.oneOf(["zstd", "snappy", "uncompressed"], {
    doc: "Compression of the data files.",
    default: "zstd",
    group: "files",
  }),
  "parquet.zstd.level": option.int({
    doc: "How hard zstd tries, 1 (fastest) to 22: from 3 on files get little smaller, and the work more.",
    default: 1,
    min: 1,
    max: 22,
    importance: "low",
    group: "files",
  }),
  "parquet.delta.encodings": option.boolean({
    doc:
      "Delta encodings for integers, timestamps and strings where they make files smaller; false for readers that do " +
      "not know them (Spark before 3.3).",
    default: true,
    importance: "low",
    group: "files",
  }),
  "parquet.bloom.columns": option.list({
    doc:
      "Columns that get bloom filters, for readers that look for single values in columns of no order, e.g. `id` or " +
      "`customer.id`; not floats, not booleans. About 8 to 16 bits for each distinct value; names that a table does not " +
      "have are without effect in it.",
    default: [],
    importance: "low",
    group: "files",
  }),
  "app.id": option.optionalString({
    doc:
      "Under which name the table holds our offsets; the connector's name unless set. Change it and all is read again.",
    importance: "low",
    perTopic: false,
    group: "offsets",
  }),
  "app.id.others": option.oneOf(["refuse", "allow"], {
    doc:
      "What to do when the table holds offsets of the same topic under another app id: somebody else ingests it too.",
    default: "refuse",
    importance: "low",
    perTopic: false,
    group: "offsets",
  }),
  "topic.recreated": option.oneOf(["fail", "restart", "continue"], {
    doc:
      "What to do when the table holds offsets of an earlier topic of the same name: refuse; read the new topic from " +
      "its start; or go on at the old topic's offset (a mirrored topic).",
    default: "fail",
    importance: "low",
    perTopic: false,
    group: "offsets",
  }),
  "staged.age.max.ms": option.durationMs({
    doc: "Look up the files of a share that is older than this before it is committed: a vacuum may have run.",
    default: 3_600_000,
    min: 1000,
    importance: "low",
    perTopic: false,
    group: "files",
  }),
  ...s3Options,
} as const;

/** Why rows of one topic cannot come under different names; null: the table does not depend on it. */
export function routedRows({ "table.uri": uri }: DeltaSinkValues): string | null {
  return uri.includes("${topic}")
    ? "A commit moves the offsets of a partition in one table, so that nothing is there twice: take ${topic} out of " +
      "table.uri, or divide the table instead, e.g. by partition.by: date(kafka.timestamp)"
    : null;
}

/** The parsed options of one topic. */
export type DeltaSinkValues = Values<typeof deltaSinkOptions>;

/** The table of a topic: `table.uri` with the topic in it, by the name that routers give it. */
export function tableOfTopic(config: Config<typeof deltaSinkOptions>, topic: string): string {
  return tableUri(config.forTopic(topic), routedName(config, topic));
}

/** A topic's name as routers leave it. */
export function routedName(config: Config<typeof deltaSinkOptions>, topic: string): string {
  return config.routedTopic?.(topic) ?? topic;
}

/** `table.uri` with a name in it. */
export function tableUri(values: DeltaSinkValues, topic: string): string {
  return values["table.uri"].replaceAll("${topic}", topic);
}
