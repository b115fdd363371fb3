/**
 * What authors of connectors, converters and transforms see.
 *
 * @module
 */
export type * from "./arrow.ts";
export * from "./batch.ts";
export { giveBuffer, type Numbers, resized, takeBuffer } from "./buffers.ts";
export * from "./clock.ts";
export * from "./columns.ts";
export * from "./config_def.ts";
export * from "./connector.ts";
export * from "./converter.ts";
export * from "./errors.ts";
export * from "./header_converter.ts";
export * from "./log.ts";
export * from "./offsets.ts";
export { OpenPartitions } from "./open_partitions.ts";
export * from "./predicate.ts";
export * from "./raw_records.ts";
export * from "./retry.ts";
export * from "./slab.ts";
export * from "./take.ts";
export * from "./transform.ts";
export * as jsonText from "./json_text.ts";
export * as types from "./types.ts";
