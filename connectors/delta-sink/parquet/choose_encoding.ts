/**
 * Which encoding serves a chunk: its first page is tried in each, a sample of it compressed, and the smallest kept.
 *
 * @module
 */
import { ByteSink } from "./byte_sink.ts";
import type { Compress } from "./compress.ts";
import type { ChunkOptions } from "./column_chunk.ts";
import { bitWidth, writeHybrid } from "./encodings/rle.ts";
import { DICTIONARY_SIZE_MAX } from "./number_dictionary.ts";
import { Encoding, type LeafDictionary, type LeafValues } from "./leaf_values.ts";

/** What pages are written in: a dictionary while it has room, else the encoding. */
export interface ChosenEncoding {
  readonly encoding: number;
  readonly dictionary: LeafDictionary | null;
}

/** Of a page, values of about so many bytes are compressed on trial. */
const SAMPLE_BYTES = 64 * 1024;
/** Smaller ones are compared as they are: compressing them costs more than it tells. */
const COMPRESSED_BYTES_MIN = 2048;
/** A dictionary is given up where of so many values ... */
const PROBE = 2048;
/** ... more than this part differ. */
const PROBE_DISTINCT = 0.99;
/** How many pages a chunk has, where more than one: a guess that a dictionary's cost is shared by. */
const PAGES_GUESSED = 6;
/** A dictionary may be larger by this: readers like it. */
const TIE_BYTES = 64;
const DICTIONARY_VALUES_MIN = 16;

const sink = new ByteSink(64 * 1024);
let indices = new Int32Array(1024);

/** `isLast`: nothing but these values comes into the chunk. `values.extent` was asked before. */
export function chooseEncoding(
  values: LeafValues,
  { compress, useDelta }: ChunkOptions,
  isLast: boolean,
): ChosenEncoding {
  const encodings = useDelta ? values.encodings : [Encoding.PLAIN];
  const sample = Math.min(values.count, Math.max(1, Math.ceil((values.count * SAMPLE_BYTES) / values.bytes)));
  const isSmall = values.bytes < COMPRESSED_BYTES_MIN;
  const dictionary = values.count < DICTIONARY_VALUES_MIN ? null : tryDictionary(values);
  if (encodings.length === 1 && dictionary === null) return { encoding: encodings[0], dictionary };
  const size = () => isSmall ? sink.length : compress(sink.view()).length;
  let encoding = encodings[0], best = Infinity;
  for (const each of encodings) {
    sink.clear();
    values.write(each, sink, sample);
    const bytes = size();
    if (bytes < best) {
      best = bytes;
      encoding = each;
    }
  }
  if (dictionary === null) return { encoding, dictionary };
  sink.clear();
  writeHybrid(sink, indices, sample, bitWidth(dictionary.dictionary.size - 1));
  const indexBytes = size();
  const cost = dictionaryCost(dictionary, values.count, isLast) * (isSmall ? 1 : compressedPart(dictionary, compress));
  if (indexBytes + sample * cost < best + TIE_BYTES) return { encoding, dictionary: dictionary.dictionary };
  dictionary.dictionary.release();
  return { encoding, dictionary: null };
}

/** What a page costs besides its body. */
const HEADER_BYTES = 40;

/** What compression leaves of the dictionary. */
function compressedPart({ dictionary }: Tried, compress: Compress): number {
  sink.clear();
  dictionary.write(sink);
  const sample = sink.view().subarray(0, SAMPLE_BYTES);
  return compress(sample).length / sample.length;
}

/** Bytes of the dictionary for each value of the chunk, as far as a page of `count` values tells. */
function dictionaryCost({ dictionary, growth }: Tried, count: number, isLast: boolean): number {
  const { size, bytes } = dictionary;
  if (isLast) return (HEADER_BYTES + bytes) / count;
  // Of D values that are equally frequent, the second half of the page brings new ones at a rate of e^(-3/4 count/D).
  const all = growth === 0 ? size : growth >= 1 ? Infinity : Math.max(size, (0.75 * count) / -Math.log(growth));
  if (all > DICTIONARY_SIZE_MAX) return Infinity;
  const values = PAGES_GUESSED * count;
  const distinct = Math.max(size, all * (1 - Math.exp(-values / all)));
  return (distinct * bytes) / size / values;
}

interface Tried {
  readonly dictionary: LeafDictionary;
  /** Which part of the second half of the values was new. */
  readonly growth: number;
}

/** A dictionary of the values, their indices in `indices`; null where too many differ. */
function tryDictionary(values: LeafValues): Tried | null {
  const { count } = values;
  const dictionary = values.createDictionary();
  if (dictionary === null) return null;
  if (indices.length < count) indices = new Int32Array(count * 2);
  const probe = Math.min(PROBE, count);
  if (dictionary.index(values, 0, probe, indices) && dictionary.size <= probe * PROBE_DISTINCT) {
    const half = count >> 1;
    if (dictionary.index(values, 0, half, indices)) {
      const before = dictionary.size;
      if (dictionary.index(values, half, count, indices)) {
        return { dictionary, growth: Math.max(0, dictionary.size - before) / (count - half) };
      }
    }
  }
  dictionary.release();
  return null;
}
