/**
 * SetSchemaMetadata: names the schema of keys or values, and its version, with Kafka Connect's options: `SCHEMA_NAME` and
 * `SCHEMA_VERSION` of the Arrow schema's metadata. What says where the columns come from (`SCHEMA_SUBJECT`, `SCHEMA_ID`) stays.
 *
 * @module
 */
import { Schema } from "apache-arrow";
import { option, recordBatch, SCHEMA_NAME, SCHEMA_VERSION, type TransformPlugin, type Values } from "../api/mod.ts";
import { insist, NULL_DEFAULTS } from "./shared_options.ts";
import { createSideTransform } from "./side.ts";

const OPTIONS = {
  "schema.name": option.optionalString({ doc: "The schema's name.", importance: "high" }),
  "schema.version": option.optionalString({
    doc: "The schema's version, a whole number.",
    importance: "high",
    check: (text) => text === null || /^[+-]?\d{1,10}$/.test(text) ? null : "must be a whole number",
  }),
  ...NULL_DEFAULTS,
};

/** The transform of that name. */
export const setSchemaMetadata: TransformPlugin<typeof OPTIONS> = {
  name: "SetSchemaMetadata",
  options: OPTIONS,
  sides: ["key", "value"],
  check: wrongTogether,
  create(config, side) {
    insist("SetSchemaMetadata", wrongTogether(config));
    const name = config["schema.name"];
    const version = config["schema.version"];
    return createSideTransform({
      name: "SetSchemaMetadata",
      side,
      plan({ fields, metadata }) {
        const target = new Schema(fields, new Map(metadata));
        if (name !== null) target.metadata.set(SCHEMA_NAME, name);
        if (version !== null) target.metadata.set(SCHEMA_VERSION, String(Number(version)));
        return ({ data, numRows }) => recordBatch(target, data.children, numRows);
      },
    });
  },
};

function wrongTogether(config: Values<typeof OPTIONS>): string | null {
  return config["schema.name"] === null && config["schema.version"] === null
    ? "sets nothing; set schema.name, schema.version or both"
    : null;
}
