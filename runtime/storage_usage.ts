/**
 * Adds up what tasks and committers asked of storage: their counts begin at zero with each of their lives.
 *
 * @module
 */
import type { StorageUsage } from "./api/mod.ts";

/** Sums over operations and outcomes. */
export type StorageTotal = Pick<StorageUsage, "requests" | "bytesIn" | "bytesOut">;

/** The counts of both. */
export function mergeUsage(a: readonly StorageUsage[], b: readonly StorageUsage[]): readonly StorageUsage[] {
  if (a.length === 0 || b.length === 0) return a.length === 0 ? b : a;
  const merged = new Map<string, StorageUsage>();
  for (const usage of [...a, ...b]) {
    const key = `${usage.table}\0${usage.operation}\0${usage.outcome}`;
    const before = merged.get(key);
    merged.set(key, before ? { ...usage, ...plus(before, usage) } : usage);
  }
  return [...merged.values()];
}

/** All of it. */
function totalUsage(usage: readonly StorageUsage[]): StorageTotal {
  return usage.reduce<StorageTotal>(plus, { requests: 0, bytesIn: 0, bytesOut: 0 });
}

/** What committers of one worker asked for, by connector and table. */
export class CommitterUsage {
  readonly #tables = new Map<
    string,
    { connector: string; before: readonly StorageUsage[]; last: readonly StorageUsage[] }
  >();

  /** Takes what a committer says of a table after a commit; returns what is new since the last. */
  note(connector: string, table: string, usage: readonly StorageUsage[]): StorageTotal {
    const key = `${connector}\0${table}`;
    const entry = this.#tables.get(key) ?? { connector, before: [], last: [] };
    this.#tables.set(key, entry);
    const now = totalUsage(usage);
    let last = totalUsage(entry.last);
    if (now.requests < last.requests) {
      // Another committer, after a restart.
      entry.before = mergeUsage(entry.before, entry.last);
      last = totalUsage([]);
    }
    entry.last = usage;
    return {
      requests: now.requests - last.requests,
      bytesIn: now.bytesIn - last.bytesIn,
      bytesOut: now.bytesOut - last.bytesOut,
    };
  }

  /** By connector, with the connector's name. */
  *all(): Iterable<{ readonly connector: string; readonly usage: readonly StorageUsage[] }> {
    for (const { connector, before, last } of this.#tables.values()) {
      yield { connector, usage: mergeUsage(before, last) };
    }
  }
}

function plus(a: StorageTotal, b: StorageTotal): StorageTotal {
  return { requests: a.requests + b.requests, bytesIn: a.bytesIn + b.bytesIn, bytesOut: a.bytesOut + b.bytesOut };
}
