/**
 * One leaf column of a row group in the making: entries are copied into the open page, pages are encoded and compressed
 * as they are full, and held until the row group is complete (its dictionary comes first, and is known last).
 *
 * @module
 */
import type { Data } from "apache-arrow";
import { giveBuffer, resized } from "../../../mod.ts";
import { type BloomFilter, createBloomFilter } from "./bloom_filter.ts";
import { ByteSink } from "./byte_sink.ts";
import { chooseEncoding } from "./choose_encoding.ts";
import type { Compress } from "./compress.ts";
import { bitWidth, writeHybrid } from "./encodings/rle.ts";
import { emptyExtent, type Extent, widen } from "./extent.ts";
import type { Leaf } from "./leaf.ts";
import { createLeafValues, Encoding, type LeafDictionary, type LeafValues } from "./leaf_values.ts";
import { writeLevels } from "./levels.ts";
import { dataPageHeader, dictionaryPageHeader } from "./page_header.ts";
import type { Entries } from "./shred.ts";

/** How chunks are encoded. */
export interface ChunkOptions {
  readonly compress: Compress;
  /** Whether delta encodings are among those to choose from. */
  readonly useDelta: boolean;
  /**
   * A page is full at this many rows, which readers skip by, where it has an eighth of `pageBytes` (small pages compress
   * badly); at four times as many anyway, and of lists at eight times as many entries.
   */
  readonly pageRows: number;
  /** ... or at this many bytes of values. */
  readonly pageBytes: number;
  /** Paths of the leaf columns that get bloom filters. */
  readonly bloomColumns: readonly string[];
}

/** What the page index says about a page. */
export interface PageInfo {
  /** Header included. */
  readonly size: number;
  readonly rows: number;
  readonly nulls: number;
  readonly encoding: number;
  readonly extent: Extent;
}

/** A complete column chunk. */
export interface FinishedChunk {
  readonly leaf: Leaf;
  /** The dictionary page, if there is one, then the data pages. */
  readonly parts: readonly Uint8Array[];
  /** Bytes of the dictionary page; 0: none. */
  readonly dictionarySize: number;
  readonly pages: readonly PageInfo[];
  readonly entries: number;
  readonly nulls: number;
  readonly size: number;
  readonly uncompressedSize: number;
  readonly extent: Extent;
  /** Header and bits. */
  readonly bloomFilter: Uint8Array | null;
}

// Of the page that is being cut: none is cut while another one is.
const sink = new ByteSink(64 * 1024);
let indices = new Int32Array(1024);
const plain = new ByteSink(1024);

/** The chunks of a leaf column, one after the other. */
export class ColumnChunk {
  /** The range of all values in complete pages of the file so far. */
  readonly extent: Extent = emptyExtent();
  /** What the values of the row group so far take in PLAIN. */
  plainBytes = 0;
  readonly #values: LeafValues;
  /** The open page. */
  #entries = 0;
  #rows = 0;
  #levels: Uint8Array | null = null;
  #repeats: Uint8Array | null = null;
  /** The row group. */
  #parts: Uint8Array[] = [];
  #pages: PageInfo[] = [];
  #size = 0;
  #uncompressedSize = 0;
  #chunkEntries = 0;
  #encoding: number | null = null;
  #dictionary: LeafDictionary | null = null;
  #dictionaryGrows = false;
  /** What the data page before took. */
  #bodyBytes: number | undefined;
  readonly #bloomFilter: BloomFilter | null;

  constructor(private readonly leaf: Leaf, private readonly options: ChunkOptions) {
    const name = leaf.path.join(".");
    this.#bloomFilter = options.bloomColumns.includes(name) ? createBloomFilter(name, leaf.element) : null;
    this.#values = createLeafValues(leaf.type);
  }

  /** Bytes of complete pages of the row group. */
  get size(): number {
    return this.#size;
  }

