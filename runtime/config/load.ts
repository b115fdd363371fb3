/**
 * Loading: a file of any accepted form to raw configuration. Nothing is typed or judged here but the form itself.
 *
 * @module
 */
import { parse as parseYaml } from "@std/yaml";
import { ConfigError, type ConfigProblem } from "../api/errors.ts";
import { parseProperties } from "./properties.ts";
import { addEntry, emptyRawConfig, flatten, isMap, type RawConfig, type RawEntry, type RawKeys } from "./raw.ts";

/** The forms that are read; by the file's extension, YAML where it has another. */
export type ConfigFormat = "yaml" | "properties" | "json";

/** Tells a worker's key from an instance's, for the forms that mix them. */
export type IsWorkerKey = (key: string) => boolean;

/** The form by a file's name. */
function configFormat(path: string): ConfigFormat {
  return /\.properties$/i.test(path) ? "properties" : /\.json$/i.test(path) ? "json" : "yaml";
}

/**
 * Reads a configuration's text. YAML is Sluice's own form: the worker's keys, and `connectors:` by name. Properties and
 * JSON are Kafka Connect's: one instance, its `name` among the keys (or around `config`), the worker's keys beside it.
 */
export function loadConfig(text: string, path: string, isWorkerKey: IsWorkerKey): RawConfig {
  const format = configFormat(path);
  const problems: ConfigProblem[] = [];
  const config = format === "yaml"
    ? fromYaml(text, path, problems)
    : format === "properties"
    ? fromProperties(text, path, isWorkerKey, problems)
    : fromJson(text, path, isWorkerKey, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

function fromYaml(text: string, path: string, problems: ConfigProblem[]): RawConfig {
  const config = emptyRawConfig();
  const root = syntax(path, () => parseYaml(text));
  if (root === null || root === undefined) return config;
  if (!isMap(root)) {
    problems.push({ key: path, why: "holds no map of keys; see the configuration example in README.md" });
    return config;
  }
  const { connectors, ...rest } = root;
  flatten(rest, path, config.worker, problems, "");
  splitOffConnectors(config, problems);
  if (connectors === undefined || connectors === null) return config;
  if (!isMap(connectors)) {
    problems.push({ key: "connectors", why: "is no map; name each instance below it" });
    return config;
  }
  for (const [name, value] of Object.entries(connectors)) {
    if (isMap(value)) {
      const [instance, ...keyStart] = name.split(".");
      const keys = instanceKeys(config, instance);
      flatten(value, path, keys, problems, `connectors.${instance}.`, keyStart.length > 0 ? [keyStart.join(".")] : []);
    } else if (name.includes(".")) {
      const [instance, ...key] = name.split(".");
      const nested = { [key.join(".")]: value };
      flatten(nested, path, instanceKeys(config, instance), problems, `connectors.${instance}.`);
    } else {
      problems.push({ key: `connectors.${name}`, why: "is no map; put the instance's options below it" });
    }
  }
  return config;
}

/** `connectors.orders.tasks.max: 2` at the top means what nesting means. */
function splitOffConnectors(config: RawConfig, problems: ConfigProblem[]): void {
  for (const [key, entry] of [...config.worker]) {
    const match = /^connectors\.([^.]+)\.(.+)$/.exec(key);
    if (!match) continue;
    config.worker.delete(key);
    addEntry(instanceKeys(config, match[1]), match[2], entry, problems, `connectors.${match[1]}.`);
  }
}

function instanceKeys(config: RawConfig, name: string): RawKeys {
  let keys = config.connectors.get(name);
  if (!keys) config.connectors.set(name, keys = new Map());
  return keys;
}

function fromProperties(text: string, path: string, isWorkerKey: IsWorkerKey, problems: ConfigProblem[]): RawConfig {
  const keys: RawKeys = new Map();
  for (const { key, value } of syntax(path, () => parseProperties(text))) {
    addEntry(keys, key, { value, source: path, parts: [key] }, problems, "");
  }
  return connectForm(keys, path, isWorkerKey, problems);
}

function fromJson(text: string, path: string, isWorkerKey: IsWorkerKey, problems: ConfigProblem[]): RawConfig {
  const root = syntax(path, () => parseJson(text));
  const keys: RawKeys = new Map();
  if (!isMap(root)) {
    problems.push({
      key: path,
      why: "holds no object; {name, config} is expected, as Kafka Connect's REST API takes it",
    });
    return emptyRawConfig();
  }
  if (isMap(root.config)) {
    const { config, ...around } = root;
    flatten(config as Record<string, unknown>, path, keys, problems, "");
    if (keys.has("name") && "name" in around && keys.get("name")!.value !== around.name) {
      problems.push({ key: "name", why: "differs from the name inside config; keep one" });
    } else if ("name" in around) {
      keys.delete("name");
    }
    flatten(around, path, keys, problems, "");
  } else {
    flatten(root, path, keys, problems, "");
  }
  return connectForm(keys, path, isWorkerKey, problems);
}

/** One flat map of Connect's kind: `name` names the instance, the worker's keys are split off. */
function connectForm(keys: RawKeys, path: string, isWorkerKey: IsWorkerKey, problems: ConfigProblem[]): RawConfig {
  const config = emptyRawConfig();
  const instance: [string, RawEntry][] = [];
  for (const [key, entry] of keys) {
    if (key === "name") continue;
    if (isWorkerKey(key)) config.worker.set(key, entry);
    else instance.push([key, entry]);
  }
  const name = keys.get("name");
  if (instance.length === 0 && !name) return config;
  if (typeof name?.value === "string" && name.value !== "") {
    config.connectors.set(name.value, new Map(instance));
  } else {
    problems.push({ key: "name", why: `is missing in ${path}; it names the instance` });
  }
  return config;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // V8's message quotes the text, which may hold a secret; YAML is a superset and knows line and column.
    parseYaml(text);
    throw new SyntaxError("not valid JSON, though valid YAML: name the file .yaml", { cause: error });
  }
}

/** What the parsers throw about a text; ReferenceError is a YAML alias without its anchor. */
const SYNTAX_ERRORS = ["SyntaxError", "YAMLParseError", "ReferenceError", "PropertiesSyntaxError"];

/** Turns a syntax error into a problem that names the place and quotes nothing of the text but that. */
function syntax<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Error) || !SYNTAX_ERRORS.includes(error.name)) throw error;
    const [message] = error.message.split("\n");
    throw new ConfigError([{ key: path, why: `cannot be read: ${message.replace(/:$/, "")}` }]);
  }
}
