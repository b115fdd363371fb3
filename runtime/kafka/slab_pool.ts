/**
 * Memory for slabs, given back explicitly: typed arrays that are left to the collector are freed late.
 *
 * @module
 */

/** The index of a slab: an entry a record, with room for more. */
export interface RecordIndex {
  readonly capacity: number;
  readonly offsetDeltas: Int32Array;
  readonly timestampsMs: Float64Array;
  readonly keyStarts: Int32Array;
  readonly keyEnds: Int32Array;
  readonly valueStarts: Int32Array;
  readonly valueEnds: Int32Array;
  readonly headerStarts: Int32Array;
}

/** Where slabs take their memory. */
export interface SlabAllocator {
  /** At least `size` bytes; their content is undefined. */
  takeBytes(size: number): Uint8Array;
  /** Room for at least `count` records. */
  takeIndex(count: number): RecordIndex;
}

/** Bytes of an index entry: six 32 bit numbers and a double. */
const INDEX_ENTRY_BYTES = 32;
/** Small, since a slab of a quiet partition holds a record or two, and hundreds of them may wait for a schema. */
const BYTES_MIN = 4 * 1024;
const RECORDS_MIN = 64;

/** Keeps what is given back, up to a limit, and counts what is out. */
export class SlabPool implements SlabAllocator {
  #free = 0;
  #used = 0;
  readonly #bytes = new Map<number, Uint8Array[]>();
  readonly #indexes = new Map<number, RecordIndex[]>();

  /** `bytesMax`: what is out and what is kept for later; what is taken beyond it is not kept. */
  constructor(private readonly bytesMax: number) {}

  /** Bytes that wait to be used again. */
  get freeBytes(): number {
    return this.#free;
  }

  /** Bytes that were taken and not given back. */
  get usedBytes(): number {
    return this.#used;
  }

  takeBytes(size: number): Uint8Array {
    const capacity = roundUp(size, BYTES_MIN);
    this.#used += capacity;
    const kept = this.#bytes.get(capacity)?.pop();
    if (!kept) return new Uint8Array(capacity);
    this.#free -= capacity;
    return kept;
  }

  takeIndex(count: number): RecordIndex {
    const capacity = roundUp(count, RECORDS_MIN);
    this.#used += capacity * INDEX_ENTRY_BYTES;
    const kept = this.#indexes.get(capacity)?.pop();
    if (!kept) return makeIndex(capacity);
    this.#free -= capacity * INDEX_ENTRY_BYTES;
    return kept;
  }

  giveBytes(bytes: Uint8Array): void {
    if (this.#keeps(bytes.length)) push(this.#bytes, bytes.length, bytes);
    else (bytes.buffer as ArrayBuffer).transfer(0); // freed now, and not with the garbage some day
  }

  giveIndex(index: RecordIndex): void {
    if (this.#keeps(index.capacity * INDEX_ENTRY_BYTES)) push(this.#indexes, index.capacity, index);
  }

  #keeps(size: number): boolean {
    this.#used -= size;
    if (this.#used + this.#free + size > this.bytesMax) return false;
    this.#free += size;
    return true;
  }
}

/** A new index with room for `capacity` records. */
export function makeIndex(capacity: number): RecordIndex {
  const ints = (): Int32Array => new Int32Array(capacity);
  return {
    capacity,
    offsetDeltas: ints(),
    timestampsMs: new Float64Array(capacity),
    keyStarts: ints(),
    keyEnds: ints(),
    valueStarts: ints(),
    valueEnds: ints(),
    headerStarts: ints(),
  };
}

/** Eight sizes between two powers of two: close to what is asked, and few enough to be met again. */
function roundUp(size: number, min: number): number {
  if (size <= min) return min;
  const step = Math.max(min, 2 ** Math.floor(Math.log2(size)) / 8);
  return Math.ceil(size / step) * step;
}

function push<T>(map: Map<number, T[]>, key: number, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
