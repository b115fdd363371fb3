/**
 * The converter: records of registered schemas, or bare payloads of one schema, to rows.
 *
 * @module
 */
import {
  ConfigError,
  type Converter,
  type ConverterContext,
  type ConverterPlugin,
  option,
  type Values,
} from "../../mod.ts";
import { fromConfigured, inlineCheck } from "../configured_schema.ts";
import {
  createBareConverter,
  createRegisteredConverter,
  type RegisteredFormat,
  registeredOptions,
} from "../registered.ts";
import { Decoder, Rows } from "./decoder.ts";
import { parseSchema } from "./schema.ts";
import type { MappingOptions } from "./types.ts";

const SCHEMA_DOC = 'an Avro schema, inline (JSON that begins with `{`, `[` or `"`) or the path of a file. ' +
  "With a registry it is the reader schema; without one it is the schema of payloads without a frame.";

const SCHEMA = { inline: /^\s*[{["]/, what: "an Avro schema" };
/** Whether columns can hold it depends on columns.json too: the converter says so when it is made. */
const check = inlineCheck(SCHEMA, (text) => parseSchema(text));

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
  create: createConverter,
};

type AvroConfig = Values<typeof avroOptions>;

/** Makes a converter; ConfigError where neither a registry nor a schema is set, or the schema cannot be used. */
function createConverter(config: AvroConfig, context: ConverterContext): Converter {
  const options: MappingOptions = { timestampNanos: config["timestamp.nanos"], jsonPaths: context.jsonPaths };
  const key = `${context.side}.schema` as const;
  const given = config[key];
  const rows = given === null
    ? null
    : fromConfigured(SCHEMA, { key, given }, (text) => new Rows(parseSchema(text), options));
  if (config["schema.registry.url"].length > 0) {
    return createRegisteredConverter(avroFormat(rows, options), config, context);
  }
  if (rows) return createBareConverter(new Decoder(rows.type, rows), context);
  throw new ConfigError([{
    key,
    why: `missing: the avro converter needs schema.registry.url, or ${key} for payloads without a frame`,
  }]);
}

/** `reader`: the rows of the reader schema; null: each writer schema has its own. */
function avroFormat(reader: Rows | null, options: MappingOptions): RegisteredFormat {
  return {
    schemaType: "AVRO",
    mismatch: "not an avro schema",
    hasMessageIndexes: false,
    compile({ text, references, source }) {
      const writer = parseSchema(text, references.map(({ schema }) => schema.schema));
      return new Decoder(writer, reader ?? new Rows(writer, options, source), source);
    },
  };
}
