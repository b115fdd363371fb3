/**
 * `plugins list`, `plugins docs`: what a configuration can choose from, those of modules that it names among them.
 *
 * @module
 */
import { type ConfigDef, ConfigError, type ConfigProblem } from "../api/mod.ts";
import type { NamedPlugin, Plugins } from "../config/choose_parts.ts";
import { pluginName } from "../config/choose_parts.ts";
import { configKeys } from "../config/config_keys.ts";
import { didYouMean } from "../config/nearest.ts";
import { rawKeys } from "../config/raw.ts";
import { readConfig } from "../config/read_config.ts";
import { optionRows, renderOptions } from "../config/render_options.ts";
import { isModuleName, type PluginKind } from "../plugins/module_names.ts";
import project from "../../deno.json" with { type: "json" };
import { BUILT_IN_DOCS } from "./built_in_docs.ts";
import type { CliContext } from "./command_line.ts";
import { exists } from "./exists.ts";

/** The flags of both. */
export interface PluginsFlags {
  readonly config?: string;
  readonly set: readonly string[];
}

/** A plugin, as `list` shows it. */
export interface PluginEntry {
  readonly kind: PluginKind;
  readonly name: string;
  readonly version: string;
  /** One line. */
  readonly doc: string;
  /** The module that it was loaded from; null: built in. */
  readonly module: string | null;
  readonly options: ConfigDef;
}

const DEFAULT_CONFIG = "sluice.yaml";

/** Prints all plugins; returns the exit code. */
export async function listPlugins(flags: PluginsFlags & { readonly json: boolean }, context: CliContext) {
  await context.plugins.loadAll?.();
  await loadConfigured(flags, context);
  const all = entries(context.plugins);
  if (flags.json) {
    console.log(JSON.stringify(all.map(({ options: _, ...entry }) => entry), null, 2));
    return 0;
  }
  const rows = all.map(({ kind, name, version, doc, module }) => [
    kind,
    name,
    version,
    module === null ? doc : [doc, `(${module})`].filter((part) => part !== "").join(" "),
  ]);
  console.log(aligned([["KIND", "NAME", "VERSION", "WHAT IT DOES"], ...rows]));
  return 0;
}

/** Prints what a plugin is and its options; returns the exit code. */
export async function pluginDocs(
  given: string,
  flags: PluginsFlags & { readonly kind?: string; readonly markdown: boolean; readonly json: boolean },
  context: CliContext,
): Promise<number> {
  await context.plugins.loadAll?.();
  await loadConfigured(flags, context);
  const { name, kind = flags.kind } = isModuleName(given)
    ? await loadModule(given, flags.kind, context)
    : { name: given };
  const all = entries(context.plugins).filter((entry) => kind === undefined || entry.kind === kind);
  const names = all.map((entry) => entry.name);
  const wanted = pluginName(name, names);
  const found = all.filter((entry) => entry.name === wanted);
  if (found.length === 0) {
    const why = `is no ${kind ?? "plugin"}; plugins list shows those that there are${didYouMean(name, names)}`;
    throw new ConfigError([{ key: "plugins docs", value: given, why }]);
  }
  if (found.length > 1) {
    const why = `is the name of several: say which by --kind: ${found.map((entry) => entry.kind).join(", ")}`;
    throw new ConfigError([{ key: "plugins docs", value: given, why }]);
  }
  const [plugin] = found;
  // Options as Connect's REST API describes them: tools know that form.
  const asJson = () => JSON.stringify({ ...plugin, options: configKeys(plugin.options) }, null, 2);
  console.log(flags.json ? asJson() : flags.markdown ? renderOptions(plugin.options) : docsText(plugin));
  return 0;
}

/** Where the options of a kind stand that do not stand bare. */
const BELOW: Partial<Record<PluginKind, string>> = {
  "header converter": "header.converter.",
  "transform": "transforms.<alias>.",
  "predicate": "predicates.<alias>.",
};

