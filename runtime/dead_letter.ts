/**
 * A dead letter: a copy of a record as it was, with headers that say where it came from and what was wrong with it.
 *
 * @module
 */
import {
  type Clock,
  DataError,
  FatalError,
  rawHeaders,
  rawKey,
  rawOffset,
  type RawRecords,
  rawValue,
  type RecordHeader,
  SCHEMA_ID,
  SCHEMA_SUBJECT,
  type SinkBatch,
} from "./api/mod.ts";
import type { ProducerRecord } from "./kafka/types.ts";

/** Where a record was set aside: Connect's words where it has one. */
export type Stage =
  | "KEY_CONVERTER"
  | "VALUE_CONVERTER"
  | "HEADER_CONVERTER"
  | "VALIDATION"
  | "TRANSFORMATION"
  | "TASK_PUT";

/** Kafka Connect's headers (DeadLetterQueueReporter), always all ten. */
export const CONNECT_HEADERS = "__connect.errors.";
/** Ours. */
export const SLUICE_HEADERS = "__sluice.errors.";

/** What the letters of a task have in common. */
export interface LetterOptions {
  readonly deadLetterTopic: string;
  readonly connector: string;
  readonly task: number;
  /** The longest one of our headers may be, bytes. */
  readonly headerBytesMax: number;
  /** The largest record that the producer can send, bytes. */
  readonly recordBytesMax: number;
  /** Tells when a record is set aside. */
  readonly clock: Pick<Clock, "now">;
}

/** Our word for a stage: the name of its file, and what the logs and metrics say. */
const WORDS: Readonly<Record<Stage, string>> = {
  KEY_CONVERTER: "decode",
  VALUE_CONVERTER: "decode",
  HEADER_CONVERTER: "decode",
  VALIDATION: "validate",
  TRANSFORMATION: "transform",
  TASK_PUT: "put",
};

/** A letter is larger than what the producer sends. */
export class LetterTooLargeError extends FatalError {}

const ENCODER = new TextEncoder();
const STACKTRACE = `${CONNECT_HEADERS}exception.stacktrace`;
const DROPPED = ENCODER.encode("[dropped: the letter would be too large]");
/** What the fields of a record and of a batch around it may take beside its parts: generous. */
const RECORD_OVERHEAD_BYTES = 256;
const HEADER_OVERHEAD_BYTES = 10;

/** The letter for a record, its bytes copied. Throws LetterTooLargeError where it cannot be made to fit. */
export function deadLetter(
  records: RawRecords,
  index: number,
  stage: Stage,
  error: DataError,
  options: LetterOptions,
): ProducerRecord {
  const before = rawHeaders(records, index);
  const kept = before.filter(({ key }) => !isErrorHeader(key))
    .map(({ key, value }) => ({ key, value: value && value.slice() }));
  const ours = errorHeaders(records, index, stage, error, attemptsOf(before) + 1, options);
  const letter: ProducerRecord = {
    topic: options.deadLetterTopic,
    key: rawKey(records, index)?.slice() ?? null,
    value: rawValue(records, index)?.slice() ?? null,
    headers: [...kept, ...ours],
    timestampMs: records.timestampsMs[index],
  };
  const bytes = letterBytes(letter);
  if (bytes <= options.recordBytesMax) return letter;
  const short = {
    ...letter,
    headers: [...kept, ...ours.map((header) => header.key === STACKTRACE ? { ...header, value: DROPPED } : header)],
  };
  if (letterBytes(short) <= options.recordBytesMax) return short;
  const { topic, partition } = records;
  throw new LetterTooLargeError(
    `Cannot set aside ${topic}-${partition}@${rawOffset(records, index)}: its dead letter for ` +
      `"${options.deadLetterTopic}" has ${letterBytes(short)} bytes without the stack trace (key ` +
      `${letter.key?.length ?? 0}, value ${letter.value?.length ?? 0}), the producer sends at most ` +
      `${options.recordBytesMax}; raise producer.override.max.request.size and the topic's max.message.bytes, or lower ` +
      `errors.deadletterqueue.header.bytes.max. What is wrong with the record: ${error.message}`,
    { cause: error },
  );
}

/** Estimated size of a letter as the producer sends it: an upper bound. */
export function letterBytes({ key, value, headers }: ProducerRecord): number {
  let bytes = RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0);
  for (const header of headers) bytes += header.key.length * 3 + (header.value?.length ?? 0) + HEADER_OVERHEAD_BYTES;
  return bytes;
}

/** Whether a header is of a letter, and not the record's own. */
export function isErrorHeader(key: string): boolean {
  return key.startsWith(CONNECT_HEADERS) || key.startsWith(SLUICE_HEADERS);
}

