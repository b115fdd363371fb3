/**
 * InsertField: adds columns from the record's origin, or a constant, with Kafka Connect's options. The topic is the one that
 * routers before it made of it. Tombstones, and for keys records without one, get none.
 *
 * @module
 */
import { type Data, type Field, Schema } from "apache-arrow";
import {
  BytesColumn,
  DataError,
  option,
  recordBatch,
  type RecordSide,
  type RejectRow,
  type SinkBatch,
  type TransformPlugin,
  types,
  type Values,
  WordsColumn,
} from "../api/mod.ts";
import { constantColumn } from "./constant_column.ts";
import { insist, NULL_DEFAULTS } from "./shared_options.ts";
import { createSideTransform, fieldError, isNullRow, nameTwice, sideValidity } from "./side.ts";

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
  ...NULL_DEFAULTS,
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
  sides: ["key", "value"],
  check: wrongTogether,
  create(config, side) {
    insist("InsertField", wrongTogether(config));
    const inserted = insertedBy(config, side);
    return createSideTransform({
      name: "InsertField",
      side,
      plan(schema) {
        const fields = [...schema.fields, ...inserted.map(({ field }) => field)];
        const twice = nameTwice(fields);
        if (twice !== undefined) {
          return fieldError(
            `Cannot insert the field ${twice}: the record has a field of that name already; choose another name`,
            "field name is taken",
            twice,
          );
        }
        const target = new Schema(fields, schema.metadata);
        return ({ data, numRows }, batch, reject) => {
          const columns = [...data.children, ...inserted.map((each) => each.column(batch, reject))];
          return recordBatch(target, columns, numRows);
        };
      },
    });
  },
};

function wrongTogether(config: Values<typeof OPTIONS>): string | null {
  const fields = ["topic.field", "partition.field", "offset.field", "timestamp.field", "static.field"] as const;
  if (fields.every((key) => config[key] === null || config[key] === undefined)) {
    return `inserts nothing; set one of ${fields.join(", ")}`;
  }
  if (typeof config["static.field"] === "string" && config["static.value"] === null) {
    return "has static.field without static.value, what it would hold";
  }
  return null;
}

function insertedBy(config: Values<typeof OPTIONS>, side: RecordSide): Inserted[] {
  const all: Inserted[] = [];
  const add = (key: keyof typeof OPTIONS, type: Field["type"], fill: (field: Field) => Inserted["column"]) => {
    const given = config[key];
    if (typeof given !== "string") return;
    const field = types.field(given.replace(/[!?]$/, ""), type, !given.endsWith("!"));
    all.push({ field, column: fill(field) });
  };
  add("topic.field", types.utf8(), ({ type }) => (batch) => topics(type, batch, side));
  add("partition.field", types.int32(), ({ type }) => (batch) => {
    return constantColumn(type, batch.partition, sideValidity(batch, side), batch.numRows);
  });
  add("offset.field", types.int64(), ({ type }) => (batch) => {
    const column = new WordsColumn(type, 2);
    for (let row = 0; row < batch.numRows; row++) {
      if (isNullRow(batch, side, row)) column.appendNull();
      else column.appendBigInt(batch.offset(row));
    }
    return column.finish();
  });
  add("timestamp.field", types.timestamp(), (field) => (batch, reject) => timestamps(field, batch, side, reject));
  const value = config["static.value"];
  if (value !== null) {
    const bytes = TEXT.encode(value);
    add("static.field", types.utf8(), ({ type }) => (batch) => {
      return constantColumn(type, bytes, sideValidity(batch, side), batch.numRows);
    });
  }
  return all;
}

function topics(type: Field["type"], batch: SinkBatch, side: RecordSide): Data {
  const routed = batch.changes?.topics ?? batch.topic;
  if (typeof routed === "string") {
    return constantColumn(type, TEXT.encode(routed), sideValidity(batch, side), batch.numRows);
  }
  const column = new BytesColumn(type);
  for (let row = 0; row < batch.numRows; row++) {
    if (isNullRow(batch, side, row)) column.appendNull();
    else column.appendString(routed[row]);
  }
  return column.finish();
}

/** Kafka's timestamps; -1 is none. */
function timestamps(
  { name: path, type, nullable }: Field,
  batch: SinkBatch,
  side: RecordSide,
  reject: RejectRow,
): Data {
  const column = new WordsColumn(type, 2);
  for (let row = 0; row < batch.numRows; row++) {
    const ms = batch.timestampMs(row);
    const isNull = isNullRow(batch, side, row);
    if (!isNull && ms >= 0) {
      column.appendBigInt(BigInt(ms) * 1000n);
      continue;
    }
    column.appendNull();
    if (isNull || nullable) continue;
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
