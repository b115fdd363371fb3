/**
 * A batch: rows of one partition as Arrow columns, plus where they came from.
 *
 * @module
 */
import { type RecordBatch, Schema } from "apache-arrow";
import type { StructRow } from "./arrow.ts";
import { convertHeaders, type HeaderConverter } from "./header_converter.ts";
import { rawHeaders, rawKey, rawOffset, type RawRecords, type RecordHeader } from "./raw_records.ts";
import { emptyBatch, takeBatch } from "./take.ts";

/** Where the rows of a batch came from. A transform cannot change it. */
export interface Origin {
  /** The slab that they were decoded from. */
  readonly raw: RawRecords;
  /** For each row, the index of its record in `raw`, ascending. */
  readonly rows: Int32Array;
  /** What headers' values become (`header.converter`); absent: bytes. */
  readonly headerConverter?: HeaderConverter;
}

/** One record, made only where somebody asks for one. */
export interface SinkRecord {
  /** The topic's name. */
  readonly topic: string;
  /** The partition's number. */
  readonly partition: number;
  /** The record's own offset. */
  readonly offset: bigint;
  /** Kafka's timestamp, ms since 1970 UTC. */
  readonly timestampMs: number;
  /** The key's bytes, a view of the slab. */
  readonly key: Uint8Array | null;
  /** In their order. */
  readonly headers: RecordHeader[];
  /** The decoded value; null for a tombstone. 64 bit integers are bigints, timestamps are ms as Arrow gives them. */
  readonly value: StructRow | null;
}

/** What transforms made of the rows beside their columns. What is absent is as the origin has it. */
export interface Changes {
  /** A list a row. */
  readonly headers?: readonly (readonly RecordHeader[])[];
  /** What a router named the topic: for all rows, or a name a row. */
  readonly topics?: string | readonly string[];
  /** A bit a row (set = the row has no key), or null where each row has one. */
  readonly keyless?: Uint8Array | null;
}

const NO_FIELDS = new Schema([]);

/** Rows of one partition in the order of their offsets. Immutable. */
export class SinkBatch {
  /** `to` is the next offset to read after this batch. */
  constructor(
    /** The values: a column a field. */
    readonly data: RecordBatch,
    readonly origin: Origin,
    /** The consumed range that this batch accounts for, gaps and rejects included: batches of a partition chain. */
    readonly from: bigint,
    readonly to: bigint,
    /** A bit a row (set = the value is null, all its columns are null), or null where no row is a tombstone. */
    readonly tombstones: Uint8Array | null = null,
    /**
     * The decoded keys, a row for each row: nulls where a record has no key. A key that is not a record is one column
     * named `value`. Without columns: none of the rows has a key, and their schema is not known. Null: keys are bytes.
     */
    readonly keys: RecordBatch | null = null,
    /** What transforms made of headers, keys and the topic's name; null: nothing. */
    readonly changes: Changes | null = null,
  ) {}

  /** A batch without rows that only moves the offset. */
  static empty(raw: RawRecords, from: bigint, to: bigint): SinkBatch {
    return new SinkBatch(emptyBatch(NO_FIELDS), { raw, rows: new Int32Array(0) }, from, to);
  }

  /** The name of the topic that the rows were read from, whatever routers made of it. */
  get topic(): string {
    return this.origin.raw.topic;
  }
  /** The name that routers gave a row's topic (RegexRouter, TimestampRouter), else the topic's name. */
  routedTopic(row: number): string {
    const topics = this.changes?.topics ?? this.topic;
    return typeof topics === "string" ? topics : topics[row];
  }
  /** Kafka's id of the topic. */
  get topicId(): string {
    return this.origin.raw.topicId;
  }
  /** The partition's number. */
  get partition(): number {
    return this.origin.raw.partition;
  }
  /** How many rows there are. */
  get numRows(): number {
    return this.origin.rows.length;
  }

  /** The offset of a row's record. */
  offset(row: number): bigint {
    return rawOffset(this.origin.raw, this.origin.rows[row]);
  }
  /** Kafka's timestamp of a row's record, ms since 1970 UTC. */
  timestampMs(row: number): number {
    return this.origin.raw.timestampsMs[this.origin.rows[row]];
  }
  /** The key of a row's record as it was read, a view of the slab. */
  key(row: number): Uint8Array | null {
    return rawKey(this.origin.raw, this.origin.rows[row]);
  }
  /** Whether a row has a key, by its record or by a transform. */
  hasKey(row: number): boolean {
    const keyless = this.changes?.keyless;
    if (keyless === undefined) return this.origin.raw.keyStarts[this.origin.rows[row]] >= 0;
    return keyless === null || (keyless[row >> 3] & (1 << (row & 7))) === 0;
  }
  /** The headers of a row: its record's, or what transforms made of them. */
  headers(row: number): RecordHeader[] {
    const headers = this.changes?.headers;
    return headers ? [...headers[row]] : rawHeaders(this.origin.raw, this.origin.rows[row]);
  }
  /** Whether `convertedHeaders` gives UTF-8 text; else bytes. */
  get hasTextHeaders(): boolean {
    return this.origin.headerConverter?.isText ?? false;
  }
  /** The headers of a row, their values by `header.converter`; throws DataError where one cannot be one. */
  convertedHeaders(row: number): RecordHeader[] {
    const { headerConverter } = this.origin;
    const headers = this.headers(row);
    return headerConverter ? convertHeaders(headerConverter, headers) : headers;
  }
  /** Whether a row's record has no value. */
  isTombstone(row: number): boolean {
    return this.tombstones !== null && (this.tombstones[row >> 3] & (1 << (row & 7))) !== 0;
  }

