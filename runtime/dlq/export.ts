/**
 * Letters as lines or rows: all that a letter is, in one flat shape. Bytes round-trip exactly.
 *
 * @module
 */
import { type RecordBatch, Schema } from "apache-arrow";
import {
  type BytesColumn,
  type Column,
  createColumn,
  type DataType,
  type ListColumn,
  type NumberColumn,
  recordBatch,
  type RecordHeader,
  type StructColumn,
  types,
  type WordsColumn,
} from "../api/mod.ts";
import { groupId } from "./group.ts";
import type { Letter, LetterState, Place } from "./letter.ts";

/** What is known of a letter besides. */
export interface ExportedLetter {
  readonly letter: Letter;
  readonly state: LetterState;
  /** JSON of what the converters make of its value and key; null: nothing. */
  readonly value: string | null;
  readonly key: string | null;
}

/** Bytes of a letter's key and value; null where it has none. */
export interface LetterSizes {
  readonly keyBytes: number | null;
  readonly valueBytes: number | null;
}

/** See `LetterSizes`. */
export function sizesOf({ key, value }: Letter): LetterSizes {
  return { keyBytes: key?.length ?? null, valueBytes: value?.length ?? null };
}

/** A letter without its bytes and its trace: what lists show. `sizes` are of what it was, where its bytes are gone. */
export function letterSummary(
  { letter, state }: Pick<ExportedLetter, "letter" | "state">,
  sizes: LetterSizes = sizesOf(letter),
) {
  const { at, origin, key: _key, value: _value, headers: _headers, trace: _trace, ...said } = letter;
  return {
    queueTopic: at.topic,
    queuePartition: at.partition,
    queueOffset: Number(at.offset),
    topic: origin?.topic ?? null,
    partition: origin?.partition ?? null,
    offset: origin ? Number(origin.offset) : null,
    queueTopicId: at.topicId ?? null,
    topicId: origin?.topicId ?? null,
    state,
    group: groupId(letter),
    ...said,
    ...sizes,
  };
}

/** A line of NDJSON, without its end; bytes are base64. */
export function letterLine({ letter, state, value, key }: ExportedLetter): string {
  const { keyBytes: _key, valueBytes: _value, ...summary } = letterSummary({ letter, state });
  const line = JSON.stringify({
    ...summary,
    trace: letter.trace,
    key: letter.key?.toBase64() ?? null,
    value: letter.value?.toBase64() ?? null,
    headers: letter.headers.map(({ key, value }) => ({ key, value: value?.toBase64() ?? null })),
  });
  // They are JSON already, with all digits.
  return `${line.slice(0, -1)},"decodedKey":${key ?? "null"},"decodedValue":${value ?? "null"}}`;
}

/** The letter in a line of an export. Throws SyntaxError or TypeError where there is none. */
export function letterOfLine(line: string): { readonly letter: Letter; readonly state: LetterState } {
  const row = JSON.parse(line);
  const bytes = (text: string | null) => text === null ? null : Uint8Array.fromBase64(text);
  const headers = (row.headers as { key: string; value: string | null }[]).map(({ key, value }) => ({
    key,
    value: bytes(value),
  }));
  const { timestampMs, setAsideMs, stage, reason, message, exception, trace, connector, task, schemaId, subject } = row;
  const { fieldPath, bytePosition, attempts, state, recordId } = row;
  return {
    state,
    letter: {
      at: placeOf(row.queueTopic, row.queuePartition, row.queueOffset, row.queueTopicId),
      origin: row.topic === null ? null : placeOf(row.topic, row.partition, row.offset, row.topicId),
      recordId,
      key: bytes(row.key),
      value: bytes(row.value),
      headers,
      ...{
        timestampMs,
        setAsideMs,
        stage,
        reason,
        message,
        exception,
        trace,
        connector,
        task,
        schemaId,
        subject,
        fieldPath,
      },
      ...{ bytePosition, attempts },
    },
  };
}

