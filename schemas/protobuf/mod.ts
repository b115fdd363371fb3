/**
 * Protobuf: a message's schema is compiled to a decoder that appends to typed columns.
 *
 * @module
 */
export { ownOptions, protobufConverter, protobufOptions } from "./converter.ts";
export { Decoder, type DecoderOptions, Rows } from "./decoder.ts";
export { type FindFile, fromReferences, parseProto, type ProtoMessage, type ProtoSchema } from "./proto.ts";
export { MAPPING, rowFields } from "./types.ts";
