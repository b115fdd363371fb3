/**
 * The stages decode, validate and transform beside any task: what would become of records, without a sink that takes
 * them. For previews and for dead letters.
 *
 * @module
 */
import type { DataError, RawRecords, Retry, SinkBatch } from "./api/mod.ts";
import { type Stage, withSchemaOf } from "./dead_letter.ts";
import type { TopicStages } from "./task_parts.ts";
import { loadTopicStages, type StagesSetup } from "./topic_stages.ts";

/** A record that a stage refused. */
export interface Refused {
  readonly records: RawRecords;
  /** Which of them. */
  readonly index: number;
  readonly stage: Stage;
  readonly error: DataError;
}

/** What became of a slab. */
export interface Treated {
  /** What would be put; they chain over the slab's range. */
  readonly batches: readonly SinkBatch[];
  /** By offset within each stage. */
  readonly refused: readonly Refused[];
  /** What decode made, before rows were validated and transformed. */
  readonly decoded: readonly SinkBatch[];
  /** What a fix made of that; absent: there is none. */
  readonly fixed?: readonly SinkBatch[];
}

/** Changes decoded rows before they are validated; rows that it cannot change it rejects, and leaves out. */
export type FixStage = (
  batch: SinkBatch,
  reject: (of: SinkBatch, row: number, error: DataError) => void,
) => readonly SinkBatch[];

/** What stages beside a task need. */
export type OfflineSetup = Omit<StagesSetup, "pin" | "reject" | "onSkipped"> & { readonly fix?: FixStage };

/** See the module's doc; made by `load`. */
export class OfflineStages {
  readonly #byTopic = new Map<string, TopicStages>();

  private constructor(
    private readonly make: (topic: string) => TopicStages,
    private readonly retry: Retry,
    private readonly refused: { now: Refused[] },
    private readonly fix: FixStage | undefined,
  ) {}

  /** Loads what the configuration names. A schema that is inferred is inferred from what `learn` is shown. */
  static async load(setup: OfflineSetup): Promise<OfflineStages> {
    const refused: { now: Refused[] } = { now: [] };
    const make = await loadTopicStages({
      ...setup,
      pin: (_topic, _side, proposal) => Promise.resolve(proposal),
      reject: (records, index, error, stage) => {
        refused.now.push({ records, index, stage: error.details.stage ?? stage, error });
      },
      onSkipped: () => {},
    });
    return new OfflineStages(make, setup.retry, refused, setup.fix);
  }

  /** Shows a topic's converters records to learn a schema from, where they want some. */
  async learn(topic: string, sample: readonly RawRecords[]): Promise<void> {
    const { decode } = this.#of(topic);
    await this.retry(`find the schema of ${topic}`, async () => {
      if (await decode.wants() > 0) await decode.learn(sample);
    });
  }

  /** Treats one slab; one at a time. The batches look into the slab's memory. */
  async treat(records: RawRecords): Promise<Treated> {
    const { decode, validate, transform } = this.#of(records.topic);
    await this.learn(records.topic, [records]);
    const refused: Refused[] = this.refused.now = [];
    const report = (of: SinkBatch, row: number, error: DataError, stage: Stage) => {
      const { raw, rows } = of.origin;
      refused.push({
        records: raw,
        index: rows[row],
        stage: error.details.stage ?? stage,
        error: withSchemaOf(error, of),
      });
    };
    const decoded = await this.retry(`decode records of ${records.topic}`, () => decode.decode(records));
    const { fix } = this;
    const fixed = fix &&
      decoded.flatMap((batch) =>
        batch.numRows === 0 ? [batch] : fix(batch, (of, row, error) => report(of, row, error, "TRANSFORMATION"))
      );
    const batches = (fixed ?? decoded).flatMap((batch) => {
      const valid = validate(batch, (row, error) => report(batch, row, error, "VALIDATION"));
      return transform(valid, (of, row, error) => report(of, row, error, "TRANSFORMATION"));
    });
    return { batches, refused, decoded, ...(fixed ? { fixed } : {}) };
  }

  #of(topic: string): TopicStages {
    const known = this.#byTopic.get(topic) ?? this.make(topic);
    this.#byTopic.set(topic, known);
    return known;
  }
}
