/**
 * The tables of a world on a real S3 server, behind the proxy that makes requests fail.
 *
 * @module
 */
import type { Storage } from "../../connectors/delta-sink/storage/storage.ts";
import type { ObjectStoreAccess } from "../../runtime/cli/services/object_store.ts";
import { type S3Fault, S3FaultProxy } from "../support/s3_fault_proxy.ts";
import { storageAt } from "../support/s3_fault_proxy_storage.ts";
import type { StorageEvents } from "../simulation/simulated_storage.ts";
import type { WorldStore } from "../simulation/world.ts";

/** Real time passes while virtual time stands still, so it is short. */
const TIMES = { holdMs: 60, lateMs: 0, slowMs: 30, awayMs: 100 };
/** More than even a busy machine takes: a time-out here is a connection that ends after a while without an answer. */
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * What can strike a request of the reference run. Not `late`: virtual time cannot tell when a request arrives that its
 * sender has given up.
 */
export const CRASH_FAULTS: readonly S3Fault[] = [
  ...["slow-down-before", "error-before", "timeout-before", "drop-before", "drop-mid-body"] as const,
  ...["slow-down-after", "error-after", "timeout-after", "drop-after"] as const,
  ...["torn", "torn-chunked", "cut", "slow", "away"] as const,
];

/** A proxy before the store, and below it a prefix for each world. */
export class S3Worlds implements AsyncDisposable {
  readonly proxy: S3FaultProxy;
  #worlds = 0;
  readonly #run = crypto.randomUUID();

  constructor(private readonly access: ObjectStoreAccess) {
    this.proxy = S3FaultProxy.start({ target: Number(new URL(access.endpoint).port), times: TIMES });
  }

  /** For one world. */
  next(): WorldStore {
    const below = `crash-${this.#run}/${++this.#worlds}`;
    const prefix = (uri: string) => `${below}/${uri.split("/").at(-1)}`;
    const outside = (uri: string) => named(uri, storageAt(this.access, { prefix: prefix(uri) }));
    const through = { endpoint: this.proxy.url, requestTimeoutMs: REQUEST_TIMEOUT_MS };
    const inside = (uri: string, events: StorageEvents) => {
      const storage = storageAt(this.access, { prefix: prefix(uri), ...through });
      return witnessed(uri, patient(uri, storage, this.proxy), outside(uri), events);
    };
    return { inside, outside };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
  }
}

/** Under the name that the world knows: one that no thread opens again. */
function named(uri: string, storage: Storage): Storage {
  return {
    uri,
    get: (path) => storage.get(path),
    head: (path) => storage.head(path),
    list: (folder, startAfter) => storage.list(folder, startAfter),
    putIfAbsent: (path, bytes) => storage.putIfAbsent(path, bytes),
    put: (path, bytes) => storage.put(path, bytes),
    openWrite: (path) => storage.openWrite(path),
    delete: (path) => storage.delete(path),
    check: () => storage.check(),
  };
}

/** Virtual time is over before a server that is away in real time is back: a call that fails meanwhile waits for it. */
function patient(uri: string, storage: Storage, proxy: S3FaultProxy): Storage {
  const call = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      await proxy.back();
      throw error;
    }
  };
  return {
    uri,
    get: (path) => call(() => storage.get(path)),
    head: (path) => call(() => storage.head(path)),
    list: (folder, startAfter) => call(() => storage.list(folder, startAfter)),
    putIfAbsent: (path, bytes) => call(() => storage.putIfAbsent(path, bytes)),
    put: (path, bytes) => call(() => storage.put(path, bytes)),
    openWrite: async (path) => {
      const writer = await storage.openWrite(path);
      return {
        write: (chunk) => call(() => writer.write(chunk)),
        close: () => call(() => writer.close()),
        abort: () => writer.abort(),
      };
    },
    delete: (path) => call(() => storage.delete(path)),
    check: () => call(() => storage.check()),
  };
}

/** Tells of versions that came to be although nobody was told. */
function witnessed(uri: string, storage: Storage, outside: Storage, events: StorageEvents): Storage {
  return {
    ...named(uri, storage),
    async putIfAbsent(path, bytes) {
      const before = await outside.head(path);
      try {
        return await storage.putIfAbsent(path, bytes);
      } catch (error) {
        if (before === null && await outside.head(path) !== null) events.onCreated(uri, path, bytes);
        throw error;
      }
    },
  };
}
