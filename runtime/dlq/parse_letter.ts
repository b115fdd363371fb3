/**
 * From a record of a dead-letter topic to a letter. Ours, Kafka Connect's, and letters without any header.
 *
 * Connect appends its headers to those that are there, so those at the end count (CONNECT's `lastHeader`). Ours that stand
 * before them are of an earlier letter: only how often it was one is still true.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { rawHeaders, rawKey, rawOffset, type RawRecords, rawValue, type RecordHeader } from "../api/mod.ts";
import { attemptsOf, CONNECT_HEADERS, isErrorHeader, SLUICE_HEADERS } from "../dead_letter.ts";
import type { Letter, Place } from "./letter.ts";

/** The letter in record `index`; its bytes are copies. */
export function parseLetter(records: RawRecords, index: number): Letter {
  const all = rawHeaders(records, index);
  const errors = new ErrorHeaders(all);
  const { topic, partition } = records;
  const exception = errors.connect("exception.class.name") ?? "";
  const origin = errors.origin();
  const [key, value] = [rawKey(records, index)?.slice() ?? null, rawValue(records, index)?.slice() ?? null];
  return {
    at: { topic, partition, offset: rawOffset(records, index), topicId: records.topicId },
    origin,
    recordId: (origin ?? records).topicId ?? hashOf(key, value),
    key,
    value,
    headers: all.filter(({ key }) => !isErrorHeader(key)).map((header) => ({
      ...header,
      value: header.value && header.value.slice(),
    })),
    timestampMs: records.timestampsMs[index],
    setAsideMs: count(errors.sluice("timestamp")),
    stage: errors.connect("stage") ?? "",
    reason: errors.sluice("reason") ?? exception,
    message: errors.connect("exception.message") ?? "",
    exception,
    trace: errors.connect("exception.stacktrace") ?? "",
    connector: errors.connect("connector.name") ?? "",
    task: count(errors.connect("task.id")),
    schemaId: count(errors.sluice("schema.id")),
    subject: errors.sluice("subject"),
    fieldPath: errors.sluice("field.path"),
    bytePosition: count(errors.sluice("byte.position")),
    attempts: Math.max(1, attemptsOf(all)),
  };
}

const DECODER = new TextDecoder();

/** Of the same record again always the same: copies and later letters have its bytes. */
function hashOf(key: Uint8Array | null, value: Uint8Array | null): string {
  const hash = createHash("sha256").update(`${key?.length ?? -1}/${value?.length ?? -1}/`);
  if (key) hash.update(key);
  if (value) hash.update(value);
  return `~${hash.digest("base64url").slice(0, HASH_CHARS)}`;
}

/** Of 6 bits each; no id of a topic begins with "~". */
const HASH_CHARS = 16;

/** The last header of each name, ours only where Connect has not written after them. */
class ErrorHeaders {
  readonly #last = new Map<string, { readonly at: number; readonly value: Uint8Array | null }>();

  constructor(headers: readonly RecordHeader[]) {
    headers.forEach(({ key, value }, at) => isErrorHeader(key) && this.#last.set(key, { at, value }));
  }

  connect(name: string): string | null {
    return text(this.#last.get(CONNECT_HEADERS + name)?.value);
  }

  sluice(name: string): string | null {
    const header = this.#last.get(SLUICE_HEADERS + name);
    const connectAt = this.#last.get(`${CONNECT_HEADERS}topic`)?.at ?? -1;
    return header === undefined || header.at < connectAt ? null : text(header.value);
  }

  /** Null where they do not name a place. */
  origin(): Place | null {
    const [topic, partition, offset] = [this.connect("topic"), this.connect("partition"), this.connect("offset")];
    const number = count(partition);
    if (topic === null || !/^[\w.-]{1,249}$/.test(topic)) return null;
    if (number === null || number >= 2 ** 31) return null;
    if (offset === null || !/^\d{1,19}$/.test(offset) || BigInt(offset) >= 2n ** 63n) return null;
    const topicId = this.sluice("topic.id");
    const isId = topicId !== null && /^[\w-]{1,64}$/.test(topicId);
    return { topic, partition: number, offset: BigInt(offset), ...(isId ? { topicId } : {}) };
  }
}

function text(bytes: Uint8Array | null | undefined): string | null {
  return bytes ? DECODER.decode(bytes) : null;
}

/** A number that counts something; null where the text is none. */
function count(text: string | null): number | null {
  if (text === null || !/^\d{1,16}$/.test(text)) return null;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : null;
}
