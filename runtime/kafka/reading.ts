/**
 * What is known of a partition that is read, and what a broker's refusal of it means.
 *
 * @module
 */
import { protocolErrors, protocolErrorsCodesById } from "./client.ts";
import type { Clock } from "../api/clock.ts";
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

/** What is to be asked of a broker now, what was served longest ago first. */
export function dueReadings(readings: Iterable<Reading>, node: number, now: number): Reading[] {
  const due = [...readings].filter((r) => r.leader === node && !r.stopped && r.retryAt <= now);
  return due.sort((a, b) => a.served - b.served);
}

/** When another one will be due, `msMax` at most. */
export function dueInMs(readings: Iterable<Reading>, node: number, now: number, msMax: number): number {
  const waiting = [...readings].filter((r) => r.leader === node && r.retryAt > now);
  return Math.min(msMax, ...waiting.map((r) => r.retryAt - now));
}

/** Fewer partitions than this are asked all the time. */
const MANY_PARTITIONS = 32;
/** Less than this is little. */
const QUIET_BYTES = 16 * 1024;

/**
 * Beside a busy partition a fetch is answered at once, and would bring every quiet one a record at a time: a batch of
 * columns each, which costs more than the record. What comes meanwhile comes together.
 */
export function restIfQuiet(
  reading: Reading,
  bytes: number,
  partitions: number,
  { clock, quietPauseMs = 0 }: { readonly clock: Clock; readonly quietPauseMs?: number },
): void {
  if (bytes < QUIET_BYTES && partitions >= MANY_PARTITIONS) reading.retryAt = clock.monotonic() + quietPauseMs;
}

function errors(): Record<string, { readonly canRetry: boolean } | undefined> {
  return protocolErrors;
}
