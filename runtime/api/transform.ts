/**
 * The contract of a transform: batch to batch (Connect's "single message transform", on columns).
 *
 * @module
 */
import type { ConfigDef, Values } from "./config_def.ts";
import type { RecordSide } from "./converter.ts";
import type { SinkBatch } from "./batch.ts";
import type { DataError } from "./errors.ts";

/** Called for a row that the transform cannot treat; the framework takes the row out and dead-letters its record. */
export type RejectRow = (row: number, error: DataError) => void;

/** One step of a chain. */
export interface Transform {
  /**
   * Returns the rows with other columns (`batch.withData`), keys (`withKeys`), headers (`withHeaders`), names of their topic
   * (`withRoutedTopics`) or tombstones (`withTombstones`), or fewer rows (`batch.select`, which drops records on purpose).
   * Topic, partition and offsets stay what they are. Rows that were passed to `reject` may hold anything. With a
   * predicate the batch is the rows for which it holds.
   */
  apply(batch: SinkBatch, reject: RejectRow): SinkBatch;
}

/** What a step makes of the name of a topic: another name by the name alone, or names that differ by row. */
export type Routing = ((topic: string) => string) | "rows";

/** A kind of transform: `transforms.<alias>.type: <name>`. */
export interface TransformPlugin<Def extends ConfigDef = ConfigDef> {
  /** What `transforms.<alias>.type` says. */
  readonly name: string;
  /** What it does, in a line, for lists of plugins. */
  readonly doc?: string;
  /** Options, read below `transforms.<alias>.`. */
  readonly options: Def;
  /**
   * Which sides of a record it can change: `<name>$Key`, `<name>$Value`, the bare name meaning the value (the only side, where
   * there is one). Absent: it is not of a side, and the name takes no suffix; `create` is given "value".
   */
  readonly sides?: readonly RecordSide[];
  /** What is wrong with options that do not go together, in a sentence without a subject; null: nothing. */
  check?(config: Values<Def>): string | null;
  /**
   * What the step makes of topics' names, as its `apply` does by `withRoutedTopics`; null, or absent: nothing. Asked before
   * any record: a topic feeds one table.
   */
  routing?(config: Values<Def>): Routing | null;
  /** Makes one step of a chain. */
  create(config: Values<Def>, side: RecordSide): Transform;
}
