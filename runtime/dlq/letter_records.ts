/**
 * Letters as the records that they were: slabs that the stages take as if they came from the topic.
 *
 * @module
 */
import { type RawRecords, slabOf } from "../api/mod.ts";
import type { Letter, Place } from "./letter.ts";

/** Letters in one slab, and which record each is. */
export interface LetterSlab {
  readonly records: RawRecords;
  /** Record `i` is `letters[i]`. */
  readonly letters: readonly Letter[];
}

/** Offsets of one slab lie within what an int32 holds. */
const SPAN_MAX = 2n ** 31n - 1n;

/**
 * Slabs of the letters, whose records stand where they once were: offsets ascend within a slab. A letter without an origin is of
 * `elsewhere`, at its own place in the queue; where that is null it is left out.
 */
export function slabsOfLetters(letters: readonly Letter[], elsewhere: string | null = null): LetterSlab[] {
  const open = new Map<string, { letter: Letter; place: Place }[][]>();
  for (const letter of [...letters].sort(byOrigin)) {
    const place = letter.origin ?? (elsewhere === null ? null : { ...letter.at, topic: elsewhere });
    if (place === null) continue;
    const key = `${place.topic}/${place.partition}`;
    const slabs = open.get(key) ?? [];
    open.set(key, slabs);
    // The same record may be there several times, once for each time that it was set aside.
    const fits = slabs.find((slab) => {
      const [first, last] = [slab[0].place.offset, slab.at(-1)!.place.offset];
      return place.offset > last && place.offset - first <= SPAN_MAX;
    });
    if (fits) fits.push({ letter, place });
    else slabs.push([{ letter, place }]);
  }
  return [...open.values()].flat().map((slab) => ({
    records: slabOf(slab.map(({ letter, place: { offset } }) => ({ ...letter, offset })), {
      ...{ topic: slab[0].place.topic, topicId: "", partition: slab[0].place.partition },
      from: slab[0].place.offset,
    }),
    letters: slab.map(({ letter }) => letter),
  }));
}

function byOrigin(a: Letter, b: Letter): number {
  const [x, y] = [a.origin ?? a.at, b.origin ?? b.at];
  return x.offset < y.offset ? -1 : x.offset > y.offset ? 1 : a.attempts - b.attempts;
}
