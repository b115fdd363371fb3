/**
 * Loading the modules that a configuration names. A module exports a plugin of the kind that the key wants: as its default, as
 * the one export that has the shape, or as the export that is named behind `#`.
 *
 * @module
 */
import type { ConfigProblem } from "../api/errors.ts";
import type { ModulePlace, NamedPlugin } from "../config/choose_parts.ts";
import { INSTANCE_OPTIONS } from "../config/instance_options.ts";
import { splitList } from "../config/parse_value.ts";
import { fromText, type RawConfig, type RawEntry, type RawKeys, shownValue } from "../config/raw.ts";
import type { Catalogue, PluginList } from "./catalogue.ts";
import { guarded } from "./guard.ts";
import { isModuleName, kindOfKey, type PluginKind } from "./module_names.ts";
import { folderOf, isWithin, type ModuleName, moduleName } from "./module_url.ts";
import { optionProblem } from "./option_problem.ts";

/** Plugins of modules as the runtime sees them: an object may be a plugin of several kinds. */
const guards = new WeakMap<NamedPlugin, Map<PluginKind, NamedPlugin>>();

/** The sources of what came over HTTP: such a connector loads what the worker's own configuration allows. */
const FROM_HTTP = ["HTTP", "REST"];

const KINDS: Readonly<Record<PluginKind, { readonly list: PluginList; readonly methods: readonly string[] }>> = {
  "connector": { list: "connectors", methods: ["check", "createTask"] },
  "converter": { list: "converters", methods: ["create"] },
  "header converter": { list: "headerConverters", methods: ["create"] },
  "transform": { list: "transforms", methods: ["create"] },
  "predicate": { list: "predicates", methods: ["create"] },
};

/** See `Plugins.load`. */
export async function loadModules(
  raw: RawConfig,
  place: ModulePlace,
  catalogue: Catalogue,
  problems: ConfigProblem[],
): Promise<RawConfig> {
  const resolve = async (keys: RawKeys, path: string): Promise<RawKeys> => {
    const loaded: RawKeys = new Map();
    for (const [key, entry] of keys) {
      const kind = kindOfKey(key);
      const isModule = entry.module !== undefined || (typeof entry.value === "string" && isModuleName(entry.value));
      if (kind === null || !isModule) {
        loaded.set(key, entry);
        continue;
      }
      const result = await load(entry, kind, { place, worker: raw.worker, catalogue });
      loaded.set(key, "why" in result ? entry : result);
      if ("why" in result) problems.push({ key: path + key, value: shownValue(entry), why: result.why });
    }
    return loaded;
  };
  const worker = await resolve(raw.worker, "");
  const connectors = new Map<string, RawKeys>();
  for (const [name, keys] of raw.connectors) connectors.set(name, await resolve(keys, `connectors.${name}.`));
  return { worker, connectors };
}

interface Pass {
  readonly place: ModulePlace;
  readonly worker: RawKeys;
  readonly catalogue: Catalogue;
}

/** The entry with the plugin's name for its value, or why there is no plugin. */
async function load(
  entry: RawEntry,
  kind: PluginKind,
  { place, worker, catalogue }: Pass,
): Promise<RawEntry | Refused> {
  const name = entry.module === undefined ? nameOf(entry, place, worker) : moduleName(entry.module, ".");
  if ("why" in name) return name;
  const module = name.url + (name.exported === null ? "" : `#${name.exported}`);
  const plugin = await pluginOf(name, kind);
  if ("why" in plugin) return { why: plugin.why + fromText(entry) };
  const why = add(plugin.plugin, kind, module, catalogue);
  if (why !== null) return { why };
  const side = entry.module === undefined ? name.side : /\$(Key|Value)$/.exec(String(entry.value))?.[0] ?? "";
  return { ...entry, value: plugin.plugin.name + side, shown: shownValue(entry), module };
}

interface Refused {
  readonly why: string;
}

