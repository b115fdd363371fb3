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
  HeaderConverterPlugin,
  SinkConnector,
  Values,
} from "../api/mod.ts";
import { checkInstance } from "./checks.ts";
import {
  choose,
  chooseConverter,
  chooseHeaderConverter,
  chooseTransforms,
  type Chosen,
  type ModulePlace,
  type NamedPlugin,
  pluginName,
  type Plugins,
  type TransformStep,
} from "./choose_parts.ts";
import { INSTANCE_OPTIONS, type InstanceValues, topicsPattern } from "./instance_options.ts";
import {
  merged,
  optionOf,
  parseKeys,
  refuseInstanceOnly,
  splitPerTopic,
  suggested,
  unknownKey,
} from "./parse_config.ts";
import { splitList } from "./parse_value.ts";
import { type RawKeys, valueText } from "./raw.ts";
import { type CelRule, type FieldRules, parseValidationRules } from "./validation_rules.ts";
import { checkRoutes, routedTopic } from "./routes.ts";
import { isPassedOn } from "./worker_options.ts";

export { type Chosen, type ModulePlace, type NamedPlugin, pluginName, type Plugins, type TransformStep };

/** What holds for one topic. */
export interface TopicSettings<Predicate extends NamedPlugin = NamedPlugin> {
  readonly values: InstanceValues;
  readonly connector: Values<ConfigDef>;
  readonly keyConverter: Chosen<ConverterPlugin>;
  readonly valueConverter: Chosen<ConverterPlugin>;
  /** None: headers are bytes. */
  readonly headerConverter?: Chosen<HeaderConverterPlugin> | null;
  readonly transforms: readonly TransformStep<Predicate>[];
  readonly rules: readonly FieldRules[];
  /** None: there are no rules in CEL. */
  readonly expressions?: readonly CelRule[];
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
  /** Whether any topic has rules in CEL. */
  readonly hasExpressions?: boolean;
  /** The converters of all topics, keys and values. */
  readonly converters: readonly ConverterPlugin[];
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
  // It is part of the group's name, of paths and of URLs, in which "." and ".." are no names.
  if (!/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/.test(name)) {
    const why = "an instance's name must be letters, digits, dots, _ and -, at most 249 of them, and not . or ..";
    problems.push({ key: `connectors.${name}`, why });
  }
  const keys = withDefaults(connectKeys(given, plugins, path, problems), passedOn);
  const plugin = choose("connector", keys, plugins.connectors, path, problems);
  const topics = topicNames(keys);
  const scope = scopeOf(plugin, plugins, keys);
  const { own, perTopic } = splitPerTopic(keys, (key) => scope.isKnown(key), topics, path, problems);
  overTopics(own, perTopic);
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
    connectorConfig: {
      values: base.connector,
      forTopic: (topic) => settings(topic).connector,
      routedTopic: (topic) => routedTopic(settings(topic).transforms, topic),
    },
    topics: base.values["topics.regex"] === null ? base.values.topics : topicsPattern(base.values["topics.regex"])!,
    hasExpressions: [base, ...byTopic.values()].some((each) => each?.expressions?.length),
    converters: [base, ...byTopic.values()].flatMap((each) =>
      each ? [each.keyConverter.plugin, each.valueConverter.plugin] : []
    ),
    forTopic: settings,
  };
}

interface Pass<Predicate extends NamedPlugin> {
  readonly plugin: SinkConnector | null;
  readonly plugins: Plugins<Predicate>;
  readonly problems: ConfigProblem[];
  readonly scope: Scope;
}

/** What holds for all topics, whatever they say (`RawEntry.overTopics`); what is said for one by the same means stays. */
function overTopics(own: RawKeys, perTopic: ReadonlyMap<string, RawKeys>): void {
  for (const [key, { source, overTopics = false }] of [...own]) {
    if (!overTopics) continue;
    for (const keys of [own, ...perTopic.values()]) {
      // Below a converter's name the same option would win over the bare one.
      for (const each of [key, `key.converter.${key}`, `value.converter.${key}`]) {
        if (keys.get(each)?.source !== source) keys.delete(each);
      }
    }
  }
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
  { converters: all, transforms, predicates, headerConverters = [] }: Plugins,
  keys: RawKeys,
): Scope {
  const connector = plugin?.options ?? {};
  const converters: ConfigDef = Object.assign({}, ...all.map((converter) => converter.options));
  const headers: ConfigDef = Object.assign({}, ...headerConverters.map((converter) => converter.options));
  const options = { ...INSTANCE_OPTIONS, ...connector, ...converters } as ConfigDef;
  const isKnown = (key: string) => {
    if (optionOf(options, key) !== null || /^(transforms|predicates)\.[^.]+\../.test(key)) return true;
    const header = /^header\.converter\.(.+)$/.exec(key);
    if (header !== null && optionOf(headers, header[1]) !== null) return true;
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
    if (!scope.isKnown(key)) problems.push(unknownKey(key, entry, suggested(problems, scope.names), path));
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
  const { fields: rules, expressions } = parseValidationRules(values.validate, `${path}validate.`, found);
  const keyConverter = chooseConverter("key", keys, plugins, path, found);
  const valueConverter = chooseConverter("value", keys, plugins, path, found);
  const headerConverter = chooseHeaderConverter(keys, plugins, path, found);
  const transforms = chooseTransforms(values, keys, path, plugins, found);
  const isNew = ({ key }: ConfigProblem) =>
    [...changed.keys()].some((c) => key === path + c || (path + c).startsWith(key));
  problems.push(...(over ? found.filter(isNew) : found));
  if (!plugin || !keyConverter || !valueConverter || !transforms) return null;
  checkRoutes(transforms, plugin, connector, path, problems);
  return { values, connector, keyConverter, valueConverter, headerConverter, transforms, rules, expressions };
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
  // A command that reads another format than is configured leaves options of that one behind.
  const isOtherFormat = ["key.converter", "value.converter"].some((key) => own.get(key)?.overTopics);
  const check = (changed: RawKeys, chosen: readonly string[], at: string) => {
    const active = plugins.converters.filter((converter) => chosen.includes(converter.name));
    if (active.length < new Set(chosen).size) return; // an unknown converter is the problem
    for (const [key, { overTopics = false }] of changed) {
      if (isOtherFormat && !overTopics) continue;
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
