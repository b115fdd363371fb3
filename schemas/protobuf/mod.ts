/**
 * Protobuf: a message's schema is compiled to a decoder that appends to typed columns. Here is what a configuration needs
 * to know of it; the rest is loaded where the format is chosen.
 *
 * @module
 */
import { type ConverterPlugin, option } from "../../mod.ts";
import { Deferred } from "../deferred.ts";
import { registeredOptions } from "../registered_options.ts";

const format = new Deferred(() => import("./converter.ts"));

const SCHEMA_DOC = "the path of a `.proto` file, for payloads without a frame; its imports are found beside it. " +
  "Not with schema.registry.url: there records name their schemas.";
const MESSAGE_DOC = "the full name of the message in the `.proto` file; default: its first message.";

/** The options that only this format has. */
export const ownOptions = {
  "value.schema": option.optionalString({ doc: `For values: ${SCHEMA_DOC}` }),
  "value.message": option.optionalString({ doc: `For values: ${MESSAGE_DOC}` }),
  "key.schema": option.optionalString({ doc: `For keys: ${SCHEMA_DOC}` }),
  "key.message": option.optionalString({ doc: `For keys: ${MESSAGE_DOC}` }),
};

/** The options of `protobufConverter`. */
export const protobufOptions = { ...registeredOptions, ...ownOptions };

/** `value.converter: protobuf`: protobuf's binary encoding, with or without a Schema Registry. */
export const protobufConverter: ConverterPlugin<typeof protobufOptions> = {
  name: "protobuf",
  options: protobufOptions,
  load: () => format.load(),
  create: (config, context) => format.part.createConverter(config, context),
};
