/**
 * ValueToKey: the key becomes a record of some of the value's fields, with Kafka Connect's options. What the key was does not
 * matter, also where it is bytes.
 *
 * @module
 */
import { Schema } from "apache-arrow";
import { type DataError, option, recordBatch, type TransformPlugin } from "../api/mod.ts";
import { notEmpty, NULL_DEFAULTS } from "./shared_options.ts";
import { fieldError } from "./side.ts";

const OPTIONS = {
  "fields": option.list({
    doc: "The value's fields that the key is made of.",
    importance: "high",
    check: (names) => notEmpty(names) ?? (new Set(names).size < names.length ? "names a field twice" : null),
  }),
  ...NULL_DEFAULTS,
};

interface Plan {
  readonly schema: Schema;
  readonly indices: readonly number[];
}

/** The transform of that name. */
export const valueToKey: TransformPlugin<typeof OPTIONS> = {
  name: "ValueToKey",
  options: OPTIONS,
  create({ fields: names }) {
    const plans = new WeakMap<Schema, Plan | DataError>();
    return {
      apply(batch, reject) {
        const { schema, data } = batch.data;
        let plan = plans.get(schema);
        if (!plan) plans.set(schema, plan = planFor(schema, names));
        const isPlan = "indices" in plan;
        for (let row = 0; row < batch.numRows; row++) {
          if (batch.isTombstone(row)) reject(row, NO_VALUE);
          else if (!isPlan) reject(row, plan as DataError);
        }
        if (!isPlan) return batch;
        const { schema: target, indices } = plan as Plan;
        const keys = recordBatch(target, indices.map((i) => data.children[i]), batch.numRows);
        return batch.withKeys(keys, null);
      },
    };
  },
};

const NO_VALUE = fieldError(
  "Cannot make a key of the value: the value is null (a tombstone); give the transform a predicate with negate, e.g. " +
    "RecordIsTombstone",
  "tombstone",
);

function planFor(schema: Schema, names: readonly string[]): Plan | DataError {
  const indices = names.map((name) => schema.fields.findIndex((field) => field.name === name));
  const missing = names[indices.indexOf(-1)];
  if (missing !== undefined) {
    return fieldError(
      `Cannot make a key of ${names.join(", ")}: the value has no field ${missing}, there are ${
        schema.names.join(", ")
      }`,
      "no such field",
      missing,
    );
  }
  return { schema: new Schema(indices.map((i) => schema.fields[i])), indices };
}
