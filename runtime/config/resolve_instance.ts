/**
 * An instance: its raw keys against the union of all declarations that concern it - the framework's, the connector's, the
 * converters' and the transforms'.
 *
 * An option of a converter may stand bare (for key and value), or below `key.converter.` or `value.converter.` as with
 * Kafka Connect (for that side, and it wins).
 *
 * @module
 */
import type {
  Config,
  ConfigDef,
  ConfigProblem,
  ConverterPlugin,
  RecordSide,
  SinkConnector,
  TransformPlugin,
  Values,
} from "../api/mod.ts";
import { checkInstance } from "./checks.ts";
import { INSTANCE_OPTIONS, type InstanceValues, topicsPattern } from "./instance_options.ts";
import { didYouMean } from "./nearest.ts";
import { merged, optionOf, parseKeys, refuseInstanceOnly, splitPerTopic, unknownKey } from "./parse_config.ts";
import { splitList } from "./parse_value.ts";
import { fromText, type RawEntry, type RawKeys, valueText } from "./raw.ts";
import { type FieldRules, parseValidationRules } from "./validation_rules.ts";
import { isPassedOn } from "./worker_options.ts";

/** Whatever has a name and options. */
export interface NamedPlugin {
  readonly name: string;
  readonly options: ConfigDef;
}

/** All parts that a configuration can choose from. */
export interface Plugins<Predicate extends NamedPlugin = NamedPlugin> {
  readonly connectors: readonly SinkConnector[];
  readonly converters: readonly ConverterPlugin[];
  readonly transforms: readonly TransformPlugin[];
  readonly predicates?: readonly Predicate[];
}

/** A part that was chosen, and its parsed options. */
export interface Chosen<Plugin extends NamedPlugin> {
  readonly plugin: Plugin;
  readonly config: Values<ConfigDef>;
}

/** One transform of a chain; it applies where the predicate holds, or with `negate` where it does not. */
export interface TransformStep<Predicate extends NamedPlugin> extends Chosen<TransformPlugin> {
  readonly alias: string;
  readonly predicate: Chosen<Predicate> | null;
  readonly negate: boolean;
}

/** What holds for one topic. */
export interface TopicSettings<Predicate extends NamedPlugin = NamedPlugin> {
  readonly values: InstanceValues;
  readonly connector: Values<ConfigDef>;
  readonly keyConverter: Chosen<ConverterPlugin>;
  readonly valueConverter: Chosen<ConverterPlugin>;
  readonly transforms: readonly TransformStep<Predicate>[];
  readonly rules: readonly FieldRules[];
}

/** A configured instance, parsed whole. */
export interface Instance<Predicate extends NamedPlugin = NamedPlugin> {
  readonly name: string;
  readonly plugin: SinkConnector;
  readonly values: InstanceValues;
  /** For the plugin's own `check`, `createTask` and `createCommitter`. */
  readonly connectorConfig: Config<ConfigDef>;
  /** What to read: names, or a pattern for whole names. */
  readonly topics: readonly string[] | RegExp;
  forTopic(topic: string): TopicSettings<Predicate>;
}

/**
 * Parses an instance; adds all that is wrong to `problems`, and returns null where that leaves nothing to run. `passedOn`
 * are the worker's keys, of which some serve as defaults. Plain data in: a task's thread repeats it.
 */
export function resolveInstance<Predicate extends NamedPlugin>(
  name: string,
  given: RawKeys,
  passedOn: RawKeys,
  plugins: Plugins<Predicate>,
  problems: ConfigProblem[],
): Instance<Predicate> | null {
  const before = problems.length;
  const path = `connectors.${name}.`;
  if (!/^[A-Za-z0-9._-]+$/.test(name)) {
    problems.push({ key: `connectors.${name}`, why: "an instance's name must be letters, digits, dots, _ and -" });
  }
  const keys = withDefaults(connectKeys(given, plugins, path, problems), passedOn);
  const plugin = choose("connector", keys, plugins.connectors, path, problems);
  const topics = topicNames(keys);
  const scope = scopeOf(plugin, plugins, keys);
  const { own, perTopic } = splitPerTopic(keys, (key) => scope.isKnown(key), topics, path, problems);
  const pass = { plugin, plugins, problems, scope };
  const base = resolveTopic(own, path, undefined, pass);
  const byTopic = new Map<string, TopicSettings<Predicate> | null>();
  for (const [topic, overrides] of perTopic) {
    byTopic.set(
      topic,
      resolveTopic(merged(own, overrides), `${path}per.topic.${topic}.`, { path, keys: overrides }, pass),
    );
  }
  refuseWithoutEffect(own, perTopic, given, path, pass);
  checkInstance(parseKeys(INSTANCE_OPTIONS, own, path, []), own, [...perTopic.keys()], path, problems);
  if (problems.length > before || !plugin || !base) return null;
  const settings = (topic: string) => byTopic.get(topic) ?? base;
  return {
    name,
    plugin,
    values: base.values,
    connectorConfig: { values: base.connector, forTopic: (topic) => settings(topic).connector },
    topics: base.values["topics.regex"] === null ? base.values.topics : topicsPattern(base.values["topics.regex"])!,
    forTopic: settings,
  };
}

