/**
 * Whether letters went into the sink by runs that the ledger does not know. The ledger alone says what was replayed: where
 * its topic was deleted, or lost records, letters would go on once more. Tables know the runs that they hold rows of.
 *
 * @module
 */
import { type Committer, FatalError, type PartitionOffset, replayTopic, type Retry } from "../api/mod.ts";
import { type Ledger, ledgerTopic } from "./ledger.ts";
import type { Letter } from "./letter.ts";

/** The first letters that were chosen, of each topic in each partition of the queue. */
export class FirstLetters {
  readonly #first = new Map<string, Map<number, Letter>>();

  /** Takes a chosen letter of a topic. */
  add(topic: string, letter: Letter): void {
    const ofTopic = this.#first.get(topic) ?? new Map<number, Letter>();
    this.#first.set(topic, ofTopic);
    const { partition, offset } = letter.at;
    const known = ofTopic.get(partition);
    if (!known || offset < known.at.offset) ofTopic.set(partition, letter);
  }

  /** By topic, then by partition. */
  get all(): ReadonlyMap<string, ReadonlyMap<number, Letter>> {
    return this.#first;
  }
}

/** Throws FatalError where a table is past one of these letters by a run that the ledger does not know. */
export async function assertNoUnknownRuns(
  first: FirstLetters,
  { committer, readLedger, retry, deadLetterTopic }: {
    readonly committer: Pick<Committer<unknown>, "replayedOffsets">;
    readonly readLedger: () => Promise<Ledger>;
    readonly retry: Retry;
    readonly deadLetterTopic: string;
  },
): Promise<void> {
  for (const [topic, letters] of first.all) {
    const runs = await retry(
      `read which runs are in the table of ${topic}`,
      async () => await committer.replayedOffsets?.(topic) ?? [],
    );
    const past = runs.filter(({ topicId, partition, offset }) => {
      const letter = letters.get(partition);
      return letter !== undefined && letter.at.topicId === topicId && letter.at.offset < offset;
    });
    if (past.length === 0) continue;
    // Read after the table: a run is in the ledger before it is in a table.
    const known = new Set((await readLedger()).runIds().map((id) => replayTopic(topic, id)));
    const unknown = past.filter((run) => !known.has(run.topic));
    if (unknown.length > 0) throw unknownRun(deadLetterTopic, topic, unknown);
  }
}

function unknownRun(deadLetterTopic: string, topic: string, unknown: readonly PartitionOffset[]): FatalError {
  const ends = new Map<number, bigint>();
  for (const { partition, offset } of unknown) {
    if (offset > (ends.get(partition) ?? 0n)) ends.set(partition, offset);
  }
  const sorted = [...ends].sort(([a], [b]) => a - b);
  const until = sorted.map(([partition, end]) => `--offsets ${partition}:0-${end - 1n}`).join(" ");
  const run = unknown[0].topic.slice(topic.length + 1);
  return new FatalError(
    `Cannot replay letters of "${deadLetterTopic}": the table of ${topic} has rows of run ${run}, which ` +
      `"${
        ledgerTopic(deadLetterTopic)
      }" does not know: that ledger was deleted, or lost records. Letters that the run put ` +
      `into the table would be there twice. Mark those that may be in it by dlq resolve ${until}, then replay the ` +
      "others; of the marked ones, those that the table turns out to lack go by resolve --undo and replay --to topic",
  );
}
