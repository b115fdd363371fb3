/**
 * A `KeyValueStore` in one file of JSON, written whole: beside it first, then moved in its place.
 *
 * @module
 */
import { FatalError } from "../api/errors.ts";
import type { KeyValueStore } from "./config_storage.ts";

/** Values are JSON texts; the file holds them as JSON, for people to read. It is its owner's alone: it may hold secrets. */
export function fileStore(path: string): KeyValueStore {
  let entries = new Map<string, string>();
  let last: Promise<void> = Promise.resolve();
  return {
    async load() {
      entries = await read(path);
      return entries;
    },
    put(changes) {
      const written = last.then(async () => {
        const next = new Map(entries);
        for (const [key, value] of changes) value === null ? next.delete(key) : next.set(key, value);
        await write(path, next);
        entries = next;
      });
      last = written.catch(() => {}); // told to who asked for it
      return written;
    },
    close: () => last,
  };
}

async function read(path: string): Promise<Map<string, string>> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Map();
    throw trouble("read", path, error);
  }
  try {
    return new Map(Object.entries(JSON.parse(text)).map(([key, value]) => [key, JSON.stringify(value)]));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    throw new FatalError(`Cannot read config.storage ${path}: it is no JSON. Mend it, or name another file`);
  }
}

async function write(path: string, entries: ReadonlyMap<string, string>): Promise<void> {
  const whole = Object.fromEntries([...entries].sort().map(([key, value]) => [key, JSON.parse(value)]));
  const beside = `${path}.next`;
  try {
    await Deno.remove(beside).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    const file = await Deno.open(beside, { write: true, createNew: true, mode: 0o600 });
    try {
      const bytes = new TextEncoder().encode(`${JSON.stringify(whole, null, 2)}\n`);
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
      await file.sync();
    } finally {
      file.close();
    }
    await Deno.rename(beside, path);
    const folder = await Deno.open(path.replace(/[^/]*$/, "") || ".");
    try {
      await folder.sync(); // the new name is durable, too
    } finally {
      folder.close();
    }
  } catch (error) {
    throw trouble("write", path, error);
  }
}

function trouble(what: string, path: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TypeError) return error;
  return new FatalError(`Cannot ${what} config.storage ${path}: ${error.message}`, { cause: error });
}
