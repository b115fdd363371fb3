/**
 * Slabs for tests: records written out in memory as a fetch would have left them.
 *
 * @module
 */
import type { RawRecords, RecordHeader } from "../../mod.ts";

/** A record of a test. */
export interface SlabRecord {
  readonly key?: Uint8Array | string | null;
  readonly value?: Uint8Array | string | null;
  readonly headers?: readonly RecordHeader[];
  /** Default: one more than the record before. */
  readonly offset?: bigint;
  readonly timestampMs?: number;
}

/** Where the slab stands; everything has a default. */
export interface SlabOptions {
  readonly topic?: string;
  readonly topicId?: string;
  readonly partition?: number;
  readonly from?: bigint;
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
  const bytes: number[] = [0xee];
  let offset = from;
  records.forEach((record, i) => {
    offset = record.offset ?? (i === 0 ? from : offset + 1n);
    offsetDeltas[i] = Number(offset - from);
    timestampsMs[i] = record.timestampMs ?? 1_700_000_000_000 + i;
    [keyStarts[i], keyEnds[i]] = put(bytes, record.key ?? null);
    [valueStarts[i], valueEnds[i]] = put(bytes, record.value === undefined ? "" : record.value);
    headerStarts[i] = bytes.length;
    putHeaders(bytes, record.headers ?? []);
  });
  return {
    topic,
    topicId,
    partition,
    bytes: Uint8Array.from(bytes),
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

function put(bytes: number[], value: Uint8Array | string | null): [number, number] {
  if (value === null) return [-1, -1];
  const start = bytes.length;
  for (const byte of typeof value === "string" ? TEXT.encode(value) : value) bytes.push(byte);
  return [start, bytes.length];
}

function putHeaders(bytes: number[], headers: readonly RecordHeader[]): void {
  putVarint(bytes, headers.length);
  for (const { key, value } of headers) {
    const name = TEXT.encode(key);
    putVarint(bytes, name.length);
    bytes.push(...name);
    putVarint(bytes, value === null ? -1 : value.length);
    if (value) bytes.push(...value);
  }
}

/** Zigzag, little groups first, as Kafka's record format v2 has it. */
function putVarint(bytes: number[], value: number): void {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
}
