/**
 * One open data file: batches wait in memory until they make a row group, row groups are written out as they are
 * encoded, statistics grow along.
 *
 * @module
 */
import type { RecordBatch, Schema } from "apache-arrow";
import { FatalError, RetriableError } from "../../mod.ts";
import { createStats, type StatsCollector } from "./delta/stats.ts";
import { createParquetFile, type ParquetFile } from "./parquet/parquet_file.ts";
import type { StagedFile } from "./staged.ts";
import type { ObjectWriter, Storage } from "./storage/storage.ts";

/** What a file is opened with. */
export interface DataFileOptions {
  readonly storage: Storage;
  /** Relative to the table. */
  readonly path: string;
  /** The columns in the file: without the partition columns. */
  readonly schema: Schema;
  readonly partitionValues: Readonly<Record<string, string | null>>;
  readonly codec: "zstd" | "snappy" | "uncompressed";
  readonly rowGroupBytesMax: number;
}

/** A file that no version names yet. */
export class DataFile {
  /** Keys of the Kafka partitions whose rows are in it. */
  readonly sources = new Set<string>();
  /** Bytes of batches that wait to be encoded. */
  waitingBytes = 0;
  rows = 0;
  #batches: RecordBatch[] = [];
  #writer: ObjectWriter | null = null;
  #failure: { readonly error: unknown } | null = null;
  readonly #parquet: ParquetFile;
  readonly #stats: StatsCollector;

  constructor(private readonly options: DataFileOptions) {
    this.#parquet = createParquetFile({ schema: options.schema, codec: options.codec });
    this.#stats = createStats(options.schema);
  }

  /** Memory: batches that wait to be encoded, and what the storage holds until it has sent it. */
  get bufferedBytes(): number {
    return this.waitingBytes + (this.#writer?.bufferedBytes ?? 0);
  }

  /** Bytes written so far; what waits is not in it. */
  get writtenBytes(): number {
    return this.#parquet.bytes;
  }

  /** Takes rows; writes a row group out where they have become enough. */
  async append(batch: RecordBatch, source: string): Promise<void> {
    this.sources.add(source);
    this.#batches.push(batch);
    this.waitingBytes += batchBytes(batch);
    this.rows += batch.numRows;
    if (this.waitingBytes >= this.options.rowGroupBytesMax) await this.flush();
  }

  /** Encodes and writes out what waits. */
  async flush(): Promise<void> {
    if (this.#batches.length === 0) return;
    const batches = this.#batches;
    this.#batches = [];
    this.waitingBytes = 0;
    for (const batch of batches) this.#stats.add(batch);
    await this.#write(this.#parquet.appendRowGroup(batches));
  }

  /** Makes the file durable. */
  async close(nowMs: number): Promise<StagedFile> {
    await this.flush();
    await this.#write(this.#parquet.finish());
    const size = await this.#store(() => this.#writer!.close());
    return {
      path: this.options.path,
      size,
      rows: this.rows,
      partitionValues: this.options.partitionValues,
      stats: this.#stats.finish(),
      modificationTimeMs: nowMs,
    };
  }

  /** Leaves nothing behind. */
  async abort(): Promise<void> {
    this.#batches = [];
    this.waitingBytes = 0;
    await this.#writer?.abort();
  }

  async #write(chunks: readonly Uint8Array[]): Promise<void> {
    await this.#store(async () => {
      this.#writer ??= await this.options.storage.openWrite(this.options.path);
      for (const chunk of chunks) await this.#writer.write(chunk);
    });
  }

  /** A file of which a part was not written cannot be mended, whoever asks later: its records are read again. */
  async #store<T>(action: () => Promise<T>): Promise<T> {
    if (this.#failure) throw this.#failure.error;
    try {
      return await action();
    } catch (error) {
      this.#failure = { error: error instanceof RetriableError ? this.#unwritten(error) : error };
      throw this.#failure.error;
    }
  }

  #unwritten(cause: RetriableError): FatalError {
    const { storage, path } = this.options;
    return new FatalError(`Cannot write file "${path}" of table "${storage.uri}": ${cause.message}`, { cause });
  }
}

/** What a column of a batch takes besides its values: the objects around them. */
const COLUMN_BYTES = 1024;

/** Bytes of a batch: hundreds of small ones wait in the files of quiet tables. */
function batchBytes({ data, numCols }: RecordBatch): number {
  return data.byteLength + numCols * COLUMN_BYTES;
}
