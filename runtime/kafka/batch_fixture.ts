/**
 * Record batches made by hand, for tests.
 *
 * @module
 */
import { compressionsAlgorithms } from "@platformatic/kafka";
import { Buffer } from "node:buffer";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { crc32c } from "./crc32c.ts";

/** A record of a batch that is made by hand. */
export interface FixtureRecord {
  readonly offsetDelta: number;
  readonly key?: string | null;
  readonly value?: string | null;
  readonly timestampDelta?: number;
  readonly headers?: readonly (readonly [string, string | null])[];
}

/** A batch made by hand. */
export interface FixtureBatch {
  readonly baseOffset: bigint;
  readonly records: readonly FixtureRecord[];
  readonly codec?: number;
  readonly lastOffsetDelta?: number;
  readonly baseTimestamp?: bigint;
  readonly maxTimestamp?: bigint;
  readonly producerId?: bigint;
  /** Bits beyond the codec: 8 LogAppendTime, 16 transactional, 32 control. */
  readonly flags?: number;
  readonly magic?: number;
  /** The records' bytes as they are, instead of `records`. */
  readonly body?: Uint8Array;
  readonly count?: number;
}

const TEXT = new TextEncoder();

/** The bytes of a batch, with a right checksum. */
export function encodeBatch(batch: FixtureBatch): Uint8Array {
  const records = Uint8Array.from(batch.records.flatMap(encodeRecord));
  const body = batch.body ?? compress(batch.codec ?? 0, records);
  const bytes = new Uint8Array(61 + body.length);
  const view = new DataView(bytes.buffer);
  const last = batch.records.at(-1)?.offsetDelta ?? 0;
  view.setBigInt64(0, batch.baseOffset);
  view.setInt32(8, bytes.length - 12);
  view.setInt32(12, 0);
  view.setInt8(16, batch.magic ?? 2);
  view.setInt16(21, (batch.codec ?? 0) | (batch.flags ?? 0));
  view.setInt32(23, batch.lastOffsetDelta ?? last);
  view.setBigInt64(27, batch.baseTimestamp ?? 1000n);
  view.setBigInt64(35, batch.maxTimestamp ?? 2000n);
  view.setBigInt64(43, batch.producerId ?? -1n);
  view.setInt16(51, 0);
  view.setInt32(53, 0);
  view.setInt32(57, batch.count ?? batch.records.length);
  bytes.set(body, 61);
  view.setUint32(17, crc32c(bytes, 21));
  return bytes;
}

/** The marker that ends a transaction. */
export function controlBatch(baseOffset: bigint, producerId: bigint, kind: "abort" | "commit"): Uint8Array {
  const key = kind === "abort" ? "\0\0\0\0" : "\0\0\0\x01";
  return encodeBatch({ baseOffset, producerId, flags: 48, records: [{ offsetDelta: 0, key, value: "\0\0\0\0\0\0" }] });
}

/** Several byte runs as one. */
export function concat(...runs: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(runs));
}

function encodeRecord(record: FixtureRecord): number[] {
  const body = [0, ...varint(record.timestampDelta ?? 0), ...varint(record.offsetDelta)];
  body.push(...bytesOf(record.key ?? null), ...bytesOf(record.value ?? null), ...varint(record.headers?.length ?? 0));
  for (const [key, value] of record.headers ?? []) body.push(...bytesOf(key), ...bytesOf(value));
  return [...varint(body.length), ...body];
}

function bytesOf(text: string | null): number[] {
  if (text === null) return varint(-1);
  const bytes = TEXT.encode(text);
  return [...varint(bytes.length), ...bytes];
}

function varint(value: number): number[] {
  let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  const out: number[] = [];
  do {
    out.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return out;
}

function compress(codec: number, bytes: Uint8Array): Uint8Array {
  switch (codec) {
    case 1:
      return gzipSync(bytes);
    case 2:
      return compressionsAlgorithms.snappy.compressSync(Buffer.from(bytes));
    case 3:
      return compressionsAlgorithms.lz4.compressSync(Buffer.from(bytes));
    case 4:
      return zstdCompressSync(bytes);
    default:
      return bytes;
  }
}
