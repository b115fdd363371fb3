/**
 * Filter: drops the records that its predicate selects; without a predicate all of them.
 *
 * @module
 */
import type { TransformPlugin } from "../api/mod.ts";

/** The transform of that name. */
export const filter: TransformPlugin<Record<never, never>> = {
  name: "Filter",
  options: {},
  create: () => ({ apply: (batch) => batch.select(new Int32Array(0)) }),
};
