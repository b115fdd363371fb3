/**
 * The columns of `columns.kafka`: where a record came from, beside its values.
 *
 * @module
 */
import { type Data, type Field, Schema } from "apache-arrow";
import { type BytesColumn, createColumn, recordBatch, type SinkBatch, types, type WordsColumn } from "../../mod.ts";
import { KAFKA_COLUMNS } from "./config.ts";

type Name = keyof typeof KAFKA_COLUMNS;

const TYPES = {
  topic: types.utf8,
  partition: types.int32,
  offset: types.int64,
  timestamp: types.timestamp,
  key: types.binary,
} as const;

/** Returns a function that appends the named columns; the same input schema always gives the same output schema. */
export function createKafkaColumns(names: readonly string[]): (batch: SinkBatch) => SinkBatch {
  if (names.length === 0) return (batch) => batch;
  const added = (names as readonly Name[]).map((name) => types.field(KAFKA_COLUMNS[name], TYPES[name]()));
  const schemas = new WeakMap<Schema, Schema>();
  return (batch) => {
    let schema = schemas.get(batch.data.schema);
    if (!schema) {
      schema = new Schema([...batch.data.schema.fields, ...added], batch.data.schema.metadata);
      schemas.set(batch.data.schema, schema);
    }
    const columns = (names as readonly Name[]).map((name, i) => column(batch, name, added[i]));
    return batch.withData(recordBatch(schema, [...batch.data.data.children, ...columns], batch.numRows));
  };
}

function column(batch: SinkBatch, name: Name, { type }: Field): Data {
  const builder = createColumn(type);
  const topic = new TextEncoder().encode(batch.topic);
  for (let row = 0; row < batch.numRows; row++) {
    switch (name) {
      case "topic":
        (builder as BytesColumn).append(topic);
        break;
      case "partition":
        (builder as unknown as { append(value: number): void }).append(batch.partition);
        break;
      case "offset":
        (builder as WordsColumn).appendBigInt(batch.offset(row));
        break;
      case "timestamp":
        (builder as WordsColumn).appendNumber(batch.timestampMs(row) * 1000);
        break;
      case "key": {
        const key = batch.key(row);
        if (key) (builder as BytesColumn).append(key);
        else builder.appendNull();
      }
    }
  }
  return builder.finish();
}
