/**
 * The Fetch request and response, versions 4 to 17, with the records left as bytes. Topics go by id from 13 on.
 * Source: https://kafka.apache.org/protocol#The_Messages_Fetch
 *
 * @module
 */
import type { API, Reader } from "@platformatic/kafka";
import { createAPI, Writer } from "./client.ts";
import type { AbortedTransaction } from "./record_batch.ts";
import type { SlabAllocator } from "./slab_pool.ts";

/** A partition that is asked for. */
export interface FetchPartition {
  readonly topic: string;
  /** base64url. */
  readonly topicId: string;
  readonly partition: number;
  readonly leaderEpoch: number;
  readonly offset: bigint;
  readonly bytesMax: number;
}

/** One request to one broker. */
export interface FetchRequest {
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly readCommitted: boolean;
  readonly partitions: readonly FetchPartition[];
}

/** What a broker answers for one partition. */
export interface FetchedPartition {
  /** The name below version 13, the id (base64url) from then on. */
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: bigint;
  readonly lastStableOffset: bigint;
  readonly logStartOffset: bigint;
  readonly aborted: readonly AbortedTransaction[];
  /** Views of `FetchResponse.memory`. */
  readonly records: Uint8Array;
}

/** What a broker answers. */
export interface FetchResponse {
  readonly throttleTimeMs: number;
  readonly errorCode: number;
  readonly partitions: readonly FetchedPartition[];
  /** The allocator's memory that every `records` is a view of. */
  readonly memory: Uint8Array;
  /** What the socket brought it in, copied by now: for `freeChunks` once the client has let go of it. */
  readonly chunks: readonly Uint8Array[];
}

/** The versions that can be spoken. */
export const FETCH_VERSIONS = { key: 1, min: 4, max: 17 } as const;
/** From here on topics go by id. */
export const FETCH_TOPIC_IDS = 13;
const FLEXIBLE = 12;

/** The API of one version; the response is copied once, from the socket's chunks to the allocator's memory. */
export function makeFetchApi(version: number, allocator: SlabAllocator): API<[FetchRequest], FetchResponse> {
  return createAPI<[FetchRequest], FetchResponse>(
    FETCH_VERSIONS.key,
    version,
    (request: FetchRequest) => writeRequest(version, request),
    (_correlationId, _apiKey, _apiVersion, reader) => parseResponse(version, gather(reader, allocator)),
    version >= FLEXIBLE,
    version >= FLEXIBLE,
  );
}

function writeRequest(version: number, request: FetchRequest): Writer {
  const flexible = version >= FLEXIBLE;
  const writer = Writer.create();
  if (version < 15) writer.appendInt32(-1);
  writer.appendInt32(request.maxWaitMs).appendInt32(request.minBytes).appendInt32(request.maxBytes)
    .appendInt8(request.readCommitted ? 1 : 0);
  // No fetch session: id 0, epoch -1.
  if (version >= 7) writer.appendInt32(0).appendInt32(-1);
  const topics = [...Map.groupBy(request.partitions, ({ topic }) => topic).values()];
  writer.appendArray(
    topics,
    (w, partitions) => {
      if (version >= FETCH_TOPIC_IDS) w.appendUUID(Uint8Array.fromBase64(partitions[0].topicId, BASE64URL).toHex());
      else w.appendString(partitions[0].topic, flexible);
      w.appendArray(
        partitions,
        (w, p) => {
          w.appendInt32(p.partition);
          if (version >= 9) w.appendInt32(p.leaderEpoch);
          w.appendInt64(p.offset);
          if (version >= 12) w.appendInt32(-1);
          if (version >= 5) w.appendInt64(-1n);
          w.appendInt32(p.bytesMax);
        },
        flexible,
        flexible,
      );
    },
    flexible,
    flexible,
  );
  if (version >= 7) writer.appendArray([], () => {}, flexible, flexible);
  if (version >= 11) writer.appendString("", flexible);
  if (flexible) writer.appendTaggedFields();
  return writer;
}

const BASE64URL = { alphabet: "base64url" } as const;

interface Gathered {
  readonly memory: Uint8Array;
  readonly length: number;
  readonly chunks: readonly Uint8Array[];
}

