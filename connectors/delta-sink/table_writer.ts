/**
 * What a task holds of one table: the schema that it writes with, open files by partition values, and the ranges of the
 * records in them.
 *
 * @module
 */
import { Schema } from "apache-arrow";
import {
  type Clock,
  DataError,
  FatalError,
  type OffsetRange,
  type Offsets,
  partitionKey,
  type Share,
  type SinkBatch,
  type TopicPartition,
} from "../../mod.ts";
import { type DeltaSinkValues, KAFKA_COLUMNS } from "./config.ts";
import { DataFile, type DataFileOptions } from "./data_file.ts";
import { compareSchemas } from "./delta/compare_schemas.ts";
import { arrowToDelta, deltaToArrow } from "./delta/schema.ts";
import { createKafkaColumns, type KafkaColumns } from "./kafka_columns.ts";
import { createProjector, type Projector } from "./project.ts";
import { parsePartitionBy } from "./partition_by.ts";
import { createRouter, type Router } from "./route.ts";
import type { DeltaStaged, StagedFile } from "./staged.ts";
import type { Storage } from "./storage/storage.ts";
import { sameSchema } from "./table_schema.ts";

interface Interval {
  readonly range: TopicPartition & { readonly from: bigint; readonly fromAbsent: boolean };
  to: bigint;
}

/** A file on its way to the storage, or there. */
interface FullFile {
  readonly data: DataFile;
  /** Never left unhandled; who wants the file learns why there is none. */
  readonly staged: Promise<StagedFile>;
}

/** What was put until now, taken out: later rows go to other files. */
export interface Prepared {
  readonly ranges: readonly OffsetRange[];
  /** Makes it durable. Once. Where that fails it is as if it had never been taken out. */
  share(): Promise<Share<DeltaStaged>>;
}

/** What a writer is made of. */
export interface TableWriterParts {
  readonly table: string;
  readonly storage: Storage;
  readonly values: DeltaSinkValues;
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly reject: (batch: SinkBatch, row: number, error: DataError) => void;
  readonly encode?: DataFileOptions["encode"];
  /** The table's schema, partition columns included; null where there is no table, or none with columns. */
  readonly loadSchema: () => Promise<Schema | null>;
}

/** Calls never overlap, but for `Prepared.share()`, which may run beside all others. */
export class TableWriter {
  /** The table's schema plus what this task adds to it. */
  #schema: Schema | null = null;
  /** How often the table's schema was forgotten, and as of which time `#schema` is known: unequal, it is read again. */
  #forgotten = 1;
  #known = 0;
  readonly #kafkaColumns: KafkaColumns;
  readonly #router: Router;
  #projectors = new WeakMap<Schema, Projector>();
  /** `valueSchema` by the schema that it is a part of: the same one gives the same part. */
  readonly #valueSchemas = new WeakMap<Schema, Schema>();
  /** Open files by partition values. */
  readonly #open = new Map<string, DataFile>();
  /** What they were opened with, partition columns included. */
  #fileSchema: Schema | null = null;
  /** Files that take no more rows. */
  #full: FullFile[] = [];
  /** Of all that take no more rows, those that are still on their way to the storage. */
  readonly #closing = new Map<DataFile, PromiseWithResolvers<void>>();
  readonly #intervals = new Map<string, Interval>();
  #oldestMs: number | null = null;
  #timestampMsMax: number | null = null;
  #lastPutMs: number;

  constructor(private readonly parts: TableWriterParts) {
    this.#lastPutMs = parts.clock.monotonic();
    this.#kafkaColumns = createKafkaColumns(parts.values["columns.kafka"]);
    this.#router = createRouter(parts.values["partition.by"]);
  }

  /** Whether nothing is here, and nothing was put since `ms` (monotonic). */
  isIdleSince(ms: number): boolean {
    return this.#intervals.size === 0 && this.#open.size === 0 && this.#closing.size === 0 &&
      this.#full.length === 0 && this.#lastPutMs < ms;
  }

