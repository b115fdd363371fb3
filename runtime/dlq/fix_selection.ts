/**
 * Fixes what a run is about: of each record the newest letter alone, and none that was a letter too often.
 *
 * @module
 */
import type { ChosenLetter } from "./choose.ts";
import { type Letter, type LetterId, letterIdOf, letterKey, type LetterState } from "./letter.ts";
import { OffsetSet } from "./offset_set.ts";

/** What was chosen, and what was not. */
export interface Fixed {
  readonly selection: OffsetSet;
  /** The first of them, to show. */
  readonly samples: readonly Letter[];
  /** Open letters of records that were letters too often: to be quarantined. */
  readonly overLimit: readonly (LetterId & Pick<Letter, "attempts">)[];
  /** Letters of records that became letters again later. */
  readonly superseded: number;
  /** Letters of which nobody can tell the topic that they came from. */
  readonly homeless: number;
}

/** What may be chosen. */
export interface FixRules {
  readonly states: readonly LetterState[];
  readonly attemptsMax: number;
  /** Whether it is known which topic a letter came from. */
  readonly hasTopic: (letter: Letter) => boolean;
}

const SAMPLES_MAX = 5;

/** Of the records that were letters more than once, how often: by `letterKey`. */
export async function attemptsOf(letters: AsyncIterable<Letter>): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for await (const letter of letters) {
    if (letter.attempts < 2) continue; // most are: so that little is kept
    const key = letterKey(letter);
    found.set(key, Math.max(found.get(key) ?? 0, letter.attempts));
  }
  return found;
}

/** `chosen`: each letter once, ascending within a partition of the queue; `newest`: of the whole queue. */
export async function fixSelection(
  chosen: AsyncIterable<ChosenLetter>,
  newest: ReadonlyMap<string, number>,
  { states, attemptsMax, hasTopic }: FixRules,
): Promise<Fixed> {
  const selection = new OffsetSet();
  const samples: Letter[] = [];
  const overLimit: (LetterId & Pick<Letter, "attempts">)[] = [];
  let superseded = 0, homeless = 0;
  for await (const { letter, state } of chosen) {
    if (!states.includes(state)) continue;
    const { at, attempts } = letter;
    if (attempts < (newest.get(letterKey(letter)) ?? 0)) superseded++;
    else if (!hasTopic(letter)) homeless++;
    else if (state === "open" && attempts > attemptsMax) overLimit.push({ ...letterIdOf(letter), attempts });
    else {
      selection.add(at.partition, at.offset);
      if (samples.length < SAMPLES_MAX) samples.push(letter);
    }
  }
  return { selection, samples, overLimit, superseded, homeless };
}
