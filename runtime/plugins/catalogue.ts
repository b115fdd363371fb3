/**
 * All plugins that a configuration can choose from: those that are built in, and those of modules that a configuration names
 * by path or URL. A module is loaded where it is named, and what it exports is known in this thread from then on. The
 * built-in transforms and predicates, which most configurations have none of, are loaded where there are any.
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

/** What is built in and loaded where a configuration has transforms. */
export type Steps = Pick<Required<Plugins>, "transforms" | "predicates">;

/** A catalogue of what is built in; it loads nothing before a configuration names it. */
export function createCatalogue(
  builtIn: Omit<Plugins, keyof Steps>,
  loadSteps: () => Promise<Steps> = () => Promise.resolve({ transforms: [], predicates: [] }),
): Plugins {
  const lists: Catalogue["lists"] = {
    connectors: [...builtIn.connectors],
    converters: [...builtIn.converters],
    headerConverters: [...builtIn.headerConverters ?? []],
    transforms: [],
    predicates: [],
  };
  const origins = new Map<string, string>();
  let steps: Promise<void> | null = null;
  const addSteps = async () => {
    const { transforms, predicates } = await loadSteps();
    lists.transforms.push(...transforms);
    lists.predicates.push(...predicates);
  };
  const loadAll = () => steps ??= addSteps();
  return {
    ...lists,
    origins,
    loadAll,
    load: async (raw, place, problems) => {
      if (hasKey(raw, isStep)) await loadAll();
      if (!hasKey(raw, namesModule)) return raw;
      return await (await import("./load_modules.ts")).loadModules(raw, place, { lists, origins }, problems);
    },
  };
}

function hasKey({ worker, connectors }: RawConfig, test: (key: string, entry: RawEntry) => boolean): boolean {
  return [worker, ...connectors.values()].some((keys) => [...keys].some(([key, entry]) => test(key, entry)));
}

const isStep = (key: string): boolean => /(^|\.)(transforms|predicates)(\.|$)/.test(key);

function namesModule(key: string, { module, value }: RawEntry): boolean {
  return kindOfKey(key) !== null && (module !== undefined || (typeof value === "string" && isModuleName(value)));
}
