/**
 * Overrides: what stands in the environment wins over the file, and `--set` on the command line wins over both.
 *
 * An environment variable is `SLUICE_` and the key in upper case, `_` for each dot and `__` between the parts of a path:
 * `SLUICE_BOOTSTRAP_SERVERS` is `bootstrap.servers`, `SLUICE_CONNECTORS__ORDERS__COMMIT_INTERVAL_MS` is
 * `connectors.orders.commit.interval.ms`. The names of instances and topics are found by what they look like in upper
 * case, with `_` for every sign that is neither letter nor digit.
 *
 * A bare key (no `connectors.` before it) is the worker's where the worker has it, else it goes to the selected instances.
 *
 * @module
 */
import type { ConfigProblem } from "../api/errors.ts";
import type { RawConfig, RawEntry } from "./raw.ts";
import { didYouMean } from "./nearest.ts";

/** Where overrides go. */
export interface OverrideTarget {
  readonly isWorkerKey: (key: string) => boolean;
  /** The instances that bare keys go to. */
  readonly selected: readonly string[];
}

/** Variables that begin like ours and are no options: read elsewhere. */
const RESERVED_VARIABLES: readonly string[] = ["SLUICE_CACHE", "SLUICE_CACHE_DIR"];

/** Applies `key=value` arguments, in order. */
export function applySets(
  config: RawConfig,
  sets: readonly string[],
  target: OverrideTarget,
  problems: ConfigProblem[],
): void {
  for (const set of sets) {
    const at = set.indexOf("=");
    const key = at < 0 ? set.trim() : set.slice(0, at).trim();
    if (at < 0 || key === "") {
      problems.push({ key: `--set ${key}`, why: "is no override: write --set key=value" });
      continue;
    }
    applyOne(config, key, { value: set.slice(at + 1).trim(), source: "--set", parts: [key] }, target, problems);
  }
}

/** Applies `key=value` options of one instance that hold for all of its topics, whatever `per.topic` says. */
export function applyOptions(
  config: RawConfig,
  name: string,
  options: readonly string[],
): void {
  for (const option of options) {
    const at = option.indexOf("=");
    const key = option.slice(0, at).trim();
    const overTopics = !key.startsWith("per.topic.");
    const entry = { value: option.slice(at + 1).trim(), source: "--option", parts: [key], overTopics };
    config.connectors.get(name)?.set(key, entry);
  }
}

/** Applies every variable that begins with `SLUICE_`. */
export function applyEnvironment(
  config: RawConfig,
  environment: Readonly<Record<string, string>>,
  target: OverrideTarget,
  problems: ConfigProblem[],
): void {
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith("SLUICE_") || RESERVED_VARIABLES.includes(name)) continue;
    const words = name.slice("SLUICE_".length).split("__");
    if (words.some((word) => word === "")) {
      problems.push({ key: name, why: 'has an empty part: "__" stands between the parts of a path, "_" for a dot' });
      continue;
    }
    const parts = words.map((word) => word.toLowerCase().replaceAll("_", "."));
    const entry: RawEntry = { value, source: name, parts };
    if (words[0] !== "CONNECTORS") {
      applyOne(config, parts.join("."), entry, target, problems);
      continue;
    }
    const instance = words.length < 2 ? undefined : [...config.connectors.keys()].find((n) => upper(n) === words[1]);
    if (instance === undefined || words.length < 3) {
      const known = [...config.connectors.keys()].map((n) => `SLUICE_CONNECTORS__${upper(n)}__`);
      problems.push({
        key: name,
        why: `names no option of an instance; variables of instances begin with ${
          known.join(" or ") || "nothing: there is none"
        }`,
      });
      continue;
    }
    const own = { ...entry, parts: parts.slice(2) };
    config.connectors.get(instance)!.set(own.parts.join("."), own);
  }
}

/** A name as it stands in a variable. */
export function upper(name: string): string {
  return name.toUpperCase().replace(/[^A-Z0-9]/g, "_");
}

function applyOne(
  config: RawConfig,
  key: string,
  entry: RawEntry,
  { isWorkerKey, selected }: OverrideTarget,
  problems: ConfigProblem[],
): void {
  if (key.startsWith("connectors.")) {
    const rest = key.slice("connectors.".length);
    // The longest name wins, so that "orders.eu" is not taken for a key of "orders".
    const name = [...config.connectors.keys()].filter((n) =>
      rest.startsWith(`${n}.`)
    ).sort((a, b) => b.length - a.length)[0];
    if (name === undefined) {
      const [given] = rest.split(".");
      const known = [...config.connectors.keys()];
      problems.push({
        key,
        why:
          `names no instance that is configured (${known.join(", ") || "there is none"})${didYouMean(given, known)} ` +
          `(given by ${entry.source})`,
      });
      return;
    }
    const own = rest.slice(name.length + 1);
    config.connectors.get(name)!.set(own, { ...entry, parts: [own] });
  } else if (isWorkerKey(key)) {
    config.worker.set(key, entry);
  } else if (selected.length === 0) {
    problems.push({ key, why: `is no option of the worker, and no instance is selected (given by ${entry.source})` });
  } else {
    for (const name of selected) config.connectors.get(name)?.set(key, entry);
  }
}
