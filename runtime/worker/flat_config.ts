/**
 * A connector's configuration as Kafka Connect's REST API has it: flat, every value text, secrets masked.
 *
 * @module
 */
import { ConfigError } from "../api/errors.ts";
import type { ConfigDef } from "../api/config_def.ts";
import { INSTANCE_OPTIONS } from "../config/instance_options.ts";
import { holdsPassword, isSecretKey, optionOf } from "../config/parse_config.ts";
import { type RawKeys, type RawValue, valueText } from "../config/raw.ts";
import type { Plugins } from "../config/resolve_instance.ts";
import type { FlatConfig } from "../worker_api.ts";

/** What stands for a secret. */
const HIDDEN = "[hidden]";

const REFERENCE = /^\$\{[^{}:]*:[^{}]*\}$/;

/** Raw keys of a flat configuration; its `name` is the connector's, and no option. */
export function keysOf(flat: FlatConfig): RawKeys {
  return new Map(
    Object.entries(flat).filter(([key]) => key !== "name").map(([key, value]) => [
      key,
      { value, source: "HTTP", parts: [key] },
    ]),
  );
}

/** The flat form of raw keys: as they were given, references not resolved. */
export function flatOf(keys: RawKeys): FlatConfig {
  return Object.fromEntries([...keys].map(([key, { value, shown }]) => [key, shown ?? text(value)]));
}

/** What may be shown: with its name, and without secrets. A reference shows nothing that is one. */
export function masked(name: string, flat: FlatConfig, plugins: Plugins): FlatConfig {
  const defs = declarations(plugins);
  const shown = Object.entries(flat).map(([key, value]) => [
    key,
    (isSecret(key, defs) && value !== "" && !REFERENCE.test(value.trim())) || holdsPassword(value) ? HIDDEN : value,
  ]);
  return { ...Object.fromEntries(shown), name };
}

/**
 * A given configuration whose masks are what they stand for in the one before. Throws ConfigError for a mask that stands
 * for nothing, and for another connector's name.
 */
export function unmasked(name: string, given: FlatConfig, before: FlatConfig | null): FlatConfig {
  const { name: own = name, ...flat } = given;
  const problems = own === name ? [] : [{
    key: `connectors.${name}.name`,
    value: own,
    why: `is not the connector's name, "${name}"; leave it out`,
  }];
  const { config, unknown } = revealed(flat, before);
  for (const key of unknown) {
    const why = "stands for a secret that is not known; give it";
    problems.push({ key: `connectors.${name}.${key}`, value: HIDDEN, why });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** The same, with the keys of masks that stand for nothing. */
export function revealed(
  given: FlatConfig,
  before: FlatConfig | null,
): { readonly config: FlatConfig; readonly unknown: readonly string[] } {
  const known = (key: string, value: string) =>
    value !== HIDDEN ? value : before !== null && Object.hasOwn(before, key) ? before[key] : null;
  const all = Object.entries(given).map(([key, value]) => [key, known(key, value)] as const);
  return {
    config: Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== null)),
    unknown: all.filter(([, value]) => value === null).map(([key]) => key),
  };
}

function declarations(plugins: Plugins): readonly ConfigDef[] {
  const { connectors, converters, headerConverters = [], transforms, predicates = [] } = plugins;
  const parts = [...connectors, ...converters, ...headerConverters, ...transforms, ...predicates];
  return [INSTANCE_OPTIONS, ...parts.flatMap((part) => "options" in part ? [part.options as ConfigDef] : [])];
}

/** Below prefixes (`value.converter.`, `per.topic.t.`) an option is as secret as bare. */
function isSecret(key: string, defs: readonly ConfigDef[]): boolean {
  const names = defs.flatMap((def) =>
    Object.entries(def).filter(([, option]) => option.type === "secret").map(([name]) => name)
  );
  if (names.some((name) => key === name || key.endsWith(`.${name}`))) return true;
  const option = defs.map((def) => optionOf(def, key)).find((found) => found !== null) ?? null;
  return isSecretKey(option, key);
}

function text(value: RawValue): string {
  return Array.isArray(value) ? value.map(String).join(",") : valueText(value);
}
