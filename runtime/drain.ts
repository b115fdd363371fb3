/**
 * Whether a drain is at its end.
 *
 * @module
 */
import { offsetOf, type Offsets, partitionKey, type Retry, type TopicPartition } from "./api/mod.ts";
import type { KafkaAdmin } from "./kafka/types.ts";

/**
 * Whether the target stands at or beyond every end of `until` (by `partitionKey`), whoever brought it there. Topics that
 * have failed, perhaps by this very question, are left out.
 */
export async function isCaughtUp(
  until: ReadonlyMap<string, bigint>,
  { committedOffsets, hasFailed, admin, retry, initial }: {
    readonly committedOffsets: (partitions: readonly TopicPartition[]) => Promise<Offsets>;
    readonly hasFailed: (topic: string) => boolean;
    readonly admin: KafkaAdmin;
    readonly retry: Retry;
    readonly initial: readonly TopicPartition[];
  },
): Promise<boolean> {
  if (until.size === 0) return true;
  const asked = initial.filter((partition) => until.has(partitionKey(partition)) && !hasFailed(partition.topic));
  const at = await committedOffsets(asked);
  const wanted = asked.filter(({ topic }) => !hasFailed(topic));
  const endOf = (partition: TopicPartition) => until.get(partitionKey(partition))!;
  const behind = wanted.filter((partition) => (offsetOf(at, partition) ?? -1n) < endOf(partition));
  if (behind.some((partition) => offsetOf(at, partition) !== null)) return false;
  if (behind.length === 0) return true;
  // Retention may have taken all that there was before any of it was read: no offset will ever come of that.
  const bounds = await retry("read the topics' starts", () => admin.logBounds(behind));
  return behind.every((partition) =>
    bounds.some((b) => partitionKey(b) === partitionKey(partition) && b.logStartOffset >= endOf(partition))
  );
}
