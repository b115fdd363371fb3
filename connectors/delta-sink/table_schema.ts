/**
 * The schema of a table as it is now, as columns.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import { loadSnapshot } from "./delta/load.ts";
import { arrowToDelta, deltaToArrow, parseDeltaSchema } from "./delta/schema.ts";
import type { Storage } from "./storage/storage.ts";

/** Partition columns included; null where there is no table, or one that has no columns yet. */
export async function loadTableSchema(storage: Storage): Promise<Schema | null> {
  const snapshot = await loadSnapshot(storage);
  if (snapshot === null) return null;
  const struct = parseDeltaSchema(snapshot.metadata.schemaString);
  return struct.fields.length === 0 ? null : deltaToArrow(struct);
}

/** Whether two tables' schemas are the same, field by field. */
export function sameSchema(a: Schema | null, b: Schema | null): boolean {
  if (a === null || b === null) return a === b;
  return JSON.stringify(arrowToDelta(a)) === JSON.stringify(arrowToDelta(b));
}
