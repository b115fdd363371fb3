/**
 * The letters that a command is about, as they stream by: copies left out, with their state in the ledger.
 *
 * @module
 */
import type { DecodedLetter, LetterCondition } from "../cel_letters.ts";
import { type LetterFilter, matchesFilter } from "./filter.ts";
import type { Letter, LetterState } from "./letter.ts";
import { Copies } from "./queue.ts";

/** A letter that was chosen. */
export interface ChosenLetter {
  readonly letter: Letter;
  readonly state: LetterState;
}

/** What chooses. */
export interface Choosing {
  readonly filter: LetterFilter;
  readonly stateOf: (letter: Letter) => LetterState;
  /** How often a letter's record was one, where that is more than the letter itself says. */
  readonly attemptsOf?: (letter: Letter) => number;
  /** An expression over letters. */
  readonly where?: {
    readonly test: LetterCondition;
    /** What the converters make of letters; absent: the expression does not ask. */
    readonly decode?: (letters: readonly Letter[]) => Promise<ReadonlyMap<Letter, DecodedLetter>>;
  };
}

/** What was read to choose from. */
export class ChoiceCounts {
  /** Letters, copies included. */
  read = 0;
  /** Letters that repeat one before: after a crash. */
  copies = 0;
  /** Letters for which the expression could not be evaluated, e.g. as they lack a field that it names. */
  unevaluated = 0;
}

/** Letters that are decoded together. */
const DECODE_RECORDS_MAX = 500;
const DECODE_BYTES_MAX = 4 * 1024 * 1024;

/** Yields each chosen letter once, in the order of the queue. */
export async function* chosenLetters(
  letters: AsyncIterable<Letter>,
  { filter, stateOf, attemptsOf, where }: Choosing,
  counts: ChoiceCounts = new ChoiceCounts(),
): AsyncGenerator<ChosenLetter> {
  const copies = new Copies();
  let waiting: ChosenLetter[] = [];
  let bytes = 0;
  for await (const given of letters) {
    counts.read++;
    const attempts = attemptsOf?.(given) ?? given.attempts;
    const letter = attempts === given.attempts ? given : { ...given, attempts };
    if (copies.isCopy(given)) {
      counts.copies++;
      continue;
    }
    const state = stateOf(letter);
    if (!matchesFilter(letter, state, filter)) continue;
    if (!where) {
      yield { letter, state };
      continue;
    }
    waiting.push({ letter, state });
    bytes += letter.value?.length ?? 0;
    if (waiting.length < DECODE_RECORDS_MAX && bytes < DECODE_BYTES_MAX) continue;
    yield* await meant(waiting, where, counts);
    [waiting, bytes] = [[], 0];
  }
  if (where) yield* await meant(waiting, where, counts);
}

async function meant(
  letters: readonly ChosenLetter[],
  { test, decode }: NonNullable<Choosing["where"]>,
  counts: ChoiceCounts,
): Promise<ChosenLetter[]> {
  const decoded = decode ? await decode(letters.map(({ letter }) => letter)) : null;
  return letters.filter(({ letter }) => {
    const outcome = test(letter, decoded?.get(letter));
    if (outcome === null) counts.unevaluated++;
    return outcome === true;
  });
}
