/**
 * A storage for previews: reads are those of another one, files that are written are counted and dropped.
 *
 * @module
 */
import { assertPath, type Storage } from "./storage.ts";

/** See the module's doc. Commits and checkpoints are nothing that a preview makes: to put one is a bug. */
export function droppingStorage(storage: Storage): Storage {
  const refuse = (path: string): never => {
    throw new Error(`Cannot put "${path}" into "${storage.uri}": a preview writes nothing`);
  };
  return {
    uri: storage.uri,
    get: (path) => storage.get(path),
    head: (path) => storage.head(path),
    list: (folder, startAfter) => storage.list(folder, startAfter),
    putIfAbsent: refuse,
    put: refuse,
    openWrite: (path) => {
      assertPath(path);
      let bytes = 0;
      return Promise.resolve({
        write: (chunk) => {
          bytes += chunk.length;
          return Promise.resolve();
        },
        close: () => Promise.resolve(bytes),
        abort: () => Promise.resolve(),
      });
    },
    delete: (path) => {
      assertPath(path);
      return Promise.resolve();
    },
    check: () => Promise.resolve(),
  };
}
