/**
 * Stage 2, decode: a slab becomes batches of columns. What cannot be decoded is set aside, and every offset of the slab
 * is covered by exactly one batch, so that the batches of a partition chain.
 *
 * @module
 */
import { type RecordBatch, Schema } from "apache-arrow";
import {
  type Converter,
  DataError,
  type DecodedRows,
  type HeaderConverter,
  nulls,
  rawOffset,
  type RawRecords,
  recordBatch,
  SinkBatch,
  takeBatch,
} from "./api/mod.ts";
import type { Stage } from "./errant_record_reporter.ts";
import { createJsonColumns } from "./json_columns.ts";

/** Decodes the slabs of one topic in one task. */
export interface DecodeStage {
  /**
   * Batches that chain over `[records.from, records.to)`, at least one, perhaps without rows. A RetriableError means that
   * nothing was reported yet: the call can be repeated.
   */
  decode(records: RawRecords): Promise<SinkBatch[]>;
  /** How many records the converters want to see before they can decode; 0: none. */
  wants(): Promise<number>;
  /** Shows them to those. */
  learn(sample: readonly RawRecords[]): Promise<void>;
}

/** What the stage is made of. */
export interface DecodeOptions {
  readonly value: Converter;
  /** Null: keys are bytes and never looked at. Else a record whose key cannot be decoded is set aside. */
  readonly key: Converter | null;
  /** What headers' values become where somebody asks. */
  readonly headerConverter?: HeaderConverter;
  /** What of the value is held as JSON text (`ConverterContext.jsonPaths`). */
  readonly jsonPaths?: ReadonlySet<string>;
  /** What becomes of a record whose value is null. */
  readonly tombstones: "dead-letter" | "skip" | "keep";
  /** Sets a record aside; each at most once, in the order of the offsets. */
  readonly reject: (records: RawRecords, index: number, error: DataError, stage: Stage) => void;
  /** Told how many tombstones were skipped on purpose. */
  readonly onSkipped?: (count: number) => void;
}

const NO_FIELDS = new Schema([]);

interface Reject {
  readonly index: number;
  readonly error: DataError;
  readonly stage: Stage;
}

/** The decode stage of a topic. */
export function createDecodeStage(
  { value, key, headerConverter, jsonPaths = new Set(), tombstones, reject, onSkipped }: DecodeOptions,
): DecodeStage {
  const toJson = createJsonColumns(jsonPaths);
  // A topic may have no keys to learn from: asked for once, so that values do not wait for them for ever.
  let keysLearned = false;
  return {
    async decode(records) {
      const rejects: Reject[] = [];
      const bad = new Uint8Array(records.count);
      const rejecter = (stage: Stage) => (index: number, error: DataError) => {
        if (bad[index]) throw new Error(`Record ${index} was rejected twice by the converter of ${stage}`);
        bad[index] = 1;
        rejects.push({ index, error, stage });
      };
      let keyRuns: readonly DecodedRows[] = [];
      if (key) {
        const keys = indicesWhere(records.count, (i) => records.keyStarts[i] >= 0);
        if (keys.length > 0) keyRuns = await key.decode(records, keys, rejecter("KEY_CONVERTER"));
        assertWhole(keyRuns, keys.length - rejects.length, bad);
      }
      const values = indicesWhere(records.count, (i) => records.valueStarts[i] >= 0 && !bad[i]);
      const kept = indicesWhere(records.count, (i) => records.valueStarts[i] < 0 && !bad[i]);
      const rejectsBefore = rejects.length;
      const runs = values.length === 0 ? [] : await value.decode(records, values, rejecter("VALUE_CONVERTER"));
      assertWhole(runs, values.length - (rejects.length - rejectsBefore), bad);
      if (tombstones === "dead-letter") {
        for (const index of kept) {
          rejects.push({ index, error: tombstoneError(records, index), stage: "VALUE_CONVERTER" });
        }
      }
      rejects.sort((a, b) => a.index - b.index);
      // Reported only now, since everything that could be tried again is behind us.
      for (const { index, error, stage } of rejects) reject(records, index, error, stage);
      if (tombstones === "skip" && kept.length > 0) onSkipped?.(kept.length);
      const texts = runs.map(({ data, rows }) => ({ data: toJson(data), rows }));
      const whole = withTombstones(texts, tombstones === "keep" ? kept : new Int32Array(0));
      const batches = chained(records, whole, headerConverter);
      return key ? batches.flatMap(withKeys(records, keyRuns, key.schema ?? NO_FIELDS)) : batches;
    },
    wants: async () => Math.max(await value.wants?.() ?? 0, keysLearned ? 0 : await key?.wants?.() ?? 0),
    learn: async (sample) => {
      await value.learn?.(sample);
      if (!keysLearned) await key?.learn?.(sample);
      keysLearned = true;
    },
  };
}

interface Run extends DecodedRows {
  readonly tombstones: Uint8Array | null;
}

