/**
 * Sluice: a sink framework for Kafka on Deno.
 *
 * @module
 */
export * from "./runtime/api/mod.ts";
