/**
 * Record batches, format v2 (Kafka 0.11 and later): from the bytes of a fetch response to slabs with an index. Pure.
 *
 * A batch: baseOffset 8, length 4, leaderEpoch 4, magic 1, crc 4, attributes 2, lastOffsetDelta 4, baseTimestamp 8,
 * maxTimestamp 8, producerId 8, producerEpoch 2, baseSequence 4, count 4, then the records (compressed or not). The
 * checksum covers everything from the attributes on.
 * Source: https://kafka.apache.org/documentation/#recordbatch
 *
 * @module
 */
import { FatalError } from "../api/errors.ts";
import type { RawRecords } from "../api/raw_records.ts";
import { decompress } from "./compression.ts";
import { crc32c } from "./crc32c.ts";
import { indexRecords, MalformedRecord, RECORD_BYTES_MIN } from "./record_index.ts";
import { makeIndex, type RecordIndex, type SlabAllocator } from "./slab_pool.ts";

/** A transaction that was aborted, as a fetch response lists it. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/** The records of one partition in a fetch response. */
export interface RecordSet {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  /** The offset that was asked for: records before it are dropped. */
  readonly from: bigint;
  readonly bytes: Uint8Array;
  /** Under read_committed: the response's list; null under read_uncommitted. */
  readonly aborted: readonly AbortedTransaction[] | null;
}

/** How record sets are read. */
export interface DecodeOptions {
  readonly checkCrcs: boolean;
  /** A slab is closed once it holds this many bytes (a single batch may be larger). */
  readonly slabBytesMax: number;
  readonly allocator: SlabAllocator;
}

/** A slab, and the memory that goes back to the allocator with it. */
export interface DecodedSlab {
  readonly records: RawRecords;
  /** Null where the slab is a view of the record set's own bytes. */
  readonly bytes: Uint8Array | null;
  readonly index: RecordIndex;
}

/** What lies in a record set, by its batch headers alone. */
export interface RecordSetScan {
  /** The last complete batch's last offset + 1; `from` where there is none. */
  readonly to: bigint;
  /** Bytes of complete batches. */
  readonly bytes: number;
  /** The size of the batch that was cut off at the end of the response, 0 where none was. */
  readonly cutBatchBytes: number;
}

const HEADER = 61;
/** Bytes before those that the length field counts. */
const PREFIX = 12;
const MAGIC_AT = 16;
const CODEC_MASK = 7;
const LOG_APPEND_TIME = 8;
const TRANSACTIONAL = 16;
const CONTROL = 32;
const DELTA_MAX = 2n ** 31n - 1n;

/** Walks the batch headers. Throws FatalError where they are damaged or of an older format. */
export function scanRecordSet(set: RecordSet): RecordSetScan {
  const { bytes } = set;
  const view = viewOf(bytes);
  let at = 0;
  let to = set.from;
  let last = -1n;
  while (bytes.length - at > MAGIC_AT) {
    const size = batchSize(set, view, at);
    if (at + size > bytes.length) return { to, bytes: at, cutBatchBytes: size };
    const baseOffset = view.getBigInt64(at);
    if (baseOffset <= last) {
      throw damaged(set, baseOffset, `it begins at or before offset ${last}, where the one before ends`);
    }
    last = baseOffset + BigInt(view.getInt32(at + 23));
    if (last >= to) to = last + 1n;
    at += size;
  }
  return { to, bytes: at, cutBatchBytes: at < bytes.length ? bytes.length - at : 0 };
}

