/**
 * Avro: a writer schema is compiled to a decoder that appends to typed columns. Here is what a configuration needs to know
 * of it; the rest is loaded where the format is chosen.
 *
 * @module
 */
import { type ConverterPlugin, option } from "../../mod.ts";
import { inlineCheck } from "../configured_schema.ts";
import { Deferred } from "../deferred.ts";
import { registeredOptions } from "../registered_options.ts";

const format = new Deferred(() => import("./converter.ts"));

const SCHEMA_DOC = 'an Avro schema, inline (JSON that begins with `{`, `[` or `"`) or the path of a file. ' +
  "With a registry it is the reader schema; without one it is the schema of payloads without a frame.";

/** How schemas are told from paths. */
export const SCHEMA = { inline: /^\s*[{["]/, what: "an Avro schema" };
/** Whether columns can hold it depends on columns.json too: the converter says so when it is made. */
const check = inlineCheck(SCHEMA, () => format.loaded && ((text) => format.part.parseSchema(text)));

/** The options of `avroConverter`. */
export const avroOptions = {
  ...registeredOptions,
  "value.schema": option.optionalString({ doc: `For values: ${SCHEMA_DOC}`, check }),
  "key.schema": option.optionalString({ doc: `For keys: ${SCHEMA_DOC}`, check }),
  "timestamp.nanos": option.oneOf(["long", "truncate"], {
    doc: "What becomes of timestamp-nanos: a long that keeps them all, or a timestamp cut to microseconds.",
    default: "long",
  }),
};

/** `value.converter: avro`: Avro's binary encoding, with or without a Schema Registry. */
export const avroConverter: ConverterPlugin<typeof avroOptions> = {
  name: "avro",
  options: avroOptions,
  load: () => format.load(),
  create: (config, context) => format.part.createConverter(config, context),
};
