/**
 * The built-in transforms and predicates.
 *
 * @module
 */
import type { TransformPlugin } from "../api/mod.ts";
import { insertField } from "./insert_field.ts";
import type { PredicatePlugin } from "./predicate.ts";
import { replaceField } from "./replace_field.ts";
import { timestampConverter } from "./timestamp_converter.ts";
import { topicNameMatches } from "./topic_name_matches.ts";

/** By the names that Kafka Connect gives them. */
export const BUILT_IN_TRANSFORMS: readonly TransformPlugin[] = [replaceField, insertField, timestampConverter];
/** By the names that Kafka Connect gives them. */
export const BUILT_IN_PREDICATES: readonly PredicatePlugin[] = [topicNameMatches];
