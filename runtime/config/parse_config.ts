/**
 * `parseConfig`: raw configuration to the types that a declaration promises, with every problem at once. It is the only
 * reader of raw configuration.
 *
 * Below `per.topic.<topic>.` any option may stand again, for one topic of many. A topic's name may hold dots: the nesting
 * of a file says where it ends, else the topics that are known do, else the longest option that the rest ends with.
 *
 * @module
 */
import type { Config, ConfigDef, Values } from "../api/config_def.ts";
import { ConfigError, type ConfigProblem } from "../api/errors.ts";
import { didYouMean } from "./nearest.ts";
import { upper } from "./overrides.ts";
import { type AnyOption, parseValue } from "./parse_value.ts";
import { fromText, type RawEntry, type RawKeys, shownValue, valueText } from "./raw.ts";

/** Where the keys stand, and which topics there are. */
export interface ParsePlace {
  /** Before every key in problems, e.g. `connectors.orders.`. */
  readonly path?: string;
  /** The topics that are known to exist, for names with dots below `per.topic`. */
  readonly topics?: readonly string[];
}

/** Parses keys by a declaration and its per-topic overrides. Throws ConfigError with all that is wrong. */
export function parseConfig<Def extends ConfigDef>(
  def: Def,
  keys: RawKeys,
  { path = "", topics = [] }: ParsePlace = {},
): Config<Def> {
  const problems: ConfigProblem[] = [];
  const isKnown = (key: string) => optionOf(def, key) !== null;
  const { own, perTopic } = splitPerTopic(keys, isKnown, topics, path, problems);
  refuseUnknown(def, own, path, problems);
  const values = parseKeys(def, own, path, problems);
  const byTopic = new Map<string, Values<Def>>();
  for (const [topic, overrides] of perTopic) {
    const topicPath = `${path}per.topic.${topic}.`;
    refuseUnknown(def, overrides, topicPath, problems);
    refuseInstanceOnly(def, overrides, topicPath, problems);
    byTopic.set(topic, parseKeys(def, merged(own, overrides), path, problems, overrides, topicPath));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { values, forTopic: (topic) => byTopic.get(topic) ?? values };
}

/** The values of the declaration's own options; keys of others are left alone. Keys in `over` are named by `overPath`. */
export function parseKeys<Def extends ConfigDef>(
  def: Def,
  keys: RawKeys,
  path: string,
  problems: ConfigProblem[],
  over?: RawKeys,
  overPath = path,
): Values<Def> {
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(def as Readonly<Record<string, AnyOption>>)) {
    const place = { def, keys, problems, pathOf: (key: string) => (over?.has(key) ? overPath : path) + key, over };
    values[name] = option.type === "map" ? parseMap(name, option, place) : parseOne(name, option, place);
  }
  return values as Values<Def>;
}

interface ParsePass {
  readonly def: ConfigDef;
  readonly keys: RawKeys;
  readonly problems: ConfigProblem[];
  readonly pathOf: (key: string) => string;
  readonly over: RawKeys | undefined;
}

function parseOne(name: string, option: AnyOption, { keys, problems, pathOf, over }: ParsePass): unknown {
  const entry = keys.get(name);
  if (!entry) {
    // What the instance misses is reported for the instance, not again for each topic.
    if (!Object.hasOwn(option, "default") && !over) {
      problems.push({ key: pathOf(name), why: `is missing; ${firstSentence(option.doc)}` });
    }
    return option.default;
  }
  const parsed = parseValue(option, entry.value);
  if ("value" in parsed) return parsed.value;
  // A bad value of the instance is reported once, not again for each topic.
  if (!over || over.has(name)) {
    const value = valueText(entry.value) === "" ? undefined : maskedValue(option, name, entry);
    problems.push({ key: pathOf(name), value, why: parsed.why + fromText(entry) });
  }
  return option.default;
}

function parseMap(name: string, option: AnyOption, { def, keys, problems, pathOf, over }: ParsePass): unknown {
  const map: Record<string, string> = {};
  for (const [key, entry] of keys) {
    if (!key.startsWith(`${name}.`) || Object.hasOwn(def, key)) continue;
    const { value } = entry;
    if (Array.isArray(value) && value.some((part) => String(part).includes(","))) {
      problems.push({ key: pathOf(key), why: "is a list with a comma in an entry, which cannot be told apart here" });
      continue;
    }
    map[key.slice(name.length + 1)] = Array.isArray(value) ? value.join(",") : valueText(value);
  }
  const wrong = option.check?.(map) ?? null;
  const isNew = !over || [...over.keys()].some((key) => key.startsWith(`${name}.`));
  if (wrong !== null && isNew) problems.push({ key: pathOf(name), why: wrong });
  return map;
}

/** The option that a key sets: itself, or the map that it stands below. Null: unknown. */
export function optionOf(def: ConfigDef, key: string): AnyOption | null {
  const options = def as Readonly<Record<string, AnyOption>>;
  if (Object.hasOwn(options, key)) return options[key];
  const map = Object.keys(options).find((name) => options[name].type === "map" && key.startsWith(`${name}.`));
  return map === undefined ? null : options[map];
}

