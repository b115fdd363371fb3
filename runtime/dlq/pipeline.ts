/**
 * What the pipeline would make of letters now: the stages of the configuration, then the sink's own checks against its target.
 * Nothing is written.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import { DataError, FatalError, jsonText, type PreviewTask, type RawRecords, type SinkBatch } from "../api/mod.ts";
import type { Instance } from "../config/resolve_instance.ts";
import { type Stage, withSchemaOf } from "../dead_letter.ts";
import { type OfflineSetup, OfflineStages } from "../offline_stages.ts";
import type { Letter } from "./letter.ts";
import { type LetterSlab, slabsOfLetters } from "./letter_records.ts";
import { onlyTopic } from "./topic_of.ts";

/** What would become of a letter's record. */
export interface Outcome {
  /** `unknown`: it is not known which topic it is of. `dropped`: a transform leaves it out, or it is a tombstone to skip. */
  readonly kind: "passes" | "refused" | "dropped" | "unknown";
  /** What refuses it now. */
  readonly stage: Stage | null;
  readonly error: DataError | null;
  /** JSON of what the converters make of it; null: nothing. */
  readonly value: string | null;
  readonly key: string | null;
  /** The columns that it would be put with; those of decode where it does not come that far. */
  readonly columns: Schema | null;
}

/** What the pipeline needs of the world. */
export interface PipelineSetup extends Omit<OfflineSetup, "targetSchema" | "fix"> {
  readonly uuid: () => string;
  /** Without: only decode, validate and transform are asked. */
  readonly withSink: boolean;
}

const MEMORY_BYTES = 64 * 1024 * 1024;
const UNKNOWN: Outcome = { kind: "unknown", stage: null, error: null, value: null, key: null, columns: null };

/** Calls do not overlap. */
export class LetterPipeline {
  /** Rows that the sink has refused of the batch that it is given, by record. */
  #rejected = new Map<number, DataError>();

  private constructor(
    private readonly instance: Instance,
    private readonly stages: OfflineStages,
    private readonly sink: PreviewTask<unknown> | null,
  ) {}

  /** Loads what the configuration names, and reaches the target where the sink has previews. */
  static async load(setup: PipelineSetup): Promise<LetterPipeline> {
    const { instance, clock, log, retry, random, uuid } = setup;
    let pipeline: LetterPipeline | null = null;
    const sink = setup.withSink && instance.plugin.previewTask
      ? await instance.plugin.previewTask(instance.connectorConfig, {
        ...{ connector: instance.name, task: 0, clock, log, retry, uuid, random, memoryBytes: MEMORY_BYTES },
        reject: (batch, row, error) => pipeline!.#rejected.set(batch.origin.rows[row], withSchemaOf(error, batch)),
        requestCommit: () => {},
      })
      : null;
    const targetSchema = sink?.targetSchema && ((topic: string) => sink.targetSchema!(topic));
    const stages = await OfflineStages.load({ instance, clock, log, retry, random, fetch: setup.fetch, targetSchema });
    return pipeline = new LetterPipeline(instance, stages, sink);
  }

  /** Whether the sink's own checks are made too. */
  get asksSink(): boolean {
    return this.sink !== null;
  }

  /** What would become of these letters; an outcome for each. */
  async try(letters: readonly Letter[]): Promise<ReadonlyMap<Letter, Outcome>> {
    const outcomes = new Map<Letter, Outcome>(letters.map((letter) => [letter, UNKNOWN]));
    for (const slab of slabsOfLetters(letters, onlyTopic(this.instance))) await this.#trySlab(slab, outcomes);
    return outcomes;
  }

  /** The columns that the target has for a topic's values; null: none, or not to be known. */
  async targetColumns(topic: string): Promise<Schema | null> {
    return await this.sink?.targetSchema?.(topic) ?? null;
  }

  async close(): Promise<void> {
    await this.sink?.stop();
  }

  async #trySlab({ records, letters }: LetterSlab, outcomes: Map<Letter, Outcome>): Promise<void> {
    const { batches, refused, decoded } = await this.stages.treat(records);
    const made = letters.map((): Mutable => ({ ...UNKNOWN, kind: "dropped" }));
    for (const batch of decoded) noteDecoded(batch, made);
    for (const batch of batches) {
      for (const index of batch.origin.rows) Object.assign(made[index], { kind: "passes", columns: batch.data.schema });
    }
    for (const { index, stage, error } of refused) Object.assign(made[index], { kind: "refused", stage, error });
    if (this.sink !== null) {
      for (const [index, error] of await this.#put(this.sink, records, batches)) {
        Object.assign(made[index], { kind: "refused", stage: error.details.stage ?? "TASK_PUT", error });
      }
    }
    letters.forEach((letter, i) => outcomes.set(letter, made[i]));
  }

  /** What the sink refuses, by record. */
  async #put(
    sink: PreviewTask<unknown>,
    { topic, topicId, partition, from }: RawRecords,
    batches: readonly SinkBatch[],
  ): Promise<ReadonlyMap<number, DataError>> {
    const rejected = this.#rejected = new Map();
    const at = { topic, topicId, partition };
    await sink.open([at], [{ ...at, offset: from }]);
    try {
      for (const batch of batches) await sink.put(batch);
    } finally {
      await sink.close([at]);
    }
    return rejected;
  }
}

type Mutable = { -readonly [Name in keyof Outcome]: Outcome[Name] };

function noteDecoded(batch: SinkBatch, made: Mutable[]): void {
  const { rows } = batch.origin;
  for (let row = 0; row < rows.length; row++) {
    const outcome = made[rows[row]];
    outcome.columns = batch.data.schema;
    if (!batch.isTombstone(row)) outcome.value = asJson(() => jsonText.ofColumn(batch.data.data, row));
    if (batch.keys && batch.keys.numCols > 0 && batch.hasKey(row)) {
      outcome.key = asJson(() => jsonText.ofColumn(batch.keys!.data, row));
    }
  }
}

/** Null where JSON cannot hold it, e.g. nested too deeply. */
function asJson(make: () => string): string | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof DataError || error instanceof FatalError) return null;
    throw error;
  }
}
