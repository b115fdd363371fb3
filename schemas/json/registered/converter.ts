/**
 * `value.converter: json-schema`: what Confluent's JSON Schema serializer writes, to typed columns.
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
} from "../../../mod.ts";
import { fromConfigured, inlineCheck } from "../../configured_schema.ts";
import {
  createBareConverter,
  createRegisteredConverter,
  type RegisteredFormat,
  registeredOptions,
  type SchemaSource,
} from "../../registered.ts";
import { jsonOptions } from "../mod.ts";
import { type MappingOptions, rowColumns } from "./columns.ts";
import { Decoder, Rows } from "./decoder.ts";
import { type Documents, readDocuments } from "./documents.ts";
import { isEnforced } from "./enforced.ts";
import { resolveShape } from "./resolve.ts";
import { Validator } from "./validator.ts";

const SCHEMA_DOC =
  "a JSON Schema, inline (it begins with `{`) or the path of a file. With a registry, its columns are " +
  "those of all records, which are still validated by their own schemas; without one it is the schema of bare JSON.";

const SCHEMA = { inline: /^\s*\{/, what: "a JSON Schema" };
const check = inlineCheck(SCHEMA, (text) => new Validator(readDocuments(text)));

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

/** The plugin. */
export const jsonSchemaConverter: ConverterPlugin<typeof jsonSchemaOptions> = {
  name: "json-schema",
  options: jsonSchemaOptions,
  create: createConverter,
};

type JsonSchemaConfig = Values<typeof jsonSchemaOptions>;

/** Makes a converter; ConfigError where neither a registry nor a schema is set, or the schema cannot be used. */
function createConverter(config: JsonSchemaConfig, context: ConverterContext): Converter {
  const options: MappingOptions = {
    additional: config["json.additional.properties"],
    unions: config["json.unions"],
    truncateNanos: config["json.timestamp.nanos"] === "truncate",
    jsonPaths: context.jsonPaths,
    isStrict: false,
  };
  const validates = config["json.fail.invalid.schema"];
  const key = `${context.side}.schema` as const;
  const given = config[key];
  if (config["schema.registry.url"].length > 0) {
    const reader = given === null
      ? null
      : fromConfigured(SCHEMA, { key, given }, (text) => rowsOf(readDocuments(text), options));
    return createRegisteredConverter(jsonSchemaFormat(reader, options, validates), config, context);
  }
  if (given !== null) {
    return createBareConverter(
      fromConfigured(SCHEMA, { key, given }, (text) => decoderOf(readDocuments(text), options, validates)),
      context,
    );
  }
  throw new ConfigError([{
    key,
    why: `missing: the json-schema converter needs schema.registry.url, or ${key} for payloads without a frame`,
  }]);
}

/** `reader`: the rows of the configured schema; null: each writer schema has its own. */
export function jsonSchemaFormat(reader: Rows | null, options: MappingOptions, validates: boolean): RegisteredFormat {
  return {
    schemaType: "JSON",
    mismatch: "not a json schema",
    hasMessageIndexes: false,
    compile({ text, references, source }) {
      const documents = readDocuments(text, references.map(({ name, schema }) => ({ name, text: schema.schema })));
      if (!reader) return decoderOf(documents, options, validates, source);
      return new Decoder(reader, validates ? new Validator(documents) : null, source);
    },
  };
}

function rowsOf(
  documents: Documents,
  options: MappingOptions,
  source: SchemaSource = {},
  validator = new Validator(documents),
): Rows {
  return new Rows(rowColumns(resolveShape(documents), options, (place) => validator.acceptsAt(place)), source);
}

/** A decoder to rows of its own. */
function decoderOf(
  documents: Documents,
  options: MappingOptions,
  validates: boolean,
  source: SchemaSource = {},
): Decoder {
  const validator = new Validator(documents);
  // Where the rows enforce the schema, a record is parsed only to say why it is not valid.
  const isStrict = validates && options.jsonPaths.size === 0 && isEnforced(documents);
  const rows = rowsOf(documents, { ...options, isStrict }, source, validator);
  return new Decoder(rows, validates ? validator : null, source, isStrict);
}
