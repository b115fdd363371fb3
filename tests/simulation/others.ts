/**
 * Others who work on the same tables: a writer that takes version numbers, and a vacuum.
 *
 * @module
 */
import { decodePath } from "../../connectors/delta-sink/delta/actions.ts";
import { loadSnapshot } from "../../connectors/delta-sink/delta/load.ts";
import { commitPath } from "../../connectors/delta-sink/delta/log.ts";
import { tableUri } from "../../connectors/delta-sink/config.ts";
import { TABLE_URI } from "./connector_process.ts";
import type { Seeded } from "./seeded.ts";
import type { World } from "./world.ts";

/** A version without data by somebody else: an empty one, one with a txn of theirs, or one with another column. */
export async function writeAsAnother(world: World, topic: string, random: Seeded): Promise<void> {
  const uri = uriOf(topic);
  const storage = world.storage(uri);
  const snapshot = await loadSnapshot(storage);
  if (!snapshot) return;
  const version = snapshot.version + 1n;
  const actions: unknown[] = [{ commitInfo: { operation: "WRITE", txnId: random.uuid() } }];
  if (random.chance(0.5)) actions.push({ txn: { appId: "somebody else", version: random.int(0, 9) } });
  if (random.chance(0.4)) {
    const schema = JSON.parse(snapshot.metadata.schemaString);
    if (schema.fields.length === 0) return; // created for offsets alone: its columns are ours to choose
    const name = `theirs${schema.fields.length}`;
    schema.fields.push({ name, type: "string", nullable: true, metadata: {} });
    actions.push({ metaData: { ...snapshot.metadata, schemaString: JSON.stringify(schema) } });
  }
  const bytes = new TextEncoder().encode(actions.map((action) => JSON.stringify(action) + "\n").join(""));
  const { kind } = await storage.putIfAbsent(commitPath(version), bytes);
  if (kind === "created") world.journal.onCreated(uri, commitPath(version), bytes);
}

/** Deletes data files that no version names and that are older than `ageMs`. */
export async function vacuum(world: World, topic: string, ageMs: number): Promise<void> {
  const uri = uriOf(topic);
  const storage = world.storage(uri);
  const snapshot = await loadSnapshot(storage, { files: true });
  const named = new Set([...snapshot?.files?.adds.values() ?? []].map(({ path }) => decodePath(path)));
  for (const { path, modifiedMs } of await storage.list("")) {
    if (!path.endsWith(".parquet") || path.startsWith("_delta_log/") || named.has(path)) continue;
    if (world.time.nowMs - modifiedMs < ageMs) continue;
    await storage.delete(path);
    world.journal.onDeleted(uri, path);
  }
}

function uriOf(topic: string): string {
  return tableUri({ "table.uri": TABLE_URI } as Parameters<typeof tableUri>[0], topic);
}
