/**
 * What the kill tests share: somebody who produces all the while, with poison among the records, and the judge.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Producer } from "kafkajs";
import { systemClock } from "../../runtime/clock.ts";
import type { DeltaRsTable } from "../support/tables.ts";
import { originOf, readAll } from "./topics.ts";

/** Of so many records one cannot be read. */
const POISON_EVERY = 29;
const BATCH = 40;

/** What is produced, and until when. */
export interface Production {
  readonly topic: string;
  readonly partitions: number;
  readonly signal: AbortSignal;
  /** Between two batches. Default 20. */
  readonly pauseMs?: number;
}

/** Produces until told to stop; returns how many records were acknowledged. */
export async function keepProducing(
  producer: Producer,
  { topic, partitions, signal, pauseMs = 20 }: Production,
): Promise<number> {
  let id = 0;
  while (!signal.aborted) {
    const messages = Array.from({ length: BATCH }, () => {
      const isPoison = ++id % POISON_EVERY === 0;
      return { value: isPoison ? `{"id": ${id}, "text": ` : JSON.stringify({ id, text: `text ${id}` }) };
    });
    messages.forEach((message, i) => Object.assign(message, { partition: (id + i) % partitions }));
    await producer.send({ topic, messages });
    await systemClock.sleep(pauseMs, signal).catch(() => {}); // told to stop
  }
  return id;
}

/** What must agree in the end. */
export interface Verdict {
  readonly bootstrap: string;
  readonly topic: string;
  /** The dead-letter topic. */
  readonly letters: string;
  /** Records that were acknowledged. */
  readonly produced: number;
  /** The table by an independent reader, with `_kafka_partition`, `_kafka_offset` and `id`. */
  readonly readTable: () => Promise<DeltaRsTable>;
}

/** The table has each record that can be a row once, and each other record has a dead letter. */
export async function assertEachOnce(
  { bootstrap, topic, letters, produced, readTable }: Verdict,
): Promise<{ version: number; rows: number; poisoned: number; files: number }> {
  const records = await readAll(bootstrap, topic);
  const text = new TextDecoder();
  // A send that was slow is repeated by the producer: those are two records of Kafka's, and must be two rows.
  const ids = new Set(records.map(({ value }) => /^\{"id": ?(\d+)/.exec(text.decode(value!))?.[1]));
  assertEquals(ids.size, produced, "the reader saw what was produced");
  const isPoison = ({ value }: { value: Uint8Array | null }) => !text.decode(value!).endsWith("}");
  const origins = new Set((await readAll(bootstrap, letters)).map(originOf));
  const poison = records.filter(isPoison).map(({ partition, offset }) => `${topic}-${partition}@${offset}`);
  assertEquals([...origins].sort(), poison.sort(), "a dead letter of each poisoned record, and of no other");
  const place = (partition: unknown, offset: unknown, id: unknown) => `${partition}@${offset}: ${id}`;
  const wanted = records.filter((record) => !isPoison(record))
    .map(({ partition, offset, value }) => place(partition, offset, JSON.parse(text.decode(value!)).id));
  const { version, rows, files } = await readTable();
  const found = rows.map((row) => place(row._kafka_partition, row._kafka_offset, row.id));
  assertEquals(found.length, wanted.length, "the number of rows");
  assertEquals(found.sort(), wanted.sort(), "each record once");
  return { version, rows: rows.length, poisoned: poison.length, files };
}
