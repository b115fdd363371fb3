/**
 * What stands on both sides of the program: topics written and read back by kafkajs, schemas registered by plain HTTP,
 * records encoded by avsc.
 *
 * @module
 */
import { CompressionTypes, type Message, type Producer } from "kafkajs";
import { Buffer } from "node:buffer";
import { type Json, oracle } from "../../schemas/avro/test_support.ts";
import { freshName, kafkajs, until, withAdmin } from "./support.ts";

/** A record as an independent reader sees it. */
export interface ReadRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: Uint8Array | null;
  readonly timestampMs: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** Runs something with a connected kafkajs producer. */
export async function withProducer<T>(
  bootstrap: string,
  run: (producer: Producer) => Promise<T>,
  transactionalId?: string,
): Promise<T> {
  const producer = kafkajs(bootstrap).producer(
    transactionalId === undefined
      ? { allowAutoTopicCreation: false }
      : { transactionalId, idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false },
  );
  await producer.connect();
  try {
    return await run(producer);
  } finally {
    await producer.disconnect();
  }
}

/** Sends messages in one go. */
export async function produce(bootstrap: string, topic: string, messages: readonly Message[]): Promise<void> {
  await withProducer(
    bootstrap,
    (producer) => producer.send({ topic, messages: [...messages], compression: CompressionTypes.GZIP }),
  );
}

/** A message with a JSON value; bigints and strings like "literal:1.25" become the digits of a number. */
export function json(value: unknown, more: Partial<Message> = {}): Message {
  const text = JSON.stringify(value, (_, part) => typeof part === "bigint" ? `literal:${part}` : part);
  return { value: text.replace(/"literal:([^"]+)"/g, "$1"), ...more };
}

/** All records of a topic without transactions, by partition and offset. */
export async function readAll(bootstrap: string, topic: string): Promise<ReadRecord[]> {
  const ends = await withAdmin(bootstrap, (admin) => admin.fetchTopicOffsets(topic));
  const wanted = new Map(ends.filter(({ low, high }) => low !== high).map((p) => [p.partition, Number(p.high) - 1]));
  const found: ReadRecord[] = [];
  if (wanted.size === 0) return found;
  const consumer = kafkajs(bootstrap).consumer({ groupId: freshName("reader"), maxWaitTimeInMs: 100 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: ({ partition, message: { offset, key, value, timestamp, headers } }) => {
        found.push({
          partition,
          offset: Number(offset),
          key: key === null ? null : String(key),
          value,
          timestampMs: Number(timestamp),
          headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)])),
        });
        return Promise.resolve();
      },
    });
    const isRead = ([partition, last]: [number, number]) =>
      found.some((record) => record.partition === partition && record.offset === last);
    await until(`${topic} is read back`, () => [...wanted].every(isRead), 30_000);
  } finally {
    await consumer.disconnect();
  }
  return found.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

/** The record that a dead letter is of, e.g. `t-0@17`. */
export function originOf({ headers }: ReadRecord): string {
  const of = (name: string) => headers[`__connect.errors.${name}`];
  return `${of("topic")}-${of("partition")}@${of("offset")}`;
}

/** Registers a schema; returns its id. */
export async function register(registryUrl: string, subject: string, schema: Json): Promise<number> {
  const response = await fetch(`${registryUrl}/subjects/${subject}/versions`, {
    method: "POST",
    headers: { "content-type": "application/vnd.schemaregistry.v1+json" },
    body: JSON.stringify({ schema: JSON.stringify(schema) }),
  });
  const answer = await response.json();
  if (!response.ok) {
    throw new Error(
      `The registry answered ${response.status} to ${subject} ${JSON.stringify(schema)}: ${JSON.stringify(answer)}`,
    );
  }
  return answer.id;
}

/** An encoder of one schema: magic byte 0, the id, avsc's bytes. */
export function avroEncoder(id: number, schema: Json): (value: unknown) => Buffer {
  const type = oracle(schema);
  const frame = Buffer.alloc(5);
  frame.writeInt32BE(id, 1);
  return (value) => Buffer.concat([frame, type.toBuffer(value)]);
}
