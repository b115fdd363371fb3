/**
 * The letters that a command is about, as they stream by: copies left out, with their state in the ledger.
 *
 * @module
 */
import { batchesOf } from "./batches.ts";
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
  /** Of this connector alone, where several share the queue; letters that do not say whose they are count as its own. */
  readonly connector?: string;
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
  /** Letters of other connectors, which are left out and not counted elsewhere. */
  others = 0;
  /** Letters, copies included. */
  read = 0;
  /** Letters that repeat one before: after a crash. */
  copies = 0;
  /** Letters for which the expression could not be evaluated, e.g. as they lack a field that it names. */
  unevaluated = 0;
}

/** Letters that are decoded together. */
const DECODED = { letters: 500, bytes: 4 * 1024 * 1024 };

/** Yields each chosen letter once, in the order of the queue. */
export async function* chosenLetters(
  letters: AsyncIterable<Letter>,
  choosing: Choosing,
  counts: ChoiceCounts = new ChoiceCounts(),
): AsyncGenerator<ChosenLetter> {
  const found = filtered(letters, choosing, counts);
  const { where } = choosing;
  if (!where) return yield* found;
  for await (const batch of batchesOf(found, DECODED, ({ letter }) => letter)) yield* await meant(batch, where, counts);
}

async function* filtered(
  letters: AsyncIterable<Letter>,
  { filter, connector, stateOf, attemptsOf }: Choosing,
  counts: ChoiceCounts,
): AsyncGenerator<ChosenLetter> {
  const copies = new Copies();
  for await (const given of letters) {
    if (connector !== undefined && given.connector !== "" && given.connector !== connector) {
      counts.others++;
      continue;
    }
    counts.read++;
    if (copies.isCopy(given)) {
      counts.copies++;
      continue;
    }
    const attempts = attemptsOf?.(given) ?? given.attempts;
    const letter = attempts === given.attempts ? given : { ...given, attempts };
    const state = stateOf(letter);
    if (matchesFilter(letter, state, filter)) yield { letter, state };
  }
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
