/**
 * The columns of `columns.kafka`: where a record came from, beside its values.
 *
 * | column | type |
 * |---|---|
 * | `_kafka_topic`, `_kafka_partition`, `_kafka_offset`, `_kafka_timestamp` | string, integer, long, timestamp |
 * | `_kafka_key` | binary; decoded by `key.converter`: the type of a single value, or a struct of the key's fields |
 * | `_kafka_headers` | list of struct of key (string) and value (string, or binary by `header.converter: bytes`) |
 *
 * A record without a timestamp (Kafka's -1) has none here.
 *
 * @module
 */
import { type Data, type Field, makeData, Schema } from "apache-arrow";
import {
  type BytesColumn,
  createColumn,
  DataError,
  type ListColumn,
  type NumberColumn,
  recordBatch,
  type SinkBatch,
  type StructColumn,
  types,
  type WordsColumn,
} from "../../mod.ts";
import { KAFKA_COLUMNS } from "./config.ts";
import type { RejectRecord } from "./project.ts";

type Name = keyof typeof KAFKA_COLUMNS;

/**
 * Appends columns; rows whose headers cannot be converted, or whose timestamp no column holds, are rejected. DataError where
 * the values have a column of such a name.
 */
export type KafkaColumns = (batch: SinkBatch, reject: RejectRecord) => SinkBatch;

/** For the named columns; the same schema of values and keys always gives the same output schema. */
export function createKafkaColumns(names: readonly string[]): KafkaColumns {
  if (names.length === 0) return (batch) => batch;
  const wanted = names as readonly Name[];
  const schemas = new WeakMap<Schema, WeakMap<object, Schema>>();
  const schemaOf = (batch: SinkBatch, added: readonly Field[]): Schema => {
    const of = batch.data.schema;
    const byKeys = schemas.get(of) ?? new WeakMap<object, Schema>();
    schemas.set(of, byKeys);
    const keys = batch.keys?.schema ?? NO_KEYS;
    let schema = byKeys.get(keys);
    if (!schema) {
      checkNames(of.fields, added);
      byKeys.set(keys, schema = new Schema([...of.fields, ...added], of.metadata));
    }
    return schema;
  };
  const append: KafkaColumns = (given, reject) => {
    const batch = wanted.includes("timestamp") ? withTimestamps(given, reject) : given;
    const headers = wanted.includes("headers") ? headersColumn(batch, reject) : null;
    if (Array.isArray(headers)) return append(batch.select(Int32Array.from(headers)), reject);
    const columns = wanted.flatMap((name) => {
      const data = name === "headers" ? headers : name === "key" ? keyColumn(batch) : plainColumn(batch, name);
      return data === null ? [] : [{ data, field: types.field(KAFKA_COLUMNS[name], data.type) }];
    });
    const all = [...batch.data.data.children, ...columns.map(({ data }) => data)];
    return batch.withData(recordBatch(schemaOf(batch, columns.map(({ field }) => field)), all, batch.numRows));
  };
  return append;
}

/** A field of the values would be lost behind a column of its name. */
function checkNames(fields: readonly Field[], added: readonly Field[]): void {
  for (const { name } of added) {
    const own = fields.find((field) => field.name.toLowerCase() === name);
    if (own === undefined) continue;
    const fix = "rename it with a transform, or take the column out of columns.kafka";
    throw new DataError(
      `Cannot add the column "${name}" of columns.kafka: the record has a field "${own.name}"; ${fix}`,
      {
        reason: "ambiguous names",
        fieldPath: own.name,
      },
    );
  }
}

/** Stands for keys that are bytes. */
const NO_KEYS = {};

const TYPES = { topic: types.utf8, partition: types.int32, offset: types.int64, timestamp: types.timestamp } as const;

function plainColumn(batch: SinkBatch, name: keyof typeof TYPES): Data {
  const builder = createColumn(TYPES[name]());
  const topic = new TextEncoder().encode(batch.topic);
  for (let row = 0; row < batch.numRows; row++) {
    switch (name) {
      case "topic":
        (builder as BytesColumn).append(topic);
        break;
      case "partition":
        (builder as NumberColumn).append(batch.partition);
        break;
      case "offset":
        (builder as WordsColumn).appendBigInt(batch.offset(row));
        break;
      case "timestamp": {
        const timestampMs = batch.timestampMs(row);
        if (timestampMs === NO_TIMESTAMP) builder.appendNull();
        else (builder as WordsColumn).appendBigInt(BigInt(timestampMs) * 1000n);
      }
    }
  }
  return builder.finish();
}

/** Kafka's word for a record without a timestamp. */
const NO_TIMESTAMP = -1;
/** Up to it a double is exact; as microseconds it has 64 bits. */
const TIMESTAMP_MS_MAX = Number.MAX_SAFE_INTEGER;

/** The rows whose timestamp a column holds: producers write what they like, nanoseconds for instance. */
function withTimestamps(batch: SinkBatch, reject: RejectRecord): SinkBatch {
  const kept: number[] = [];
  for (let row = 0; row < batch.numRows; row++) {
    const timestampMs = batch.timestampMs(row);
    if (Math.abs(timestampMs) <= TIMESTAMP_MS_MAX) kept.push(row);
    else {
      const what =
        `the record's timestamp is ${timestampMs}, expected milliseconds since 1970, ${TIMESTAMP_MS_MAX} at most`;
      reject(batch, row, new DataError(`Cannot hold _kafka_timestamp: ${what}`, { reason: "timestamp out of range" }));
    }
  }
  return kept.length === batch.numRows ? batch : batch.select(Int32Array.from(kept));
}

/** Null: there is no key among the rows, and nobody knows what one would be. */
function keyColumn(batch: SinkBatch): Data | null {
  const { keys, numRows } = batch;
  if (keys === null) {
    const builder = createColumn(types.binary()) as BytesColumn;
    for (let row = 0; row < numRows; row++) {
      const key = batch.key(row);
      if (key) builder.append(key);
      else builder.appendNull();
    }
    return builder.finish();
  }
  const { fields } = keys.schema;
  if (fields.length === 0) return null;
  const { children } = keys.data;
  if (fields.length === 1 && fields[0].name === "value") return children[0];
  const nullBitmap = new Uint8Array((numRows + 7) >> 3);
  let nullCount = 0;
  for (let row = 0; row < numRows; row++) {
    if (!batch.hasKey(row)) nullCount++;
    else nullBitmap[row >> 3] |= 1 << (row & 7);
  }
  return makeData({ type: types.struct(fields), length: numRows, nullCount, nullBitmap, children });
}

/** The column; or the rows that are left, where some were rejected. */
function headersColumn(batch: SinkBatch, reject: RejectRecord): Data | number[] {
  const value = types.field("value", batch.hasTextHeaders ? types.utf8() : types.binary());
  const list = createColumn(types.list(types.struct([types.field("key", types.utf8()), value]))) as ListColumn;
  const entry = list.child as StructColumn;
  const [keys, values] = entry.children as BytesColumn[];
  const kept: number[] = [];
  for (let row = 0; row < batch.numRows; row++) {
    let headers;
    try {
      headers = batch.convertedHeaders(row);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      reject(batch, row, error);
      continue;
    }
    for (const { key, value } of headers) {
      keys.appendString(key);
      if (value === null) values.appendNull();
      else values.append(value);
      entry.close();
    }
    list.close();
    kept.push(row);
  }
  return kept.length === batch.numRows ? list.finish() : kept;
}
