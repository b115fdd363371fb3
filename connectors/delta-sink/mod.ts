/**
 * The Delta sink: exactly-once appends to Delta Lake tables, one table a topic.
 *
 * @module
 */
import { type Config, ConfigError, type ConnectorContext, FatalError, type SinkConnector } from "../../mod.ts";
import { createDeltaCommitter } from "./committer.ts";
import { deltaSinkOptions, tableUri } from "./config.ts";
import { loadSnapshot } from "./delta/load.ts";
import { assertWritable } from "./delta/protocol.ts";
import { createRouter } from "./route.ts";
import { inParallel } from "./in_parallel.ts";
import type { DeltaStaged } from "./staged.ts";
import { openStorage, sameTableKey } from "./storage/open.ts";
import { s3Settings } from "./storage/s3/options.ts";
import { StorageMeter } from "./storage/usage.ts";
import { DeltaSinkTask } from "./task.ts";

type DeltaConfig = Config<typeof deltaSinkOptions>;

/** `connector: delta-sink`. */
export const deltaSink: SinkConnector<typeof deltaSinkOptions, DeltaStaged> = {
  name: "delta-sink",
  version: "0.1.0",
  options: deltaSinkOptions,
  check,
  createTask: (config, context) => Promise.resolve(new DeltaSinkTask(config, context)),
  createCommitter: (config, context) => Promise.resolve(createCommitter(config, context)),
};

/** Every topic has a table of its own, in a folder that can be written; a table that exists can be written too. */
async function check(config: DeltaConfig, topics: readonly string[], { connector }: ConnectorContext): Promise<void> {
  const owners = new Map<string, { readonly uri: string; readonly topic: string }>();
  const s3 = s3Settings(config.values, `connectors.${connector}.`);
  for (const topic of topics) {
    const values = config.forTopic(topic);
    const uri = tableUri(values, topic);
    const key = sameTableKey(uri);
    const other = owners.get(key);
    if (other !== undefined) {
      const why =
        `is the table of topic "${other.topic}" and of topic "${topic}": put \${topic} into it, or set it per.topic`;
      throw new ConfigError([{ key: `connectors.${connector}.table.uri`, value: values["table.uri"], why }]);
    }
    owners.set(key, { uri, topic });
    createRouter(values["partition.by"]); // throws ConfigError where it cannot be read
  }
  await inParallel([...owners.values()], async ({ uri, topic }) => {
    const storage = openStorage(uri, { s3 });
    await storage.check();
    const snapshot = await loadSnapshot(storage);
    if (snapshot) assertWritable(uri, snapshot.protocol, snapshot.metadata);
    else if (!config.forTopic(topic)["auto.create.table"]) {
      throw new FatalError(
        `Cannot write to table "${uri}": there is none. Create it, or set auto.create.table to true`,
      );
    }
  });
}

function createCommitter(config: DeltaConfig, { connector, clock, uuid, random, log }: ConnectorContext) {
  const { values } = config;
  const topics = new Map<string, string>();
  const owners = new Map<string, string>();
  const s3 = s3Settings(values);
  const meter = new StorageMeter();
  const tableOf = (topic: string) => {
    const uri = tableUri(config.forTopic(topic), topic);
    if (topics.get(uri) === topic) return uri;
    // `check` saw the topics of the start; others come while we run.
    const owner = owners.get(sameTableKey(uri)) ?? topic;
    if (owner !== topic) {
      throw new FatalError(
        `Cannot read topic ${topic} into table "${uri}": it is the table of topic ${owner}. Put \${topic} into table.uri, ` +
          "or set it per.topic",
      );
    }
    owners.set(sameTableKey(uri), topic);
    topics.set(uri, topic);
    return uri;
  };
  /** The options of the topic that feeds the table. */
  const of = (table: string) => config.forTopic(topics.get(table) ?? "");
  return createDeltaCommitter({
    openTable: (uri) => openStorage(uri, { s3, meter }),
    s3,
    meter,
    tableOf,
    appId: values["app.id"] ?? connector,
    othersAllowed: values["app.id.others"] === "allow",
    topicRecreated: values["topic.recreated"],
    schemaEvolution: (table) => of(table)["schema.evolution"],
    autoCreateTable: values["auto.create.table"],
    allowProtocolUpgrade: values["allow.protocol.upgrade"],
    tableProperties: values["table.properties"],
    stagedAgeMaxMs: values["staged.age.max.ms"],
    clock,
    uuid,
    random,
    log,
  });
}