function placeOf(topic: string, partition: number, offset: number, topicId: string | null): Place {
  return { topic, partition, offset: BigInt(offset), ...(topicId === null ? {} : { topicId }) };
}

const [int32, int64, string, binary] = [types.int32(), types.int64(), types.utf8(), types.binary()];
const HEADERS = types.list(types.struct([types.field("key", string), types.field("value", binary)]));
type Cell = string | number | bigint | Uint8Array | readonly RecordHeader[] | null | undefined;

/** A column, and what a letter has in it. */
const COLUMNS: readonly (readonly [string, DataType, (of: ExportedLetter) => Cell])[] = [
  ["queueTopic", string, ({ letter }) => letter.at.topic],
  ["queuePartition", int32, ({ letter }) => letter.at.partition],
  ["queueOffset", int64, ({ letter }) => letter.at.offset],
  ["topic", string, ({ letter }) => letter.origin?.topic],
  ["partition", int32, ({ letter }) => letter.origin?.partition],
  ["offset", int64, ({ letter }) => letter.origin?.offset],
  ["queueTopicId", string, ({ letter }) => letter.at.topicId],
  ["topicId", string, ({ letter }) => letter.origin?.topicId],
  ["recordId", string, ({ letter }) => letter.recordId],
  ["state", string, ({ state }) => state],
  ["group", string, ({ letter }) => groupId(letter)],
  ["timestampMs", int64, ({ letter }) => BigInt(Math.trunc(letter.timestampMs))],
  ["setAsideMs", int64, ({ letter }) => long(letter.setAsideMs)],
  ["stage", string, ({ letter }) => letter.stage],
  ["reason", string, ({ letter }) => letter.reason],
  ["message", string, ({ letter }) => letter.message],
  ["exception", string, ({ letter }) => letter.exception],
  ["connector", string, ({ letter }) => letter.connector],
  ["task", int64, ({ letter }) => long(letter.task)],
  ["schemaId", int64, ({ letter }) => long(letter.schemaId)],
  ["subject", string, ({ letter }) => letter.subject],
  ["fieldPath", string, ({ letter }) => letter.fieldPath],
  ["bytePosition", int64, ({ letter }) => long(letter.bytePosition)],
  ["attempts", int64, ({ letter }) => BigInt(letter.attempts)],
  ["trace", string, ({ letter }) => letter.trace],
  ["key", binary, ({ letter }) => letter.key],
  ["value", binary, ({ letter }) => letter.value],
  ["headers", HEADERS, ({ letter }) => letter.headers],
  ["decodedKey", string, ({ key }) => key],
  ["decodedValue", string, ({ value }) => value],
];

/** The columns of an export: camel case, as the lines' members. */
export const EXPORT_SCHEMA = new Schema(COLUMNS.map(([name, type]) => types.field(name, type)));

/** Letters as rows of `EXPORT_SCHEMA`. */
export function letterBatch(letters: readonly ExportedLetter[]): RecordBatch {
  const columns = COLUMNS.map(([, type, cellOf]) => {
    const column = createColumn(type);
    for (const letter of letters) append(column, cellOf(letter) ?? null);
    return column.finish();
  });
  return recordBatch(EXPORT_SCHEMA, columns, letters.length);
}

function append(column: Column, cell: Exclude<Cell, undefined>): void {
  if (cell === null) column.appendNull();
  else if (typeof cell === "string") (column as BytesColumn).appendString(cell);
  else if (typeof cell === "number") (column as NumberColumn).append(cell);
  else if (typeof cell === "bigint") (column as WordsColumn).appendBigInt(cell);
  else if (cell instanceof Uint8Array) (column as BytesColumn).append(cell);
  else {
    const list = column as ListColumn;
    const entry = list.child as StructColumn;
    for (const { key, value } of cell) {
      append(entry.children[0], key);
      append(entry.children[1], value);
      entry.close();
    }
    list.close();
  }
}

function long(number: number | null): bigint | null {
  return number === null ? null : BigInt(number);
}
