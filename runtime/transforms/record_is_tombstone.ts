/**
 * RecordIsTombstone: holds for records without a value, as with Kafka Connect. `tombstones: keep` lets them get here.
 *
 * @module
 */
import type { PredicatePlugin } from "../api/mod.ts";

/** The predicate of that name. */
export const recordIsTombstone: PredicatePlugin<Record<never, never>> = {
  name: "RecordIsTombstone",
  options: {},
  create: () => ({
    holds(batch) {
      if (batch.tombstones === null) return false;
      return Uint8Array.from({ length: batch.numRows }, (_, row) => batch.isTombstone(row) ? 1 : 0);
    },
  }),
};
