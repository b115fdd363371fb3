/**
 * Where partitions begin to be read.
 *
 * @module
 */
import { type Committer, FatalError, offsetOf, partitionKey, type TopicPartition } from "./api/mod.ts";
import type { KafkaAdmin } from "./kafka/types.ts";
import type { OpenPartition } from "./task_protocol.ts";

interface Parts {
  readonly committer: Committer<unknown>;
  readonly admin: KafkaAdmin;
}

/** Where to read: at the target's offset, or where it has none at the beginning of the log. */
export async function startingOffsets(
  partitions: readonly TopicPartition[],
  { committer, admin }: Parts,
): Promise<Omit<OpenPartition, "epoch" | "until">[]> {
  const at = await committer.committedOffsets(partitions);
  const absent = partitions.filter((partition) => offsetOf(at, partition) === null);
  const bounds = absent.length > 0 ? await admin.logBounds(absent) : [];
  return partitions.map(({ topic, topicId, partition }) => {
    const offset = offsetOf(at, { topic, partition });
    if (offset !== null) return { topic, topicId, partition, offset, absent: false };
    const key = partitionKey({ topic, partition });
    const bound = bounds.find((each) => partitionKey(each) === key);
    if (!bound) throw new FatalError(`Cannot read ${topic}-${partition}: Kafka does not know it`);
    return { topic, topicId, partition, offset: bound.logStartOffset, absent: true };
  });
}

/**
 * `auto.offset.reset: latest`: commits the ends of now for every topic that the target does not know at all, before
 * anything is read, so that a crash cannot move the start. Partitions of a topic that it knows, and those that appear
 * later, begin at the earliest offset: their records came while we were responsible for the topic.
 */
export async function beginAtLatest(partitions: readonly TopicPartition[], { committer, admin }: Parts): Promise<void> {
  const known = new Set((await committer.committedOffsets(partitions)).map(({ topic }) => topic));
  const fresh = partitions.filter(({ topic }) => !known.has(topic));
  if (fresh.length === 0) return;
  const bounds = await admin.logBounds(fresh);
  await committer.initialize(bounds.map(({ topic, topicId, partition, endOffset }) => (
    { topic, topicId, partition, offset: endOffset }
  )));
}
