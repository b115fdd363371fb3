/**
 * Reads ranges of partitions to their ends, without a group and without a trace: for previews and dead letters.
 *
 * @module
 */
import { FatalError, partitionKey, rawOffset, type RawRecords, type TopicPartition } from "../api/mod.ts";
import type { Fetcher } from "./types.ts";

/** What is to be read of a partition: `[from, to)`. */
export interface ReadRange extends TopicPartition {
  readonly from: bigint;
  readonly to: bigint;
}

/** A slab of a range. */
export interface ReadSlab {
  /** Valid until the next one is asked for. */
  readonly records: RawRecords;
  /** How many of its records are before the range's end: the first ones. */
  readonly count: number;
}

const POLL_MS = 1_000;

/**
 * Yields what is in the ranges, in order within a partition. Throws FatalError where a partition cannot be read to its end.
 * The caller closes the fetcher.
 */
export async function* readRanges(fetcher: Fetcher, ranges: readonly ReadRange[]): AsyncGenerator<ReadSlab> {
  const open = new Map(ranges.filter(({ from, to }) => from < to).map((range) => [partitionKey(range), range]));
  for (const range of open.values()) fetcher.assign({ ...range, offset: range.from, epoch: 0 });
  try {
    while (open.size > 0) {
      for (const fetched of await fetcher.poll(POLL_MS)) {
        const range = open.get(partitionKey(fetched));
        if (fetched.kind !== "records") {
          if (range) throw new FatalError(`Cannot read ${range.topic}-${range.partition}: ${whyStopped(fetched)}`);
          continue;
        }
        const { records } = fetched;
        if (range) {
          let count = records.count;
          while (count > 0 && rawOffset(records, count - 1) >= range.to) count--;
          if (count > 0) yield { records, count };
          if (records.to >= range.to) {
            open.delete(partitionKey(range));
            fetcher.remove(range);
          }
        }
        fetcher.release(records);
      }
    }
  } finally {
    for (const range of open.values()) fetcher.remove(range);
  }
}

function whyStopped(stopped: Exclude<Awaited<ReturnType<Fetcher["poll"]>>[number], { kind: "records" }>): string {
  if (stopped.kind !== "out-of-range") return stopped.message;
  const { offset, logStartOffset, endOffset } = stopped;
  return `offset ${offset} is not in the log any more, which holds [${logStartOffset}, ${endOffset})`;
}