  /** The same rows with other columns. */
  withData(data: RecordBatch): SinkBatch {
    return this.#with({ data });
  }

  /**
   * The same rows with other keys. `keyless`: a bit a row (set = the row has no key), or null where each has one; not given:
   * as they were.
   */
  withKeys(keys: RecordBatch | null, keyless?: Uint8Array | null): SinkBatch {
    return this.#with({ keys, changes: keyless === undefined ? this.changes : { ...this.changes, keyless } });
  }

  /** The same rows with other headers, a list a row. Dead letters keep those that were read. */
  withHeaders(headers: readonly (readonly RecordHeader[])[]): SinkBatch {
    if (headers.length !== this.numRows) {
      throw new RangeError(`Cannot give ${this.numRows} rows headers: there are ${headers.length} lists of them`);
    }
    return this.#with({ changes: { ...this.changes, headers } });
  }

  /** The same rows with what a router named their topic: one name for all, or a name a row. */
  withRoutedTopics(topics: string | readonly string[]): SinkBatch {
    if (typeof topics !== "string" && topics.length !== this.numRows) {
      throw new RangeError(`Cannot route ${this.numRows} rows: there are ${topics.length} topics for them`);
    }
    return this.#with({ changes: { ...this.changes, topics } });
  }

  /** The same rows, others of them tombstones: a bit a row; all columns of such a row must be null. */
  withTombstones(tombstones: Uint8Array | null): SinkBatch {
    return this.#with({ tombstones });
  }

  /** The rows `[start, end)`, at least one; its range ends where the rest begins, so that the slices of a batch chain. */
  slice(start: number, end: number): SinkBatch {
    const from = start === 0 ? this.from : this.offset(start);
    const to = end === this.numRows ? this.to : this.offset(end);
    const rows = Int32Array.from({ length: end - start }, (_, i) => start + i);
    const { data, origin, tombstones, keys, changes } = this.select(rows);
    return new SinkBatch(data, origin, from, to, tombstones, keys, changes);
  }

  /** Only these rows (ascending); the range stays, so that the offsets of the others are still accounted for. */
  select(rows: Int32Array): SinkBatch {
    if (rows.length === this.numRows) return this;
    const picked = new Int32Array(rows.length);
    for (let i = 0; i < rows.length; i++) picked[i] = this.origin.rows[rows[i]];
    const tombstones = this.tombstones && takeBits(this.tombstones, rows);
    const take = (of: RecordBatch) => rows.length === 0 ? emptyBatch(of.schema) : takeBatch(of, rows);
    const origin = { ...this.origin, rows: picked };
    const keys = this.keys && take(this.keys);
    return new SinkBatch(
      take(this.data),
      origin,
      this.from,
      this.to,
      tombstones,
      keys,
      takeChanges(this.changes, rows),
    );
  }

  /** The rows as objects: for custom transforms and simple sinks; slow. */
  *records(): Generator<SinkRecord> {
    for (let row = 0; row < this.numRows; row++) {
      yield {
        topic: this.topic,
        partition: this.partition,
        offset: this.offset(row),
        timestampMs: this.timestampMs(row),
        key: this.key(row),
        headers: this.headers(row),
        value: this.isTombstone(row) ? null : this.data.get(row) as StructRow,
      };
    }
  }

  #with(other: Partial<Pick<SinkBatch, "data" | "tombstones" | "keys" | "changes">>): SinkBatch {
    const { data = this.data, tombstones = this.tombstones, keys = this.keys, changes = this.changes } = other;
    return new SinkBatch(data, this.origin, this.from, this.to, tombstones, keys, changes);
  }
}

function takeBits(bits: Uint8Array, rows: Int32Array): Uint8Array {
  const taken = new Uint8Array((rows.length + 7) >> 3);
  for (let i = 0; i < rows.length; i++) {
    if (bits[rows[i] >> 3] & (1 << (rows[i] & 7))) taken[i >> 3] |= 1 << (i & 7);
  }
  return taken;
}

function takeChanges(changes: Changes | null, rows: Int32Array): Changes | null {
  if (changes === null) return null;
  const { headers, topics, keyless } = changes;
  const pick = <T>(of: readonly T[]): T[] => Array.from(rows, (row) => of[row]);
  return {
    ...changes,
    ...(headers && { headers: pick(headers) }),
    ...(topics !== undefined && { topics: typeof topics === "string" ? topics : pick(topics) }),
    ...(keyless && { keyless: takeBits(keyless, rows) }),
  };
}
