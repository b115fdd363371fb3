/**
 * Avro: a writer schema is compiled to a decoder that appends to typed columns.
 *
 * @module
 */
export { avroConverter, avroOptions } from "./converter.ts";
export { Decoder, Rows } from "./decoder.ts";
export { type AvroType, parseSchema } from "./schema.ts";
export { MAPPING, type MappingOptions, rowFields } from "./types.ts";
