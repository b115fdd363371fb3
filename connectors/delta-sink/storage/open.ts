/**
 * From a table's URI to its storage: the only place that knows which there are.
 *
 * @module
 */
import { ConfigError } from "../../../mod.ts";
import { LocalStorage } from "./local.ts";
import { type MemoryObjects, MemoryStorage } from "./memory.ts";
import type { Storage } from "./storage.ts";

const memories = new Map<string, MemoryObjects>();

/** A path, `file://` or, within one thread and for tests, `memory://name`. Throws ConfigError for anything else. */
export function openStorage(uri: string): Storage {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1].toLowerCase();
  if (scheme === undefined) return new LocalStorage(absolute(uri), uri);
  if (scheme === "file") return new LocalStorage(decodeURIComponent(new URL(uri).pathname), uri);
  if (scheme === "memory") {
    const objects = memories.get(uri) ?? new Map();
    memories.set(uri, objects);
    return new MemoryStorage({ uri, objects });
  }
  const why = `the scheme "${scheme}" is not supported yet: use a local path or file://`;
  throw new ConfigError([{ key: "table.uri", value: uri, why }]);
}

function absolute(path: string): string {
  const full = path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
  const parts: string[] = [];
  for (const part of full.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
