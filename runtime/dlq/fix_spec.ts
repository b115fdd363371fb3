/**
 * What a replay changes about letters before they go on: plain data, kept with the run, so that whoever finishes it
 * changes them alike.
 *
 * @module
 */

/** See the module's doc; empty: letters go as they are. */
export interface FixSpec {
  /** Fields and expressions in CEL: `[["total", "value.price * 2"]]`. */
  readonly sets: readonly (readonly [field: string, expression: string])[];
  /** Fields and types, as the transform Cast has them: `total:float64`. */
  readonly casts: readonly string[];
  /** Fields that are left out. */
  readonly drops: readonly string[];
  /** The registered schema to decode values with, instead of the one that they name. */
  readonly schemaId: number | null;
  /** YAML with `transforms` and what belongs to them, run before the connector's own. */
  readonly transforms: string | null;
  /** Options of the connector that are others for these letters: `value.converter=json`. */
  readonly options: readonly string[];
}

/** No change at all. */
export const NO_FIX: FixSpec = { sets: [], casts: [], drops: [], schemaId: null, transforms: null, options: [] };

/** Whether decoded fields are changed, so that only a sink can take the records, or who encodes them anew. */
export function changesFields({ sets, casts, drops, transforms }: FixSpec): boolean {
  return sets.length + casts.length + drops.length > 0 || transforms !== null;
}

/** Whether letters go as they are. */
export function isNoFix(fix: FixSpec): boolean {
  return !changesFields(fix) && fix.schemaId === null && fix.options.length === 0;
}