/** Reports keys that no option has, with the nearest that there is. */
function refuseUnknown(def: ConfigDef, keys: RawKeys, path: string, problems: ConfigProblem[]): void {
  for (const [key, entry] of keys) {
    if (optionOf(def, key) === null) problems.push(unknownKey(key, entry, suggested(problems, Object.keys(def)), path));
  }
}

/** Beyond so many problems nothing more is suggested: it takes a millisecond each, of a thread that others wait for. */
const SUGGESTED_MAX = 100;

/** What the next problem may suggest. */
export function suggested(problems: readonly ConfigProblem[], known: readonly string[]): readonly string[] {
  return problems.length < SUGGESTED_MAX ? known : [];
}

/** The problem of a key that is none of `known`. */
export function unknownKey(key: string, entry: RawEntry, known: readonly string[], path: string): ConfigProblem {
  return { key: path + key, why: `is no option${didYouMean(key, known)}${fromText(entry)}` };
}

/** Reports keys that may stand for the whole instance only. */
export function refuseInstanceOnly(def: ConfigDef, keys: RawKeys, path: string, problems: ConfigProblem[]): void {
  for (const key of keys.keys()) {
    if (optionOf(def, key)?.perTopic === false) {
      problems.push({ key: path + key, why: "holds for all topics of an instance; move it out of per.topic" });
    }
  }
}

/** One topic's keys over the instance's. */
export function merged(own: RawKeys, overrides: RawKeys): RawKeys {
  return new Map([...own, ...overrides]);
}

/** The keys of the instance, and those below `per.topic` by topic. */
export function splitPerTopic(
  keys: RawKeys,
  isKnown: (key: string) => boolean,
  topics: readonly string[],
  path: string,
  problems: ConfigProblem[],
): { own: RawKeys; perTopic: Map<string, RawKeys> } {
  const own: RawKeys = new Map();
  const perTopic = new Map<string, RawKeys>();
  for (const [key, entry] of keys) {
    if (key !== "per.topic" && !key.startsWith("per.topic.")) {
      own.set(key, entry);
      continue;
    }
    const rest = key.slice("per.topic.".length);
    const topic = topicOf(rest, entry, isKnown, topics);
    if (topic === null) {
      problems.push({ key: path + key, why: "takes per.topic.<topic>.<option>: name a topic, and below it options" });
      continue;
    }
    const name = topics.find((known) => /^SLUICE_/.test(entry.source) && upper(known) === upper(topic)) ?? topic;
    const overrides = perTopic.get(name) ?? new Map();
    perTopic.set(name, overrides.set(rest.slice(topic.length + 1), entry));
  }
  return { own, perTopic };
}

function topicOf(
  rest: string,
  entry: RawEntry,
  isKnown: (key: string) => boolean,
  topics: readonly string[],
): string | null {
  const dots = [...rest.matchAll(/\./g)].map((match) => match.index);
  const candidates = dots.map((dot) => rest.slice(0, dot)).filter((topic) =>
    topic !== "" && topic.length < rest.length - 1
  );
  if (candidates.length === 0) return null;
  const nested = nestedTopic(entry);
  if (nested !== null && candidates.includes(nested)) return nested;
  const known = candidates.findLast((topic) => topics.includes(topic));
  if (known !== undefined) return known;
  // The shortest topic leaves the longest option.
  return candidates.find((topic) => isKnown(rest.slice(topic.length + 1))) ?? candidates[0];
}

/** The topic where the nesting tells it: `per.topic: { my.topic: {...} }`. */
function nestedTopic({ parts }: RawEntry): string | null {
  for (let i = 0; i + 2 < parts.length; i++) {
    if (parts.slice(0, i + 1).join(".") === "per.topic") return parts[i + 1];
  }
  return null;
}

/** Words in keys whose values are nobody's business, whatever the option. */
const SECRET_WORDS = /password|secret|token|jaas|credential|user\.info|passphrase|private|\bkey$|\bauth\.users\./i;

/** A value as problems show it: masked where it is, or may be meant as, a secret. */
export function maskedValue(option: AnyOption | null, key: string, entry: RawEntry): string {
  const shown = shownValue(entry);
  return isSecretKey(option, key) || holdsPassword(shown) ? "[hidden]" : shown;
}

/** Whether it is an address, or holds one, with a password in it. */
export function holdsPassword(text: string): boolean {
  return /:\/\/[^/\s@,]*:[^/\s@,]*@/.test(text);
}

/** Whether the value is, or may be meant as, a secret. */
export function isSecretKey(option: AnyOption | null, key: string): boolean {
  return option?.type === "secret" || ((option === null || option.type === "map") && SECRET_WORDS.test(key));
}

function firstSentence(doc: string): string {
  return doc.split(/(?<=\.)\s(?=[A-Z`])/)[0].replace(/\.$/, "").replace(/^[A-Z](?=[a-z ])/, (c) => c.toLowerCase());
}