/** A batch of the set that contributes records, decompressed. */
interface Part {
  readonly baseOffset: bigint;
  readonly baseTimestamp: number;
  /** The batch's LogAppendTime, or null where every record has its own time. */
  readonly appendTime: number | null;
  readonly lastOffsetDelta: number;
  readonly count: number;
  /** Where its records lie: in the set's own bytes, or decompressed. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/**
 * The slabs of a record set, one after the other, each made when it is asked for. Their ranges chain from `set.from` to
 * the scan's `to`; there is at least one where the set moves the offset. Throws FatalError where the set is damaged.
 */
export function* decodeRecordSet(set: RecordSet, options: DecodeOptions): Generator<DecodedSlab> {
  const { bytes } = set;
  const view = viewOf(bytes);
  const transactions = new TransactionFilter(set.aborted);
  const scan = scanRecordSet(set);
  let from = set.from;
  let to = set.from;
  let parts: Part[] = [];
  let partBytes = 0;
  const slab = (): DecodedSlab => {
    const made = makeSlab(set, parts, from, to, options.allocator);
    from = to;
    parts = [];
    partBytes = 0;
    return made;
  };
  for (let at = 0; at < scan.bytes;) {
    const size = batchSize(set, view, at);
    const baseOffset = view.getBigInt64(at);
    if (options.checkCrcs) checkCrc(set, view, at, size);
    const attributes = view.getInt16(at + 21);
    const next = baseOffset + BigInt(view.getInt32(at + 23)) + 1n;
    const wanted = transactions.wants(set, view, at, size, attributes);
    if (wanted && next > set.from && view.getInt32(at + 57) > 0) {
      const overflows = parts.length > 0 && next - 1n - parts[0].baseOffset > DELTA_MAX;
      if (overflows || partBytes >= options.slabBytesMax) yield slab();
      const part = readPart(set, view, at, size, attributes);
      parts.push(part);
      partBytes += part.end - part.start;
    }
    if (next > to) to = next;
    at += size;
  }
  if (to > from || parts.length > 0) yield slab();
}

/** Which transactional batches are to be read, by the rules of the Java consumer (CompletedFetch). */
class TransactionFilter {
  readonly #pending: AbortedTransaction[];
  readonly #aborted = new Set<bigint>();

  constructor(private readonly list: readonly AbortedTransaction[] | null) {
    this.#pending = [...list ?? []].sort((a, b) => a.firstOffset < b.firstOffset ? -1 : 1);
  }