interface Pass<Predicate extends NamedPlugin> {
  readonly plugin: SinkConnector | null;
  readonly plugins: Plugins<Predicate>;
  readonly problems: ConfigProblem[];
  readonly scope: Scope;
}

/** Connect's way of naming parts, by class: `connector.class` and class names become ours. */
function connectKeys(given: RawKeys, plugins: Plugins, path: string, problems: ConfigProblem[]): RawKeys {
  const keys: RawKeys = new Map(given);
  const byClass = keys.get("connector.class");
  if (byClass) {
    keys.delete("connector.class");
    const name = pluginName(valueText(byClass.value), plugins.connectors.map((p) => p.name));
    if (!keys.has("connector")) keys.set("connector", { ...byClass, value: name });
    else if (keys.get("connector")!.value !== name) {
      problems.push({ key: `${path}connector.class`, why: "names another connector than connector does; keep one" });
    }
  }
  return keys;
}

/** `org.x.DeltaSinkConnector`, `InsertField$Value` and the like to the plugin's name; anything else stays. */
export function pluginName(given: string, known: readonly string[]): string {
  if (known.includes(given)) return given;
  const last = given.slice(given.lastIndexOf(".") + 1).replace(/\$Value$/, "");
  const kebab = (text: string) => text.replace(/([a-z0-9])([A-Z])/g, "$1-$2").toLowerCase();
  const names = [last, last.replace(/(Connector|Converter)$/, "")].map(kebab);
  // Connect's name for it.
  if (names.includes("byte-array")) names.push("bytes");
  return names.find((name) => known.includes(name)) ?? given;
}

/** The worker's converters and registry, where the instance says nothing. */
function withDefaults(keys: RawKeys, passedOn: RawKeys): RawKeys {
  const inherited = [...passedOn].filter(([key]) => isPassedOn(key) && !keys.has(key));
  return new Map([...inherited, ...keys]);
}

function topicNames(keys: RawKeys): readonly string[] {
  const value = keys.get("topics")?.value ?? [];
  return Array.isArray(value) ? value.map(String) : splitList(String(value));
}

/** The keys that mean something to this instance, and whose they are. */
interface Scope {
  readonly connector: ConfigDef;
  readonly converters: ConfigDef;
  isKnown(key: string): boolean;
  readonly names: readonly string[];
}

function scopeOf(
  plugin: SinkConnector | null,
  { converters: all, transforms, predicates }: Plugins,
  keys: RawKeys,
): Scope {
  const connector = plugin?.options ?? {};
  const converters: ConfigDef = Object.assign({}, ...all.map((converter) => converter.options));
  const options = { ...INSTANCE_OPTIONS, ...connector, ...converters } as ConfigDef;
  const isKnown = (key: string) => {
    if (optionOf(options, key) !== null || /^(transforms|predicates)\.[^.]+\../.test(key)) return true;
    const side = /^(?:key|value)\.converter\.(.+)$/.exec(key);
    // Without a known connector nobody can say what its options are: that is one problem, not one for each key.
    return (side !== null && optionOf(converters, side[1]) !== null) || (plugin === null && keys.has(key));
  };
  const parts = [...transforms, ...predicates ?? []];
  return {
    connector,
    converters,
    isKnown,
    names: [...Object.keys(options), ...(parts.length > 0 ? ["transforms"] : [])],
  };
}

