/**
 * The compare-and-set: which shares stand on what the table says. Pure; asked again on every attempt.
 *
 * @module
 */
import { type OffsetRange, partitionKey, type TopicPartition } from "../../../mod.ts";

/** The part of a share that the decision needs. */
export interface Claim {
  readonly id: string;
  readonly ranges: readonly OffsetRange[];
}

/**
 * `commit`: all its ranges begin where the table, or a share before it in this commit, stands. `past`: the table is at or
 * beyond all its ends, so that an earlier attempt may have committed it. `stale`: anything else.
 */
export type Verdict = "commit" | "past" | "stale";

/**
 * A verdict for each, in order: shares that chain are given in order, and one that chains on a share that does not commit
 * is stale. `excluded` are stale for another reason.
 */
export function decide(
  offsetInTable: (partition: TopicPartition) => bigint | null,
  claims: readonly Claim[],
  excluded: ReadonlySet<string> = new Set(),
): Verdict[] {
  const moved = new Map<string, bigint>();
  return claims.map(({ id, ranges }) => {
    if (excluded.has(id)) return "stale";
    const fits = ranges.every((range) => startsAt(range, moved.get(rangeKey(range)) ?? offsetInTable(range)));
    if (fits) {
      for (const range of ranges) moved.set(rangeKey(range), range.to);
      return "commit";
    }
    const isPast = ranges.every((range) => (offsetInTable(range) ?? -1n) >= range.to);
    return isPast ? "past" : "stale";
  });
}

/** Whether a range begins where a partition stands: absent is a state of its own, never 0. */
function startsAt({ from, fromAbsent }: OffsetRange, offset: bigint | null): boolean {
  return fromAbsent ? offset === null : offset === from;
}

function rangeKey(range: TopicPartition): string {
  return `${partitionKey(range)}/${range.topicId}`;
}