  /** Bytes in memory. */
  get bufferedBytes(): number {
    let sum = 0;
    for (const file of this.#open.values()) sum += file.bufferedBytes;
    for (const file of this.#closing.keys()) sum += file.bufferedBytes;
    return sum;
  }

  /** What is known of the table may be out of date. */
  forgetSchema(): void {
    this.#forgotten++;
  }

  /** The table's schema plus what this task adds to it, or null. */
  async schema(): Promise<Schema | null> {
    // A converter asks while messages are handled: what is forgotten while it is read is read once more.
    while (this.#known !== this.#forgotten) {
      const asOf = this.#forgotten;
      const schema = this.#withUnsent(await this.parts.loadSchema());
      this.#known = asOf;
      if (sameSchema(schema, this.#schema)) continue; // files and projectors go on with the one that they know
      this.#schema = schema;
      this.#projectors = new WeakMap();
    }
    return this.#schema;
  }

  /** The part of it that values bring: without the Kafka columns and derived columns, which are added to them here. */
  async valueSchema(): Promise<Schema | null> {
    const schema = await this.schema();
    if (schema === null) return null;
    let part = this.#valueSchemas.get(schema);
    if (!part) {
      const { values } = this.parts;
      const added = new Set<string>([
        ...values["columns.kafka"].map((name) => KAFKA_COLUMNS[name as keyof typeof KAFKA_COLUMNS]),
        ...parsePartitionBy(values["partition.by"]).filter(({ derive }) => derive !== null).map(({ column }) => column),
      ]);
      part = new Schema(schema.fields.filter(({ name }) => !added.has(name)), schema.metadata);
      this.#valueSchemas.set(schema, part);
    }
    return part;
  }

  /** Takes a batch; `fromAbsent`: the table held no offset of the partition when it was opened, and nothing was put since. */
  async put(batch: SinkBatch, fromAbsent: boolean): Promise<void> {
    this.#lastPutMs = this.parts.clock.monotonic();
    if (batch.numRows > 0) await this.#rows(batch);
    const key = partitionKey(batch);
    const interval = this.#intervals.get(key);
    if (interval) interval.to = batch.to;
    else {
      const { topic, topicId, partition, from, to } = batch;
      this.#intervals.set(key, { range: { topic, topicId, partition, from, fromAbsent }, to });
    }
  }

  /**
   * Frees memory: waits for a file that is on its way, or writes out the row group of the largest open one, or closes it
   * where only the storage holds any.
   */
  async flushLargest(): Promise<void> {
    const closing = [...this.#closing.values()].map(({ promise }) => promise);
    const [largest] = [...this.#open].sort(([, a], [, b]) => b.bufferedBytes - a.bufferedBytes);
    if (closing.length > 0) await Promise.race(closing);
    else if (largest && largest[1].waitingBytes > 0) await largest[1].flush();
    else if (largest) await this.#closeFile(largest[0]).staged;
  }

  /** Phase one: takes out what was put; later rows go to other files. Null where nothing was put since the last time. */
  takeOut(): Prepared | null {
    if (this.#intervals.size === 0) return null;
    const { table, uuid, clock } = this.parts;
    const full = this.#full;
    const open = [...this.#open.values()];
    for (const file of open) this.#closing.set(file, Promise.withResolvers());
    const intervals = new Map(this.#intervals);
    const ranges = [...intervals.values()].map(({ range, to }): OffsetRange => ({ ...range, to }));
    const schema = full.length + open.length > 0 && this.#schema ? JSON.stringify(arrowToDelta(this.#schema)) : null;
    const timestampMsMax = this.#timestampMsMax;
    const preparedAtMs = this.#oldestMs ?? clock.now();
    this.#open.clear();
    this.#reset();
    const share = async (): Promise<Share<DeltaStaged>> => {
      full.push(...open.map((file) => this.#close(file)));
      const ends = await Promise.allSettled(full.map(({ staged }) => staged));
      const failed = ends.find((end) => end.status === "rejected");
      if (failed) {
        this.#putBack(full, intervals);
        throw failed.reason;
      }
      const files = ends.map((end) => (end as PromiseFulfilledResult<StagedFile>).value);
      return {
        id: uuid(),
        table,
        ranges,
        staged: { schema, partitionColumns: this.#router.columns, files, preparedAtMs },
        stats: {
          rows: files.reduce((sum, { rows }) => sum + rows, 0),
          files: files.length,
          bytes: files.reduce((sum, { size }) => sum + size, 0),
          timestampMsMax,
        },
      };
    };
    return { ranges, share };
  }

  /** As if it had never been taken out: a file that failed stays failed, until the partitions in it are closed. */
  #putBack(full: readonly FullFile[], intervals: ReadonlyMap<string, Interval>): void {
    this.#full = [...full, ...this.#full];
    for (const [key, { range, to }] of intervals) {
      this.#intervals.set(key, { range, to: this.#intervals.get(key)?.to ?? to });
    }
  }

  /** A share was stale: what was known of the table is out of date, also for what is still open. */
  async settleStale(files: readonly StagedFile[]): Promise<void> {
    for (const { path } of files) await this.parts.storage.delete(path);
    this.forgetSchema();
  }

  /** Drops what is open and holds rows of these; returns where the others in it are read again. */
  async close(partitions: readonly TopicPartition[]): Promise<Offsets> {
    const gone = new Set(partitions.map(partitionKey));
    const dropped = this.#tiedTo(gone);
    const open = [...this.#open].filter(([, { sources }]) => intersects(sources, dropped));
    const full = this.#full.filter(({ data }) => intersects(data.sources, dropped));
    this.#full = this.#full.filter(({ data }) => !intersects(data.sources, dropped));
    const again: Offsets = [...dropped].filter((key) => !gone.has(key)).map((key) => {
      const { topic, topicId, partition, from } = this.#intervals.get(key)!.range;
      return { topic, topicId, partition, offset: from };
    });
    for (const [key] of open) this.#open.delete(key);
    for (const key of dropped) this.#intervals.delete(key);
    this.forgetSchema();
    // Last, since the storage may fail: nothing of what is gone is ours by then.
    await this.#discard(open.map(([, file]) => file), full);
    return again;
  }

  /** Deletes what no share names. */
  async stop(): Promise<void> {
    const open = [...this.#open.values()];
    const full = this.#full;
    this.#open.clear();
    this.#reset();
    await this.#discard(open, full);
  }

  async #discard(open: readonly DataFile[], full: readonly FullFile[]): Promise<void> {
    const ends = await Promise.allSettled([
      ...open.map((file) => file.abort()),
      ...full.map(({ data, staged }) => staged.then(({ path }) => this.parts.storage.delete(path), () => data.abort())),
    ]);
    const failed = ends.find((end) => end.status === "rejected");
    if (failed) throw failed.reason;
  }

  async #rows(batch: SinkBatch): Promise<void> {
    const fitted = await this.#fit(batch);
    if (fitted.numRows === 0) return;
    for (let row = 0; row < fitted.numRows; row++) {
      this.#timestampMsMax = Math.max(this.#timestampMsMax ?? -Infinity, fitted.timestampMs(row));
    }
    for (const { key, values, directory, data } of this.#router.split(fitted)) {
      if (!this.#open.has(key)) await this.#makeRoom();
      const file = this.#open.get(key) ?? this.#openFile(key, values, directory, data.schema);
      await file.append(data, partitionKey(batch));
      if (file.writtenBytes >= this.parts.values["file.bytes.max"]) this.#closeFile(key);
    }
  }

  /** The batch as the table has it, without the rows that do not fit. */
  async #fit(batch: SinkBatch): Promise<SinkBatch> {
    const rejected = new Set<bigint>();
    const reject: TableWriterParts["reject"] = (of, row, error) => {
      rejected.add(of.offset(row));
      this.parts.reject(of, row, error);
    };
    try {
      const wanted = this.#router.derive(this.#kafkaColumns(batch, reject), reject);
      return (await this.#projector(wanted)).project(wanted, reject);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      // What is wrong with the schema of the batch is wrong with each of its rows, those left that have no error of their own.
      for (let row = 0; row < batch.numRows; row++) if (!rejected.has(batch.offset(row))) reject(batch, row, error);
      return batch.select(new Int32Array(0));
    }
  }

  /** The table's schema as it is now, plus what files that are not prepared yet have added to it. */
  #withUnsent(table: Schema | null): Schema | null {
    if (this.#schema === null || (this.#open.size === 0 && this.#full.length === 0)) return table;
    if (table === null) return this.#schema;
    const compared = compareSchemas(arrowToDelta(table), arrowToDelta(this.#schema));
    if (compared.kind === "conflict") {
      throw new FatalError(
        `Cannot go on writing table "${this.parts.table}": its schema was changed meanwhile to one that open files do ` +
          `not fit (${compared.diff.join("; ")}); the task reads them again`,
      );
    }
    return compared.kind === "adds" ? deltaToArrow(compared.merged) : table;
  }

  /** How rows of this schema fit the table; what they add becomes part of what this task writes. */
  async #projector(batch: SinkBatch): Promise<Projector> {
    const table = await this.schema();
    let projector = this.#projectors.get(batch.data.schema);
    if (!projector) {
      const { values, table: uri } = this.parts;
      projector = createProjector(table, batch.data.schema, values["schema.evolution"], uri);
      if (projector.schema !== table) {
        this.#schema = projector.schema;
        this.#projectors = new WeakMap();
      }
      this.#projectors.set(batch.data.schema, projector);
    }
    if (projector.schema !== this.#fileSchema) {
      // Files have one schema each, whoever added columns: those that are open go on without them, as full files.
      for (const key of [...this.#open.keys()]) await this.#closeFile(key).staged;
      this.#fileSchema = projector.schema;
    }
    return projector;
  }

  /** Closes the largest file early where as many are open as may be: each costs a file handle and buffers. */
  async #makeRoom(): Promise<void> {
    if (this.#open.size < this.parts.values["files.open.max"]) return;
    const [largest] = [...this.#open].reduce((a, b) => a[1].rows >= b[1].rows ? a : b);
    await this.#closeFile(largest).staged;
  }

  #openFile(key: string, partitionValues: DataFileOptions["partitionValues"], directory: string, schema: Schema) {
    const { storage, values, uuid, encode } = this.parts;
    const codec = values["parquet.codec"];
    const name = `part-${uuid()}${codec === "uncompressed" ? "" : `.${codec}`}.parquet`;
    const file = new DataFile({
      storage,
      path: directory === "" ? name : `${directory}/${name}`,
      schema,
      partitionValues,
      codec,
      encode,
      rowGroupBytesMax: values["row.group.bytes.max"],
      zstdLevel: values["parquet.zstd.level"],
      deltaEncodings: values["parquet.delta.encodings"],
      bloomColumns: values["parquet.bloom.columns"],
    });
    this.#open.set(key, file);
    return file;
  }

  /** The file takes no more rows; it is on its way to the storage. */
  #closeFile(key: string): FullFile {
    const file = this.#close(this.#open.get(key)!);
    this.#open.delete(key);
    this.#full.push(file);
    this.#oldestMs ??= this.parts.clock.now();
    return file;
  }

  #close(data: DataFile): FullFile {
    const closed = this.#closing.get(data) ?? Promise.withResolvers<void>();
    this.#closing.set(data, closed);
    const staged = data.close(this.parts.clock.now()).finally(() => {
      this.#closing.delete(data);
      closed.resolve();
    });
    staged.catch(() => {});
    return { data, staged };
  }

  /** These partitions and all whose rows share a file with one of them, directly or by way of others. */
  #tiedTo(gone: ReadonlySet<string>): Set<string> {
    const tied = new Set(gone); // of a put that failed there may be rows in a file and no interval
    const files = [...this.#open.values(), ...this.#full.map(({ data }) => data)].map(({ sources }) => sources);
    for (let size = -1; size !== tied.size;) {
      size = tied.size;
      for (const sources of files) if (intersects(sources, tied)) sources.forEach((key) => tied.add(key));
    }
    return tied;
  }

  #reset(): void {
    this.#full = [];
    this.#intervals.clear();
    this.#oldestMs = null;
    this.#timestampMsMax = null;
  }
}

function intersects(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  for (const key of a) if (b.has(key)) return true;
  return false;
}
