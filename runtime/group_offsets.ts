/**
 * The committer of connectors that bring none: Kafka's group offsets are the progress. At least once, not exactly once:
 * what a task made durable may be repeated when the process dies before the offsets move.
 *
 * @module
 */
import {
  type CommitOutcome,
  type Committer,
  FatalError,
  type Offsets,
  partitionKey,
  type PartitionOffset,
  RetriableError,
  type Retry,
  type Share,
  type TopicPartition,
} from "./api/mod.ts";
import type { KafkaAdmin, Membership } from "./kafka/types.ts";

/** What the committer is made of. */
export interface GroupOffsetsParts {
  readonly group: string;
  readonly admin: KafkaAdmin;
  readonly membership: Membership;
  /** For a few seconds: a rebalance is over by then, and who waits for the commit may go on. */
  readonly retry: Retry;
}

/** Commits by moving the offsets of the consumer group `group`. */
export function createGroupOffsetsCommitter(parts: GroupOffsetsParts): Committer<unknown> {
  const { group, admin, membership, retry } = parts;
  /** The group takes offsets from members alone, and we begin before we join: a crash may move these, as in any group. */
  const starts = new Map<string, PartitionOffset>();

  /** False where the group does not take them, e.g. because a rebalance took the partitions from us. */
  async function advanced(shares: readonly Share<unknown>[]): Promise<boolean> {
    try {
      await retry(`advance the offsets of group "${group}"`, () => membership.advance(endOffsets(shares)));
      return true;
    } catch (error) {
      if (error instanceof RetriableError || (error instanceof FatalError && error.cause instanceof RetriableError)) {
        return false;
      }
      throw error;
    }
  }

  return {
    async committedOffsets(partitions: readonly TopicPartition[]): Promise<Offsets> {
      const held = await admin.groupOffsets(group, partitions);
      const known = new Set(held.map(partitionKey));
      return [
        ...held,
        ...partitions.flatMap((partition) =>
          known.has(partitionKey(partition)) ? [] : starts.get(idOf(partition)) ?? []
        ),
      ];
    },
    async commit(epoch: number, _table: string, shares: readonly Share<unknown>[]): Promise<CommitOutcome[]> {
      const committed: CommitOutcome = { kind: "committed", version: BigInt(epoch) };
      if (await advanced(shares)) return shares.map(() => committed);
      // One by one: a partition that is no longer ours is no verdict on the others.
      const outcomes: CommitOutcome[] = [];
      for (const share of shares) {
        outcomes.push(await advanced([share]) ? committed : { kind: "stale", why: "offsets", actual: [] });
      }
      return outcomes;
    },
    initialize(at: Offsets): Promise<void> {
      for (const start of at) starts.set(idOf(start), start);
      return Promise.resolve();
    },
    stop: () => Promise.resolve(),
  };
}

function idOf({ topic, topicId, partition }: TopicPartition): string {
  return `${topic}/${topicId}/${partition}`;
}

/** Of each partition the last `to`: a later share of a partition chains on an earlier one. */
function endOffsets(shares: readonly Share<unknown>[]): Offsets {
  const ends = new Map<string, Offsets[number]>();
  for (const { topic, topicId, partition, to } of shares.flatMap(({ ranges }) => ranges)) {
    ends.set(`${topic}/${partition}`, { topic, topicId, partition, offset: to });
  }
  return [...ends.values()];
}
