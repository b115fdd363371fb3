/**
 * The committer of a configured instance.
 *
 * @module
 */
import { type Committer, type Config, type ConnectorContext, FatalError, settingsTopic } from "../../mod.ts";
import { createDeltaCommitter } from "./committer.ts";
import { type deltaSinkOptions, routedName, tableOfTopic } from "./config.ts";
import type { DeltaStaged } from "./staged.ts";
import { openStorage, sameTableKey } from "./storage/open.ts";
import { s3Settings } from "./storage/s3/options.ts";
import { StorageMeter } from "./storage/usage.ts";

/** Knows which topic feeds which table: one topic, or those that routers give one name. */
export function createCommitter(
  config: Config<typeof deltaSinkOptions>,
  { connector, clock, uuid, random, log }: ConnectorContext,
): Committer<DeltaStaged> {
  const { values } = config;
  /** The topics of each table, by its URI. */
  const topics = new Map<string, Set<string>>();
  /** Whose table it is, however its URI is written: the name that its topics have. */
  const owners = new Map<string, { readonly name: string; readonly uri: string }>();
  const s3 = s3Settings(values);
  const meter = new StorageMeter();
  const tableOf = (name: string) => {
    const topic = settingsTopic(name);
    const uri = tableOfTopic(config, topic);
    if (topics.get(uri)?.has(topic)) return uri;
    // `check` saw the topics of the start; others come while we run.
    const routed = routedName(config, topic);
    const owner = owners.get(sameTableKey(uri)) ?? { name: routed, uri };
    if (owner.name !== routed || owner.uri !== uri) {
      throw new FatalError(
        `Cannot read topic ${topic} into table "${uri}": it is the table of topic ${owner.name}. Put \${topic} into ` +
          "table.uri, or set it per.topic",
      );
    }
    owners.set(sameTableKey(uri), owner);
    topics.set(uri, new Set([...topics.get(uri) ?? [], topic]));
    return uri;
  };
  /** The strictest of the topics that feed the table. */
  const evolutionOf = (table: string) =>
    [...topics.get(table) ?? [""]].every((topic) => config.forTopic(topic)["schema.evolution"] === "add")
      ? "add"
      : "none";
  return createDeltaCommitter({
    openTable: (uri) => openStorage(uri, { s3, meter }),
    s3,
    meter,
    tableOf,
    appId: values["app.id"] ?? connector,
    othersAllowed: values["app.id.others"] === "allow",
    topicRecreated: values["topic.recreated"],
    schemaEvolution: evolutionOf,
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
