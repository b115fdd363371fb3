/**
 * What was fetched and not yet polled, and the memory behind what was polled and not yet released.
 *
 * @module
 */
import { partitionKey } from "../api/offsets.ts";
import type { RawRecords } from "../api/raw_records.ts";
import { type DecodedSlab, type DecodeOptions, decodeRecordSet, type RecordSet } from "./record_batch.ts";
import type { SlabPool } from "./slab_pool.ts";
import type { Fetched } from "./types.ts";

/** The memory of one response; it goes back once nothing is left that looks at it. */
export class ResponseMemory {
  #users = 0;
  constructor(private readonly memory: Uint8Array, private readonly pool: SlabPool) {}
  hold(): void {
    this.#users++;
  }
  drop(): void {
    if (--this.#users === 0) this.pool.giveBytes(this.memory);
  }
}

/** What a response holds for one partition, still undecoded. */
export interface Arrival {
  /** Whether anybody still wants it: a partition that was moved or removed drops what was fetched before. */
  readonly isCurrent: () => boolean;
  readonly epoch: number;
  readonly set: RecordSet;
  readonly memory: ResponseMemory;
  readonly endOffset: bigint;
  readonly logStartOffset: bigint;
  /** The broker that it came from. */
  readonly node: number;
}

interface Entry extends Arrival {
  /** What it came in, whosever memory it is in now. */
  readonly response: ResponseMemory;
  readonly slabs: Generator<DecodedSlab>;
}

/** A partition's part of a response below this is quick work: it passes what is larger. */
const SMALL_BYTES = 128 * 1024;

/**
 * Decodes slab by slab as they are polled, so that a well compressed response does not unfold all at once. What a quiet
 * partition brought does not wait behind the megabytes of a busy one: small parts pass large ones, though never an earlier
 * part of their own partition. That starves nobody, since responses are not asked for while the large parts wait.
 */
export class SlabQueue {
  readonly #entries: Entry[] = [];
  /** The entries at the head that passed, or that nothing large is before. */
  #small = 0;
  /** How many entries wait, by partition. */
  readonly #waiting = new Map<string, number>();
  readonly #notes: { isCurrent: () => boolean; fetched: Fetched }[] = [];
  readonly #leases = new Map<RawRecords, { slab: DecodedSlab; memory: ResponseMemory | null }>();

  constructor(private readonly pool: SlabPool, private readonly options: DecodeOptions) {}

  get isEmpty(): boolean {
    return this.#entries.length === 0 && this.#notes.length === 0;
  }

  /** Responses of a broker of which something waits to be polled. */
  responsesFrom(node: number): number {
    return new Set(this.#entries.filter((entry) => entry.node === node).map(({ response }) => response)).size;
  }

  addRecords(arrival: Arrival): void {
    const isSmall = arrival.set.bytes.length < SMALL_BYTES;
    const own = isSmall ? this.#copied(arrival) : arrival;
    own.memory.hold();
    const entry = { ...own, response: arrival.memory, slabs: decodeRecordSet(own.set, this.options) };
    const key = partitionKey(arrival.set);
    const isFirst = !this.#waiting.has(key);
    this.#waiting.set(key, (this.#waiting.get(key) ?? 0) + 1);
    if (isFirst && isSmall) this.#entries.splice(this.#small++, 0, entry);
    else this.#entries.push(entry);
  }

  /** In memory of its own: a slab that waits long, e.g. for a schema, must not keep a response of megabytes. */
  #copied(arrival: Arrival): Arrival {
    const { bytes } = arrival.set;
    const memory = this.pool.takeBytes(bytes.length);
    memory.set(bytes);
    const set = { ...arrival.set, bytes: memory.subarray(0, bytes.length) };
    return { ...arrival, set, memory: new ResponseMemory(memory, this.pool) };
  }

  addNote(isCurrent: () => boolean, fetched: Fetched): void {
    this.#notes.push({ isCurrent, fetched });
  }

  /** What there is, about `bytesMax` of it; nothing is decoded while `usedBytesMax` is taken, unless nothing is out. */
  take(bytesMax: number, usedBytesMax: number): Fetched[] {
    const out: Fetched[] = [];
    for (const note of this.#notes.splice(0)) if (note.isCurrent()) out.push(note.fetched);
    let bytes = 0;
    while (this.#entries.length > 0 && bytes < bytesMax) {
      const entry = this.#entries[0];
      if (entry.isCurrent()) {
        if (this.pool.usedBytes >= usedBytesMax && this.#leases.size > 0) break;
        const { value: slab, done } = entry.slabs.next();
        if (!done) {
          out.push(this.#lend(entry, slab));
          bytes += slab.bytes?.length ?? entry.set.bytes.length;
          continue;
        }
      }
      this.#shift();
    }
    return out;
  }

  #shift(): void {
    const { set, memory } = this.#entries.shift()!;
    this.#small = Math.max(0, this.#small - 1);
    const key = partitionKey(set);
    const left = this.#waiting.get(key)! - 1;
    if (left > 0) this.#waiting.set(key, left);
    else this.#waiting.delete(key);
    memory.drop();
  }

  /** Gives back what a slab took. A slab twice, or one that is not ours, is a bug of the caller. */
  release(records: RawRecords): void {
    const lease = this.#leases.get(records);
    if (!lease) throw new Error(`Slab of ${records.topic}-${records.partition} from ${records.from} is not out`);
    this.#leases.delete(records);
    if (lease.slab.bytes) this.pool.giveBytes(lease.slab.bytes);
    this.pool.giveIndex(lease.slab.index);
    lease.memory?.drop();
  }

  #lend(entry: Entry, slab: DecodedSlab): Fetched {
    const memory = slab.bytes ? null : entry.memory;
    memory?.hold();
    this.#leases.set(slab.records, { slab, memory });
    const { topic, topicId, partition } = entry.set;
    const { epoch, endOffset, logStartOffset } = entry;
    return { kind: "records", topic, topicId, partition, epoch, records: slab.records, endOffset, logStartOffset };
  }
}
