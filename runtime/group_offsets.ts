/**
 * The committer of connectors that bring none: Kafka's group offsets are the progress. At least once, not exactly once:
 * what a task made durable may be repeated when the process dies before the offsets move.
 *
 * @module
 */
import type { CommitOutcome, Committer, Offsets, Share, TopicPartition } from "./api/mod.ts";
import type { KafkaAdmin, Membership } from "./kafka/types.ts";

/** Commits by moving the offsets of the consumer group `group`. */
export function createGroupOffsetsCommitter(
  { group, admin, membership }: { group: string; admin: KafkaAdmin; membership: Membership },
): Committer<unknown> {
  return {
    committedOffsets: (partitions: readonly TopicPartition[]) => admin.groupOffsets(group, partitions),
    async commit(epoch: number, _table: string, shares: readonly Share<unknown>[]): Promise<CommitOutcome[]> {
      await membership.advance(endOffsets(shares));
      return shares.map(() => ({ kind: "committed", version: BigInt(epoch) }));
    },
    initialize: (at: Offsets) => membership.advance(at),
    stop: () => Promise.resolve(),
  };
}

/** Of each partition the last `to`: a later share of a partition chains on an earlier one. */
function endOffsets(shares: readonly Share<unknown>[]): Offsets {
  const ends = new Map<string, Offsets[number]>();
  for (const { topic, topicId, partition, to } of shares.flatMap(({ ranges }) => ranges)) {
    ends.set(`${topic}/${partition}`, { topic, topicId, partition, offset: to });
  }
  return [...ends.values()];
}
