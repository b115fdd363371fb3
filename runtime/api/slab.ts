/**
 * Slabs made of records: written out in memory as a fetch would have left them, for previews, replays and tests.
 *
 * @module
 */
import type { RawRecords, RecordHeader } from "./raw_records.ts";

/** A record to write out. */
export interface SlabRecord {
  /** Text stands for its UTF-8 bytes; null where it is absent. */
  readonly key?: Uint8Array | string | null;
  /** Text stands for its UTF-8 bytes; null is a tombstone, absent an empty value. */
  readonly value?: Uint8Array | string | null;
  /** Default: none. */
  readonly headers?: readonly RecordHeader[];
  /** Ascending. Default: one more than the record before. */
  readonly offset?: bigint;
  /** ms since 1970 UTC. */
  readonly timestampMs?: number;
}

/** Where the slab stands; everything has a default. */
export interface SlabOptions {
  /** Default: `orders`. */
  readonly topic?: string;
  /** Default: the id of zeros. */
  readonly topicId?: string;
  /** Default: 0. */
  readonly partition?: number;
  /** Where reading stood; default: 0. At most 2^31 below the last offset. */
  readonly from?: bigint;
  /** Default: one more than the last record's offset. */
  readonly to?: bigint;
}

const TEXT = new TextEncoder();

/** The records as a slab. */
export function slabOf(records: readonly SlabRecord[], options: SlabOptions = {}): RawRecords {
  const { topic = "orders", topicId = "AAAAAAAAAAAAAAAAAAAAAA", partition = 0, from = 0n } = options;
  const count = records.length;
  const ints = () => new Int32Array(count);
  const [offsetDeltas, keyStarts, keyEnds] = [ints(), ints(), ints()];
  const [valueStarts, valueEnds, headerStarts] = [ints(), ints(), ints()];
  const timestampsMs = new Float64Array(count);
  const out = new Bytes();
  out.byte(0xee); // no record begins at 0
  let offset = from;
  records.forEach((record, i) => {
    offset = record.offset ?? (i === 0 ? from : offset + 1n);
    offsetDeltas[i] = Number(offset - from);
    timestampsMs[i] = record.timestampMs ?? 1_700_000_000_000 + i;
    [keyStarts[i], keyEnds[i]] = out.part(record.key ?? null);
    [valueStarts[i], valueEnds[i]] = out.part(record.value === undefined ? "" : record.value);
    headerStarts[i] = out.length;
    putHeaders(out, record.headers ?? []);
  });
  return {
    topic,
    topicId,
    partition,
    bytes: out.taken(),
    count,
    from,
    to: options.to ?? (count === 0 ? from : offset + 1n),
    baseOffset: from,
    offsetDeltas,
    timestampsMs,
    keyStarts,
    keyEnds,
    valueStarts,
    valueEnds,
    headerStarts,
  };
}

class Bytes {
  #bytes = new Uint8Array(1024);
  length = 0;

  byte(value: number): void {
    this.#grow(1);
    this.#bytes[this.length++] = value;
  }

  /** Start and end of what was appended; -1 for null. */
  part(value: Uint8Array | string | null): [number, number] {
    if (value === null) return [-1, -1];
    const bytes = typeof value === "string" ? TEXT.encode(value) : value;
    const start = this.length;
    this.#grow(bytes.length);
    this.#bytes.set(bytes, start);
    this.length += bytes.length;
    return [start, this.length];
  }

  /** Zigzag, little groups first, as Kafka's record format v2 has it. */
  varint(value: number): void {
    let rest = ((value << 1) ^ (value >> 31)) >>> 0;
    for (; rest > 0x7f; rest >>>= 7) this.byte((rest & 0x7f) | 0x80);
    this.byte(rest);
  }

  taken(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }

  #grow(by: number): void {
    if (this.length + by <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.max(2 * this.#bytes.length, this.length + by));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
  }
}

function putHeaders(out: Bytes, headers: readonly RecordHeader[]): void {
  out.varint(headers.length);
  for (const { key, value } of headers) {
    const name = TEXT.encode(key);
    out.varint(name.length);
    out.part(name);
    out.varint(value === null ? -1 : value.length);
    if (value) out.part(value);
  }
}
