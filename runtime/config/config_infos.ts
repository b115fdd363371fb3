/**
 * A connector's configuration as Kafka Connect's `PUT /connector-plugins/{p}/config/validate` answers it (ConfigInfos): each
 * option that concerns it, what it is set to, and what is wrong with it. Keys that no option has are wrong here, where
 * Connect takes them in silence.
 *
 * @module
 */
import { type ConfigDef, option } from "../api/config_def.ts";
import { ConfigError, type ConfigProblem } from "../api/errors.ts";
import { choose, type NamedPlugin, pluginName, type Plugins } from "./choose_parts.ts";
import { configKey, type ConfigKeyInfo, configKeys, valueAsText } from "./config_keys.ts";
import { INSTANCE_OPTIONS, type InstanceValues } from "./instance_options.ts";
import { holdsPassword, isSecretKey, optionOf } from "./parse_config.ts";
import { type AnyOption, parseValue, splitList } from "./parse_value.ts";
import { type RawEntry, type RawKeys, valueText } from "./raw.ts";
import { prepareRaw } from "./read_config.ts";
import type { ReferenceSources } from "./references.ts";
import { resolveInstance } from "./resolve_instance.ts";
import { isPassedOn } from "./worker_options.ts";

/** What one option is set to, and what is wrong with that. */
export interface ConfigValueInfo {
  readonly name: string;
  readonly value: string | null;
  readonly recommended_values: readonly string[];
  readonly errors: readonly string[];
  readonly visible: boolean;
}

/** Connect's answer. */
export interface ConfigInfos {
  readonly name: string;
  readonly error_count: number;
  readonly groups: readonly string[];
  readonly configs: readonly { readonly definition: ConfigKeyInfo; readonly value: ConfigValueInfo }[];
}

/** What a configuration is held against. */
export interface ConfigContext {
  readonly plugins: Plugins;
  /** The worker's own keys, of which some serve as defaults. */
  readonly passedOn: RawKeys;
  readonly references: ReferenceSources;
  /** What is wrong with the overrides of the Kafka clients; throws ConfigError. None: they are not looked at. */
  readonly checkClients?: (values: InstanceValues) => Promise<unknown>;
}

/** The framework's options as Connect names them: `connector.class` for `connector`. */
export const CONNECT_OPTIONS: ConfigDef = (() => {
  const { connector, ...others } = INSTANCE_OPTIONS;
  const name = option.string({ doc: "The connector's name.", importance: "high", group: connector.group });
  return { name, "connector.class": connector, ...others };
})();

/** Values that are known to be secrets, whatever their keys look like. */
export interface KnownSecrets {
  readonly keys: readonly string[];
  /** Those of them that were not given: what is wrong with that. */
  readonly missing: ReadonlyMap<string, string>;
}

/** Holds a configuration, `connector.class` and `name` among it, against all that it can be made of. */
export async function configInfos(
  config: Readonly<Record<string, string>>,
  context: ConfigContext,
  { keys: secrets, missing }: KnownSecrets = { keys: [], missing: new Map() },
): Promise<ConfigInfos> {
  const { name = "", ...own } = config;
  const given: RawKeys = new Map(
    Object.entries(own).map(([key, value]): [string, RawEntry] => [key, { value, source: "REST", parts: [key] }]),
  );
  const { problems, prepared } = await problemsOf(name || "unnamed", given, context);
  // Plugins of modules by their names; what references stand for is nobody's business.
  const keys: RawKeys = new Map([...given].map(([key, entry]) => [key, withModule(entry, prepared.get(key))]));
  const byKey = new Map<string, string[]>();
  if (name === "") byKey.set("name", ["is missing; the connector's name"]);
  for (const [key, why] of missing) byKey.set(key, [why]);
  for (const { key, why } of problems) {
    if (missing.has(key)) continue; // that it is missing
    const errors = byKey.get(key) ?? [];
    if (!errors.includes(why)) byKey.set(key, [...errors, why]);
  }
  const entries = entriesOf(keys, context);
  // What nobody has an entry for still has one: a problem that nobody sees helps nobody.
  const rest = [...keys.keys(), ...byKey.keys()].filter((key) => !entries.has(key));
  for (const key of rest) {
    const known = optionOf(CONNECT_OPTIONS, key);
    const doc = known?.doc ?? "";
    entries.set(key, configKey(key, { type: "string", importance: "low", perTopic: true, doc, default: null }, 0));
  }
  const shown: RawKeys = new Map([...keys, ["name", { value: name, source: "REST", parts: ["name"] }]]);
  const configs = [...entries].map(([key, definition]) => ({
    definition,
    value: {
      name: key,
      value: secrets.includes(key) ? "[hidden]" : valueOf(key, definition, shown, context),
      recommended_values: recommended(key, keys, context.plugins),
      errors: byKey.get(key) ?? [],
      visible: true,
    },
  }));
  return {
    name: config["connector.class"] ?? config.connector ?? "",
    error_count: [...byKey.values()].reduce((sum, errors) => sum + errors.length, 0),
    groups: [...new Set(configs.flatMap(({ definition: { group } }) => group ?? []))],
    configs,
  };
}

