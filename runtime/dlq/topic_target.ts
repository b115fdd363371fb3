/**
 * Replays letters to a topic: the record as it was (or fixed) and the ledger's entry in one Kafka transaction, so that for
 * who reads what is committed each is there once.
 *
 * @module
 */
import { FatalError } from "../api/mod.ts";
import { SLUICE_HEADERS } from "../dead_letter.ts";
import type { KafkaAdmin, ProducerRecord } from "../kafka/types.ts";
import type { BatchLimits } from "./batches.ts";
import type { Letter } from "./letter.ts";
import type { OffsetSet } from "./offset_set.ts";
import type { Refusal, RunWork } from "./run_work.ts";

/** What a replay to a topic is made of. */
export interface TopicParts {
  /** Null: the topic that each letter came from. */
  readonly topic: string | null;
  /** The letters as they are to be sent, and those that the fix refuses. Null: they go as they are. */
  readonly fixed: ((letters: readonly Letter[]) => Promise<Fixed>) | null;
  /** The topic of a letter that does not say where it came from; null: not to be known. */
  readonly topicOf: (letter: Letter) => string | null;
  readonly limits: BatchLimits;
}

/** Letters that were changed. */
export interface Fixed {
  /** By the letter that it was. */
  readonly letters: ReadonlyMap<Letter, Letter>;
  readonly refused: readonly Refusal[];
}

const ENCODER = new TextEncoder();

/** Refuses a target that would lose or repeat letters. */
export async function assertTopic(admin: KafkaAdmin, deadLetterTopic: string, topic: string): Promise<void> {
  if (topic === deadLetterTopic) {
    throw new FatalError(`Cannot replay to "${topic}": it is the dead-letter topic itself`);
  }
  const found = (await admin.describeTopics([topic])).some((each) => each.topic === topic);
  if (!found) {
    throw new FatalError(`Cannot replay to "${topic}": Kafka has no such topic. Create it, or correct its name`);
  }
}

/** Does all of a run that is not done. */
export async function replayToTopic(work: RunWork, selection: OffsetSet, parts: TopicParts): Promise<void> {
  const { admin, deadLetterTopic } = work.world;
  const known = new Set<string>();
  for await (const chunk of work.chunks(selection, parts.limits)) {
    const { letters, refused } = parts.fixed
      ? await parts.fixed(chunk)
      : { letters: new Map(chunk.map((letter) => [letter, letter])), refused: [] };
    const records: ProducerRecord[] = [];
    for (const letter of letters.values()) {
      const topic = parts.topic ?? parts.topicOf(letter)!;
      if (!known.has(topic)) await assertTopic(admin, deadLetterTopic, topic);
      known.add(topic);
      records.push(recordOf({ ...letter, attempts: work.ledger.attemptsOf(letter) }, topic));
    }
    // A fix may leave a record out on purpose: that is done with, too.
    const again = new Set(refused.map(({ letter }) => letter));
    const passed = chunk.filter((letter) => !again.has(letter)).map((letter) => work.passed(letter));
    await work.note({ records, passed, refused });
  }
}

/** The record as it was; how often it was a letter goes along, so that it cannot go round for ever. */
function recordOf({ key, value, headers, timestampMs, attempts }: Letter, topic: string): ProducerRecord {
  const counted = { key: `${SLUICE_HEADERS}attempts`, value: ENCODER.encode(String(attempts)) };
  return { topic, key, value, headers: [...headers, counted], timestampMs };
}
