/**
 * The whole way from a file, the environment and the command line to parsed options: with every problem at once.
 *
 * @module
 */
import { ConfigError, type ConfigProblem } from "../api/errors.ts";
import type { ConverterPlugin } from "../api/converter.ts";
import { instanceName, isModuleName } from "../plugins/module_names.ts";
import { loadConfig } from "./load.ts";
import { didYouMean } from "./nearest.ts";
import { applyEnvironment, applyOptions, applySets, type OverrideTarget } from "./overrides.ts";
import { isWorkerKey, parseRaw, type ReadConfig } from "./parse_raw.ts";
import { emptyRawConfig, type RawConfig, type RawKeys, valueText } from "./raw.ts";
import { type ReferenceSources, resolveReferences } from "./references.ts";
import { type ModulePlace, type NamedPlugin, pluginName, type Plugins } from "./resolve_instance.ts";
import { isExpressionKey } from "./validation_rules.ts";

export { isWorkerKey, type ReadConfig } from "./parse_raw.ts";

/** Where a configuration comes from. */
export interface ConfigSource extends ReferenceSources {
  /** A file, or null: then there is one instance, of `connector` and the overrides alone. */
  readonly path: string | null;
  /** `--set key=value`, in order. */
  readonly sets?: readonly string[];
  /** `--option key=value` of the picked instances, over all else and for all of their topics. */
  readonly options?: readonly string[];
  /** Picks the instances of this kind. */
  readonly connector?: string | null;
  /** Picks one instance. */
  readonly name?: string | null;
}

/** Reads, overrides, resolves and parses. Throws ConfigError with everything that is wrong. */
export async function readConfig<Predicate extends NamedPlugin>(
  source: ConfigSource,
  plugins: Plugins<Predicate>,
): Promise<ReadConfig<Predicate>> {
  const problems: ConfigProblem[] = [];
  const loaded = source.path === null ? emptyRawConfig() : await load(source.path, source);
  const selected = select(loaded, source, await kindsOf(loaded, source, plugins), problems);
  const target: OverrideTarget = { isWorkerKey, selected };
  applyEnvironment(loaded, source.environment, target, problems);
  applySets(loaded, source.sets ?? [], target, problems);
  for (const name of selected) applyOptions(loaded, name, source.options ?? []);
  const place = { ...source, file: source.path };
  return parseRaw(await prepareRaw(onlySelected(loaded, selected), place, plugins, problems), plugins, problems);
}

/**
 * What stands between raw configuration and `parseRaw`: references are resolved, modules of plugins are loaded, and what checks
 * of set options need.
 */
export async function prepareRaw(
  raw: RawConfig,
  sources: ReferenceSources & Partial<ModulePlace>,
  plugins: Plugins,
  problems: ConfigProblem[],
): Promise<RawConfig> {
  const known = await resolveReferences(raw, sources, problems);
  const resolved = await plugins.load?.(known, { file: sources.file ?? null }, problems) ?? known;
  await checkExpressions(resolved, problems);
  await loadChecks(resolved, plugins);
  return resolved;
}

/** Loads the formats that are chosen, as far as checks of options that are set may need them. */
async function loadChecks({ worker, connectors }: RawConfig, { converters }: Plugins): Promise<void> {
  const given = [worker, ...connectors.values()].flatMap((keys) => [...keys]);
  const names = converters.map(({ name }) => name);
  const chosen = new Set(
    given.filter(([key]) => /(^|\.)(key|value)\.converter$/.test(key))
      .map(([, { value }]) => pluginName(valueText(value), names)),
  );
  const isChecked = ({ options }: ConverterPlugin) =>
    Object.entries(options).some(([own, { check }]) =>
      check && given.some(([key]) => key === own || key.endsWith(`.${own}`))
    );
  await Promise.all(
    converters.map((plugin) => chosen.has(plugin.name) && isChecked(plugin) ? plugin.load?.() : null),
  );
}

/** The engine is loaded only where there are expressions. */
async function checkExpressions({ connectors }: RawConfig, problems: ConfigProblem[]): Promise<void> {
  for (const [name, keys] of connectors) {
    for (const [key, entry] of keys) {
      if (!isExpressionKey(key)) continue;
      const { celProblem } = await import("../cel.ts");
      const value = valueText(entry.value);
      const why = celProblem(value);
      if (why !== null) problems.push({ key: `connectors.${name}.${key}`, value, why });
    }
  }
}

async function load(path: string, { readTextFile }: ReferenceSources): Promise<RawConfig> {
  let text: string;
  try {
    text = await readTextFile(path);
  } catch (error) {
    if (!(error instanceof Error) || error instanceof TypeError) throw error;
    throw new ConfigError([{ key: path, why: `cannot be read (${error.name}); name a file by --config` }]);
  }
  return loadConfig(text, path, isWorkerKey);
}

/** The kind of each instance; for one by a module, whether that is the module that `--connector` names. */
async function kindsOf(
  { connectors }: RawConfig,
  { path, connector }: ConfigSource,
  plugins: Plugins,
): Promise<ReadonlyMap<string, string | null>> {
  const known = plugins.connectors.map((plugin) => plugin.name);
  const isWanted = connector && isModuleName(connector)
    ? (await import("../plugins/module_url.ts")).sameModuleAs(connector, path)
    : () => false;
  const kindOf = (keys: RawKeys) => {
    const entry = keys.get("connector") ?? keys.get("connector.class");
    if (!entry) return null;
    const given = valueText(entry.value);
    return isModuleName(given) && isWanted(given) ? connector! : pluginName(given, known);
  };
  return new Map([...connectors].map(([name, keys]) => [name, kindOf(keys)]));
}

function select(
  config: RawConfig,
  source: ConfigSource,
  kinds: ReadonlyMap<string, string | null>,
  problems: ConfigProblem[],
): string[] {
  const { connector = null, name = null } = source;
  if (config.connectors.size === 0) {
    if (connector === null && name === null) return [];
    const own = name ?? (isModuleName(connector!) ? instanceName(connector!) : connector!);
    config.connectors.set(own, new Map());
    if (connector !== null) {
      config.connectors.get(own)!.set("connector", { value: connector, source: "--connector", parts: ["connector"] });
    }
    return [own];
  }
  const names = [...config.connectors.keys()];
  if (name !== null && !names.includes(name)) {
    const why = `no instance has this name (${names.join(", ")})${didYouMean(name, names)}`;
    problems.push({ key: "--name", value: name, why });
    return [];
  }
  const picked = names.filter((n) => name === null || n === name)
    .filter((n) => connector === null || kinds.get(n) === connector);
  if (picked.length === 0) {
    const all = names.map((n) => `${n} is ${kinds.get(n) ?? "of none"}`).join(", ");
    problems.push({ key: "--connector", value: connector ?? undefined, why: `no instance is of this kind: ${all}` });
  }
  return picked;
}

function onlySelected(config: RawConfig, selected: readonly string[]): RawConfig {
  return { worker: config.worker, connectors: new Map([...config.connectors].filter(([n]) => selected.includes(n))) };
}