function withModule(given: RawEntry, prepared: RawEntry | undefined): RawEntry {
  return prepared?.module === undefined ? given : prepared;
}

/** Everything that is wrong, by the keys of the connector's own configuration; and that as it is parsed. */
async function problemsOf(
  name: string,
  given: RawKeys,
  context: ConfigContext,
): Promise<{ readonly problems: readonly ConfigProblem[]; readonly prepared: RawKeys }> {
  const { plugins, passedOn, references, checkClients } = context;
  const problems: ConfigProblem[] = [];
  const worker: RawKeys = new Map([...passedOn].filter(([key]) => key === "plugin.path"));
  const raw = { worker, connectors: new Map([[name, given]]) };
  const keys = (await prepareRaw(raw, references, plugins, problems)).connectors.get(name)!;
  const instance = resolveInstance(name, keys, passedOn, plugins, problems);
  if (instance && checkClients) {
    await checkClients(instance.values).catch((error: unknown) => {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
    });
  }
  const path = `connectors.${name}.`;
  const shown = problems.map(({ key, value, why }) => {
    const own = key.startsWith(path) ? key.slice(path.length) : key === path.slice(0, -1) ? "name" : key;
    return { key: own === "connector" && !given.has(own) ? "connector.class" : own, value, why };
  });
  return { problems: shown, prepared: keys };
}

/** The options that concern it, by key, in the order in which they are shown. */
function entriesOf(keys: RawKeys, context: ConfigContext): Map<string, ConfigKeyInfo> {
  const { plugins } = context;
  const { connectors, converters, headerConverters = [], transforms, predicates = [] } = plugins;
  const entries = new Map<string, ConfigKeyInfo>();
  const add = (infos: readonly ConfigKeyInfo[]) => {
    for (const info of infos) if (!entries.has(info.name)) entries.set(info.name, info);
  };
  const declared: ConfigDef[] = [CONNECT_OPTIONS];
  const addOf = (from: readonly NamedPlugin[], key: string, prefixes: readonly string[]) => {
    const plugin = pluginAt(from, key, keys, context);
    if (!plugin) return;
    if (prefixes.includes("")) declared.push(plugin.options);
    for (const prefix of prefixes) {
      // A converter's option is shown where it stands: bare, or below its side.
      add(configKeys(plugin.options, prefix).filter(({ name }) => prefix === "" || keys.has(name) || !isSide(prefix)));
    }
  };
  add(configKeys(CONNECT_OPTIONS));
  addOf(connectors, keys.has("connector") ? "connector" : "connector.class", [""]);
  for (const side of ["key", "value"]) addOf(converters, `${side}.converter`, ["", `${side}.converter.`]);
  addOf(headerConverters, "header.converter", ["header.converter."]);
  for (const [list, from] of [["transforms", transforms], ["predicates", predicates]] as const) {
    for (const alias of splitList(valueText(keys.get(list)?.value ?? ""))) {
      const at = `${list}.${alias}.`;
      add(configKeys(list === "transforms" ? { ...PART, ...TRANSFORM } : PART, at));
      addOf(from, `${at}type`, [at]);
    }
  }
  for (const key of keys.keys()) {
    const bare = key.replace(/^per\.topic\..*?\.(?=[a-z])/, "");
    const known = declared.map((def) => optionOf(def, key) ?? optionOf(def, bare)).find((found) => found !== null);
    if (known) add([configKey(key, known.type === "map" ? { ...known, type: "string", default: null } : known, 0)]);
  }
  return entries;
}

