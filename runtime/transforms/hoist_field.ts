/**
 * HoistField: puts the whole key or value into one field of a record, with Kafka Connect's options. What is null becomes
 * a record whose field is null. A value that is no record becomes the field itself.
 *
 * @module
 */
import { Field, Schema } from "apache-arrow";
import { option, recordBatch, type TransformPlugin, types } from "../api/mod.ts";
import { createSideTransform, isWhole, sideValidity, structOf } from "./side.ts";

const OPTIONS = {
  "field": option.string({ doc: "The only field of the record that comes out.", importance: "high" }),
};

/** The transform of that name. */
export const hoistField: TransformPlugin<typeof OPTIONS> = {
  name: "HoistField",
  options: OPTIONS,
  sides: ["key", "value"],
  create: ({ field: name }, side) =>
    createSideTransform({
      name: "HoistField",
      side,
      takesBytes: true,
      hasRecords: true,
      plan(schema) {
        const { metadata, fields } = schema;
        if (isWhole(schema)) {
          const [{ type, metadata: ofField }] = fields;
          const target = new Schema([new Field(name, type, true, ofField)], metadata);
          return ({ data, numRows }) => ({ columns: recordBatch(target, data.children, numRows), nulls: null });
        }
        const target = new Schema([types.field(name, types.struct(fields))], metadata);
        return ({ data, numRows }, batch) => {
          const hoisted = structOf(fields, data.children, sideValidity(batch, side), numRows);
          return { columns: recordBatch(target, [hoisted], numRows), nulls: null };
        };
      },
    }),
};
