/**
 * A `KeyValueStore` in one file of JSON, written whole: beside it first, then moved in its place. A file that somebody else
 * has changed meanwhile - another worker, or a person - is not written over.
 *
 * @module
 */
import { FatalError } from "../api/errors.ts";
import type { KeyValueStore } from "./config_storage.ts";

/** Values are JSON texts; the file holds them as JSON, for people to read. It is its owner's alone: it may hold secrets. */
export function fileStore(path: string): KeyValueStore {
  let entries = new Map<string, string>();
  /** What the file may hold by our doing: what was read or written last, and what was perhaps written. */
  let ours: (string | null)[] = [null];
  let last: Promise<void> = Promise.resolve();

  const replace = async (text: string) => {
    const found = await readText(path);
    if (found !== null && !ours.includes(found)) {
      throw new FatalError(
        `Cannot write config.storage ${path}: somebody else has changed it since this worker read it. A file is one ` +
          "worker's: stop the other one, and start this one again to read what is there now",
      );
    }
    ours.push(text); // whatever comes of it
    await write(path, text);
  };

  const put = async (changes: readonly (readonly [string, string | null])[]) => {
    const next = new Map(entries);
    for (const [key, value] of changes) value === null ? next.delete(key) : next.set(key, value);
    const text = textOf(next);
    await alone(path, () => replace(text));
    [entries, ours] = [next, [text]];
  };

  return {
    async load() {
      const text = await readText(path);
      entries = text === null ? new Map() : parse(path, text);
      ours = [text];
      return entries;
    },
    put(changes) {
      const written = last.then(() => put(changes));
      last = written.catch(() => {}); // told to who asked for it
      return written;
    },
    close: () => last,
  };
}

async function readText(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw trouble("read", path, error);
  }
}

function parse(path: string, text: string): Map<string, string> {
  try {
    return new Map(Object.entries(JSON.parse(text)).map(([key, value]) => [key, JSON.stringify(value)]));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    throw new FatalError(`Cannot read config.storage ${path}: it is no JSON. Mend it, or name another file`);
  }
}

function textOf(entries: ReadonlyMap<string, string>): string {
  const whole = Object.fromEntries([...entries].sort().map(([key, value]) => [key, JSON.parse(value)]));
  return `${JSON.stringify(whole, null, 2)}\n`;
}

/** Does something while no other process of ours does so in the same folder, and makes the folder durable. */
async function alone(path: string, work: () => Promise<void>): Promise<void> {
  try {
    using folder = await Deno.open(path.replace(/[^/]*$/, "") || ".");
    await folder.lock(true); // closed, it is free again
    await work();
    await folder.sync();
  } catch (error) {
    throw trouble("write", path, error);
  }
}

async function write(path: string, text: string): Promise<void> {
  const beside = `${path}.next`;
  await Deno.remove(beside).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  {
    using file = await Deno.open(beside, { write: true, createNew: true, mode: 0o600 });
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    await file.sync();
  }
  await Deno.rename(beside, path);
}

function trouble(what: string, path: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof FatalError) return error;
  return new FatalError(`Cannot ${what} config.storage ${path}: ${error.message}`, { cause: error });
}