const PART = {
  "type": option.string({ doc: "What it is.", importance: "high", group: "Formats" }),
};
const TRANSFORM = {
  "predicate": option.optionalString({
    doc: "The predicate whose records it is for; none: all.",
    group: "Formats",
  }),
  "negate": option.boolean({
    doc: "Whether it is for the records of which the predicate does not hold.",
    default: false,
    group: "Formats",
  }),
};

function isSide(prefix: string): boolean {
  return prefix === "key.converter." || prefix === "value.converter.";
}

function pluginAt<P extends NamedPlugin>(
  from: readonly P[],
  key: string,
  keys: RawKeys,
  { passedOn }: ConfigContext,
): P | null {
  const entry = keys.get(key) ?? (isPassedOn(key) ? passedOn.get(key) : undefined);
  const fallback = key === "key.converter" ? "bytes" : key === "header.converter" ? from[0]?.name : undefined;
  if (!entry && fallback === undefined) return null;
  const named = entry ?? { value: fallback!, source: "default", parts: [] };
  return choose(key, new Map([[key, named]]), from, "", []);
}

/** As given, or the default; never a secret, and never what a reference stands for. */
function valueOf(key: string, { default_value, type }: ConfigKeyInfo, keys: RawKeys, context: ConfigContext) {
  const entry = keys.get(key) ?? (isPassedOn(key) ? context.passedOn.get(key) : undefined);
  if (!entry) return default_value;
  const text = entry.shown ?? valueText(entry.value);
  if (/^\$\{[^{}:]+:[^{}]*\}$/.test(text)) return text;
  if (type === "PASSWORD" || isSecretKey(null, key) || holdsPassword(text)) return "[hidden]";
  const parsed = type === "LONG" ? parseValue(LONGS[key.endsWith("ms") ? "duration" : "bytes"], text) : null;
  return parsed && "value" in parsed
    ? valueAsText(parsed.value)
    : Array.isArray(entry.value)
    ? entry.value.join(",")
    : text;
}

const LONGS: Readonly<Record<"duration" | "bytes", AnyOption>> = {
  duration: option.durationMs({ doc: "" }) as AnyOption,
  bytes: option.bytes({ doc: "" }) as AnyOption,
};

function recommended(key: string, keys: RawKeys, plugins: Plugins): string[] {
  const names = (of: readonly NamedPlugin[] = []) => of.map(({ name }) => name);
  if (/^connector(\.class)?$/.test(key)) return names(plugins.connectors);
  if (/^(key|value)\.converter$/.test(key)) return names(plugins.converters);
  if (key === "header.converter") return names(plugins.headerConverters);
  if (/^transforms\.[^.]+\.type$/.test(key)) return names(plugins.transforms);
  if (/^predicates\.[^.]+\.type$/.test(key)) return names(plugins.predicates);
  if (/^transforms\.[^.]+\.predicate$/.test(key)) return splitList(valueText(keys.get("predicates")?.value ?? ""));
  const connectors = names(plugins.connectors);
  const chosen = pluginName(valueText((keys.get("connector.class") ?? keys.get("connector"))?.value ?? ""), connectors);
  const options = { ...CONNECT_OPTIONS, ...plugins.connectors.find(({ name }) => name === chosen)?.options };
  return [...optionOf(options, key)?.oneOf ?? []];
}
