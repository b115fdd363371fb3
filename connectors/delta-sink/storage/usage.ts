/**
 * Counts of what a storage was asked for: requests by operation and outcome, and bytes.
 *
 * @module
 */
import type { StorageUsage } from "../../../mod.ts";
import type { ObjectWriter, Storage } from "./storage.ts";

/** What became of a request: `absent` no such object, `exists` the name is taken, `retried` failed and was repeated. */
export type RequestOutcome = "ok" | "absent" | "exists" | "throttled" | "failed" | "retried";

/** One kind of request to one table, counted. */
export interface RequestCount {
  readonly operation: string;
  readonly outcome: RequestOutcome;
  readonly requests?: number;
  readonly bytesIn?: number;
  readonly bytesOut?: number;
}

/** Counts for the tables of one thread. */
export class StorageMeter {
  readonly #tables = new Map<string, Map<string, StorageUsage>>();

  /** Adds to what is counted. */
  count(table: string, { operation, outcome, requests = 1, bytesIn = 0, bytesOut = 0 }: RequestCount): void {
    let counts = this.#tables.get(table);
    if (!counts) this.#tables.set(table, counts = new Map());
    const key = `${operation} ${outcome}`;
    const before = counts.get(key);
    counts.set(key, {
      table,
      operation,
      outcome,
      requests: requests + (before?.requests ?? 0),
      bytesIn: bytesIn + (before?.bytesIn ?? 0),
      bytesOut: bytesOut + (before?.bytesOut ?? 0),
    });
  }

  /** Adds what another thread counted. */
  add(usage: readonly StorageUsage[]): void {
    for (const { table, outcome, ...rest } of usage) {
      this.count(table, { ...rest, outcome: outcome as RequestOutcome });
    }
  }

  /** All that was counted so far, or what was of one table. */
  snapshot(table?: string): readonly StorageUsage[] {
    if (table !== undefined) return [...this.#tables.get(table)?.values() ?? []];
    return [...this.#tables.values()].flatMap((counts) => [...counts.values()]);
  }
}

/** Counts the calls to a storage that does not count its requests itself; each call is one. */
export function counted(storage: Storage, meter: StorageMeter): Storage {
  const { uri } = storage;
  const call = async <T>(operation: string, work: () => Promise<T>, counts: (result: T) => Partial<RequestCount>) => {
    try {
      const result = await work();
      meter.count(uri, { operation, outcome: "ok", ...counts(result) });
      return result;
    } catch (error) {
      meter.count(uri, { operation, outcome: "failed" });
      throw error;
    }
  };
  const isAbsent = (found: unknown): Partial<RequestCount> => found === null ? { outcome: "absent" } : {};
  return {
    uri,
    get: (path) => call("get", () => storage.get(path), (bytes) => ({ ...isAbsent(bytes), bytesIn: bytes?.length })),
    head: (path) => call("head", () => storage.head(path), isAbsent),
    list: (folder, startAfter) => call("list", () => storage.list(folder, startAfter), () => ({})),
    putIfAbsent: (path, bytes) =>
      call("put_if_absent", () => storage.putIfAbsent(path, bytes), ({ kind }) => ({
        outcome: kind === "created" ? "ok" : "exists",
        bytesOut: bytes.length,
      })),
    put: (path, bytes) => call("put", () => storage.put(path, bytes), () => ({ bytesOut: bytes.length })),
    openWrite: async (path): Promise<ObjectWriter> => {
      const writer = await storage.openWrite(path);
      return {
        write: (chunk) => writer.write(chunk),
        get bufferedBytes() {
          return writer.bufferedBytes;
        },
        close: () => call("put", () => writer.close(), (bytesOut) => ({ bytesOut })),
        abort: () => writer.abort(),
      };
    },
    delete: (path) => call("delete", () => storage.delete(path), () => ({})),
    check: () => storage.check(),
  };
}
