/**
 * Stage 4, transform: a chain of transforms, batch to batch. Where a record came from never changes; what a transform
 * refuses is set aside and taken out before the next one.
 *
 * A step with a predicate is given the rows for which it holds. Rows that have other columns by that go on apart, as each
 * record has its own schema with Kafka Connect; at the end of the chain all stand in their order again. They are one batch
 * wherever one schema serves them all (see `merge_rows.ts`), else a batch for each run of rows: batches that chain.
 *
 * @module
 */
import {
  type DataError,
  FatalError,
  type Predicate,
  type PredicatePlugin,
  type SinkBatch,
  type Transform,
} from "./api/mod.ts";
import type { NamedPlugin, TransformStep } from "./config/resolve_instance.ts";
import { createRowMerger, haveOneSchema } from "./merge_rows.ts";

/** Called with each row that a step refused, and with the batch that it is a row of. */
type Reject = (of: SinkBatch, row: number, error: DataError) => void;

/** Transforms the batches of one topic in one task. */
export interface TransformStage {
  /** The transformed rows, batches that chain; each row that a step refused was passed to `reject` once. */
  transform(batch: SinkBatch, reject: Reject): readonly SinkBatch[];
}

interface Step {
  readonly alias: string;
  readonly transform: Transform;
  readonly predicate: Predicate | null;
  readonly negate: boolean;
}

/** The chain of these steps, in order; none: batches pass as they are. */
export function createTransformStage(chain: readonly TransformStep<NamedPlugin>[]): TransformStage {
  const steps = chain.map(({ alias, plugin, config, side, predicate, negate }): Step => ({
    alias,
    transform: plugin.create(config, side),
    predicate: predicate && predicatePlugin(predicate.plugin).create(predicate.config),
    negate,
  }));
  const merge = createRowMerger();
  return {
    transform(batch, reject) {
      let parts: readonly SinkBatch[] = [batch];
      for (const step of steps) {
        parts = parts.flatMap((part) => {
          if (part.numRows === 0) return [part];
          const [others, changed] = appliedWhere(step, part, reject);
          if (changed === undefined) return [others];
          return haveOneSchema(others, changed) ? merge([others, changed]) : [others, changed];
        });
      }
      return parts.length === 1 ? parts : merge(parts);
    },
  };
}

/** Applies a step to the rows that its predicate chooses: where these are some only, the others come first. */
function appliedWhere(
  step: Step,
  batch: SinkBatch,
  reject: Reject,
): readonly [batch: SinkBatch] | readonly [others: SinkBatch, changed: SinkBatch] {
  const { alias, predicate, negate } = step;
  if (predicate === null) return [applied(step, batch, reject)];
  const holds = predicate.holds(batch);
  if (typeof holds === "boolean") return [holds === negate ? batch : applied(step, batch, reject)];
  if (holds.length !== batch.numRows) {
    throw new FatalError(
      `Cannot apply transform ${alias}: its predicate answered for ${holds.length} of ${batch.numRows} rows`,
    );
  }
  const all = Int32Array.from({ length: batch.numRows }, (_, row) => row);
  const chosen = all.filter((row) => (holds[row] !== 0) !== negate);
  if (chosen.length === 0) return [batch];
  if (chosen.length === batch.numRows) return [applied(step, batch, reject)];
  const others = batch.select(all.filter((row) => (holds[row] !== 0) === negate));
  return [others, applied(step, batch.select(chosen), reject)];
}

function applied({ alias, transform }: Step, batch: SinkBatch, reject: Reject): SinkBatch {
  const refused = new Set<number>();
  const out = transform.apply(batch, (row, error) => {
    const record = batch.origin.rows[row];
    if (record === undefined) {
      throw new FatalError(`Cannot refuse row ${row} of ${batch.numRows} in transform ${alias}`);
    }
    if (refused.has(record)) return;
    refused.add(record);
    reject(batch, row, error);
  });
  checkOrigin(alias, batch, out);
  if (refused.size === 0) return out;
  const { rows } = out.origin;
  const kept = new Int32Array(rows.length);
  let length = 0;
  for (let row = 0; row < rows.length; row++) if (!refused.has(rows[row])) kept[length++] = row;
  return out.select(kept.subarray(0, length));
}

/** Offsets are committed by where batches say that they come from: a transform that changes it would lose records. */
function checkOrigin(alias: string, given: SinkBatch, out: SinkBatch): void {
  const { raw, rows } = out.origin;
  const of = given.origin.rows;
  let isPart = raw === given.origin.raw && out.from === given.from && out.to === given.to &&
    out.data.numRows === rows.length;
  for (let row = 0, at = 0; isPart && rows !== of && row < rows.length; row++, at++) {
    while (at < of.length && of[at] < rows[row]) at++;
    isPart = of[at] === rows[row];
  }
  if (isPart) return;
  throw new FatalError(
    `Cannot go on after transform ${alias}: it changed where its rows of ${given.topic}-${given.partition} come from; ` +
      "it must return batch.withData(...) or batch.select(...) of the batch that it was given",
  );
}

function predicatePlugin(plugin: NamedPlugin): PredicatePlugin {
  if ("create" in plugin && typeof plugin.create === "function") return plugin as PredicatePlugin;
  throw new FatalError(`Cannot use predicate ${plugin.name}: it is no predicate of runtime/transforms`);
}
