/**
 * `validate`: everything that is wrong with a configuration; then, unless it is to be offline, whether Kafka, the registry and
 * the target are there for it. Nothing lasting is written: connectors' checks clean up behind them.
 *
 * @module
 */
import {
  type ConfigDef,
  ConfigError,
  type ConfigProblem,
  DataError,
  FatalError,
  type Log,
  RetriableError,
  type Values,
} from "../api/mod.ts";
import { systemClock } from "../clock.ts";
import { type ReadConfig, readConfig } from "../config/read_config.ts";
import type { Instance } from "../config/resolve_instance.ts";
import { connectorContext } from "../connector_context.ts";
import { type KafkaSettings, kafkaSettings } from "../kafka/settings.ts";
import { kafkaKeys } from "../kafka_keys.ts";
import { createLog } from "../log.ts";
import { createRetry } from "../retry.ts";
import type { CliContext } from "./command_line.ts";
import { type ConfigFlags, sourceOf } from "./explain.ts";

/** What one look at the world found. */
export interface Check {
  readonly connector: string;
  /** `kafka`, `dead letters`, `registry`, `target`. */
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** How long something that may pass is tried. */
const PATIENCE_MS = 10_000;

/** Returns the exit code: 0, 1 where something is not there, 2 where the configuration is refused. */
export async function validate(flags: ConfigFlags & { readonly offline: boolean }, context: CliContext) {
  const { config, kafka, problems } = await read(flags, context);
  const checks: Check[] = [];
  if (!flags.json) {
    for (const { key, value, why } of problems) {
      console.log(value === undefined ? `${key}: ${why}` : `${key} = ${value}: ${why}`);
    }
    if (problems.length > 0) console.log(`\n${problems.length} problem(s)`);
    else {console.log(`The configuration is accepted: ${
        config!.instances.map(({ name }) => name).join(", ") || "no connector"
      }`);}
  }
  if (config && problems.length === 0 && !flags.offline) {
    const log = createLog({ level: "error", format: "text" });
    for (const instance of config.instances) {
      for await (const check of checksOf(instance, kafka.get(instance.name)!, context, log)) {
        checks.push(check);
        if (!flags.json) {
          console.log(`${check.connector}: ${check.what}: ${check.ok ? "ok" : "problem"}: ${check.detail}`);
        }
      }
    }
  }
  const failed = checks.some(({ ok }) => !ok);
  if (flags.json) console.log(JSON.stringify({ valid: problems.length === 0 && !failed, problems, checks }));
  return problems.length > 0 ? 2 : failed ? 1 : 0;
}

interface Read {
  readonly config: ReadConfig | null;
  readonly kafka: ReadonlyMap<string, KafkaSettings>;
  readonly problems: readonly ConfigProblem[];
}

/** Reads all that needs no server: the options, the clients' settings, the files that they name. */
async function read(flags: ConfigFlags, { plugins }: CliContext): Promise<Read> {
  const problems: ConfigProblem[] = [];
  const kafka = new Map<string, KafkaSettings>();
  const collecting = async <T>(what: () => Promise<T>): Promise<T | null> => {
    try {
      return await what();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(
        ...error.problems.filter((each) => !problems.some(({ key, why }) => key === each.key && why === each.why)),
      );
      return null;
    }
  };
  const config = await collecting(() => readConfig(sourceOf(flags), plugins));
  if (!config) return { config, kafka, problems };
  for (const { name, values } of config.instances) {
    const settings = await collecting(() => kafkaSettings(kafkaKeys(config.worker, values)));
    if (settings) kafka.set(name, settings);
  }
  await collecting(async () => {
    if (config.worker["http.listen"] === "off") return;
    await (await import("../rest/security.ts")).httpSecurity(config.worker);
  });
  return { config, kafka, problems };
}

async function* checksOf(
  instance: Instance,
  kafka: KafkaSettings,
  context: CliContext,
  log: Log,
): AsyncGenerator<Check> {
  const retry = createRetry({
    clock: systemClock,
    random: Math.random,
    log,
    delayMsMax: 1000,
    timeoutMs: Math.min(PATIENCE_MS, Math.max(0, instance.values["errors.retry.timeout"])),
  });
  const check = async (what: string, look: () => Promise<string>): Promise<Check> => {
    try {
      return { connector: instance.name, what, ok: true, detail: await look() };
    } catch (error) {
      const known = [ConfigError, DataError, FatalError, RetriableError].some((verdict) => error instanceof verdict);
      if (!known || !(error instanceof Error)) throw error;
      return { connector: instance.name, what, ok: false, detail: error.message };
    }
  };
  const { createAdmin } = await import("../kafka/admin.ts");
  const { proveOverrides } = await import("../kafka/probe.ts");
  const admin = createAdmin({ settings: kafka.admin, log, readCommitted: kafka.consumer.readCommitted });
  // Where Kafka does not tell, what is named is asked for.
  let topics: readonly string[] = instance.topics instanceof RegExp ? [] : instance.topics;
  try {
    yield await check("kafka", async () => {
      const found = await retry("describe the topics", () => admin.describeTopics(instance.topics));
      await retry("connect with the overrides", () => proveOverrides(kafka));
      const missing = topics.filter((name) => !found.some(({ topic }) => topic === name));
      if (found.length > 0) topics = found.map(({ topic }) => topic);
      if (missing.length > 0) throw new FatalError(`there is no topic ${missing.join(", ")}`);
      if (found.length === 0) return "reached; no topic matches topics.regex yet";
      return found.map(({ topic, partitions }) => `${topic} has ${partitions} partition(s)`).join(", ");
    });
    const letters = instance.values["errors.deadletterqueue.topic.name"];
    if (letters !== null) {
      yield await check("dead letters", async () => {
        const [found] = await retry("describe the dead-letter topic", () => admin.describeTopics([letters]));
        return found ? `${letters} has ${found.partitions} partition(s)` : `${letters} is made at the start`;
      });
    }
  } finally {
    await admin.close();
  }
  for (const registry of registriesOf(instance, topics)) {
    const parts = { fetch, clock: systemClock, random: Math.random, log };
    yield await check("registry", async () => {
      const { subjectsOf } = await context.tables();
      const subjects = await retry("ask the registry", () => subjectsOf(registry, parts));
      return `reached; it has ${subjects.length} subject(s)`;
    });
  }
  const of = connectorContext(instance.name, { clock: systemClock, log, retry, random: Math.random });
  yield await check("target", async () => {
    if (topics.length === 0) return "not asked: there is no topic yet, so that no target is known";
    await retry("check the target", () => instance.plugin.check(instance.connectorConfig, topics, of));
    return "can be used";
  });
}

/** The options of each registry that a converter uses, once each. */
function registriesOf(instance: Instance, topics: readonly string[]): Values<ConfigDef>[] {
  const found = new Map<string, Values<ConfigDef>>();
  for (const topic of topics.length > 0 ? topics : ["\0"]) {
    const { keyConverter, valueConverter } = instance.forTopic(topic);
    for (const { config } of [keyConverter, valueConverter]) {
      const urls = config["schema.registry.url"];
      if (Array.isArray(urls) && urls.length > 0) found.set(urls.join(","), config);
    }
  }
  return [...found.values()];
}
