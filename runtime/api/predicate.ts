/**
 * The contract of a predicate: which rows a transform touches.
 *
 * @module
 */
import type { SinkBatch } from "./batch.ts";
import type { ConfigDef, Values } from "./config_def.ts";

/** Decides for the rows of a batch, which share topic, partition and schema. */
export interface Predicate {
  /** Whether it holds: for all rows alike, or a byte a row (not 0: it holds). */
  holds(batch: SinkBatch): boolean | Uint8Array;
}

/** A kind of predicate: `predicates.<alias>.type: <name>`. */
export interface PredicatePlugin<Def extends ConfigDef = ConfigDef> {
  /** What `predicates.<alias>.type` says. */
  readonly name: string;
  /** What it decides, in a line, for lists of plugins. */
  readonly doc?: string;
  /** Options, read below `predicates.<alias>.`. */
  readonly options: Def;
  /** For one that looks at the name of the topic alone (as routers left it): whether it holds for that name. */
  ofTopic?(config: Values<Def>): (topic: string) => boolean;
  /** Makes one. */
  create(config: Values<Def>): Predicate;
}