/** What holds for the instance, or with `over` for one topic: then only what the topic changes is reported. */
function resolveTopic<Predicate extends NamedPlugin>(
  keys: RawKeys,
  path: string,
  over: { readonly path: string; readonly keys: RawKeys } | undefined,
  { plugin, plugins, problems, scope }: Pass<Predicate>,
): TopicSettings<Predicate> | null {
  const changed = over?.keys ?? keys;
  for (const [key, entry] of changed) {
    if (!scope.isKnown(key)) problems.push(unknownKey(key, entry, scope.names, path));
  }
  if (over) {
    refuseInstanceOnly({ ...scope.converters, ...scope.connector, ...INSTANCE_OPTIONS }, changed, path, problems);
  }
  const parse = <Def extends ConfigDef>(def: Def) =>
    parseKeys(def, keys, over?.path ?? path, problems, over?.keys, path);
  const values = parse(INSTANCE_OPTIONS);
  const connector = parse(scope.connector);
  // What a topic leaves as it was has been reported for the instance.
  const found: ConfigProblem[] = [];
  const rules = parseValidationRules(values.validate, `${path}validate.`, found);
  const keyConverter = chooseConverter("key", keys, plugins, path, found);
  const valueConverter = chooseConverter("value", keys, plugins, path, found);
  const transforms = chooseTransforms(values, keys, path, plugins, found);
  const isNew = ({ key }: ConfigProblem) =>
    [...changed.keys()].some((c) => key === path + c || (path + c).startsWith(key));
  problems.push(...(over ? found.filter(isNew) : found));
  if (!plugin || !keyConverter || !valueConverter || !transforms) return null;
  return { values, connector, keyConverter, valueConverter, transforms, rules };
}

function choose<P extends NamedPlugin>(
  key: string,
  keys: RawKeys,
  from: readonly P[],
  path: string,
  problems: ConfigProblem[],
): P | null {
  const entry = keys.get(key);
  if (!entry) return null; // reported as missing, with the option's doc
  const given = valueText(entry.value);
  const names = from.map((plugin) => plugin.name);
  const name = pluginName(given, names);
  const plugin = from.find((candidate) => candidate.name === name);
  if (plugin) return plugin;
  const why = `must be one of ${names.join(", ")}${didYouMean(given, names)}${fromText(entry)}`;
  problems.push({ key: path + key, value: given, why });
  return null;
}

function chooseConverter(
  side: RecordSide,
  keys: RawKeys,
  { converters }: Plugins,
  path: string,
  problems: ConfigProblem[],
): Chosen<ConverterPlugin> | null {
  const key = `${side}.converter`;
  const fallback: RawEntry | undefined = side === "key" ? { value: "bytes", source: "default", parts: [] } : undefined;
  const entry = keys.get(key) ?? fallback;
  if (!entry) return null; // reported as missing
  const plugin = choose(key, new Map([[key, entry]]), converters, path, problems);
  if (!plugin) return null;
  const own = below(keys, `${key}.`);
  for (const [name, sideEntry] of own) {
    if (optionOf(plugin.options, name) === null) {
      problems.push(unknownKey(name, sideEntry, Object.keys(plugin.options), `${path}${key}.`));
    }
  }
  const config = parseKeys(plugin.options, merged(keys, own), path, problems, own, `${path}${key}.`);
  return { plugin, config };
}

function chooseTransforms<Predicate extends NamedPlugin>(
  values: InstanceValues,
  keys: RawKeys,
  path: string,
  plugins: Plugins<Predicate>,
  problems: ConfigProblem[],
): TransformStep<Predicate>[] | null {
  const before = problems.length;
  for (const list of ["transforms", "predicates"] as const) {
    refuseStrayAliases(list, values[list], keys, path, problems);
  }
  const predicates = new Map<string, Chosen<Predicate> | null>();
  for (const alias of values.predicates) {
    const at = `predicates.${alias}.`;
    predicates.set(alias, choosePart(at, below(keys, at), plugins.predicates ?? [], [], path, problems));
  }
  const steps: TransformStep<Predicate>[] = [];
  for (const alias of values.transforms) {
    const at = `transforms.${alias}.`;
    const own = below(keys, at);
    const chosen = choosePart(at, own, plugins.transforms, ["predicate", "negate"], path, problems);
    const named = own.get("predicate");
    const negate = valueText(own.get("negate")?.value ?? "false");
    if (!/^(true|false)$/.test(negate)) {
      problems.push({ key: `${path}${at}negate`, value: negate, why: "must be true or false" });
    } else if (own.has("negate") && !named) {
      problems.push({ key: `${path}${at}negate`, why: `has no effect without ${at}predicate` });
    }
    const predicate = named ? predicates.get(valueText(named.value)) : null;
    if (predicate === undefined) {
      const value = valueText(named!.value);
      problems.push({
        key: `${path}${at}predicate`,
        value,
        why: `is not in predicates${didYouMean(value, values.predicates)}`,
      });
    }
    if (chosen) steps.push({ ...chosen, alias, predicate: predicate ?? null, negate: negate === "true" });
  }
  return problems.length > before ? null : steps;
}

