/**
 * One open data file: batches are encoded as they come, row groups are written out as they are complete, statistics grow
 * along.
 *
 * @module
 */
import type { RecordBatch, Schema } from "apache-arrow";
import { FatalError, RetriableError } from "../../mod.ts";
import { formatStats } from "./delta/stats.ts";
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
  readonly zstdLevel: number;
  readonly deltaEncodings: boolean;
  readonly bloomColumns: readonly string[];
  /** Runs what encodes; for who counts the time of it. */
  readonly encode?: <T>(run: () => T) => T;
}

/** A file that no version names yet. */
export class DataFile {
  /** Keys of the Kafka partitions whose rows are in it. */
  readonly sources = new Set<string>();
  #writer: ObjectWriter | null = null;
  #failure: { readonly error: unknown } | null = null;
  readonly #parquet: ParquetFile;
  readonly #encode: <T>(run: () => T) => T;

  constructor(private readonly options: DataFileOptions) {
    this.#encode = options.encode ?? ((run) => run());
    this.#parquet = createParquetFile(options);
  }

  get rows(): number {
    return this.#parquet.rows;
  }

  /** Memory of the row group that is not complete: `flush` frees it. */
  get waitingBytes(): number {
    return this.#parquet.bufferedBytes;
  }

  /** Memory: that, and what the storage holds until it has sent it. */
  get bufferedBytes(): number {
    return this.waitingBytes + (this.#writer?.bufferedBytes ?? 0);
  }

  /** Bytes of the file so far; what waits for its page to be full is not in it. */
  get writtenBytes(): number {
    return this.#parquet.bytes + this.#parquet.pageBytes;
  }

  /** Takes rows, whose buffers are free afterwards; writes a row group out where it is complete. */
  async append(batch: RecordBatch, source: string): Promise<void> {
    this.sources.add(source);
    const chunks = this.#encode(() => this.#parquet.append(batch));
    if (chunks.length > 0) await this.#write(chunks);
  }

  /** Completes the row group and writes it out. */
  async flush(): Promise<void> {
    const chunks = this.#encode(() => this.#parquet.flush());
    if (chunks.length > 0) await this.#write(chunks);
  }

  /** Makes the file durable. */
  async close(nowMs: number): Promise<StagedFile> {
    await this.#write(this.#encode(() => this.#parquet.finish()));
    const size = await this.#store(() => this.#writer!.close());
    return {
      path: this.options.path,
      size,
      rows: this.rows,
      partitionValues: this.options.partitionValues,
      stats: formatStats(this.rows, this.#parquet.columns),
      modificationTimeMs: nowMs,
    };
  }

  /** Leaves nothing behind. */
  async abort(): Promise<void> {
    this.#parquet.abort();
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
