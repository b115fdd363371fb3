/**
 * The contract of a transform: batch to batch (Connect's "single message transform", on columns).
 *
 * @module
 */
import type { ConfigDef, Values } from "./config_def.ts";
import type { SinkBatch } from "./batch.ts";
import type { DataError } from "./errors.ts";

/** Called for a row that the transform cannot treat; the framework takes the row out and dead-letters its record. */
export type RejectRow = (row: number, error: DataError) => void;

/** One step of a chain. */
export interface Transform {
  /**
   * Returns the rows with other columns (`batch.withData`) or fewer rows (`batch.select`, which drops records on
   * purpose). Topic, partition and offsets stay what they are. Rows that were passed to `reject` may hold anything.
   */
  apply(batch: SinkBatch, reject: RejectRow): SinkBatch;
}

/** A kind of transform: `transforms.<alias>.type: <name>`. */
export interface TransformPlugin<Def extends ConfigDef = ConfigDef> {
  /** What `transforms.<alias>.type` says. */
  readonly name: string;
  /** Options, read below `transforms.<alias>.`. */
  readonly options: Def;
  /** Makes one step of a chain. */
  create(config: Values<Def>): Transform;
}
