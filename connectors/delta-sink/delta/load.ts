/**
 * Reads a table's log, from whatever storage it is handed, into a snapshot.
 *
 * @module
 */
import { FatalError } from "../../../mod.ts";
import { decodeRows } from "../parquet/rows.ts";
import type { Storage } from "../storage/storage.ts";
import { type Action, parseActions } from "./actions.ts";
import { actionOfRow, CHECKPOINT_COLUMNS_WITHOUT_FILES } from "./checkpoint.ts";
import { beforeVersion, chooseSegment, commitPath, LAST_CHECKPOINT, LOG_FOLDER, type LogSegment } from "./log.ts";
import { Replay, type Snapshot } from "./snapshot.ts";

/** The part of a storage that reading needs. */
export type LogStorage = Pick<Storage, "uri" | "get" | "list">;

/** How often reading starts again because files went away under it (a log cleanup). */
const ATTEMPTS_MAX = 3;

/** What to read. */
export interface LoadOptions {
  /** The file list and tombstones too; default false. */
  readonly files?: boolean;
  /** This version; default the newest. */
  readonly version?: bigint;
}

/** The newest snapshot, or that of `version`; null where there is no table. */
export async function loadSnapshot(
  storage: LogStorage,
  { files = false, version }: LoadOptions = {},
): Promise<Snapshot | null> {
  for (let attempt = 1;; attempt++) {
    const segment = await findSegment(storage, version);
    if (segment === null) return null;
    const snapshot = await replay(storage, segment, files);
    if (snapshot !== null) return snapshot;
    if (attempt === ATTEMPTS_MAX) {
      throw new FatalError(`Cannot read table "${storage.uri}": its log files vanish while they are read`);
    }
  }
}

/** The actions of a version's commit, or null where there is no such file. */
export async function readCommit(storage: LogStorage, version: bigint): Promise<Action[] | null> {
  const bytes = await storage.get(commitPath(version));
  return bytes && parseActions(bytes, `${commitPath(version)} of table "${storage.uri}"`);
}

async function findSegment(storage: LogStorage, version?: bigint): Promise<LogSegment | null> {
  const hint = await lastCheckpoint(storage);
  if (hint !== null && (version === undefined || hint <= version)) {
    const paths = (await storage.list(LOG_FOLDER, beforeVersion(hint))).map(({ path }) => path);
    const found = paths.some((path) => path.startsWith(`${beforeVersion(hint)}.checkpoint`));
    const segment = found ? chooseSegment(paths, version) : null;
    if (segment?.checkpoint) return segment;
  }
  return chooseSegment((await storage.list(LOG_FOLDER)).map(({ path }) => path), version);
}

/** The hinted version: a hint that cannot be read is none. */
async function lastCheckpoint(storage: LogStorage): Promise<bigint | null> {
  const bytes = await storage.get(LAST_CHECKPOINT);
  if (bytes === null) return null;
  try {
    const { version } = JSON.parse(new TextDecoder().decode(bytes));
    return Number.isSafeInteger(version) && version >= 0 ? BigInt(version) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

async function replay(storage: LogStorage, segment: LogSegment, files: boolean): Promise<Snapshot | null> {
  const replay = new Replay(files);
  for (const path of segment.checkpoint?.paths ?? []) {
    const bytes = await storage.get(path);
    if (bytes === null) return null;
    for (const action of await readCheckpoint(storage, path, bytes, files)) replay.apply(action);
  }
  for (const version of segment.commits) {
    const actions = await readCommit(storage, version);
    if (actions === null) return null;
    for (const action of actions) replay.apply(action);
  }
  return replay.snapshot(segment.version, segment.checkpoint?.version ?? -1n);
}

async function readCheckpoint(storage: LogStorage, path: string, bytes: Uint8Array, files: boolean): Promise<Action[]> {
  try {
    return (await decodeRows(bytes, files ? undefined : CHECKPOINT_COLUMNS_WITHOUT_FILES)).map(actionOfRow);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FatalError(
      `Cannot read checkpoint "${path}" of table "${storage.uri}": ${why}. If it is damaged, delete it: the log is read ` +
        `from an older one`,
      { cause },
    );
  }
}
