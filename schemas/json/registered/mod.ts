/**
 * JSON with a JSON Schema: the schema is compiled to columns, their readers and a validator. Here is what a configuration
 * needs to know of it; the rest is loaded where the format is chosen.
 *
 * @module
 */
import { type ConverterPlugin, option } from "../../../mod.ts";
import { inlineCheck } from "../../configured_schema.ts";
import { Deferred } from "../../deferred.ts";
import { registeredOptions } from "../../registered_options.ts";
import { jsonOptions } from "../mod.ts";

const format = new Deferred(() => import("./converter.ts"));

const SCHEMA_DOC =
  "a JSON Schema, inline (it begins with `{`) or the path of a file. With a registry, its columns are " +
  "those of all records, which are still validated by their own schemas; without one it is the schema of bare JSON.";

/** How schemas are told from paths. */
export const SCHEMA = { inline: /^\s*\{/, what: "a JSON Schema" };
const check = inlineCheck(SCHEMA, () => format.loaded && ((text) => format.part.parseSchema(text)));

/** The options that other registered formats do not have. */
export const ownOptions = {
  "value.schema": option.optionalString({ doc: `For values: ${SCHEMA_DOC}`, check }),
  "key.schema": option.optionalString({ doc: `For keys: ${SCHEMA_DOC}`, check }),
  "json.fail.invalid.schema": option.boolean({
    doc: "Reject records that are not valid by their schema. Off: only what the columns cannot hold is rejected.",
    default: true,
  }),
  "json.additional.properties": option.oneOf(["json", "map", "reject"], {
    doc:
      "Members that the schema does not name: in a column `_additional_properties`, as the JSON text of an object or " +
      "as a map, or the record is rejected.",
    default: "json",
  }),
  "json.unions": option.oneOf(["struct", "json"], {
    doc: "Values of several types: a struct with a member for each, or their JSON text.",
    default: "struct",
  }),
  "json.timestamp.nanos": jsonOptions["json.timestamp.nanos"],
};

/** The options of `jsonSchemaConverter`. */
export const jsonSchemaOptions = { ...registeredOptions, ...ownOptions };

/** `value.converter: json-schema`: what Confluent's JSON Schema serializer writes, to typed columns. */
export const jsonSchemaConverter: ConverterPlugin<typeof jsonSchemaOptions> = {
  name: "json-schema",
  options: jsonSchemaOptions,
  load: () => format.load(),
  create: (config, context) => format.part.createConverter(config, context),
};
