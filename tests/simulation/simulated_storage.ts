/**
 * Storage as one process sees it: every call is an operation of that process, with all that may become of one. The
 * objects themselves outlive the process.
 *
 * @module
 */
import type { ObjectWriter, Storage } from "../../connectors/delta-sink/storage/storage.ts";
import type { Life } from "./life.ts";

/** What happens to a table's folder, in order. */
export interface StorageEvents {
  /** `bytes` where they were put in one piece. */
  onCreated(table: string, path: string, bytes: Uint8Array | null): void;
  onDeleted(table: string, path: string): void;
}

/** `backing` as `life` sees it. `hold` keeps time from moving while a real disk works. */
export function simulatedStorage(table: string, backing: Storage, life: Life, events: StorageEvents): Storage {
  const perform = <T>(call: string, path: string, effect: () => Promise<T>): Promise<T> =>
    life.perform(`storage.${call}`, `${table}/${path}`, () => life.time.hold(effect()));
  return {
    uri: backing.uri,
    get: (path) => perform("get", path, () => backing.get(path)),
    head: (path) => perform("head", path, () => backing.head(path)),
    list: (folder, startAfter) => perform("list", folder, () => backing.list(folder, startAfter)),
    putIfAbsent: (path, bytes) =>
      perform("putIfAbsent", path, async () => {
        const outcome = await backing.putIfAbsent(path, bytes);
        if (outcome.kind === "created") events.onCreated(table, path, bytes);
        return outcome;
      }),
    put: (path, bytes) => perform("put", path, () => backing.put(path, bytes)),
    openWrite: (path) =>
      perform("openWrite", path, async () => {
        const writer = await backing.openWrite(path);
        return {
          write: (chunk) => perform("write", path, () => writer.write(chunk)),
          close: () =>
            perform("close", path, async () => {
              const size = await writer.close();
              events.onCreated(table, path, null);
              return size;
            }),
          abort: () => perform("abort", path, () => writer.abort()),
        } satisfies ObjectWriter;
      }),
    delete: (path) =>
      perform("delete", path, async () => {
        await backing.delete(path);
        events.onDeleted(table, path);
      }),
    check: () => perform("check", "", () => backing.check()),
  };
}
