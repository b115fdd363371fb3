/**
 * Whether a share that the table has passed was committed by an earlier attempt of ours. Only then may its files stay:
 * those of a stale share are deleted, and a version must never name a deleted file.
 *
 * @module
 */
import type { Share } from "../../../mod.ts";
import { encodePath } from "../delta/actions.ts";
import { loadSnapshot } from "../delta/load.ts";
import type { Snapshot } from "../delta/snapshot.ts";
import type { DeltaStaged } from "../staged.ts";
import { appIdOf } from "./app_ids.ts";
import type { TableLog } from "./table_log.ts";

/** The tag of a commitInfo with the ids of the shares in it, as a JSON list. */
export const SHARES_TAG = "sluice.shares";

/** The version that committed the share, or null. Reads the log backwards to where the share's range begins. */
export async function versionOfShare(log: TableLog, appId: string, share: Share<DeltaStaged>): Promise<bigint | null> {
  const snapshot = log.snapshot;
  if (snapshot === null) return null;
  const range = share.ranges[0];
  const id = appIdOf(appId, range);
  for (let version = snapshot.version; version >= 0n; version--) {
    const commit = await log.commitAt(version);
    if (commit === null) return await versionByFiles(log, snapshot, share);
    for (const { commitInfo, txn } of commit) {
      if (commitInfo && sharesOf(commitInfo.tags).includes(share.id)) return version;
      // The commit that we look for put a higher offset: it would have come before this one.
      if (txn?.appId === id && txn.version <= range.from) return null;
    }
  }
  return null;
}

function sharesOf(tags: unknown): readonly unknown[] {
  const list = (tags as Record<string, unknown> | undefined)?.[SHARES_TAG];
  const ids = typeof list === "string" ? JSON.parse(list) : [];
  return Array.isArray(ids) ? ids : [];
}

/** The log was cleaned up that far: file names are unique, so that the table has a file of ours or never had one. */
async function versionByFiles(log: TableLog, snapshot: Snapshot, share: Share<DeltaStaged>): Promise<bigint | null> {
  const { version } = snapshot;
  const whole = await log.persist("read the files", () => loadSnapshot(log.storage, { files: true, version }));
  const paths = new Set([...whole?.files?.adds.values() ?? []].map(({ path }) => path));
  return share.staged.files.some(({ path }) => paths.has(encodePath(path))) ? version : null;
}