function nameOf(entry: RawEntry, { file }: ModulePlace, worker: RawKeys): ModuleName | Refused {
  const given = String(entry.value);
  if (!FROM_HTTP.includes(entry.source)) {
    return moduleName(given, file !== null && entry.source === file ? folderOf(file) : ".");
  }
  const allowed = worker.get("plugin.path");
  const value = allowed?.value ?? [];
  const folders = Array.isArray(value) ? value.map(String) : splitList(String(value));
  const base = allowed && file !== null && allowed.source === file ? folderOf(file) : ".";
  const name = moduleName(given, folders.length > 0 ? moduleName(folders[0], base).url : ".");
  if (isWithin(name.url, folders, base)) return name;
  const wanted = folders.length > 0 ? `is not in plugin.path (${folders.join(", ")})` : "is a module's path";
  return { why: `${wanted}: over HTTP modules may come from the folders of the worker's plugin.path alone` };
}

/** Imports the module and picks the plugin. */
async function pluginOf(
  { url, exported }: ModuleName,
  kind: PluginKind,
): Promise<{ readonly plugin: NamedPlugin } | Refused> {
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await import(url);
  } catch (error) {
    // Whatever it throws is its author's to see: a syntax error, an import that is not there, an error of its own.
    return {
      why: `cannot be loaded: ${
        error instanceof Error ? `${error.name}: ${error.message}` : `it threw ${String(error)}`
      }`,
    };
  }
  const { methods } = KINDS[kind];
  const hasShape = (value: unknown): value is NamedPlugin =>
    isObject(value) && methods.every((method) => typeof value[method] === "function");
  const wanted = `a ${kind}: an object with name, options, ${methods.join(" and ")}`;
  const names = Object.keys(module);
  const candidates = exported !== null
    ? [exported].filter((name) => hasShape(module[name]))
    : hasShape(module.default)
    ? ["default"]
    : names.filter((name) => hasShape(module[name]));
  // The same object under two names is one plugin.
  const [plugin, ...others] = new Set(candidates.map((name) => module[name] as NamedPlugin));
  if (plugin === undefined) {
    const what = exported === null ? `exports no ${kind}` : `has no ${kind} named ${exported}`;
    return { why: `${what}: it exports ${names.join(", ") || "nothing"}; export ${wanted}` };
  }
  if (others.length > 0) {
    return { why: `exports several that may be meant (${candidates.join(", ")}): name one, e.g. #${candidates[0]}` };
  }
  const why = malformed(plugin, kind);
  return why === null ? { plugin } : { why: `exports a ${kind} that is malformed: ${why}` };
}

function malformed(plugin: NamedPlugin, kind: PluginKind): string | null {
  const { name, options } = plugin as Readonly<Record<string, unknown>> & NamedPlugin;
  if (typeof name !== "string" || !/^[A-Za-z][A-Za-z0-9_-]*$/.test(name)) {
    return `its name must be letters, digits, - and _, current value is ${show(name)}`;
  }
  if (kind === "connector" && typeof (plugin as { version?: unknown }).version !== "string") {
    return `its version must be a text such as "1.0.0", current value is ${
      show((plugin as { version?: unknown }).version)
    }`;
  }
  if (!isObject(options)) {
    return `its options must be an object of option.*() by key, current value is ${show(options)}`;
  }
  for (const [key, declared] of Object.entries(options)) {
    if (kind === "connector" && Object.hasOwn(INSTANCE_OPTIONS, key)) {
      return `its option ${key} is one that every connector has; give it another name`;
    }
    const why = optionProblem(key, declared);
    if (why !== null) return why;
  }
  return null;
}

/** Adds the plugin where it is not known yet; says why it cannot be. */
function add(plugin: NamedPlugin, kind: PluginKind, module: string, { lists, origins }: Catalogue): string | null {
  const list = lists[KINDS[kind].list] as unknown as NamedPlugin[];
  const before = list.find(({ name }) => name === plugin.name);
  const known = guards.get(plugin)?.get(kind);
  if (before && before === known) return null;
  if (before) {
    const origin = origins.get(`${kind} ${plugin.name}`);
    const where = origin === undefined ? "built in" : `of ${origin}`;
    return `exports the ${kind} "${plugin.name}", and there is another of this name, ${where}; rename one`;
  }
  const guard = known ?? guarded(plugin, kind, module);
  guards.set(plugin, new Map(guards.get(plugin)).set(kind, guard));
  list.push(guard);
  origins.set(`${kind} ${plugin.name}`, module);
  return null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return (typeof value === "object" || typeof value === "function") && value !== null;
}

function show(value: unknown): string {
  return typeof value === "string"
    ? `"${value}"`
    : value === null || value === undefined
    ? String(value)
    : typeof value;
}
