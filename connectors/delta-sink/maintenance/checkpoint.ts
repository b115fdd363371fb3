/**
 * Writes a classic checkpoint: the state of a version in one file, so that readers need not replay the whole log.
 *
 * @module
 */
import { FatalError } from "../../../mod.ts";
import { CHECKPOINT_FIELDS, checkpointRows, lastCheckpointJson } from "../delta/checkpoint.ts";
import { loadSnapshot } from "../delta/load.ts";
import { checkpointPath, LAST_CHECKPOINT } from "../delta/log.ts";
import { encodeRows } from "../parquet/rows.ts";
import type { Storage } from "../storage/storage.ts";

/** What was written. */
export interface WrittenCheckpoint {
  readonly rows: number;
  readonly bytes: number;
}

/** The checkpoint of a version, then `_last_checkpoint`. One that exists is left as it is: it says the same. */
export async function writeCheckpoint(storage: Storage, version: bigint, nowMs: number): Promise<WrittenCheckpoint> {
  const snapshot = await loadSnapshot(storage, { files: true, version });
  if (snapshot === null) {
    throw new FatalError(`Cannot write checkpoint ${version}: there is no table at "${storage.uri}"`);
  }
  const rows = checkpointRows(snapshot, nowMs);
  const bytes = encodeRows(CHECKPOINT_FIELDS, rows);
  await storage.putIfAbsent(checkpointPath(version), bytes);
  if (await hintedVersion(storage) < Number(version)) {
    await storage.put(LAST_CHECKPOINT, new TextEncoder().encode(lastCheckpointJson(version, rows, bytes.length)));
  }
  return { rows: rows.length, bytes: bytes.length };
}

async function hintedVersion(storage: Storage): Promise<number> {
  const bytes = await storage.get(LAST_CHECKPOINT);
  if (bytes === null) return -1;
  try {
    return Number(JSON.parse(new TextDecoder().decode(bytes)).version ?? -1);
  } catch (error) {
    if (error instanceof SyntaxError) return -1; // it is a hint: ours replaces a damaged one
    throw error;
  }
}
