/**
 * ExtractField: a field takes the place of the whole key or value, with Kafka Connect's options. A struct's fields become
 * the columns; anything else becomes the one column `value`. Where the field is null the record has no key, or is a
 * tombstone (`ExtractField$Value` of Debezium's `after`: a deletion).
 *
 * @module
 */
import { type Data, Field, Schema } from "apache-arrow";
import { FatalError, option, recordBatch, type TransformPlugin } from "../api/mod.ts";
import { FIELD_SYNTAX, indicesOf, isStruct, parseFieldPath } from "./field_path.ts";
import { NULL_DEFAULTS } from "./shared_options.ts";
import { createSideTransform, fieldError, isWhole, sideValidity, WHOLE } from "./side.ts";
import { both, nullBits, validityOf, within } from "./validity.ts";

const OPTIONS = {
  "field": option.string({ doc: "The field to extract, a path with field.syntax.version V2.", importance: "high" }),
  ...FIELD_SYNTAX,
  ...NULL_DEFAULTS,
};

/** The transform of that name. */
export const extractField: TransformPlugin<typeof OPTIONS> = {
  name: "ExtractField",
  options: OPTIONS,
  sides: ["key", "value"],
  check(config) {
    try {
      parseFieldPath(config.field, config["field.syntax.version"]);
      return null;
    } catch (error) {
      if (error instanceof FatalError) return `has a field that is no path: ${error.message}`;
      throw error;
    }
  },
  create(config, side) {
    const path = config.field;
    const steps = parseFieldPath(path, config["field.syntax.version"]);
    return createSideTransform({
      name: "ExtractField",
      side,
      plan(schema) {
        const indices = indicesOf(steps, schema.fields);
        if (indices === null) {
          const names = isWhole(schema) ? "it is no record" : `there are ${schema.names.join(", ")}`;
          return fieldError(`Cannot extract ${path}: the ${side} has no such field, ${names}`, "no such field", path);
        }
        const field = indices.reduce<Field>((at, index) => at.type.children[index] as Field, rootOf(schema));
        const target = new Schema(isStruct(field.type) ? field.type.children : [wholeOf(field)], schema.metadata);
        return (columns, batch) => {
          const { numRows } = columns;
          let column: Data = columns.data;
          let validity = sideValidity(batch, side);
          for (const index of indices) {
            column = column.children[index];
            validity = both(validityOf(column), validity, numRows);
          }
          const parts = isStruct(field.type) ? column.children : [column];
          const out = parts.map((part) => within(part, validity));
          return { columns: recordBatch(target, out, numRows), nulls: nullBits(validity, numRows) };
        };
      },
    });
  },
};

function rootOf({ fields }: Schema): Field {
  return { type: { children: fields } } as unknown as Field;
}

function wholeOf({ type, nullable, metadata }: Field): Field {
  return new Field(WHOLE, type, nullable, metadata);
}
