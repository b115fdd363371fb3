/**
 * What would become of a sample of a topic: the configuration's own stages and the sink's preview take it; nothing is
 * written, no group is joined.
 *
 * @module
 */
import type { Field, Schema } from "apache-arrow";
import {
  type ConnectorContext,
  type DataError,
  type PreviewTask,
  rawOffset,
  type RawRecords,
  type SinkBatch,
  type TargetPreview,
} from "../../api/mod.ts";
import type { Instance } from "../../config/resolve_instance.ts";
import { type Stage, withSchemaOf } from "../../dead_letter.ts";
import { type ReadRange, readRanges } from "../../kafka/read_ranges.ts";
import type { PartitionBounds } from "../../kafka/topic_bounds.ts";
import type { Fetcher } from "../../kafka/types.ts";
import { OfflineStages } from "../../offline_stages.ts";
import { refusalOf } from "../refusal.ts";
import { type Rate, rateOf } from "./estimate.ts";
import { type SampleFrom, sampleRanges } from "./sample_ranges.ts";

/** Records that are refused for the same reason. */
export interface RejectGroup {
  readonly stage: Stage;
  readonly reason: string;
  readonly count: number;
  readonly examples: readonly { readonly at: string; readonly message: string }[];
}

/** What a sample says about a topic. */
export interface TopicPreview {
  readonly topic: string;
  readonly partitions: number;
  /** Offsets in the log. */
  readonly records: number;
  readonly sampled: number;
  readonly tombstones: number;
  readonly bytesPerRecord: number;
  /** Null: there are no records. */
  readonly rate: Rate | null;
  /** By count. */
  readonly rejects: readonly RejectGroup[];
  /** The columns that the records bring, over all their schemas; null where none is readable. */
  readonly fields: readonly Field[] | null;
  /** Null: the sink has no previews, or nothing reached it. */
  readonly target: TargetPreview | null;
  /** Table partitions that the newest part of the sample is in. */
  readonly newestPartitions: number;
  /** Why the topic could not be written at all; null: it could. */
  readonly refused: string | null;
}

/** What previews share. */
export interface PreviewParts {
  readonly instance: Instance;
  /** Of this topic alone. */
  readonly fetcher: Fetcher;
  readonly context: ConnectorContext;
  readonly fetch: typeof fetch;
  readonly sample: { readonly records: number; readonly from: SampleFrom };
  /** Shown every batch that would be put. */
  readonly onBatch?: (batch: SinkBatch) => void;
}

const EXAMPLES_MAX = 3;
const MEMORY_BYTES = 128 * 1024 * 1024;

/** Reads and treats the sample. */
export async function previewTopic(
  topic: string,
  bounds: readonly PartitionBounds[],
  parts: PreviewParts,
): Promise<TopicPreview> {
  const { fetcher, context: { clock }, sample } = parts;
  // First: a sample that ends early leaves slabs behind in the fetcher.
  const { firstMs, lastMs } = await edgesOf(bounds, fetcher);
  const seen = new Sample(parts);
  let refused: string | null = null;
  let newestPartitions = 0;
  const ranges = sampleRanges(bounds, sample.records, sample.from);
  try {
    await seen.load();
    await seen.read(ranges.newest);
    newestPartitions = (await seen.preview(topic))?.partitions.length ?? 0;
    await seen.read(ranges.oldest);
    if (ranges.newest.length === 0) newestPartitions = (await seen.preview(topic))?.partitions.length ?? 0;
  } catch (error) {
    refused = refusalOf(error);
  }
  const target = refused === null ? await seen.preview(topic) : null;
  const records = bounds.reduce((sum, { start, end }) => sum + Number(end - start), 0);
  const rate = rateOf({
    total: records,
    lastDay: bounds.reduce((sum, { dayAgo, end }) => sum + Math.max(0, Number(end - dayAgo)), 0),
    firstMs,
    lastMs,
    bytesPerRecord: seen.bytesPerRecord,
    nowMs: clock.now(),
  });
  await seen.close();
  return {
    topic,
    partitions: bounds.length,
    records,
    sampled: seen.records,
    tombstones: seen.tombstones,
    bytesPerRecord: seen.bytesPerRecord,
    rate,
    rejects: seen.rejects(),
    fields: seen.fields(),
    target,
    newestPartitions,
    refused: refused ?? target?.refused ?? null,
  };
}

