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
  #sending: Promise<unknown> | null = null;

  constructor(private readonly parts: { readonly membership: Membership; readonly log: Log }) {}

  /** Resolves when nothing waits any more: with what went wrong last, or null. It never rejects. */
  to(ranges: readonly OffsetRange[]): Promise<unknown> {
    for (const range of ranges) {
      const { topic, topicId, partition, to: offset } = range;
      this.#waiting.set(partitionKey(range), { topic, topicId, partition, offset });
    }
    return this.#sending ??= this.#send();
  }

  /** Resolves when nothing waits. */
  async done(): Promise<void> {
    await this.#sending;
  }

  async #send(): Promise<unknown> {
    const { membership, log } = this.parts;
    let failure: unknown = null;
    for (; this.#waiting.size > 0; await Promise.resolve()) {
      const offsets = [...this.#waiting.values()];
      this.#waiting.clear();
      await membership.advance(offsets).then(() => failure = null, (error) => {
        failure = error;
        log.warn("The group's offsets did not move: lag displays are behind until the next commit", {
          error: String(error),
        });
      });
    }
    this.#sending = null;
    return failure;
  }
}
