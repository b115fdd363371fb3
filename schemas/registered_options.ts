/**
 * The options of every format whose schemas are registered.
 *
 * @module
 */
import type { Values } from "../mod.ts";
import { registryOptions } from "./registry.ts";
import { ruleOptions } from "./rules/rule_options.ts";
import { subjectOptions } from "./subject_names.ts";

/** See the module's doc. */
export const registeredOptions = { ...registryOptions, ...subjectOptions, ...ruleOptions };

/** The parsed values of `registeredOptions`. */
export type RegisteredConfig = Values<typeof registeredOptions>;