/** The response in one piece of the allocator's memory. */
function gather(reader: Reader, allocator: SlabAllocator): Gathered {
  const { buffers, length } = reader.buffer;
  const memory = allocator.takeBytes(length);
  let at = 0;
  for (const buffer of buffers) {
    memory.set(buffer, at);
    at += buffer.length;
  }
  return { memory, length, chunks: buffers };
}

/** Node's pool of small buffers, which many share, is smaller than this. */
const OWN_CHUNK_BYTES_MIN = 16 * 1024;

/**
 * Frees the memory of chunks that lie in one of their own, to their end: the socket gives each chunk its own. Left to the
 * garbage collector, which does not see them grow old, they are a hundred megabytes where records come fast.
 */
export function freeChunks(chunks: readonly Uint8Array[]): void {
  for (const { buffer, byteOffset, byteLength } of chunks) {
    if (!(buffer instanceof ArrayBuffer) || buffer.byteLength < OWN_CHUNK_BYTES_MIN) continue;
    if (byteOffset + byteLength === buffer.byteLength) buffer.transfer(0);
  }
}

function parseResponse(version: number, { memory, length, chunks }: Gathered): FetchResponse {
  const flexible = version >= FLEXIBLE;
  const read = new Cursor(memory, length);
  const throttleTimeMs = read.int32();
  let errorCode = 0;
  if (version >= 7) {
    errorCode = read.int16();
    read.int32();
  }
  const partitions: FetchedPartition[] = [];
  for (let topics = read.count(flexible); topics > 0; topics--) {
    const topic = version >= FETCH_TOPIC_IDS ? read.topicId() : read.string(flexible);
    for (let left = read.count(flexible); left > 0; left--) {
      const partition = read.int32();
      const errorCode = read.int16();
      const highWatermark = read.int64();
      const lastStableOffset = read.int64();
      const logStartOffset = version >= 5 ? read.int64() : -1n;
      const aborted: AbortedTransaction[] = [];
      for (let n = read.count(flexible); n > 0; n--) {
        aborted.push({ producerId: read.int64(), firstOffset: read.int64() });
        if (flexible) read.skipTags();
      }
      if (version >= 11) read.int32();
      const records = read.bytes(flexible);
      if (flexible) read.skipTags();
      partitions.push({
        topic,
        partition,
        errorCode,
        highWatermark,
        lastStableOffset,
        logStartOffset,
        aborted,
        records,
      });
    }
    if (flexible) read.skipTags();
  }
  return { throttleTimeMs, errorCode, partitions, memory, chunks };
}

/** Reads Kafka's primitive types in order. Reading past the end throws RangeError: the connection is then of no use. */
class Cursor {
  #at = 0;
  readonly #view: DataView;

  constructor(private readonly memory: Uint8Array, private readonly length: number) {
    this.#view = new DataView(memory.buffer, memory.byteOffset, length);
  }

  int16(): number {
    return this.#view.getInt16(this.#move(2));
  }
  int32(): number {
    return this.#view.getInt32(this.#move(4));
  }
  int64(): bigint {
    return this.#view.getBigInt64(this.#move(8));
  }
  /** Entries of an array; null counts as none. */
  count(flexible: boolean): number {
    return Math.max(0, flexible ? this.#varint() - 1 : this.int32());
  }
  string(flexible: boolean): string {
    const size = flexible ? this.#varint() - 1 : this.int16();
    const start = this.#move(Math.max(0, size));
    return new TextDecoder().decode(this.memory.subarray(start, this.#at));
  }
  topicId(): string {
    const start = this.#move(16);
    return this.memory.subarray(start, this.#at).toBase64({ alphabet: "base64url", omitPadding: true });
  }
  bytes(flexible: boolean): Uint8Array {
    const start = this.#move(Math.max(0, flexible ? this.#varint() - 1 : this.int32()));
    return this.memory.subarray(start, this.#at);
  }
  skipTags(): void {
    for (let tags = this.#varint(); tags > 0; tags--) {
      this.#varint();
      this.#move(this.#varint());
    }
  }
  #varint(): number {
    let result = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.memory[this.#move(1)];
      result += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return result;
    }
    throw new RangeError("Cannot read a fetch response: a varint has more than 5 bytes");
  }
  #move(size: number): number {
    const start = this.#at;
    if (start + size > this.length) {
      throw new RangeError(`Cannot read a fetch response: ${size} bytes wanted at ${start}, it has ${this.length}`);
    }
    this.#at = start + size;
    return start;
  }
}