/** What stops a topic, as text; bugs are thrown. */
/** The times of the oldest and the newest records. */
async function edgesOf(
  bounds: readonly PartitionBounds[],
  fetcher: Fetcher,
): Promise<{ firstMs: number | null; lastMs: number | null }> {
  const filled = bounds.filter(({ start, end }) => start < end);
  const times: number[] = [];
  for (const newest of [false, true]) {
    const ranges = filled.map(({ start, end, ...partition }) => (
      newest ? { ...partition, from: end - 1n, to: end } : { ...partition, from: start, to: start + 1n }
    ));
    for await (const { records, count } of readRanges(fetcher, ranges)) {
      if (count > 0) times.push(records.timestampsMs[newest ? count - 1 : 0]);
    }
  }
  const known = times.filter((ms) => ms >= 0);
  return known.length === 0
    ? { firstMs: null, lastMs: null }
    : { firstMs: known.reduce((a, b) => Math.min(a, b)), lastMs: known.reduce((a, b) => Math.max(a, b)) };
}

/** The stages, the sink's preview, and what they said so far. */
class Sample {
  records = 0;
  tombstones = 0;
  #bytes = 0;
  #stages: OfflineStages | null = null;
  #task: PreviewTask<unknown> | null = null;
  readonly #rejects = new Map<string, RejectGroup & { examples: RejectGroup["examples"][number][] }>();
  readonly #schemas = new Set<Schema>();

  constructor(private readonly parts: PreviewParts) {}

  get bytesPerRecord(): number {
    return this.records === 0 ? 0 : this.#bytes / this.records;
  }

  async load(): Promise<void> {
    const { instance, context, fetch } = this.parts;
    const { clock, log, retry, random } = context;
    const task = await instance.plugin.previewTask?.(instance.connectorConfig, {
      ...context,
      task: 0,
      memoryBytes: MEMORY_BYTES,
      reject: (batch, row, error) =>
        this.#reject(batch.origin.raw, batch.origin.rows[row], "TASK_PUT", withSchemaOf(error, batch)),
      requestCommit: () => {},
    });
    this.#task = task ?? null;
    const targetSchema = task?.targetSchema?.bind(task);
    this.#stages = await OfflineStages.load({ instance, clock, log, retry, fetch, random, targetSchema });
  }

  /** Each range chains within itself; ranges of one call are of different partitions. */
  async read(ranges: readonly ReadRange[]): Promise<void> {
    if (ranges.length === 0) return;
    const { retry } = this.parts.context;
    await this.#task?.open(ranges, ranges.map(({ from, ...partition }) => ({ ...partition, offset: from })));
    for await (const slab of readRanges(this.parts.fetcher, ranges)) {
      const range = ranges.find(({ partition }) => partition === slab.records.partition)!;
      const records = cut(slab.records, slab.count, range.to);
      this.#count(records);
      const { batches, refused } = await this.#stages!.treat(records);
      for (const { index, stage, error } of refused) this.#reject(records, index, stage, error);
      for (const batch of batches) {
        if (batch.numRows > 0) this.#schemas.add(batch.data.schema);
        this.parts.onBatch?.(batch);
        await retry("preview rows", async () => await this.#task?.put(batch));
      }
    }
  }

  async preview(topic: string): Promise<TargetPreview | null> {
    return (await this.#task?.preview())?.find((target) => target.topic === topic) ?? null;
  }

  rejects(): RejectGroup[] {
    return [...this.#rejects.values()].sort((a, b) => b.count - a.count);
  }

  /** By name in any case; of a name the newest. */
  fields(): Field[] | null {
    const byName = new Map<string, Field>();
    for (const { fields } of this.#schemas) for (const field of fields) byName.set(field.name.toLowerCase(), field);
    return byName.size === 0 ? null : [...byName.values()];
  }

  async close(): Promise<void> {
    await this.#task?.stop();
  }

  #count({ count, keyStarts, keyEnds, valueStarts, valueEnds }: RawRecords): void {
    this.records += count;
    for (let i = 0; i < count; i++) {
      if (valueStarts[i] < 0) this.tombstones++;
      else this.#bytes += valueEnds[i] - valueStarts[i];
      if (keyStarts[i] >= 0) this.#bytes += keyEnds[i] - keyStarts[i];
    }
  }

  #reject(records: RawRecords, index: number, stage: Stage, error: DataError): void {
    const { reason } = error.details;
    const key = `${stage} ${reason}`;
    const group = this.#rejects.get(key) ?? { stage, reason, count: 0, examples: [] };
    this.#rejects.set(key, { ...group, count: group.count + 1 });
    if (group.examples.length >= EXAMPLES_MAX) return;
    const at = `${records.topic}-${records.partition}@${rawOffset(records, index)}`;
    group.examples.push({ at, message: error.message });
  }
}

/** The slab's first `count` records, all that is before `to`. */
function cut(records: RawRecords, count: number, to: bigint): RawRecords {
  return count === records.count && records.to <= to ? records : { ...records, count, to };
}
