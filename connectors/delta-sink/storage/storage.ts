/**
 * The folder of a table, wherever it is. Paths are relative to it, with `/`; a path that leaves it is a bug. Trouble that
 * may pass is thrown as RetriableError, trouble that needs a person as FatalError.
 *
 * @module
 */
import { FatalError, RetriableError } from "../../../mod.ts";

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
  /** The chunk is the writer's from now on: it may be kept until it is sent, and must not change. */
  write(chunk: Uint8Array): Promise<void>;
  /** Memory that it holds until it has sent it; absent: none to speak of. */
  readonly bufferedBytes?: number;
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

/** Where checks leave their objects while they run. */
export const PROBE_FOLDER = "_sluice_probe";
const PROBE_WRITERS = 8;
/** A distant storage answers many requests in the time of one. */
const PROBE_ROUNDS_AT_ONCE = 5;
/** Long enough for a put to be under way while others are. */
const PROBE_BYTES = 16 * 1024;
/** Until what is read is not what was written. */
const PROBES_MAX = 3;
/** Of a racing put without a clear answer. */
const PROBE_ATTEMPTS_MAX = 10;

/** `Storage.check` for storages without a way of their own. */
export async function checkStorage(storage: Storage, probeId: string): Promise<void> {
  await proveAccess(storage, probeId);
  await proveExclusion(storage, probeId, 1);
}

/** Writes, replaces, reads, lists and deletes a probe. Returns the storage's own time, ms since 1970 UTC. */
export async function proveAccess(storage: Storage, probeId: string): Promise<number> {
  // A put that had no answer and was repeated may land later still: that happens, but not again and again.
  for (let attempt = 1; attempt <= PROBES_MAX; attempt++) {
    const timeMs = await probe(storage, `${PROBE_FOLDER}/${probeId}-access-${attempt}`);
    if (timeMs !== null) return timeMs;
  }
  throw new FatalError(
    `Cannot use "${storage.uri}": it does not return what was just written, or not at once, ${PROBES_MAX} times out of ` +
      `${PROBES_MAX}. Use a storage with consistent reads and listings`,
  );
}

/** Null where something else was found than what was written. */
async function probe(storage: Storage, path: string): Promise<number | null> {
  await storage.put(path, new Uint8Array([1]));
  await storage.put(path, new Uint8Array([2]));
  const [read, info, listed] = await Promise.all([storage.get(path), storage.head(path), storage.list(PROBE_FOLDER)]);
  await storage.delete(path);
  const isThere = read?.[0] === 2 && info?.size === 1 && listed.some((found) => found.path === path);
  return isThere && (await storage.get(path)) === null ? info.modifiedMs : null;
}

/**
 * Lets writers race for fresh names, `rounds` times: one of them is told "created", its bytes are there, and stay there
 * when somebody comes later. Throws FatalError for a storage where two writers could overwrite each other's commits.
 */
export async function proveExclusion(storage: Storage, probeId: string, rounds: number): Promise<void> {
  for (let from = 0; from < rounds; from += PROBE_ROUNDS_AT_ONCE) {
    const length = Math.min(PROBE_ROUNDS_AT_ONCE, rounds - from);
    const paths = Array.from({ length }, (_, i) => `${PROBE_FOLDER}/${probeId}-${from + i}`);
    const ends = await Promise.allSettled(paths.map((path) => proveRound(storage, path)));
    const failed = ends.find((end) => end.status === "rejected");
    if (failed) throw failed.reason;
  }
}

async function proveRound(storage: Storage, path: string): Promise<void> {
  try {
    const racers = Array.from({ length: PROBE_WRITERS }, (_, i) => race(storage, path, i));
    const outcomes = await Promise.all(racers);
    const late = await race(storage, path, PROBE_WRITERS);
    if (late === "created") refuse(storage, "a put-if-absent replaced an object that was there");
    const winners = outcomes.flatMap((outcome, i) => outcome === "created" ? [i] : []);
    if (winners.length > 1) refuse(storage, `of ${PROBE_WRITERS} racing writers ${winners.length} won, wanted 1`);
    const content = (await storage.get(path))?.[0] ?? -1;
    // Whose put had no answer may have won without hearing of it.
    const isWinners = winners.length === 1 ? winners[0] === content : outcomes[content] === "unknown";
    if (!isWinners) refuse(storage, "the object that racing writers left is not the winner's");
  } finally {
    await storage.delete(path);
  }
}

function refuse(storage: Storage, why: string): never {
  throw new FatalError(
    `Cannot use "${storage.uri}": it does not honour put-if-absent (${why}), so that two writers could overwrite each ` +
      "other's commits. Use a storage with atomic creation; for S3-compatible servers, one that honours If-None-Match " +
      "under concurrency (AWS S3, MinIO, versitygw)",
  );
}

/** `unknown`: exists, after an attempt of ours had no clear answer. */
async function race(storage: Storage, path: string, writer: number): Promise<PutOutcome["kind"] | "unknown"> {
  for (let attempt = 1;; attempt++) {
    try {
      const { kind } = await storage.putIfAbsent(path, new Uint8Array(PROBE_BYTES).fill(writer));
      return kind === "exists" && attempt > 1 ? "unknown" : kind;
    } catch (error) {
      if (!(error instanceof RetriableError) || attempt === PROBE_ATTEMPTS_MAX) throw error;
    }
  }
}
