/**
 * Storage in memory, with the semantics of the real ones: for tests, and the reference of the conformance suite.
 *
 * @module
 */
import {
  assertPath,
  checkStorage,
  type ObjectInfo,
  type ObjectWriter,
  type PutOutcome,
  type Storage,
} from "./storage.ts";

interface MemoryObject {
  readonly bytes: Uint8Array;
  readonly modifiedMs: number;
}

/** What outlives an instance, as a disk outlives a process: hand it to the next instance. */
export type MemoryObjects = Map<string, MemoryObject>;

/** Settings of a memory storage; all have defaults. */
export interface MemoryOptions {
  readonly uri?: string;
  readonly objects?: MemoryObjects;
  /** Wall time, ms since 1970 UTC. */
  readonly now?: () => number;
}

/** See the module's doc. Steps are atomic because JavaScript does not interrupt them. */
export class MemoryStorage implements Storage {
  readonly uri: string;
  readonly objects: MemoryObjects;
  readonly #now: () => number;

  constructor({ uri = "memory://", objects = new Map(), now = () => 0 }: MemoryOptions = {}) {
    this.uri = uri;
    this.objects = objects;
    this.#now = now;
  }

  get(path: string): Promise<Uint8Array | null> {
    assertPath(path);
    const object = this.objects.get(path);
    return Promise.resolve(object ? object.bytes.slice() : null);
  }

  head(path: string): Promise<ObjectInfo | null> {
    assertPath(path);
    const object = this.objects.get(path);
    return Promise.resolve(object ? info(path, object) : null);
  }

  list(folder: string, startAfter = ""): Promise<ObjectInfo[]> {
    if (folder !== "") assertPath(folder);
    const prefix = folder === "" ? "" : `${folder}/`;
    const found = [...this.objects].filter(([path]) => path.startsWith(prefix) && path > startAfter);
    return Promise.resolve(found.map(([path, object]) => info(path, object)).sort((a, b) => a.path < b.path ? -1 : 1));
  }

  putIfAbsent(path: string, bytes: Uint8Array): Promise<PutOutcome> {
    assertPath(path);
    if (this.objects.has(path)) return Promise.resolve({ kind: "exists" });
    this.objects.set(path, { bytes: bytes.slice(), modifiedMs: this.#now() });
    return Promise.resolve({ kind: "created" });
  }

  put(path: string, bytes: Uint8Array): Promise<void> {
    assertPath(path);
    this.objects.set(path, { bytes: bytes.slice(), modifiedMs: this.#now() });
    return Promise.resolve();
  }

  openWrite(path: string): Promise<ObjectWriter> {
    assertPath(path);
    const chunks: Uint8Array[] = [];
    let open = true;
    return Promise.resolve({
      write: (chunk) => {
        if (!open) throw new Error(`Cannot write to "${path}": it is closed`);
        chunks.push(chunk.slice());
        return Promise.resolve();
      },
      close: async () => {
        if (!open) throw new Error(`Cannot close "${path}": it is closed`);
        open = false;
        const bytes = joined(chunks);
        await this.put(path, bytes);
        return bytes.length;
      },
      abort: () => {
        open = false;
        return Promise.resolve();
      },
    });
  }

  delete(path: string): Promise<void> {
    assertPath(path);
    this.objects.delete(path);
    return Promise.resolve();
  }

  check(): Promise<void> {
    return checkStorage(this, crypto.randomUUID());
  }
}

function info(path: string, { bytes, modifiedMs }: MemoryObject): ObjectInfo {
  return { path, size: bytes.length, modifiedMs };
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
