/**
 * The converter: records of registered JSON Schemas, or bare JSON of one schema, to rows.
 *
 * @module
 */
import { ConfigError, type Converter, type ConverterContext, type Values } from "../../../mod.ts";
import { fromConfigured } from "../../configured_schema.ts";
import {
  createBareConverter,
  createRegisteredConverter,
  type RegisteredFormat,
  type SchemaSource,
  type WriterSchema,
} from "../../registered.ts";
import { refuseReaderSchema } from "../../rules/rule_options.ts";
import { type MappingOptions, rowColumns } from "./columns.ts";
import { Decoder, Rows } from "./decoder.ts";
import { type Documents, readDocuments } from "./documents.ts";
import { isEnforced } from "./enforced.ts";
import { type jsonSchemaOptions, SCHEMA } from "./mod.ts";
import { resolveShape } from "./resolve.ts";
import { Validator } from "./validator.ts";

type JsonSchemaConfig = Values<typeof jsonSchemaOptions>;

/** Makes a converter; ConfigError where neither a registry nor a schema is set, or the schema cannot be used. */
export function createConverter(config: JsonSchemaConfig, context: ConverterContext): Converter {
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
    refuseReaderSchema(config, key, given);
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

/** Throws DataError for what is no JSON Schema. */
export function parseSchema(text: string): Validator {
  return new Validator(readDocuments(text));
}

/** `reader`: the rows of the configured schema; null: each writer schema has its own. */
function jsonSchemaFormat(reader: Rows | null, options: MappingOptions, validates: boolean): RegisteredFormat {
  const latestRows = new WeakMap<WriterSchema, Rows>();
  return {
    schemaType: "JSON",
    mismatch: "not a json schema",
    hasMessageIndexes: false,
    compile(writer, latest) {
      const documents = documentsOf(writer);
      const { source } = writer;
      if (!reader && !latest) return decoderOf(documents, options, validates, source);
      let rows = reader ?? latestRows.get(latest!);
      if (!rows) latestRows.set(latest!, rows = rowsOf(documentsOf(latest!), options, latest!.source));
      return new Decoder(rows, validates ? new Validator(documents) : null, source);
    },
    async loadMessages() {
      const { JsonMessages } = await import("./message.ts");
      return (schema) => new JsonMessages(documentsOf(schema), schema.source);
    },
  };
}

function documentsOf({ text, references }: WriterSchema): Documents {
  return readDocuments(text, references.map(({ name, schema }) => ({ name, text: schema.schema })));
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
