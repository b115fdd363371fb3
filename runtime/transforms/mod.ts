/**
 * The built-in transforms and predicates.
 *
 * @module
 */
import type { TransformPlugin } from "../api/mod.ts";
import { cast } from "./cast.ts";
import { extractField } from "./extract_field.ts";
import { filter } from "./filter.ts";
import { flatten } from "./flatten.ts";
import { hoistField } from "./hoist_field.ts";
import { insertField } from "./insert_field.ts";
import { maskField } from "./mask_field.ts";
import type { PredicatePlugin } from "./predicate.ts";
import { replaceField } from "./replace_field.ts";
import { setSchemaMetadata } from "./set_schema_metadata.ts";
import { timestampConverter } from "./timestamp_converter.ts";
import { topicNameMatches } from "./topic_name_matches.ts";
import { valueToKey } from "./value_to_key.ts";

/** By the names that Kafka Connect gives them. */
export const BUILT_IN_TRANSFORMS: readonly TransformPlugin[] = [
  cast,
  extractField,
  filter,
  flatten,
  hoistField,
  insertField,
  maskField,
  replaceField,
  setSchemaMetadata,
  timestampConverter,
  valueToKey,
];
/** By the names that Kafka Connect gives them. */
export const BUILT_IN_PREDICATES: readonly PredicatePlugin[] = [topicNameMatches];