function docsText({ kind, name, version, doc, module, options }: PluginEntry): string {
  const head = [
    `${name}: a ${kind}${version === "-" ? "" : `, version ${version}`}`,
    ...(module === null ? [] : [module]),
    ...(doc ? [doc] : []),
  ];
  const rows = optionRows(options).flatMap(({ key, type, fallback, doc }) => [
    `  ${key}`,
    `      ${type}; ${fallback === "required" ? fallback : fallback === "" ? "optional" : `default ${fallback}`}`,
    `      ${doc}`,
  ]);
  const below = BELOW[kind];
  const title = below === undefined ? "Options:" : `Options, below ${below}`;
  return [...head, "", rows.length === 0 ? "It has no options." : title, ...rows].join("\n").replaceAll("`", "");
}

/** What is loaded, kind by kind. */
function entries(plugins: Plugins): PluginEntry[] {
  const { connectors, converters, headerConverters = [], transforms, predicates = [], origins } = plugins;
  const kinds: readonly (readonly [PluginKind, readonly NamedPlugin[]])[] = [
    ["connector", connectors],
    ["converter", converters],
    ["header converter", headerConverters],
    ["transform", transforms],
    ["predicate", predicates],
  ];
  return kinds.flatMap(([kind, of]) =>
    of.map((plugin) => ({
      kind,
      name: plugin.name,
      version: textOf(plugin, "version") ?? (origins?.has(`${kind} ${plugin.name}`) ? "-" : project.version),
      doc: textOf(plugin, "doc") ?? BUILT_IN_DOCS[`${kind} ${plugin.name}`] ?? "",
      module: origins?.get(`${kind} ${plugin.name}`) ?? null,
      options: plugin.options,
    }))
  );
}

function textOf(plugin: object, key: string): string | null {
  const value = (plugin as Readonly<Record<string, unknown>>)[key];
  return typeof value === "string" ? value : null;
}

/** Reads the configuration, which loads the modules that it names. One that is refused otherwise is no matter here. */
async function loadConfigured({ config, set }: PluginsFlags, { plugins }: CliContext): Promise<void> {
  const path = config ?? (await exists(DEFAULT_CONFIG) ? DEFAULT_CONFIG : null);
  if (path === null) return;
  try {
    await readConfig(
      { path, sets: set, environment: Deno.env.toObject(), readTextFile: Deno.readTextFile },
      plugins,
    );
  } catch (error) {
    if (!(error instanceof ConfigError) || config !== undefined) throw error;
    console.error(`${path} is not looked at: it is refused; validate says why`);
  }
}

const KEYS: Readonly<Record<PluginKind, string>> = {
  "connector": "connector",
  "converter": "value.converter",
  "header converter": "header.converter",
  "transform": "transforms.t.type",
  "predicate": "predicates.p.type",
};

/** Loads one module; without a kind it is a connector, else what a converter's key takes. */
async function loadModule(
  given: string,
  kind: string | undefined,
  { plugins }: CliContext,
): Promise<{ name: string; kind: PluginKind }> {
  const kinds = Object.keys(KEYS).filter((each): each is PluginKind => kind === undefined || each === kind);
  let problems: ConfigProblem[] = [];
  for (const each of kinds) {
    const found: ConfigProblem[] = [];
    const raw = { worker: new Map(), connectors: new Map([["x", rawKeys({ [KEYS[each]]: given }, "command line")]]) };
    const loaded = await plugins.load!(raw, { file: null }, found);
    if (found.length === 0) return { name: String(loaded.connectors.get("x")!.get(KEYS[each])!.value), kind: each };
    if (problems.length === 0) problems = found;
  }
  throw new ConfigError(problems.map(({ value, why }) => ({ key: "plugins docs", value, why })));
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row.map((cell, i) => i === row.length - 1 ? cell : cell.padEnd(widths[i])).join("  ").trimEnd()
  )
    .join("\n");
}
