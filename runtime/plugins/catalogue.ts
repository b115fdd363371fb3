/**
 * All plugins that a configuration can choose from: those that are built in, and those of modules that a configuration names
 * by path or URL. A module is loaded where it is named, and what it exports is known in this thread from then on.
 *
 * @module
 */
import type { Plugins } from "../config/choose_parts.ts";
import type { RawConfig, RawEntry } from "../config/raw.ts";
import { isModuleName, kindOfKey } from "./module_names.ts";

/** What `load` adds to. */
export interface Catalogue {
  readonly lists: { readonly [List in PluginList]: NonNullable<Plugins[List]>[number][] };
  /** By `kind name`: the URL of the module that it is from. */
  readonly origins: Map<string, string>;
}

/** The lists of a catalogue. */
export type PluginList = "connectors" | "converters" | "headerConverters" | "transforms" | "predicates";

/** A catalogue of what is built in; it loads nothing before a configuration names a module. */
export function createCatalogue(builtIn: Plugins): Plugins {
  const lists: Catalogue["lists"] = {
    connectors: [...builtIn.connectors],
    converters: [...builtIn.converters],
    headerConverters: [...builtIn.headerConverters ?? []],
    transforms: [...builtIn.transforms],
    predicates: [...builtIn.predicates ?? []],
  };
  const origins = new Map<string, string>();
  return {
    ...lists,
    origins,
    load: async (raw, place, problems) => {
      if (!namesModules(raw)) return raw;
      return await (await import("./load_modules.ts")).loadModules(raw, place, { lists, origins }, problems);
    },
  };
}

function namesModules({ worker, connectors }: RawConfig): boolean {
  const isNamed = ([key, entry]: [string, RawEntry]) => kindOfKey(key) !== null && isModule(entry);
  return [worker, ...connectors.values()].some((keys) => [...keys].some(isNamed));
}

function isModule({ module, value }: RawEntry): boolean {
  return module !== undefined || (typeof value === "string" && isModuleName(value));
}
