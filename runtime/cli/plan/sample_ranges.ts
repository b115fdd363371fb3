/**
 * Which offsets a sample is taken from: spread evenly over the partitions, at their new ends, their old ones, or both.
 *
 * @module
 */
import type { TopicPartition } from "../../api/mod.ts";
import type { ReadRange } from "../../kafka/read_ranges.ts";

/** What of a log a sample is of. */
export type SampleFrom = "newest" | "oldest" | "both";

/** What is to be read: the new ends, then the old ones; no offset is in both. */
export interface SampleRanges {
  readonly newest: readonly ReadRange[];
  readonly oldest: readonly ReadRange[];
}

/** A partition's log. */
export interface Log extends TopicPartition {
  readonly start: bigint;
  readonly end: bigint;
}

/**
 * About `wanted` offsets of the logs, each giving an equal part, what short ones lack given to longer ones. Gaps (control
 * records, compaction) hold fewer records than offsets.
 */
export function sampleRanges(logs: readonly Log[], wanted: number, from: SampleFrom): SampleRanges {
  const parts = shares(logs.map(({ start, end }) => Number(end - start)), wanted);
  const newest: ReadRange[] = [];
  const oldest: ReadRange[] = [];
  logs.forEach(({ topic, topicId, partition, start, end }, i) => {
    const part = { topic, topicId, partition };
    const size = BigInt(parts[i]);
    // What is read whole is read once.
    const old = from === "oldest" ? size : from === "newest" || size === end - start ? 0n : size / 2n;
    if (old > 0n) oldest.push({ ...part, from: start, to: start + old });
    if (size > old) newest.push({ ...part, from: end - (size - old), to: end });
  });
  return { newest, oldest };
}

/** `wanted` dealt over what there is: level, as far as each has. */
function shares(sizes: readonly number[], wanted: number): number[] {
  const out = sizes.map(() => 0);
  let left = wanted;
  for (let open = sizes.length; left > 0 && open > 0;) {
    const each = Math.max(1, Math.floor(left / open));
    open = 0;
    for (let i = 0; i < sizes.length && left > 0; i++) {
      const more = Math.min(each, sizes[i] - out[i], left);
      out[i] += more;
      left -= more;
      if (out[i] < sizes[i]) open++;
    }
  }
  return out;
}
