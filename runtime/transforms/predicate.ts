/**
 * The contract of a predicate, under the name that this folder knows it by.
 *
 * @module
 */
export type { Predicate, PredicatePlugin } from "../api/mod.ts";
