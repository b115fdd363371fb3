/**
 * `schemas check`: are the versions of the topics' subjects compatible with their tables and the policy? For CI.
 *
 * @module
 */
import { ConfigError, DataError, type SchemaDocument } from "../../api/mod.ts";
import { systemClock } from "../../clock.ts";
import { readConfig } from "../../config/read_config.ts";
import type { Instance } from "../../config/resolve_instance.ts";
import { createLog } from "../../log.ts";
import { createRetry } from "../../retry.ts";
import type { CliContext } from "../command_line.ts";
import type { RegistryParts, RegistrySubjects, TableTools } from "../table_tools.ts";
import { readCandidate } from "./candidate.ts";
import { checkSubject, type SubjectCheck } from "./check_topic.ts";
import { loadPipeline, type Pipeline } from "./columns.ts";
import { checkText, isGreen, verdictText } from "./render.ts";
import { topicSubjects } from "./subjects_of_topics.ts";

/** The flags. */
export interface CheckFlags {
  readonly config?: string;
  readonly connector?: string;
  readonly set?: readonly string[];
  readonly subject?: string;
  readonly file?: string;
  readonly type?: string;
  readonly reference?: readonly string[];
  readonly json?: boolean;
}

const DEFAULT_CONFIG = "sluice.yaml";
const RETRY_TIMEOUT_MS = 10_000;

/** Prints the checks; returns the exit code. */
export async function check(flags: CheckFlags, context: CliContext): Promise<number> {
  if (flags.file !== undefined && flags.subject === undefined) {
    throw new ConfigError([{ key: "--subject", why: "is missing: --file is checked as a version of it" }]);
  }
  const { file, subject } = flags;
  const read = (subjects: RegistrySubjects) =>
    file === undefined ? null : readCandidate(file, subject!, flags, subjects);
  const checks = await checkAll(flags, context, read);
  if (flags.json) console.log(JSON.stringify({ green: checks.every(isGreen), subjects: checks }));
  else console.log([...checks.map(checkText), verdictText(checks)].join("\n\n"));
  return checks.every(isGreen) ? 0 : 1;
}

/** All instances' subjects; `read` gives a schema to check instead of what is registered. Throws ConfigError. */
export async function checkAll(
  flags: CheckFlags,
  context: CliContext,
  read: (subjects: RegistrySubjects) => Promise<SchemaDocument> | null,
): Promise<SubjectCheck[]> {
  const tools = await context.tables();
  const checks: SubjectCheck[] = [];
  for await (const { instance, registry, subjects, pipeline, own, note } of readTopics(flags, context)) {
    const { topic } = pipeline;
    if (own.length === 0 && flags.subject === undefined) checks.push(unknownSubjects(instance, topic, note));
    const addedByCommand = async (subject: string, version: number, table: Parameters<TableTools["fitOf"]>[0]) => {
      try {
        const asked = { config: registry as never, subject, version };
        const { added, changed } = tools.fitOf(table, await tools.columnsOfSubject(asked, PARTS));
        return changed.length > 0 ? null : added;
      } catch (error) {
        if (error instanceof DataError) return null;
        throw error;
      }
    };
    const configFlag = flags.config === undefined ? "" : ` --config ${flags.config}`;
    const parts = { instance, pipeline, subjects, tools, addedByCommand, configFlag };
    for (const subject of own) checks.push(await checkSubject(parts, subject, await read(subjects)));
  }
  if (checks.length === 0) throw noTopics(flags);
  return checks;
}

/** A topic whose values are read by a registry. */
export interface ReadTopic {
  readonly instance: Instance;
  /** The options of the registry. */
  readonly registry: Record<string, unknown>;
  readonly subjects: RegistrySubjects;
  readonly pipeline: Pipeline;
  /** Its subjects, or the one that was asked for. */
  readonly own: readonly string[];
  readonly note: string | null;
}

/** Those of the chosen connectors that have the subject that is asked for. Throws ConfigError where none reads a registry. */
export async function* readTopics(flags: CheckFlags, context: CliContext): AsyncGenerator<ReadTopic> {
  const tools = await context.tables();
  let found = false;
  for (const instance of await instancesOf(flags, context)) {
    const registry = registryOf(instance, tools);
    if (registry === null) continue;
    found = true;
    const subjects = tools.createSubjects(registry as never, PARTS);
    for (const { topic, subjects: all, note } of topicSubjects(instance, await subjects.names())) {
      const { subject } = flags;
      // A subject that is named counts where nobody knows which are the topic's.
      const own = subject === undefined ? all : all.includes(subject) || note !== null ? [subject] : [];
      if (own.length === 0 && subject !== undefined) continue;
      const pipeline = await loadPipeline(instance, topic, { ...PARTS, retry: RETRY, uuid: () => crypto.randomUUID() });
      if (pipeline === null) continue;
      yield { instance, registry, subjects, pipeline, own, note };
      await pipeline.sink?.stop();
    }
  }
  if (found) return;
  const why =
    "no chosen connector reads its values by a schema registry (schema.registry.url): there is nothing to check";
  throw new ConfigError([{ key: "schema.registry.url", why }]);
}

/** Nothing was found: said, so that a check of nothing is not green. */
export function noTopics({ subject, connector }: CheckFlags): ConfigError {
  return subject === undefined
    ? new ConfigError([{
      key: "--connector",
      value: connector,
      why: "has no topic whose values are read by a registry",
    }])
    : new ConfigError([{
      key: "--subject",
      value: subject,
      why: "is the subject of no topic of the chosen connectors",
    }]);
}

const LOG = createLog({ level: "error", format: "text" });
const PARTS: RegistryParts = { fetch, clock: systemClock, random: Math.random, log: LOG };
const RETRY = createRetry({
  ...{ clock: systemClock, log: LOG, random: Math.random },
  ...{ delayMsMax: 1000, timeoutMs: RETRY_TIMEOUT_MS },
});

function unknownSubjects({ name, connectorConfig }: Instance, topic: string, note: string | null): SubjectCheck {
  const { "table.uri": table, "schema.evolution": policy } = connectorConfig.forTopic(topic);
  return {
    ...{ connector: name, topic, subject: "", tableExists: false, standsFor: null, newest: null, versions: [], note },
    table: typeof table === "string" ? table.replaceAll("${topic}", topic) : null,
    policy: String(policy ?? "none"),
  };
}

async function instancesOf(flags: CheckFlags, { plugins }: CliContext): Promise<readonly Instance[]> {
  const { connector = null } = flags;
  const isKind = plugins.connectors.some(({ name }) => name === connector);
  const config = await readConfig({
    path: flags.config ?? DEFAULT_CONFIG,
    sets: flags.set ?? [],
    ...isKind ? { connector } : { name: connector },
    environment: Deno.env.toObject(),
    readTextFile: Deno.readTextFile,
  }, plugins);
  return config.instances;
}

/** The options of the registry that values are read by; null: none is. */
function registryOf(instance: Instance, { registryOptions }: TableTools): Record<string, unknown> | null {
  const topics = instance.topics instanceof RegExp ? [] : instance.topics;
  for (const topic of [...topics, ""]) {
    const { config } = instance.forTopic(topic).valueConverter;
    const own = Object.fromEntries(Object.entries(config).filter(([key]) => key in registryOptions));
    if ((own["schema.registry.url"] as readonly string[] | undefined)?.length) return own;
  }
  return null;
}