  wants(set: RecordSet, view: DataView, at: number, size: number, attributes: number): boolean {
    const control = (attributes & CONTROL) !== 0;
    const producerId = view.getBigInt64(at + 43);
    if (this.list && producerId >= 0n) {
      const last = view.getBigInt64(at) + BigInt(view.getInt32(at + 23));
      while (this.#pending.length > 0 && this.#pending[0].firstOffset <= last) {
        this.#aborted.add(this.#pending.shift()!.producerId);
      }
      if (control) {
        if (isAbortMarker(set, view, at, size, attributes)) this.#aborted.delete(producerId);
      } else if ((attributes & TRANSACTIONAL) !== 0 && this.#aborted.has(producerId)) return false;
    }
    return !control;
  }
}

/** The key of a control record: version int16, type int16 (0 abort, 1 commit). */
function isAbortMarker(set: RecordSet, view: DataView, at: number, size: number, attributes: number): boolean {
  if (view.getInt32(at + 57) < 1) return false;
  const part = readPart(set, view, at, size, attributes);
  const index = makeIndex(part.count);
  indexPart(set, part, 0, 0, 0, index, 0);
  if (index.keyStarts[0] < 0 || index.keyEnds[0] - index.keyStarts[0] < 4) {
    throw damaged(set, part.baseOffset, "its control record has no type");
  }
  return viewOf(part.bytes).getInt16(index.keyStarts[0] + 2) === 0;
}

/** The batch's size with its prefix; checks what every version has in common. */
function batchSize(set: RecordSet, view: DataView, at: number): number {
  const size = PREFIX + view.getInt32(at + 8);
  const magic = view.getInt8(at + MAGIC_AT);
  const baseOffset = view.getBigInt64(at);
  if (magic === 0 || magic === 1) {
    throw new FatalError(
      `Cannot read ${set.topic}-${set.partition} at offset ${set.from}: the records at offset ${baseOffset} have ` +
        `message format v${magic}, wanted v2 (Kafka 0.11 and later). Have the topic rewritten by a newer broker or client`,
    );
  }
  if (magic !== 2) throw damaged(set, baseOffset, `its format is ${magic}, wanted 2`);
  if (size < HEADER) throw damaged(set, baseOffset, `its size is ${size}, wanted at least ${HEADER}`);
  if (at + size <= view.byteLength) {
    const lastDelta = view.getInt32(at + 23);
    if (lastDelta < 0) throw damaged(set, baseOffset, `its last offset delta is ${lastDelta}, wanted at least 0`);
    if (baseOffset < 0n) throw damaged(set, baseOffset, "its offset is negative");
  }
  return size;
}

function checkCrc(set: RecordSet, view: DataView, at: number, size: number): void {
  const wanted = view.getUint32(at + 17);
  const actual = crc32c(set.bytes, at + 21, at + size);
  if (actual === wanted) return;
  const hex = (n: number): string => `0x${n.toString(16).padStart(8, "0")}`;
  throw damaged(set, view.getBigInt64(at), `its checksum is ${hex(actual)}, the batch says ${hex(wanted)}`);
}

function readPart(set: RecordSet, view: DataView, at: number, size: number, attributes: number): Part {
  const baseOffset = view.getBigInt64(at);
  const count = view.getInt32(at + 57);
  const codec = attributes & CODEC_MASK;
  const body = { bytes: set.bytes, start: at + HEADER, end: at + size };
  if (codec !== 0) {
    try {
      body.bytes = decompress(codec, set.bytes.subarray(body.start, body.end));
    } catch (cause) {
      throw damaged(
        set,
        baseOffset,
        `it cannot be decompressed: ${cause instanceof Error ? cause.message : cause}`,
        cause,
      );
    }
    body.start = 0;
    body.end = body.bytes.length;
  }
  // Before an index is allocated for it: a count that the bytes cannot hold.
  const most = Math.floor((body.end - body.start) / RECORD_BYTES_MIN);
  if (count > most) throw damaged(set, baseOffset, `it claims ${count} records, its bytes hold ${most} at most`);
  return {
    ...body,
    baseOffset,
    count,
    lastOffsetDelta: view.getInt32(at + 23),
    baseTimestamp: Number(view.getBigInt64(at + 27)),
    appendTime: (attributes & LOG_APPEND_TIME) !== 0 ? Number(view.getBigInt64(at + 35)) : null,
  };
}

/** Zero-copy where the parts are the set's own bytes; else gathered in one piece of memory. */
function makeSlab(
  set: RecordSet,
  parts: readonly Part[],
  from: bigint,
  to: bigint,
  allocator: SlabAllocator,
): DecodedSlab {
  const { topic, topicId, partition } = set;
  const own = parts.every((part) => part.bytes === set.bytes);
  const total = parts.reduce((sum, part) => sum + part.end - part.start, 0);
  const taken = own ? null : allocator.takeBytes(total);
  const index = allocator.takeIndex(parts.reduce((sum, part) => sum + part.count, 0));
  const baseOffset = parts.length > 0 ? parts[0].baseOffset : from;
  let count = 0;
  let filled = 0;
  for (const part of parts) {
    let shift = 0;
    if (taken) {
      taken.set(part.bytes.subarray(part.start, part.end), filled);
      shift = filled - part.start;
      filled += part.end - part.start;
    }
    // Records before the offset that was asked for lie in the first batch of a response.
    const deltaMin = part.baseOffset < set.from ? Number(set.from - part.baseOffset) : 0;
    count = indexPart(set, part, shift, Number(part.baseOffset - baseOffset), deltaMin, index, count);
  }
  const records: RawRecords = {
    topic,
    topicId,
    partition,
    bytes: taken ? taken.subarray(0, total) : set.bytes,
    count,
    from,
    to,
    baseOffset,
    offsetDeltas: index.offsetDeltas.subarray(0, count),
    timestampsMs: index.timestampsMs.subarray(0, count),
    keyStarts: index.keyStarts.subarray(0, count),
    keyEnds: index.keyEnds.subarray(0, count),
    valueStarts: index.valueStarts.subarray(0, count),
    valueEnds: index.valueEnds.subarray(0, count),
    headerStarts: index.headerStarts.subarray(0, count),
  };
  return { records, bytes: taken, index };
}

function indexPart(
  set: RecordSet,
  part: Part,
  shift: number,
  deltaBase: number,
  deltaMin: number,
  index: RecordIndex,
  at: number,
): number {
  try {
    return indexRecords(part, shift, deltaBase, deltaMin, index, at);
  } catch (cause) {
    if (cause instanceof MalformedRecord) throw damaged(set, part.baseOffset, cause.message, cause);
    throw cause;
  }
}

function damaged(set: RecordSet, baseOffset: bigint, why: string, cause?: unknown): FatalError {
  return new FatalError(
    `Cannot read ${set.topic}-${set.partition} at offset ${set.from}: the record batch at offset ${baseOffset} is ` +
      `damaged: ${why}. Compare it with the broker's log (kafka-dump-log), or move the offset past it`,
    { cause },
  );
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
