/**
 * The proof, before the start, that every topic can be written.
 *
 * @module
 */
import { type Config, ConfigError, type ConnectorContext, FatalError } from "../../mod.ts";
import { type deltaSinkOptions, tableUri } from "./config.ts";
import { loadSnapshot } from "./delta/load.ts";
import { assertWritable } from "./delta/protocol.ts";
import { inParallel } from "./in_parallel.ts";
import { createRouter } from "./route.ts";
import { openStorage, sameTableKey } from "./storage/open.ts";
import { s3Settings } from "./storage/s3/options.ts";

type DeltaConfig = Config<typeof deltaSinkOptions>;

/** Every topic has a table of its own, in a folder that can be written; a table that exists can be written too. */
export async function check(
  config: DeltaConfig,
  topics: readonly string[],
  { connector }: ConnectorContext,
): Promise<void> {
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
