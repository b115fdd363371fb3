/**
 * The dead letters' producer: idempotent, acknowledged by all in-sync replicas.
 *
 * @module
 */
import type { CompressionAlgorithmValue, Producer } from "@platformatic/kafka";
import { Buffer } from "node:buffer";
import { FatalError } from "../api/errors.ts";
import { brokerErrors, classify } from "./classify.ts";
import { clientOptions, forgetLostConnections } from "./client_options.ts";
import type { ProducerSettings } from "./settings.ts";
import type { ProducerRecord, RecordProducer } from "./types.ts";

/** A producer that connects at its first record. */
export function createProducer(settings: ProducerSettings): RecordProducer {
  return new IdempotentProducer(settings);
}

/** What the framing of a record and its batch adds, generously. */
const RECORD_OVERHEAD = 64;
const TOO_LARGE = ["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"];

type Client = Producer<Buffer, Buffer, Buffer, Buffer>;

class IdempotentProducer implements RecordProducer {
  #client: Client | null = null;
  /** Sends follow one another: the sequence numbers of two at once could overtake. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly settings: ProducerSettings) {}

  send(records: readonly ProducerRecord[]): Promise<void> {
    const sent = this.#last.then(async () => {
      for (const chunk of requests(records, this.settings.requestBytesMax)) await this.#sendChunk(chunk);
    });
    this.#last = sent.catch(() => {}); // the caller of this send hears of it
    return sent;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#drop();
  }

  async #sendChunk(records: readonly ProducerRecord[]): Promise<void> {
    const topics = [...new Set(records.map(({ topic }) => topic))].join(", ");
    try {
      const client = this.#client ??= await this.#create();
      await client.send({ messages: records.map(toMessage) });
    } catch (error) {
      // Its sequence numbers have moved on without the broker: a new producer id begins anew.
      await this.#drop();
      if (brokerErrors(error).some((name) => TOO_LARGE.includes(name))) {
        throw new FatalError(tooLarge(topics, records), { cause: error });
      }
      const classified = classify(error, `Cannot produce ${records.length} records to ${topics}`);
      if (!classified.message.includes("timestamp should be within")) throw classified;
      throw new FatalError(
        `${classified.message}. The topic refuses what records have as their timestamps: raise its ` +
          "message.timestamp.after.max.ms (or before.max.ms)",
        { cause: error },
      );
    }
  }

  async #create(): Promise<Client> {
    const { Producer } = await import("@platformatic/kafka"); // most tasks never set a record aside
    const client = new Producer<Buffer, Buffer, Buffer, Buffer>({
      ...clientOptions(this.settings),
      idempotent: true,
      acks: -1,
      compression: this.settings.compression as CompressionAlgorithmValue,
      retries: 3,
      retryDelay: 200,
    });
    forgetLostConnections(client);
    return client;
  }

  /** Forgets the client, whatever becomes of its connections: nothing that was acknowledged depends on them. */
  async #drop(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await client?.close().catch(() => {});
  }
}

/** A record in the client's words. */
export function toMessage({ topic, key, value, headers, timestampMs }: ProducerRecord) {
  return {
    topic,
    ...(key === null ? {} : { key: buffer(key) }),
    // A null value is a tombstone; the client's type does not know it, its wire format does.
    value: (value === null ? null : buffer(value)) as Buffer,
    // Keys that are objects: a name that repeats stays repeated.
    headers: new Map(headers.map((header) => [
      Buffer.from(header.key),
      (header.value === null ? null : buffer(header.value)) as Buffer,
    ])),
    timestamp: int64(timestampMs),
  };
}

/** Anybody may have chosen a record's timestamp; the largest ones are no numbers that are exact. */
function int64(ms: number): bigint {
  const whole = BigInt(Math.trunc(ms));
  return whole < INT64_END ? whole : INT64_END - 1n;
}

const INT64_END = 2n ** 63n;

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function size(record: ProducerRecord): number {
  const headers = record.headers.reduce((sum, { key, value }) => sum + 3 * key.length + (value?.length ?? 0) + 10, 0);
  return RECORD_OVERHEAD + (record.key?.length ?? 0) + (record.value?.length ?? 0) + headers;
}

/**
 * The client writes a timestamp as its distance from the first one of the batch, and takes 32 bits of it (dynamic-buffer 0.3.1,
 * int64ZigZagEncode): records further apart would come out with other timestamps.
 */
const TIMESTAMP_SPAN_MS = 2 ** 31 - 4096;

/** Runs of records that fit a request; one that is larger goes alone, and the broker decides. In order. */
export function* requests(records: readonly ProducerRecord[], bytesMax: number): Generator<ProducerRecord[]> {
  let chunk: ProducerRecord[] = [];
  let bytes = 0;
  /** The earliest and the latest timestamp, by topic: a batch holds one's records. */
  let spans = new Map<string, readonly [number, number]>();
  for (const record of records) {
    const more = size(record);
    let span = widened(spans.get(record.topic), record);
    if (chunk.length > 0 && (bytes + more > bytesMax || span[1] - span[0] > TIMESTAMP_SPAN_MS)) {
      yield chunk;
      chunk = [];
      bytes = 0;
      spans = new Map();
      span = widened(undefined, record);
    }
    spans.set(record.topic, span);
    chunk.push(record);
    bytes += more;
  }
  if (chunk.length > 0) yield chunk;
}

function widened(span: readonly [number, number] | undefined, { timestampMs }: ProducerRecord): [number, number] {
  const [from, to] = span ?? [timestampMs, timestampMs];
  return [Math.min(from, timestampMs), Math.max(to, timestampMs)];
}

function tooLarge(topics: string, records: readonly ProducerRecord[]): string {
  const largest = Math.max(...records.map(size));
  return `Cannot produce to ${topics}: the broker refuses ${records.length} records, the largest of ${largest} bytes, ` +
    `as too large. Raise max.message.bytes of the topic, or lower max.request.size`;
}
