/**
 * The contract of a predicate: which batches a transform touches.
 *
 * @module
 */
import type { ConfigDef, SinkBatch, Values } from "../api/mod.ts";

/** Decides for a whole batch: its rows share topic, partition and schema, and must share a schema afterwards. */
export interface Predicate {
  holds(batch: SinkBatch): boolean;
}

/** A kind of predicate: `predicates.<alias>.type: <name>`. */
export interface PredicatePlugin<Def extends ConfigDef = ConfigDef> {
  readonly name: string;
  /** Options, read below `predicates.<alias>.`. */
  readonly options: Def;
  create(config: Values<Def>): Predicate;
}
