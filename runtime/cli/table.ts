/**
 * `table inspect` and `table schema apply`.
 *
 * @module
 */
import { type ConfigDef, ConfigError, FatalError, type Values } from "../api/mod.ts";
import { systemClock } from "../clock.ts";
import { createLog } from "../log.ts";
import { loadConfig } from "../config/load.ts";
import { parseConfig } from "../config/parse_config.ts";
import { rawKeys } from "../config/raw.ts";
import { isWorkerKey } from "../config/read_config.ts";
import type { CliContext } from "./command_line.ts";
import type { StorageAccess, TableTools } from "./table_tools.ts";

/** Prints a table; returns the exit code. */
export async function inspect(
  uri: string,
  { json, set }: { json: boolean; set: readonly string[] },
  { tables }: CliContext,
): Promise<number> {
  const tools = await tables();
  const { inspectTable, describeTable } = tools;
  const table = await inspectTable(uri, storageAccess(tools, set));
  if (table === null) throw new FatalError(`Cannot inspect "${uri}": there is no Delta table`);
  console.log(json ? JSON.stringify(table) : describeTable(table));
  return 0;
}

/** Adds the columns of a registered schema to a table; returns the exit code. */
export async function applySchema(
  uri: string,
  { subject, registry, config, set }: { subject: string; registry?: string; config?: string; set: readonly string[] },
  { tables }: CliContext,
): Promise<number> {
  const [, name, version] = /^(.+)@(\d+|latest)$/.exec(subject) ?? [];
  if (!name) {
    throw new ConfigError([{ key: "--subject", value: subject, why: "must be SUBJECT@VERSION, e.g. orders-value@2" }]);
  }
  const tools = await tables();
  const { applyTableSchema, columnsOfSubject, registryOptions } = tools;
  const storage = storageAccess(tools, set);
  const log = createLog({ level: "warn", format: "text" });
  const schema = await columnsOfSubject(
    {
      config: await registryConfig(registryOptions, registry, config ?? "sluice.yaml"),
      subject: name,
      version: version === "latest" ? version : Number(version),
    },
    { fetch, clock: systemClock, random: Math.random, log },
  );
  const parts = { clock: systemClock, uuid: () => crypto.randomUUID() };
  const outcome = await applyTableSchema(uri, schema, parts, storage);
  console.log(
    outcome.added.length === 0
      ? `"${uri}" has every column of ${subject} already`
      : `"${uri}" is at version ${outcome.version} with the new columns ${outcome.added.join(", ")}`,
  );
  return 0;
}

/** How to reach the table, by `--set`; what is not set is as the environment (`AWS_...`) says. */
export function storageAccess({ storageOptions, storageOf }: TableTools, sets: readonly string[]): StorageAccess {
  const entries = sets.map((set): [string, string] => {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(set) ?? [];
    if (key === undefined) throw new ConfigError([{ key: "--set", value: set, why: "must be KEY=VALUE" }]);
    return [key, value];
  });
  return storageOf(parseConfig(storageOptions, rawKeys(Object.fromEntries(entries), "--set")).values);
}

/** The registry's options by flag, or as the worker section of a configuration file has them. */
export async function registryConfig<Def extends ConfigDef>(
  registryOptions: Def,
  url: string | undefined,
  path: string,
): Promise<Values<Def>> {
  if (url !== undefined) {
    return parseConfig(registryOptions, rawKeys({ "schema.registry.url": url }, "--registry")).values;
  }
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const why = `is missing, and there is no ${path} to read schema.registry.url from`;
    throw new ConfigError([{ key: "--registry", why }]);
  }
  const worker = loadConfig(text, path, isWorkerKey).worker;
  return parseConfig(registryOptions, new Map([...worker].filter(([key]) => key in registryOptions))).values;
}
