/**
 * InsertField: adds columns from the record's origin, or a constant, with Kafka Connect's options.
 *
 * @module
 */
import { type Data, type Field, Schema } from "apache-arrow";
import {
  BytesColumn,
  DataError,
  NumberColumn,
  option,
  recordBatch,
  type RejectRow,
  type SinkBatch,
  type TransformPlugin,
  types,
  WordsColumn,
} from "../api/mod.ts";

const name = (what: string) =>
  option.optionalString({
    doc: `Field for ${what}. A "!" after the name makes it required, a "?" (default) optional.`,
  });

const OPTIONS = {
  "topic.field": name("the topic, a string"),
  "partition.field": name("the partition, an int"),
  "offset.field": name("the offset, a long"),
  "timestamp.field": name("Kafka's timestamp"),
  "static.field": name("a constant, a string"),
  "static.value": option.optionalString({ doc: "The constant for static.field." }),
};

interface Inserted {
  readonly field: Field;
  column(batch: SinkBatch, reject: RejectRow): Data;
}

const TEXT = new TextEncoder();

/** The transform of that name. */
export const insertField: TransformPlugin<typeof OPTIONS> = {
  name: "InsertField",
  options: OPTIONS,
  sides: ["value"],
  create(config) {
    const inserted = insertedBy(config);
    const schemas = new WeakMap<Schema, Schema | DataError>();
    const extended = (schema: Schema): Schema | DataError => {
      const names = [...schema.fields, ...inserted.map(({ field }) => field)].map((field) => field.name);
      const twice = names.find((each, i) => names.indexOf(each) !== i);
      if (twice === undefined) {
        return new Schema([...schema.fields, ...inserted.map(({ field }) => field)], schema.metadata);
      }
      return new DataError(
        `Cannot insert the field ${twice}: the record has a field of that name already; choose another name`,
        { reason: "field name is taken", fieldPath: twice },
      );
    };
    return {
      apply(batch, reject) {
        if (inserted.length === 0) return batch;
        const { schema, data } = batch.data;
        let target = schemas.get(schema);
        if (!target) schemas.set(schema, target = extended(schema));
        if (target instanceof DataError) {
          for (let row = 0; row < batch.numRows; row++) reject(row, target);
          return batch;
        }
        const columns = [...data.children, ...inserted.map((each) => each.column(batch, reject))];
        return batch.withData(recordBatch(target, columns, batch.numRows));
      },
    };
  },
};

function insertedBy(config: Parameters<typeof insertField.create>[0]): Inserted[] {
  const all: Inserted[] = [];
  const add = (key: keyof typeof OPTIONS, type: Field["type"], fill: (field: Field) => Inserted["column"]) => {
    const given = config[key];
    if (given === null) return;
    const field = types.field(given.replace(/[!?]$/, ""), type, !given.endsWith("!"));
    all.push({ field, column: fill(field) });
  };
  add("topic.field", types.utf8(), ({ type }) => (batch) => constant(type, batch, TEXT.encode(batch.topic)));
  add("partition.field", types.int32(), ({ type }) => (batch) => {
    const column = new NumberColumn(type, Int32Array);
    for (let row = 0; row < batch.numRows; row++) {
      if (batch.isTombstone(row)) column.appendNull();
      else column.append(batch.partition);
    }
    return column.finish();
  });
  add("offset.field", types.int64(), ({ type }) => (batch) => {
    const column = new WordsColumn(type, 2);
    for (let row = 0; row < batch.numRows; row++) {
      if (batch.isTombstone(row)) column.appendNull();
      else column.appendBigInt(batch.offset(row));
    }
    return column.finish();
  });
  add("timestamp.field", types.timestamp(), (field) => (batch, reject) => timestamps(field, batch, reject));
  const value = config["static.value"];
  // Connect inserts nothing where the value is missing.
  if (value !== null) {
    add("static.field", types.utf8(), ({ type }) => (batch) => constant(type, batch, TEXT.encode(value)));
  }
  return all;
}

function constant(type: Field["type"], batch: SinkBatch, bytes: Uint8Array): Data {
  const column = new BytesColumn(type);
  for (let row = 0; row < batch.numRows; row++) {
    if (batch.isTombstone(row)) column.appendNull();
    else column.append(bytes);
  }
  return column.finish();
}

/** Kafka's timestamps; -1 is none. */
function timestamps({ name: path, type, nullable }: Field, batch: SinkBatch, reject: RejectRow): Data {
  const column = new WordsColumn(type, 2);
  for (let row = 0; row < batch.numRows; row++) {
    const ms = batch.timestampMs(row);
    if (!batch.isTombstone(row) && ms >= 0) {
      column.appendBigInt(BigInt(ms) * 1000n);
      continue;
    }
    column.appendNull();
    if (batch.isTombstone(row) || nullable) continue;
    reject(
      row,
      new DataError(`Cannot insert ${path}: the record has no timestamp and the field is required ("!")`, {
        reason: "record has no timestamp",
        fieldPath: path,
      }),
    );
  }
  return column.finish();
}