  /** Memory: complete pages, the open one and the dictionary. */
  get bufferedBytes(): number {
    return this.#size + this.#values.capacity + (this.#levels?.length ?? 0) + (this.#repeats?.length ?? 0) +
      (this.#dictionary?.capacity ?? 0) + (this.#bloomFilter?.capacity ?? 0);
  }

  /** Takes entries of whole rows. */
  append(data: Data, entries: Entries): void {
    const values = this.#values;
    for (let entry = 0, value = 0; entry < entries.count;) {
      const before = values.bytes;
      const [entryEnd, valueEnd, rows] = entries.repeats === null
        ? this.#fittingRows(data, entries, entry, value)
        : this.#fittingLists(data, entries, entry, value);
      this.#appendLevels(entries, entry, entryEnd);
      values.append(data, entries.index, value, valueEnd);
      this.plainBytes += values.bytes - before;
      this.#rows += rows;
      entry = entryEnd;
      value = valueEnd;
      if (this.#isFull()) this.#cut(false);
    }
  }

  /** Ends the chunk; the next entries begin another one. */
  finish(): FinishedChunk {
    this.#cut(true);
    const parts = this.#parts;
    let dictionarySize = 0;
    if (this.#dictionary !== null && this.#pages.some(({ encoding }) => encoding === Encoding.RLE_DICTIONARY)) {
      const part = this.#dictionaryPage(this.#dictionary);
      parts.unshift(part);
      dictionarySize = part.length;
    }
    const extent = emptyExtent();
    for (const page of this.#pages) widen(extent, page.extent);
    const finished: FinishedChunk = {
      leaf: this.leaf,
      parts,
      dictionarySize,
      pages: this.#pages,
      entries: this.#chunkEntries,
      nulls: this.#pages.reduce((sum, { nulls }) => sum + nulls, 0),
      size: this.#size,
      uncompressedSize: this.#uncompressedSize,
      extent,
      bloomFilter: this.#chunkEntries > 0 ? this.#bloomFilter?.finish() ?? null : null,
    };
    this.release();
    return finished;
  }

  /** Drops what is there, and gives its memory to others. */
  release(): void {
    this.#values.release();
    this.#dictionary?.release();
    this.#bloomFilter?.release();
    for (const levels of [this.#levels, this.#repeats]) if (levels !== null) giveBuffer(levels.buffer);
    this.#levels =
      this.#repeats =
      this.#dictionary =
      this.#encoding =
        null;
    this.#parts = [];
    this.#pages = [];
    this.plainBytes =
      this.#size =
      this.#uncompressedSize =
      this.#chunkEntries =
      this.#entries =
      this.#rows =
        0;
  }

  /** The end of the entries and of the values, and the number of rows, that go into the open page; a row at least. */
  #fittingRows(data: Data, entries: Entries, entry: number, value: number): [number, number, number] {
    const { count, values: total, levels } = entries;
    const { levelMax } = this.leaf;
    const end = Math.min(count, entry + this.#rowsLeft);
    let valueEnd = value + end - entry;
    if (levels !== null) {
      valueEnd = value;
      if (end === count) valueEnd = total;
      else for (let i = entry; i < end; i++) if (levels[i] === levelMax) valueEnd++;
    }
    const room = this.options.pageBytes - this.#values.bytes;
    const fitting = valueEnd === value ? valueEnd : this.#values.fitting(data, entries.index, value, valueEnd, room);
    if (fitting === valueEnd) return [end, valueEnd, end - entry];
    if (levels === null) return [entry + fitting - value, fitting, fitting - value];
    let entryEnd = entry;
    for (let found = value; found < fitting; entryEnd++) if (levels[entryEnd] === levelMax) found++;
    return [entryEnd, fitting, entryEnd - entry];
  }

  /** The same, of lists: rows begin where nothing is repeated. */
  #fittingLists(data: Data, entries: Entries, entry: number, value: number): [number, number, number] {
    const { count, index, levels, repeats } = entries;
    const { levelMax } = this.leaf;
    const rowsLeft = this.#rowsLeft;
    let rows = 0, end = entry, valueEnd = value;
    let room = this.options.pageBytes - this.#values.bytes;
    while (end < count) {
      if (rows >= rowsLeft || this.#entries + end - entry >= 8 * this.options.pageRows || room <= 0) break;
      const from = valueEnd;
      do {
        if (levels === null || levels[end] === levelMax) valueEnd++;
        end++;
      } while (end < count && repeats![end] !== 0);
      rows++;
      room -= this.#values.sizeOf(data, index, from, valueEnd);
    }
    return [end, valueEnd, rows];
  }

  #isFull(): boolean {
    const { pageRows, pageBytes } = this.options;
    const { bytes } = this.#values;
    if (bytes >= pageBytes || this.#entries >= 8 * pageRows || this.#rows >= 4 * pageRows) return true;
    return this.#rows >= pageRows && bytes >= pageBytes / 8;
  }

  /** Rows until the page may be full. */
  get #rowsLeft(): number {
    return this.options.pageRows - this.#rows % this.options.pageRows;
  }

  #appendLevels({ levels, repeats }: Entries, from: number, to: number): void {
    const before = this.#entries;
    const after = before + to - from;
    if (repeats !== null) {
      this.#repeats = withRoom(this.#repeats, after);
      this.#repeats.set(repeats.subarray(from, to), before);
    }
    if (levels !== null || this.#levels !== null) {
      const isFirst = this.#levels === null;
      this.#levels = withRoom(this.#levels, after);
      if (isFirst) this.#levels.fill(this.leaf.levelMax, 0, before);
      if (levels === null) this.#levels.fill(this.leaf.levelMax, before, after);
      else this.#levels.set(levels.subarray(from, to), before);
    }
    this.#entries = after;
  }

  /** Encodes and compresses the open page. `isLast`: of the row group. */
  #cut(isLast: boolean): void {
    const values = this.#values;
    if (this.#entries === 0) return;
    sink.clear();
    writeLevels(sink, this.#repeats, this.#entries, this.leaf.repeatMax);
    writeLevels(sink, this.#levels, this.#entries, this.leaf.levelMax);
    const { encoding, extent } = this.#writeValues(isLast);
    widen(this.extent, extent);
    const header = dataPageHeader(this.#entries, encoding);
    this.#pages.push({
      size: this.#addPage(header, false),
      rows: this.#rows,
      nulls: this.#entries - values.count,
      encoding,
      extent,
    });
    this.#chunkEntries += this.#entries;
    this.#entries = this.#rows = 0;
    if (this.#levels !== null) giveBuffer(this.#levels.buffer);
    this.#levels = null;
    values.clear();
  }

  #writeValues(isLast: boolean): { encoding: number; extent: Extent } {
    const values = this.#values;
    const { count } = values;
    if (count === 0) return { encoding: Encoding.PLAIN, extent: emptyExtent() };
    let extent: Extent | null = null;
    if (this.#encoding === null) {
      extent = values.extent();
      const chosen = chooseEncoding(values, this.options, isLast);
      this.#encoding = chosen.encoding;
      this.#dictionary = chosen.dictionary;
      this.#dictionaryGrows = chosen.dictionary !== null;
    }
    if (this.#dictionaryGrows) {
      const dictionary = this.#dictionary!;
      if (indices.length < count) indices = new Int32Array(count * 2);
      if (dictionary.index(values, 0, count, indices)) {
        const width = bitWidth(dictionary.size - 1);
        sink.byte(width);
        writeHybrid(sink, indices, count, width);
        extent ??= dictionary.extent(indices, count) ?? values.extent();
        return { encoding: Encoding.RLE_DICTIONARY, extent };
      }
      this.#dictionaryGrows = false; // it has too many entries: the rest of the chunk goes without
    }
    extent ??= values.extent();
    if (this.#bloomFilter !== null) {
      plain.clear();
      values.write(Encoding.PLAIN, plain, count);
      this.#bloomFilter.add(plain.view());
    }
    return { encoding: values.write(this.#encoding, sink, count), extent };
  }

  #dictionaryPage(dictionary: LeafDictionary): Uint8Array {
    sink.clear();
    dictionary.write(sink);
    this.#bloomFilter?.add(sink.view());
    this.#addPage(dictionaryPageHeader(dictionary.size), true);
    return this.#parts.pop()!;
  }

  /** Adds the page whose body is in `sink`; returns its bytes. */
  #addPage(header: (uncompressed: number, compressed: number) => Uint8Array, isDictionary: boolean): number {
    const body = this.options.compress(sink.view(), isDictionary ? undefined : this.#bodyBytes);
    if (!isDictionary) this.#bodyBytes = body.length;
    const head = header(sink.length, body.length);
    const part = new Uint8Array(head.length + body.length);
    part.set(head);
    part.set(body, head.length);
    this.#parts.push(part);
    this.#size += part.length;
    this.#uncompressedSize += head.length + sink.length;
    return part.length;
  }
}

function withRoom(levels: Uint8Array | null, wanted: number): Uint8Array {
  if (levels !== null && levels.length >= wanted) return levels;
  return resized(levels ?? new Uint8Array(0), Math.max(wanted, 2 * (levels?.length ?? 0)));
}
