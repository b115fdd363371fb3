/**
 * The parts that a configuration chooses by name: connector, converters, transforms, predicates, each with its options.
 *
 * @module
 */
import { isModuleName } from "../plugins/module_names.ts";
import type {
  ConfigDef,
  ConfigProblem,
  ConverterPlugin,
  HeaderConverterPlugin,
  RecordSide,
  SinkConnector,
  TransformPlugin,
  Values,
} from "../api/mod.ts";
import type { InstanceValues } from "./instance_options.ts";
import { didYouMean } from "./nearest.ts";
import { merged, optionOf, parseKeys, unknownKey } from "./parse_config.ts";
import { fromText, type RawConfig, type RawEntry, type RawKeys, valueText } from "./raw.ts";

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
  /** The first one is the default; none: headers are bytes. */
  readonly headerConverters?: readonly HeaderConverterPlugin[];
  /**
   * Loads what raw configuration needs before it is parsed: the built-in transforms and predicates where it has any, and the
   * modules that it names by path or URL; adds their plugins to these lists, and puts the plugins' names in the modules'
   * place (`RawEntry.module` keeps the module). Absent: the lists are complete, modules cannot be named.
   */
  readonly load?: (raw: RawConfig, place: ModulePlace, problems: ConfigProblem[]) => Promise<RawConfig>;
  /** Loads all that is built in, for those who list plugins. */
  readonly loadAll?: () => Promise<void>;
  /** The modules that plugins were loaded from, by `<kind> <name>`. */
  readonly origins?: ReadonlyMap<string, string>;
}

/** Where relative paths of modules begin. */
export interface ModulePlace {
  /** The configuration's file: what stands in it is relative to its folder, all else to the working folder. */
  readonly file: string | null;
}

/** A part that was chosen, and its parsed options. */
export interface Chosen<Plugin extends NamedPlugin> {
  readonly plugin: Plugin;
  readonly config: Values<ConfigDef>;
}

/** One transform of a chain; it applies where the predicate holds, or with `negate` where it does not. */
export interface TransformStep<Predicate extends NamedPlugin> extends Chosen<TransformPlugin> {
  readonly alias: string;
  /** What it changes. */
  readonly side: RecordSide;
  readonly predicate: Chosen<Predicate> | null;
  readonly negate: boolean;
}

/**
 * Java's class to the plugin's name: `org.x.DeltaSinkConnector` to delta-sink, `org.x.InsertField$Key` to InsertField
 * (`sideOf` says which side); anything else stays.
 */
export function pluginName(given: string, known: readonly string[]): string {
  if (known.includes(given)) return given;
  const last = given.slice(given.lastIndexOf(".") + 1).replace(SIDE, "");
  const kebab = (text: string) => text.replace(/([a-z0-9])([A-Z])/g, "$1-$2").toLowerCase();
  const names = [last, ...[last, last.replace(/(Connector|Converter)$/, "")].map(kebab)];
  // Connect's names for them.
  if (names.includes("byte-array")) names.push("bytes");
  if (names.includes("simple-header")) names.push("simple");
  return names.find((name) => known.includes(name)) ?? given;
}

const SIDE = /\$(Key|Value)$/;

/** The side that a name ends with: `InsertField$Key`; null: none. */
function sideOf(given: string): RecordSide | null {
  const side = SIDE.exec(given);
  return side && side[1].toLowerCase() as RecordSide;
}

/** The plugin that a key names. Null: the key is missing, or names none (then that is a problem). */
export function choose<P extends NamedPlugin>(
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
  // Why a module could not be loaded was said when it was.
  if (isModuleName(given) && problems.some(({ value }) => value === given)) return null;
  const why = `must be one of ${names.join(", ")}${didYouMean(given, names)}`;
  problems.push({ key: path + key, value: given, why: why + fromText(entry) });
  return null;
}

/** The converter of a side, with its options: bare ones, and over them those below `<side>.converter.`. */
export function chooseConverter(
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
  // What stands bare and holds for this side is reported by its bare name.
  const bare = Object.entries(plugin.options).filter(([name]) => keys.has(name) && !own.has(name));
  parseKeys(Object.fromEntries(bare), keys, path, problems);
  return { plugin, config };
}

/** The header converter, with the options below `header.converter.`; null: headers are bytes. */
export function chooseHeaderConverter(
  keys: RawKeys,
  { headerConverters = [] }: Plugins,
  path: string,
  problems: ConfigProblem[],
): Chosen<HeaderConverterPlugin> | null {
  if (headerConverters.length === 0) return null;
  const key = "header.converter";
  const plugin = keys.has(key) ? choose(key, keys, headerConverters, path, problems) : headerConverters[0];
  if (!plugin) return null;
  const own = below(keys, `${key}.`);
  for (const [name, entry] of own) {
    if (optionOf(plugin.options, name) === null) {
      problems.push(unknownKey(name, entry, Object.keys(plugin.options), `${path}${key}.`));
    }
  }
  return { plugin, config: parseKeys(plugin.options, own, `${path}${key}.`, problems) };
}

/** The chain, in order. Null where something is wrong with it. */
export function chooseTransforms<Predicate extends NamedPlugin>(
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
    const side = chosen && chooseSide(chosen.plugin, path + at, own, problems);
    const why = chosen && problems.length === before ? chosen.plugin.check?.(chosen.config) : null;
    if (why) problems.push({ key: path + at.slice(0, -1), why });
    if (chosen && side) steps.push({ ...chosen, alias, side, predicate: predicate ?? null, negate: negate === "true" });
  }
  return problems.length > before ? null : steps;
}

/** The side that the type says; null: the plugin has no such side. */
function chooseSide({ name, sides }: TransformPlugin, at: string, own: RawKeys, problems: ConfigProblem[]) {
  const value = valueText(own.get("type")!.value);
  const given = sideOf(value);
  if (given === null) return sides === undefined || sides.includes("value") ? "value" : sides[0];
  if (sides?.includes(given)) return given;
  const forms = sides?.map((side) => `${name}$${side === "key" ? "Key" : "Value"}`) ?? [name];
  problems.push({ key: `${at}type`, value, why: `has no such form; use ${forms.join(" or ")}` });
  return null;
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

/** The keys below a prefix, without it. */
function below(keys: RawKeys, prefix: string): RawKeys {
  const found: RawKeys = new Map();
  for (const [key, entry] of keys) if (key.startsWith(prefix)) found.set(key.slice(prefix.length), entry);
  return found;
}
