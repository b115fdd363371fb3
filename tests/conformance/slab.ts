/**
 * Slabs for tests.
 *
 * @module
 */
export { slabOf, type SlabOptions, type SlabRecord } from "../../mod.ts";
