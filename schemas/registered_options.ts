/**
 * The options of every format whose schemas are registered.
 *
 * @module
 */
import type { Values } from "../mod.ts";
import { registryOptions } from "./registry.ts";
import { subjectOptions } from "./subject_names.ts";

/** See the module's doc. */
export const registeredOptions = { ...registryOptions, ...subjectOptions };

/** The parsed values of `registeredOptions`. */
export type RegisteredConfig = Values<typeof registeredOptions>;
