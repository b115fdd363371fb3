/**
 * The converter: records of registered schemas, or bare payloads of one schema, to rows.
 *
 * @module
 */
import { ConfigError, type Converter, type ConverterContext, type Values } from "../../mod.ts";
import { fromConfigured } from "../configured_schema.ts";
import {
  createBareConverter,
  createRegisteredConverter,
  type RegisteredFormat,
  type WriterSchema,
} from "../registered.ts";
import { Decoder, Rows } from "./decoder.ts";
import { type avroOptions, SCHEMA } from "./mod.ts";
import { refuseReaderSchema } from "../rules/rule_options.ts";
import { type AvroType, parseSchema } from "./schema.ts";
import type { MappingOptions } from "./types.ts";

export { parseSchema } from "./schema.ts";

type AvroConfig = Values<typeof avroOptions>;

/** Makes a converter; ConfigError where neither a registry nor a schema is set, or the schema cannot be used. */
export function createConverter(config: AvroConfig, context: ConverterContext): Converter {
  const options: MappingOptions = { timestampNanos: config["timestamp.nanos"], jsonPaths: context.jsonPaths };
  const key = `${context.side}.schema` as const;
  const given = config[key];
  const rows = given === null
    ? null
    : fromConfigured(SCHEMA, { key, given }, (text) => new Rows(parseSchema(text), options));
  if (config["schema.registry.url"].length > 0) {
    refuseReaderSchema(config, key, given);
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
  const latestRows = new WeakMap<WriterSchema, Rows>();
  return {
    schemaType: "AVRO",
    mismatch: "not an avro schema",
    hasMessageIndexes: false,
    compile(writerSchema, latest) {
      const { source } = writerSchema;
      const writer = typeOf(writerSchema);
      if (reader || !latest) return new Decoder(writer, reader ?? new Rows(writer, options, source), source);
      let rows = latestRows.get(latest);
      if (!rows) latestRows.set(latest, rows = new Rows(typeOf(latest), options, latest.source));
      return new Decoder(writer, rows, source);
    },
    async loadMessages() {
      const { AvroMessages } = await import("./message.ts");
      return (schema) => new AvroMessages(typeOf(schema), schema.source);
    },
  };
}

function typeOf({ text, references }: WriterSchema): AvroType {
  return parseSchema(text, references.map(({ schema }) => schema.schema));
}
