/**
 * From a table's URI to its storage: the only place that knows which there are.
 *
 * @module
 */
import { ConfigError, type Retry } from "../../../mod.ts";
import { LocalStorage } from "./local.ts";
import { type MemoryObjects, MemoryStorage } from "./memory.ts";
import { S3_DEFAULTS, s3Place, type S3Settings } from "./s3/options.ts";
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
  const scheme = schemeOf(uri);
  if (scheme === undefined || scheme === "file") return counted(new LocalStorage(localPath(uri), uri), meter);
  if (scheme === "s3" || scheme === "s3a") return new S3Storage({ uri, settings, meter, retry });
  if (scheme === "memory") {
    const objects = memories.get(uri) ?? new Map();
    memories.set(uri, objects);
    return counted(new MemoryStorage({ uri, objects }), meter);
  }
  const why = `the scheme "${scheme}" is not supported: use a local path, file:// or s3://`;
  throw new ConfigError([{ key: "table.uri", value: uri, why }]);
}

/**
 * The same text for all URIs of one table: `s3a://` and `s3://`, slashes at the end, relative paths, `file://`, and links.
 * Throws ConfigError as `openStorage` does.
 */
export function sameTableKey(uri: string): string {
  const scheme = schemeOf(uri);
  if (scheme === undefined || scheme === "file") return `file://${realPath(localPath(uri))}`;
  if (scheme !== "s3" && scheme !== "s3a") return uri.replace(/\/+$/, "");
  const { bucket, prefix } = s3Place(uri);
  return `s3://${bucket}/${prefix}`;
}

function schemeOf(uri: string): string | undefined {
  return /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1].toLowerCase();
}

function localPath(uri: string): string {
  return absolute(schemeOf(uri) === "file" ? decodeURIComponent(new URL(uri).pathname) : uri);
}

/** With links followed, as far as there is anything. */
function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    const at = path.lastIndexOf("/");
    if (!(error instanceof Deno.errors.NotFound) || at <= 0) return path;
    return `${realPath(path.slice(0, at)).replace(/\/$/, "")}${path.slice(at)}`;
  }
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