/** Puts rows of nulls where the tombstones belong: into the run before them, or into the first one. */
function withTombstones(runs: readonly DecodedRows[], indices: Int32Array): Run[] {
  const full = runs.filter(({ rows }) => rows.length > 0);
  if (indices.length === 0) return full.map((run) => ({ ...run, tombstones: null }));
  if (full.length === 0) {
    const bits = new Uint8Array((indices.length + 7) >> 3);
    for (let i = 0; i < indices.length; i++) bits[i >> 3] |= 1 << (i & 7);
    return [{ data: recordBatch(NO_FIELDS, [], indices.length), rows: indices, tombstones: bits }];
  }
  let next = 0;
  return full.map((run, i) => {
    const end = i + 1 < full.length ? full[i + 1].rows[0] : Infinity;
    const begun = next;
    while (next < indices.length && indices[next] < end) next++;
    return spliced(run, indices.subarray(begun, next));
  });
}

/** Merges tombstones into a run by the order of the records. */
function spliced({ data, rows }: DecodedRows, indices: Int32Array): Run {
  if (indices.length === 0) return { data, rows, tombstones: null };
  const length = rows.length + indices.length;
  const merged = new Int32Array(length);
  const picks = new Int32Array(length);
  const bits = new Uint8Array((length + 7) >> 3);
  for (let at = 0, row = 0, tombstone = 0; at < length; at++) {
    if (tombstone < indices.length && (row === rows.length || indices[tombstone] < rows[row])) {
      merged[at] = indices[tombstone++];
      picks[at] = -1;
      bits[at >> 3] |= 1 << (at & 7);
    } else {
      merged[at] = rows[row];
      picks[at] = row++;
    }
  }
  return { data: takeBatch(data, picks), rows: merged, tombstones: bits };
}

/** A run accounts for all offsets up to the first record of the next one. */
function chained(records: RawRecords, runs: readonly Run[], headerConverter?: HeaderConverter): SinkBatch[] {
  if (runs.length === 0) return [SinkBatch.empty(records, records.from, records.to)];
  return runs.map(({ data, rows, tombstones }, i) => {
    const from = i === 0 ? records.from : rawOffset(records, rows[0]);
    const to = i + 1 < runs.length ? rawOffset(records, runs[i + 1].rows[0]) : records.to;
    return new SinkBatch(data, { raw: records, rows, headerConverter }, from, to, tombstones);
  });
}

/**
 * Puts the decoded keys beside the rows, which are split where the keys' schema changes. `schema` is what keys have where
 * there is none among the rows.
 */
function withKeys(
  records: RawRecords,
  runs: readonly DecodedRows[],
  schema: Schema,
): (batch: SinkBatch) => SinkBatch[] {
  const runOf = new Int32Array(records.count).fill(-1), rowOf = new Int32Array(records.count).fill(-1);
  runs.forEach(({ rows }, run) =>
    rows.forEach((record, row) => {
      runOf[record] = run;
      rowOf[record] = row;
    })
  );
  const keysOf = (run: number, rows: Int32Array): RecordBatch => {
    if (run < 0) return recordBatch(schema, schema.fields.map((f) => nulls(f, rows.length)), rows.length);
    const picks = rows.map((record) => rowOf[record]);
    const { data } = runs[run];
    const isWhole = picks.length === data.numRows && picks.every((pick, i) => pick === i);
    return isWhole ? data : takeBatch(data, picks);
  };
  return (batch) => {
    const { rows } = batch.origin;
    const parts: SinkBatch[] = [];
    for (let start = 0; start < rows.length;) {
      let run = -1, end = start;
      for (; end < rows.length; end++) {
        const next = runOf[rows[end]];
        if (next >= 0 && run >= 0 && next !== run) break;
        if (next >= 0) run = next;
      }
      const isAll = start === 0 && end === rows.length;
      const part = isAll ? batch : batch.slice(start, end);
      parts.push(part.withKeys(keysOf(run, part.origin.rows)));
      start = end;
    }
    return parts.length === 0 ? [batch] : parts;
  };
}

/** A converter that loses or repeats a record would lose or repeat it in the target: a bug, found here. */
function assertWhole(runs: readonly DecodedRows[], wanted: number, bad: Uint8Array): void {
  let count = 0;
  let last = -1;
  for (const { data, rows } of runs) {
    if (data.numRows !== rows.length) {
      throw new Error(`The converter returned ${data.numRows} rows for ${rows.length} records`);
    }
    for (let i = 0; i < rows.length; i++) {
      if (rows[i] <= last || bad[rows[i]]) {
        throw new Error(`The converter returned record ${rows[i]} after ${last}, or although it was rejected`);
      }
      last = rows[i];
    }
    count += rows.length;
  }
  if (count !== wanted) throw new Error(`The converter returned ${count} records and must return ${wanted}`);
}

function indicesWhere(count: number, which: (index: number) => boolean): Int32Array {
  const indices = new Int32Array(count);
  let length = 0;
  for (let i = 0; i < count; i++) if (which(i)) indices[length++] = i;
  return indices.subarray(0, length);
}

function tombstoneError(records: RawRecords, index: number): DataError {
  const { topic, partition } = records;
  const offset = rawOffset(records, index);
  return new DataError(
    `Cannot decode ${topic}-${partition}@${offset}: the value is null (a tombstone); set tombstones to skip or keep ` +
      `to accept them`,
    { reason: "tombstone" },
  );
}
