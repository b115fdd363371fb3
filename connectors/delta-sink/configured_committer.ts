/**
 * The committer of a configured instance.
 *
 * @module
 */
import { type Committer, type Config, type ConnectorContext, FatalError } from "../../mod.ts";
import { createDeltaCommitter } from "./committer.ts";
import { type deltaSinkOptions, tableUri } from "./config.ts";
import type { DeltaStaged } from "./staged.ts";
import { openStorage, sameTableKey } from "./storage/open.ts";
import { s3Settings } from "./storage/s3/options.ts";
import { StorageMeter } from "./storage/usage.ts";

/** Knows which topic feeds which table. */
export function createCommitter(
  config: Config<typeof deltaSinkOptions>,
  { connector, clock, uuid, random, log }: ConnectorContext,
): Committer<DeltaStaged> {
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
