/**
 * What a commit says about itself for people and audits: which offsets, and the time up to which all is in.
 *
 * @module
 */
import { isReplayTopic, partitionKey, type Share } from "../../../mod.ts";
import { appIdOf, parseAppId } from "./app_ids.ts";
import { SHARES_TAG } from "./past_share.ts";

/** The new offsets of a commit, and what it says about itself. */
export interface Audit {
  /** The last `to` of each partition, by app id: a version carries one txn a partition. */
  readonly txns: ReadonlyMap<string, bigint>;
  readonly tags: Readonly<Record<string, string>>;
  readonly userMetadata: string;
  /** The newest timestamp by app id, ms since 1970 UTC, once this is committed. */
  readonly newestMs: ReadonlyMap<string, number>;
}

/**
 * `known` are the app ids in the table, `newestMs` what was committed before. `validThrough` is the time up to which all
 * partitions are in, as far as the newest timestamps of their shares tell; it is left out while some partition of the
 * table has committed nothing since the start of this process.
 */
export function auditOf(
  appId: string,
  shares: readonly Share<unknown>[],
  known: Iterable<string>,
  newestMs: ReadonlyMap<string, number>,
): Audit {
  const txns = new Map<string, bigint>();
  const newest = new Map(newestMs);
  const offsets: Record<string, [string, string]> = {};
  for (const { ranges, stats } of shares) {
    for (const range of ranges) {
      const id = appIdOf(appId, range);
      txns.set(id, range.to);
      offsets[partitionKey(range)] = [offsets[partitionKey(range)]?.[0] ?? String(range.from), String(range.to)];
      if (stats.timestampMsMax !== null) newest.set(id, Math.max(newest.get(id) ?? 0, stats.timestampMsMax));
    }
  }
  let oldestMs = Infinity;
  for (const id of new Set([...known, ...txns.keys()])) {
    const parsed = parseAppId(id);
    // What a run replayed says nothing of how far the partitions are in.
    if (parsed?.appId === appId && !isReplayTopic(parsed.topic)) {
      oldestMs = Math.min(oldestMs, newest.get(id) ?? -Infinity);
    }
  }
  const valid: Record<string, string> = Number.isFinite(oldestMs)
    ? { validThrough: new Date(oldestMs).toISOString() }
    : {};
  return {
    txns,
    tags: { [SHARES_TAG]: JSON.stringify(shares.map(({ id }) => id)), ...valid },
    userMetadata: JSON.stringify({ offsets, ...valid }),
    newestMs: newest,
  };
}

/** Why a share is stale, for the log: the first range that does not stand where the table does. */
export function staleMessage(
  table: string,
  { ranges }: Share<unknown>,
  actualOf: (range: Share<unknown>["ranges"][number]) => bigint | null,
): string {
  const range = ranges.find((r) => actualOf(r) !== (r.fromAbsent ? null : r.from)) ?? ranges[0];
  const expected = range.fromAbsent ? "none" : range.from;
  return `Cannot commit table "${table}": expected offset ${expected} of ${range.topic}-${range.partition}, ` +
    `current value is ${actualOf(range) ?? "none"}`;
}