/** How often a record with these headers is, or was, a letter: as we counted, and once each time that Connect appended its headers. */
export function attemptsOf(headers: readonly RecordHeader[]): number {
  const countedAt = headers.findLastIndex(({ key }) => key === `${SLUICE_HEADERS}attempts`);
  const text = countedAt < 0 ? null : headers[countedAt].value;
  const digits = text && text.length < ATTEMPTS_CHARS_MAX ? new TextDecoder().decode(text) : "";
  const isCounted = /^\d+$/.test(digits);
  const since = isCounted ? headers.slice(countedAt + 1) : headers;
  const appended = since.filter(({ key }) => key === `${CONNECT_HEADERS}topic`).length;
  return Math.min((isCounted ? Number(digits) : 0) + appended, ATTEMPTS_MAX);
}

/** Anybody may write the header: more than this is this, so that what counts on stays a number. */
const ATTEMPTS_MAX = 1_000_000;
const ATTEMPTS_CHARS_MAX = 100;

function errorHeaders(
  records: RawRecords,
  index: number,
  stage: Stage,
  error: DataError,
  attempts: number,
  { connector, task, headerBytesMax, clock }: LetterOptions,
): RecordHeader[] {
  const { reason, schemaId, subject, fieldPath, bytePosition } = error.details;
  const texts: [string, string | number | bigint | undefined][] = [
    [`${CONNECT_HEADERS}topic`, records.topic],
    [`${CONNECT_HEADERS}partition`, records.partition],
    [`${CONNECT_HEADERS}offset`, rawOffset(records, index)],
    [`${CONNECT_HEADERS}connector.name`, connector],
    [`${CONNECT_HEADERS}task.id`, task],
    [`${CONNECT_HEADERS}stage`, stage],
    [`${CONNECT_HEADERS}class.name`, WORDS[stage]],
    [`${CONNECT_HEADERS}exception.class.name`, error.name],
    [`${CONNECT_HEADERS}exception.message`, error.message],
    [STACKTRACE, stackOf(error)],
    [`${SLUICE_HEADERS}reason`, reason],
    [`${SLUICE_HEADERS}schema.id`, schemaId],
    [`${SLUICE_HEADERS}subject`, subject],
    [`${SLUICE_HEADERS}field.path`, fieldPath],
    [`${SLUICE_HEADERS}byte.position`, bytePosition],
    [`${SLUICE_HEADERS}topic.id`, knownId(records.topicId)],
    [`${SLUICE_HEADERS}timestamp`, clock.now()],
    [`${SLUICE_HEADERS}attempts`, attempts],
  ];
  return texts.flatMap(([key, text]) =>
    text === undefined ? [] : [{ key, value: capped(String(text), headerBytesMax) }]
  );
}

/** Brokers before 2.8 have no ids, and say so by one of zeros. */
function knownId(topicId: string): string | undefined {
  return /^A*$/.test(topicId) ? undefined : topicId;
}

/** The stacks of an error and of what caused it. */
function stackOf(error: Error): string {
  const stacks: string[] = [];
  // A chain of causes may be a circle.
  for (let at: unknown = error; at instanceof Error && stacks.length < 5; at = at.cause) {
    stacks.push(at.stack ?? `${at.name}: ${at.message}`);
  }
  return stacks.join("\nCaused by: ");
}

/** UTF-8 of at most `bytesMax`, cut between characters and marked where it is longer. */
function capped(text: string, bytesMax: number): Uint8Array {
  const bytes = ENCODER.encode(text);
  if (bytes.length <= bytesMax) return bytes;
  const mark = ENCODER.encode(`... [cut: ${bytes.length} bytes]`);
  let end = Math.max(0, bytesMax - mark.length);
  while (end > 0 && (bytes[end] & 0xc0) === 0x80) end--;
  const out = new Uint8Array(end + mark.length);
  out.set(bytes.subarray(0, end));
  out.set(mark, end);
  return out;
}

/** The error with the registered schema that the batch was decoded with, where it names none itself. */
export function withSchemaOf(error: DataError, { data }: SinkBatch): DataError {
  const id = data.schema.metadata.get(SCHEMA_ID);
  if (id === undefined || error.details.schemaId !== undefined) return error;
  const subject = data.schema.metadata.get(SCHEMA_SUBJECT)?.replace(/@\d+$/, "");
  const details = { ...error.details, schemaId: Number(id), ...(subject === undefined ? {} : { subject }) };
  const named = new DataError(error.message, details, { cause: error.cause });
  named.stack = error.stack;
  return named;
}
