/**
 * Moves the group's offsets behind the commits: one request at a time, each for all that was committed meanwhile.
 *
 * @module
 */
import { type Log, type OffsetRange, type Offsets, partitionKey } from "./api/mod.ts";
import type { Membership } from "./kafka/types.ts";

/** See the module's doc. */
export class GroupAdvance {
  readonly #waiting = new Map<string, Offsets[number]>();
  #sending: Promise<void> | null = null;

  constructor(private readonly parts: { readonly membership: Membership; readonly log: Log }) {}

  /** Returns at once. */
  to(ranges: readonly OffsetRange[]): void {
    for (const range of ranges) {
      const { topic, topicId, partition, to: offset } = range;
      this.#waiting.set(partitionKey(range), { topic, topicId, partition, offset });
    }
    this.#sending ??= this.#send();
  }

  /** Resolves when nothing waits. */
  async done(): Promise<void> {
    await this.#sending;
  }

  async #send(): Promise<void> {
    const { membership, log } = this.parts;
    for (; this.#waiting.size > 0; await Promise.resolve()) {
      const offsets = [...this.#waiting.values()];
      this.#waiting.clear();
      await membership.advance(offsets).catch((error) =>
        log.warn("The group's offsets did not move: lag displays are behind until the next commit", {
          error: String(error),
        })
      );
    }
    this.#sending = null;
  }
}
