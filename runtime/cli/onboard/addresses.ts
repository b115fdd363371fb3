/**
 * Where Kafka and the registry are, and what else the worker is to be given: by flag, environment, or `./sluice.yaml`.
 *
 * @module
 */
import { ConfigError, type ConfigProblem } from "../../api/mod.ts";
import { loadConfig } from "../../config/load.ts";
import type { RawKeys } from "../../config/raw.ts";
import { isWorkerKey } from "../../config/read_config.ts";
import type { Ask } from "./questions.ts";

/** What they are looked for in. */
export interface AddressSources {
  readonly registry?: string;
  readonly bootstrap?: string;
  readonly environment: Readonly<Record<string, string>>;
  /** The text of `./sluice.yaml`; null: there is none. */
  readonly file: string | null;
  /** Asked for what is found nowhere; null: nobody is there. */
  readonly ask: Ask | null;
}

/** A worker's key and its value as it was written. */
export type WorkerEntry = readonly [key: string, value: string | readonly string[]];

const REGISTRY = "schema.registry.url";
const BOOTSTRAP = "bootstrap.servers";

/** The worker's keys, Kafka's and the registry's first. The file's count where an address comes from it. Throws ConfigError that names the flags. */
export function addressesOf({ registry, bootstrap, environment, file, ask }: AddressSources): WorkerEntry[] {
  const given = new Map<string, string | undefined>([
    [BOOTSTRAP, bootstrap ?? environment.SLUICE_BOOTSTRAP_SERVERS],
    [REGISTRY, registry ?? environment.SLUICE_SCHEMA_REGISTRY_URL],
  ]);
  const needsFile = [...given.values()].some((value) => value === undefined);
  const worker: RawKeys = needsFile && file !== null ? loadConfig(file, "sluice.yaml", isWorkerKey).worker : new Map();
  const entries = new Map<string, string | readonly string[]>();
  for (const key of [BOOTSTRAP, REGISTRY]) {
    const value = given.get(key) ?? worker.get(key)?.value;
    if (value !== undefined && value !== null && value !== "") entries.set(key, textOf(value));
  }
  for (const [key, { value }] of worker) if (!entries.has(key) && value !== null) entries.set(key, textOf(value));
  if (ask && !entries.has(BOOTSTRAP)) entries.set(BOOTSTRAP, ask("Where is Kafka?", "127.0.0.1:9092"));
  if (ask && !entries.has(REGISTRY)) {
    entries.set(REGISTRY, ask("Where is the Schema Registry?", "http://127.0.0.1:8081", urlProblem));
  }
  const problems: ConfigProblem[] = [];
  const missing = (flag: string, key: string, variable: string) =>
    problems.push({ key: flag, why: `is missing; or set ${variable}, or ${key} in ./sluice.yaml` });
  if (!entries.has(REGISTRY)) missing("--registry", REGISTRY, "SLUICE_SCHEMA_REGISTRY_URL");
  if (!entries.has(BOOTSTRAP)) missing("--bootstrap", BOOTSTRAP, "SLUICE_BOOTSTRAP_SERVERS");
  if (problems.length > 0) throw new ConfigError(problems);
  return [...entries];
}

function urlProblem(text: string): string | null {
  return /^https?:\/\/./.test(text) ? null : "it must be an http:// or https:// URL";
}

function textOf(value: unknown): string | readonly string[] {
  return Array.isArray(value) ? value.map(String) : String(value);
}

/**
 * Takes user and password out of the registry's URL: they are a secret, so that they are used like one of `--set`, and not
 * written. References stay.
 */
export function withoutCredentials(
  entries: readonly WorkerEntry[],
  sets: readonly string[],
): { readonly worker: readonly WorkerEntry[]; readonly sets: readonly string[] } {
  const found: string[] = [];
  const stripped = (text: string) =>
    text.replaceAll(/\b(https?:\/\/)([^\/@\s,]+)@/g, (whole, scheme: string, userInfo: string) => {
      if (userInfo.includes("${")) return whole;
      found.push(decodeURIComponent(userInfo));
      return scheme;
    });
  const worker = entries.map(([key, value]): WorkerEntry => {
    if (key !== REGISTRY) return [key, value];
    return [key, typeof value === "string" ? stripped(value) : value.map(stripped)];
  });
  const isGiven = sets.some((set) => set.trim().startsWith(`${USER_INFO}=`));
  return { worker, sets: found.length === 0 || isGiven ? sets : [...sets, `${USER_INFO}=${found[0]}`] };
}

const USER_INFO = "schema.registry.basic.auth.user.info";

/** `--set` entries: the worker's, the connector's, and keys of secrets in clear, which are not to be written. */
export function splitSets(
  sets: readonly string[],
  isSecret: (key: string) => boolean,
): { worker: WorkerEntry[]; options: [string, string][]; unwritten: string[] } {
  const worker: WorkerEntry[] = [];
  const options: [string, string][] = [];
  const unwritten: string[] = [];
  for (const set of sets) {
    const [, key, value] = /^\s*([^=\s]+)\s*=(.*)$/s.exec(set) ?? [];
    if (key === undefined) throw new ConfigError([{ key: "--set", value: set, why: "must be KEY=VALUE" }]);
    if (key.startsWith("connectors.")) {
      throw new ConfigError([{ key: "--set", value: set, why: "names a connector; give the option's own key alone" }]);
    }
    if (isSecret(key) && !/\$\{(env|file|dir):/.test(value)) unwritten.push(key);
    else if (isWorkerKey(key)) worker.push([key, value.trim()]);
    else options.push([key, value.trim()]);
  }
  return { worker, options, unwritten };
}
