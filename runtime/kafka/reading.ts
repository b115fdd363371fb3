/**
 * What is known of a partition that is read, and what a broker's refusal of it means.
 *
 * @module
 */
import { protocolErrors, protocolErrorsCodesById } from "@platformatic/kafka";
import type { TopicPartition } from "../api/offsets.ts";

/** Where a partition is read. A new object for each `assign`: what was fetched for an older one is dropped. */
export interface Reading extends TopicPartition {
  readonly epoch: number;
  /** The next offset to ask for. */
  offset: bigint;
  bytesMax: number;
  /** -1 where unknown. */
  leader: number;
  leaderEpoch: number;
  /** Monotonic ms before which it is not asked for. */
  retryAt: number;
  failures: number;
  /** Since when its topic is not there or is another one. */
  goneSince: number | null;
  /** When it was last given records: fairness. */
  served: number;
  /** It waits to be assigned anew. */
  stopped: boolean;
}

/** Refusals that a fetch survives though the client's list calls them final. */
const PASSING = new Set(["UNKNOWN_TOPIC_ID", "INCONSISTENT_TOPIC_ID", "FENCED_LEADER_EPOCH", "UNKNOWN_LEADER_EPOCH"]);
const STOPPING = new Set(["CORRUPT_MESSAGE"]);

/** Whether a refusal may be over after a while, with fresh metadata. */
export function isPassing(code: number): boolean {
  const name = nameOfError(code);
  if (PASSING.has(name)) return true;
  return !STOPPING.has(name) && errors()[name]?.canRetry === true;
}

/** A broker's error by name. */
export function nameOfError(code: number): string {
  return (protocolErrorsCodesById as Record<number, string>)[code] ?? `error ${code}`;
}

/** 100 ms, doubled by each failure up to about 5 s, spread by half. */
export function backoffMs(failures: number, random: () => number): number {
  return Math.min(5_000, 100 * 2 ** Math.min(failures - 1, 10)) * (0.5 + random() / 2);
}

function errors(): Record<string, { readonly canRetry: boolean } | undefined> {
  return protocolErrors;
}
