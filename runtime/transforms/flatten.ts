/**
 * Flatten: the fields of structs become top-level fields, named by their path, with Kafka Connect's options. Lists and maps
 * stay as they are. A field is nullable where any struct around it is.
 *
 * @module
 */
import { type Data, Field, Schema } from "apache-arrow";
import { option, recordBatch, type TransformPlugin } from "../api/mod.ts";
import { isStruct } from "./field_path.ts";
import { createSideTransform, fieldError, nameTwice } from "./side.ts";
import { ALL_VALID, both, type Validity, validityOf, within } from "./validity.ts";

const OPTIONS = {
  "delimiter": option.string({ doc: "What is put between the names of a path.", default: "." }),
};

/** The transform of that name. */
export const flatten: TransformPlugin<typeof OPTIONS> = {
  name: "Flatten",
  options: OPTIONS,
  sides: ["key", "value"],
  create: ({ delimiter }, side) =>
    createSideTransform({
      name: "Flatten",
      side,
      plan(schema) {
        if (!schema.fields.some(({ type }) => isStruct(type))) return null;
        const fields = schema.fields.flatMap((field) => flatFields(field, "", false, delimiter));
        const twice = nameTwice(fields);
        if (twice !== undefined) {
          return fieldError(
            `Cannot flatten the ${side}: two fields become ${twice}; set delimiter to what no name has`,
            "field name is taken",
            twice,
          );
        }
        const target = new Schema(fields, schema.metadata);
        return ({ data, numRows }) => {
          const columns: Data[] = [];
          schema.fields.forEach((field, i) => flatColumns(field, data.children[i], ALL_VALID, columns));
          return recordBatch(target, columns, numRows);
        };
      },
    }),
};

function flatFields(field: Field, before: string, nullable: boolean, delimiter: string): Field[] {
  const name = before + field.name;
  const isNullable = nullable || field.nullable;
  if (!isStruct(field.type)) {
    const same = before === "" && isNullable === field.nullable;
    return [same ? field : new Field(name, field.type, isNullable, field.metadata)];
  }
  return (field.type.children as Field[]).flatMap((child) =>
    flatFields(child, name + delimiter, isNullable, delimiter)
  );
}

/** In the order of `flatFields`. */
function flatColumns({ type }: Field, data: Data, parent: Validity, into: Data[]): void {
  if (!isStruct(type)) {
    into.push(within(data, parent));
    return;
  }
  const validity = both(validityOf(data), parent, data.length);
  (type.children as Field[]).forEach((child, i) => flatColumns(child, data.children[i], validity, into));
}
