/**
 * The built-in transforms and predicates.
 *
 * @module
 */
import type { PredicatePlugin, TransformPlugin } from "../api/mod.ts";
import { cast } from "./cast.ts";
import { dropHeaders } from "./drop_headers.ts";
import { extractField } from "./extract_field.ts";
import { extractNewRecordState } from "./extract_new_record_state.ts";
import { filter } from "./filter.ts";
import { flatten } from "./flatten.ts";
import { hasHeaderKey } from "./has_header_key.ts";
import { headerFrom } from "./header_from.ts";
import { hoistField } from "./hoist_field.ts";
import { insertField } from "./insert_field.ts";
import { insertHeader } from "./insert_header.ts";
import { maskField } from "./mask_field.ts";
import { recordIsTombstone } from "./record_is_tombstone.ts";
import { regexRouter } from "./regex_router.ts";
import { replaceField } from "./replace_field.ts";
import { setSchemaMetadata } from "./set_schema_metadata.ts";
import { timestampConverter } from "./timestamp_converter.ts";
import { timestampRouter } from "./timestamp_router.ts";
import { topicNameMatches } from "./topic_name_matches.ts";
import { valueToKey } from "./value_to_key.ts";

/** By the names that Kafka Connect gives them. */
export const BUILT_IN_TRANSFORMS: readonly TransformPlugin[] = [
  cast,
  dropHeaders,
  extractField,
  extractNewRecordState,
  filter,
  flatten,
  headerFrom,
  hoistField,
  insertField,
  insertHeader,
  maskField,
  regexRouter,
  replaceField,
  setSchemaMetadata,
  timestampConverter,
  timestampRouter,
  valueToKey,
];
/** By the names that Kafka Connect gives them. */
export const BUILT_IN_PREDICATES: readonly PredicatePlugin[] = [hasHeaderKey, recordIsTombstone, topicNameMatches];
