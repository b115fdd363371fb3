/**
 * From a table's URI to its storage: the only place that knows which there are.
 *
 * @module
 */
import { ConfigError, type Retry } from "../../../mod.ts";
import { LocalStorage } from "./local.ts";
import { type MemoryObjects, MemoryStorage } from "./memory.ts";
import { S3_DEFAULTS, type S3Settings } from "./s3/options.ts";
import { S3Storage } from "./s3.ts";
import type { Storage } from "./storage.ts";
import { counted, StorageMeter } from "./usage.ts";

const memories = new Map<string, MemoryObjects>();

/** What a storage may need besides its URI. */
export interface OpenOptions {
  /** How to reach S3; default: as the environment says. */
  readonly s3?: S3Settings;
  /** Counts requests. */
  readonly meter?: StorageMeter;
  /** Repeats what may pass while a data file is uploaded. */
  readonly retry?: Retry;
}

/**
 * A path, `file://`, `s3://bucket/path` (or `s3a://`) or, within one thread and for tests, `memory://name`. Throws
 * ConfigError for anything else.
 */
export function openStorage(
  uri: string,
  { s3: settings = S3_DEFAULTS, meter = new StorageMeter(), retry }: OpenOptions = {},
): Storage {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1].toLowerCase();
  if (scheme === undefined) return counted(new LocalStorage(absolute(uri), uri), meter);
  if (scheme === "file") return counted(new LocalStorage(decodeURIComponent(new URL(uri).pathname), uri), meter);
  if (scheme === "s3" || scheme === "s3a") return new S3Storage({ uri, settings, meter, retry });
  if (scheme === "memory") {
    const objects = memories.get(uri) ?? new Map();
    memories.set(uri, objects);
    return counted(new MemoryStorage({ uri, objects }), meter);
  }
  const why = `the scheme "${scheme}" is not supported: use a local path, file:// or s3://`;
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
