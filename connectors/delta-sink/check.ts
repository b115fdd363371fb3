/**
 * The proof, before the start, that every topic can be written.
 *
 * @module
 */
import { type Config, ConfigError, type ConnectorContext, FatalError } from "../../mod.ts";
import { type deltaSinkOptions, type DeltaSinkValues, routedName, tableOfTopic } from "./config.ts";
import { loadSnapshot } from "./delta/load.ts";
import { assertWritable } from "./delta/protocol.ts";
import { inParallel } from "./in_parallel.ts";
import { createRouter } from "./route.ts";
import { openStorage, sameTableKey } from "./storage/open.ts";
import { s3Settings } from "./storage/s3/options.ts";

type DeltaConfig = Config<typeof deltaSinkOptions>;

/**
 * Every topic has a table of its own, or shares it with those that routers give the same name; it is in a folder that can be
 * written, and if it exists it can be written too.
 */
export async function check(
  config: DeltaConfig,
  topics: readonly string[],
  { connector }: ConnectorContext,
): Promise<void> {
  const owners = new Map<string, { readonly uri: string; readonly topic: string }>();
  const s3 = s3Settings(config.values, `connectors.${connector}.`);
  for (const topic of topics) {
    const values = config.forTopic(topic);
    const uri = tableOfTopic(config, topic);
    const key = sameTableKey(uri);
    const other = owners.get(key);
    if (other !== undefined) {
      const why = whyNotShared(config, other, { uri, topic });
      if (why !== null) {
        throw new ConfigError([{ key: `connectors.${connector}.table.uri`, value: values["table.uri"], why }]);
      }
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

interface Feed {
  readonly uri: string;
  readonly topic: string;
}

/** A table holds the offsets of each partition of each topic, so that topics may share one: where they are meant to. */
function whyNotShared(config: DeltaConfig, a: Feed, b: Feed): string | null {
  const both = `is the table of topic "${a.topic}" and of topic "${b.topic}"`;
  if (routedName(config, a.topic) !== routedName(config, b.topic)) {
    return `${both}: put \${topic} into it, or set it per.topic`;
  }
  if (a.uri !== b.uri) return `${both}, which a router gives one name: give both of them one table.uri`;
  const [of, others] = [config.forTopic(a.topic), config.forTopic(b.topic)];
  const differs = SHARED.find((key) => JSON.stringify(of[key]) !== JSON.stringify(others[key]));
  return differs ? `${both}, which a router gives one name: give both of them one ${differs}` : null;
}

/** What is a table's, and not a topic's. */
const SHARED = ["partition.by", "schema.evolution"] as const satisfies readonly (keyof DeltaSinkValues)[];
