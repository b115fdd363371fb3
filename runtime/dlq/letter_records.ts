/**
 * Letters as the records that they were: slabs that the stages take as if they came from the topic.
 *
 * @module
 */
import type { RawRecords, RecordHeader } from "../api/mod.ts";
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
    records: recordsOf(slab.map(({ letter }) => letter), slab.map(({ place }) => place)),
    letters: slab.map(({ letter }) => letter),
  }));
}

/** Letters as records at these places, which are of one partition and ascend. */
export function recordsOf(letters: readonly Letter[], places: readonly Place[], topicId = ""): RawRecords {
  const count = letters.length;
  const headers = letters.map((letter) => headerBlock(letter.headers));
  const size = letters.reduce(
    (sum, { key, value }, i) => sum + (key?.length ?? 0) + (value?.length ?? 0) + headers[i].length,
    0,
  );
  const bytes = new Uint8Array(size);
  const [keyStarts, keyEnds, valueStarts, valueEnds, headerStarts, offsetDeltas] = Array.from(
    { length: 6 },
    () => new Int32Array(count),
  );
  const timestampsMs = new Float64Array(count);
  const [{ topic, partition, offset: baseOffset }] = places;
  let at = 0;
  const place = (part: Uint8Array | null, starts: Int32Array, ends: Int32Array | null, i: number) => {
    starts[i] = part === null ? -1 : at;
    if (part !== null) bytes.set(part, at);
    at += part?.length ?? 0;
    if (ends) ends[i] = part === null ? -1 : at;
  };
  letters.forEach(({ key, value, timestampMs }, i) => {
    place(key, keyStarts, keyEnds, i);
    place(value, valueStarts, valueEnds, i);
    place(headers[i], headerStarts, null, i);
    timestampsMs[i] = timestampMs;
    offsetDeltas[i] = Number(places[i].offset - baseOffset);
  });
  return {
    ...{ topic, topicId, partition, bytes, count, baseOffset, offsetDeltas, timestampsMs },
    ...{ keyStarts, keyEnds, valueStarts, valueEnds, headerStarts },
    from: baseOffset,
    to: places[count - 1].offset + 1n,
  };
}

function byOrigin(a: Letter, b: Letter): number {
  const [x, y] = [a.origin ?? a.at, b.origin ?? b.at];
  return x.offset < y.offset ? -1 : x.offset > y.offset ? 1 : a.attempts - b.attempts;
}

/** Kafka record format v2: a varint count, then for each header name and value with their lengths. */
function headerBlock(headers: readonly RecordHeader[]): Uint8Array {
  const parts: number[] = varint(headers.length);
  for (const { key, value } of headers) {
    const name = ENCODER.encode(key);
    parts.push(...varint(name.length), ...name, ...varint(value?.length ?? -1));
    for (const byte of value ?? []) parts.push(byte);
  }
  return Uint8Array.from(parts);
}

const ENCODER = new TextEncoder();

function varint(value: number): number[] {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  const out: number[] = [];
  while (rest > 0x7f) {
    out.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return [...out, rest];
}
