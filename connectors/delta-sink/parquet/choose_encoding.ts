/**
 * Which encoding serves a chunk: its first page is tried in each, a sample of it compressed, and the smallest kept.
 *
 * @module
 */
import { ByteSink } from "./byte_sink.ts";
import type { Compress } from "./compress.ts";
import { bitWidth, writeHybrid } from "./encodings/rle.ts";
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
/** ... more than this part differ, or ... */
const PROBE_DISTINCT = 0.97;
/** ... of the page more than this. */
const PAGE_DISTINCT = 0.75;
const DICTIONARY_VALUES_MIN = 16;

const sink = new ByteSink(64 * 1024);
let indices = new Int32Array(1024);

/** `isLast`: nothing but these values comes into the chunk. `values.extent` was asked before. */
export function chooseEncoding(
  values: LeafValues,
  compress: Compress,
  useDelta: boolean,
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
  // What the dictionary itself takes: all of it, or the part that still grows where more pages will share it.
  const entry = dictionary.dictionary.bytes / dictionary.dictionary.size;
  const share = isLast ? dictionary.dictionary.size / values.count : dictionary.growth / 2;
  const cost = isSmall ? HEADER_BYTES + dictionary.dictionary.bytes : sample * share * entry * 0.6;
  if (size() + cost < best) return { encoding, dictionary: dictionary.dictionary };
  dictionary.dictionary.release();
  return { encoding, dictionary: null };
}

/** What a page costs besides its body. */
const HEADER_BYTES = 40;

/** A dictionary of the values, their indices in `indices`; null where too many differ. */
function tryDictionary(values: LeafValues): { dictionary: LeafDictionary; growth: number } | null {
  const { count } = values;
  const dictionary = values.createDictionary();
  if (dictionary === null) return null;
  if (indices.length < count) indices = new Int32Array(count * 2);
  const probe = Math.min(PROBE, count);
  if (dictionary.index(values, 0, probe, indices) && dictionary.size <= probe * PROBE_DISTINCT) {
    const half = Math.max(probe, count >> 1);
    if (dictionary.index(values, probe, half, indices)) {
      const before = dictionary.size;
      if (dictionary.index(values, half, count, indices) && dictionary.size <= count * PAGE_DISTINCT) {
        return { dictionary, growth: half < count ? (dictionary.size - before) / (count - half) : 1 };
      }
    }
  }
  dictionary.release();
  return null;
}
