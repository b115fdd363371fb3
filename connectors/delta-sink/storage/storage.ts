/**
 * The folder of a table, wherever it is. Paths are relative to it, with `/`; a path that leaves it is a bug. Trouble that
 * may pass is thrown as RetriableError, trouble that needs a person as FatalError.
 *
 * @module
 */
import { FatalError } from "../../../mod.ts";

/** What became of a put-if-absent: a value, since both must be expected. */
export type PutOutcome = { kind: "created" } | { kind: "exists" };

/** An object, without its bytes. */
export interface ObjectInfo {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** ms since 1970 UTC. */
  readonly modifiedMs: number;
}

/** An object on its way: nobody sees it before `close` is through. */
export interface ObjectWriter {
  write(chunk: Uint8Array): Promise<void>;
  /** Makes it visible and durable; returns its bytes. */
  close(): Promise<number>;
  /** Leaves nothing behind. Fine after a failure, and after `close` without effect. */
  abort(): Promise<void>;
}

/** Reads see every write that is through, and never a part of one. */
export interface Storage {
  /** What messages call it, and what `openStorage` opens again. */
  readonly uri: string;
  /** The bytes, or null where there is no such object. */
  get(path: string): Promise<Uint8Array | null>;
  head(path: string): Promise<ObjectInfo | null>;
  /** All objects below a folder ("" for all there is) whose path sorts after `startAfter`, sorted by path. */
  list(folder: string, startAfter?: string): Promise<ObjectInfo[]>;
  /**
   * Creates the object, durably, unless there is one: of many racing writers exactly one is told "created", and whoever
   * sees the object sees all of it. Tried once. A RetriableError leaves open whether it was created.
   */
  putIfAbsent(path: string, bytes: Uint8Array): Promise<PutOutcome>;
  /** Creates or replaces, durably and in one step. */
  put(path: string, bytes: Uint8Array): Promise<void>;
  openWrite(path: string): Promise<ObjectWriter>;
  /** No such object: fine. */
  delete(path: string): Promise<void>;
  /** Proves that it can be written and that racing put-if-absents have one winner; throws FatalError with the fix. */
  check(): Promise<void>;
}

/** Throws where a path is not one inside the folder. */
export function assertPath(path: string): void {
  const bad = path === "" || path.split("/").some((part) => part === "" || part === "." || part === "..");
  if (bad) {
    throw new RangeError(`Cannot use the path "${path}": it must be relative and stay inside the table's folder`);
  }
}

const PROBE_WRITERS = 8;

/** `Storage.check` for every storage: a probe object, written by several racers, read, replaced and deleted. */
export async function checkStorage(storage: Storage, probeId: string): Promise<void> {
  const path = `_sluice_probe/${probeId}`;
  const racers = Array.from({ length: PROBE_WRITERS }, (_, i) => new Uint8Array([i]));
  const outcomes = await Promise.all(racers.map((bytes) => storage.putIfAbsent(path, bytes)));
  const winners = outcomes.flatMap((outcome, i) => outcome.kind === "created" ? [i] : []);
  const read = await storage.get(path);
  await storage.put(path, new Uint8Array([255]));
  const replaced = await storage.get(path);
  await storage.delete(path);
  if (winners.length !== 1 || read === null || read[0] !== winners[0]) {
    throw new FatalError(
      `Cannot use "${storage.uri}": it does not honour put-if-absent (of ${PROBE_WRITERS} racing writers ${winners.length} ` +
        `won, wanted 1), so that two writers could overwrite each other's commits. Use a storage with atomic creation`,
    );
  }
  if (replaced?.[0] !== 255 || (await storage.get(path)) !== null) {
    throw new FatalError(`Cannot use "${storage.uri}": it does not return what was just written, or not at once`);
  }
}
