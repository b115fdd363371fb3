/**
 * Whether a drain is at its end.
 *
 * @module
 */
import { type Committer, offsetOf, partitionKey, type Retry, type TopicPartition } from "./api/mod.ts";
import type { KafkaAdmin } from "./kafka/types.ts";

/** Whether the target stands at or beyond every end of `until` (by `partitionKey`), whoever brought it there. */
export async function isCaughtUp(
  until: ReadonlyMap<string, bigint>,
  { committer, admin, retry, initial }: {
    readonly committer: Committer<unknown>;
    readonly admin: KafkaAdmin;
    readonly retry: Retry;
    readonly initial: readonly TopicPartition[];
  },
): Promise<boolean> {
  if (until.size === 0) return true;
  const wanted = initial.filter((partition) => until.has(partitionKey(partition)));
  const at = await retry("read the committed offsets", () => committer.committedOffsets(wanted));
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
