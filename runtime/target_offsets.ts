/**
 * What a run asks of the target about all of its topics: a topic whose table refuses to answer is set aside.
 *
 * @module
 */
import type { TopicPartition } from "./api/mod.ts";
import { byTopic } from "./by_topic.ts";
import { isCaughtUp } from "./drain.ts";
import type { ConnectorRunParts } from "./run_parts.ts";
import { beginAtLatest } from "./starting_offsets.ts";

/** See the module's doc. */
export class TargetOffsets {
  constructor(
    private readonly parts: ConnectorRunParts,
    private readonly topics: {
      readonly hasFailed: (topic: string) => boolean;
      readonly onFailed: (topic: string, why: string) => void;
    },
  ) {}

  /** `auto.offset.reset: latest`. */
  async beginAtLatest(partitions: readonly TopicPartition[]): Promise<void> {
    await this.#byTopic(partitions, (some) => this.begin(some));
  }

  /** The same; throws what the target refuses. */
  async begin(partitions: readonly TopicPartition[]): Promise<void> {
    const { retry, autoOffsetReset } = this.parts;
    if (autoOffsetReset !== "latest" || partitions.length === 0) return;
    await retry("begin at the latest offsets", () => beginAtLatest(partitions, this.parts));
  }

  /** Whether a drain is at its end; see `isCaughtUp`. */
  isCaughtUp(): Promise<boolean> {
    const { until, committer, retry } = this.parts;
    const read = (partitions: readonly TopicPartition[]) =>
      retry("read the committed offsets", () => committer.committedOffsets(partitions));
    return isCaughtUp(until!, {
      ...this.parts,
      hasFailed: this.topics.hasFailed,
      committedOffsets: async (partitions) => (await this.#byTopic(partitions, read)).flat(),
    });
  }

  async #byTopic<R>(
    partitions: readonly TopicPartition[],
    work: (partitions: readonly TopicPartition[]) => Promise<R>,
  ): Promise<R[]> {
    if (this.parts.topicFailure === "all") return [await work(partitions)];
    const { results, failed } = await byTopic(partitions, ({ topic }) => topic, work, this.parts.clock);
    for (const [topic, { message }] of failed) this.topics.onFailed(topic, message);
    return results;
  }
}
