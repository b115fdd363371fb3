/**
 * Warns before records are deleted that were not read: a partition whose position is near the start of its log, while
 * its lag does not shrink.
 *
 * Near: less than a tenth of the log lies before the position, and the log has lost records already (its start is not 0:
 * else everything that is read from the beginning would be near). The lag is compared with that of a minute ago.
 *
 * @module
 */
import { type Clock, type Log, partitionKey } from "./api/mod.ts";
import type { PartitionMetrics } from "./task_meter.ts";

const INTERVAL_MS = 60_000;
const NEAR_PART = 10n;

/** Looks at where a task's partitions stand, now and then. */
export class RetentionWatch {
  readonly #lags = new Map<string, bigint>();
  /** Partitions of which it was said, until they are well again. */
  readonly #warned = new Set<string>();
  #nextMs = 0;
  constructor(private readonly options: { readonly clock: Clock; readonly log: Log }) {}

  /** Call it as often as you like. */
  look(partitions: readonly PartitionMetrics[]): void {
    const nowMs = this.options.clock.monotonic();
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + INTERVAL_MS;
    const before = new Map(this.#lags);
    this.#lags.clear();
    for (const partition of partitions) {
      const { topic, next, endOffset, logStartOffset } = partition;
      if (endOffset === null || logStartOffset === null) continue;
      const key = partitionKey(partition);
      const lag = endOffset - next;
      this.#lags.set(key, lag);
      if (!isNear(next, logStartOffset, endOffset)) this.#warned.delete(key);
      else if (lag >= (before.get(key) ?? lag + 1n) && !this.#warned.has(key)) {
        this.#warned.add(key);
        this.options.log.warn("Records may be deleted before they are read: reading is near the start of the log", {
          topic,
          partition: partition.partition,
          next,
          log_start: logStartOffset,
          log_end: endOffset,
          lag,
        });
      }
    }
  }
}

function isNear(next: bigint, start: bigint, end: bigint): boolean {
  return start > 0n && next < end && (next - start) * NEAR_PART < end - start;
}