function choosePart<P extends NamedPlugin>(
  at: string,
  own: RawKeys,
  from: readonly P[],
  frameKeys: readonly string[],
  path: string,
  problems: ConfigProblem[],
): Chosen<P> | null {
  if (!own.has("type")) {
    problems.push({ key: `${path}${at}type`, why: `is missing; one of ${from.map((p) => p.name).join(", ")}` });
    return null;
  }
  const plugin = choose("type", own, from, path + at, problems);
  if (!plugin) return null;
  const options: RawKeys = new Map([...own].filter(([key]) => key !== "type" && !frameKeys.includes(key)));
  for (const [key, entry] of options) {
    if (optionOf(plugin.options, key) === null) {
      problems.push(unknownKey(key, entry, [...Object.keys(plugin.options), ...frameKeys], path + at));
    }
  }
  return { plugin, config: parseKeys(plugin.options, options, path + at, problems) };
}

/** Options of an alias that no list names would do nothing. */
function refuseStrayAliases(
  list: "transforms" | "predicates",
  aliases: readonly string[],
  keys: RawKeys,
  path: string,
  problems: ConfigProblem[],
): void {
  const twice = aliases.find((alias, i) => aliases.indexOf(alias) !== i);
  if (twice !== undefined) problems.push({ key: path + list, why: `names "${twice}" twice` });
  const stray = new Set<string>();
  for (const key of keys.keys()) {
    const alias = key.startsWith(`${list}.`) ? key.split(".")[1] : null;
    if (alias !== null && !aliases.includes(alias)) stray.add(alias);
  }
  for (const alias of stray) {
    const why = `has no effect: "${alias}" is not in ${list}${didYouMean(alias, aliases)}`;
    problems.push({ key: `${path}${list}.${alias}`, why });
  }
}

/** A converter's option that none of the chosen converters has does nothing, which somebody should know. */
function refuseWithoutEffect<Predicate extends NamedPlugin>(
  own: RawKeys,
  perTopic: ReadonlyMap<string, RawKeys>,
  given: RawKeys,
  path: string,
  { plugins, problems, scope }: Pass<Predicate>,
): void {
  const names = plugins.converters.map((converter) => converter.name);
  const chosenIn = (keys: RawKeys) =>
    ["key.converter", "value.converter"].map((key) => pluginName(valueText(keys.get(key)?.value ?? "bytes"), names));
  const check = (changed: RawKeys, chosen: readonly string[], at: string) => {
    const active = plugins.converters.filter((converter) => chosen.includes(converter.name));
    if (active.length < new Set(chosen).size) return; // an unknown converter is the problem
    for (const key of changed.keys()) {
      const isOthers = optionOf({ ...INSTANCE_OPTIONS, ...scope.connector }, key) !== null;
      if (isOthers || optionOf(scope.converters, key) === null) continue;
      if (active.some((converter) => optionOf(converter.options, key) !== null)) continue;
      const owners = plugins.converters.filter((c) => optionOf(c.options, key) !== null).map((c) => c.name);
      const why = `has no effect with the converters ${[...new Set(chosen)].join(" and ")}: it is an option of ` +
        owners.join(", ");
      problems.push({ key: at + key, why });
    }
  };
  const topicsKeys = [...perTopic].map(([topic, keys]) => ({ topic, keys, chosen: chosenIn(merged(own, keys)) }));
  const explicit: RawKeys = new Map([...own].filter(([key]) => given.has(key)));
  check(explicit, [...chosenIn(own), ...topicsKeys.flatMap((t) => t.chosen)], path);
  for (const { topic, keys, chosen } of topicsKeys) check(keys, chosen, `${path}per.topic.${topic}.`);
}

/** The keys below a prefix, without it. */
function below(keys: RawKeys, prefix: string): RawKeys {
  const found: RawKeys = new Map();
  for (const [key, entry] of keys) if (key.startsWith(prefix)) found.set(key.slice(prefix.length), entry);
  return found;
}
