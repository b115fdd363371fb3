/**
 * Paths and URLs of modules as they are written, to the URL that is imported.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** A module as it was written, taken apart. */
export interface ModuleName {
  /** What is imported. */
  readonly url: string;
  /** The export that is meant; null: the module has but one. */
  readonly exported: string | null;
  /** `$Key` or `$Value` at the end, as transforms take it; else empty. */
  readonly side: string;
}

/** Takes apart what was written: `./masks.ts#hash$Key`. A relative path is of the folder. */
export function moduleName(given: string, folder: string): ModuleName {
  const side = /\$(Key|Value)$/.exec(given)?.[0] ?? "";
  const rest = given.slice(0, given.length - side.length);
  const exported = /#(\w+)$/.exec(rest)?.[1] ?? null;
  const name = exported === null ? rest : rest.slice(0, -exported.length - 1);
  return { url: urlOf(name, folder), exported, side };
}

function urlOf(name: string, folder: string): string {
  if (isUrl(name)) return name;
  if (!isUrl(folder)) return pathToFileURL(resolve(folder, name)).href;
  const base = folder.endsWith("/") ? folder : `${folder}/`;
  return base.startsWith("file:") ? pathToFileURL(resolve(fileURLToPath(base), name)).href : new URL(name, base).href;
}

function isUrl(name: string): boolean {
  return /^(file|https?|npm|jsr|data):/.test(name);
}

/** The folder of a file. */
export function folderOf(path: string): string {
  return dirname(resolve(path));
}

/** Whether what a configuration's file names is the module that was given on the command line. */
export function sameModuleAs(given: string, file: string | null): (named: string) => boolean {
  const wanted = moduleName(given, ".");
  return (named) => {
    const { url, exported } = moduleName(named, file === null ? "." : folderOf(file));
    return url === wanted.url && exported === wanted.exported;
  };
}

/** Whether a URL is in one of the folders (paths of `folder`, or URLs). An escaped slash would be a slash to the loader. */
export function isWithin(url: string, folders: readonly string[], folder: string): boolean {
  if (/%(2f|5c)/i.test(url)) return false;
  return folders.some((each) => new URL(url).href.startsWith(`${urlOf(each, folder).replace(/\/$/, "")}/`));
}
