/**
 * What a task of the Delta sink hands to its committer: plain data about files that are durable and unnamed.
 *
 * @module
 */

/** A data file in the table's folder that no version names yet. */
export interface StagedFile {
  /** Relative to the table, as in `add.path` before URI encoding, e.g. `date=2026-11-21/part-<uuid>.zstd.parquet`. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly rows: number;
  /** Every partition column; null for null. Values as DELTA.md 5 writes them. */
  readonly partitionValues: Readonly<Record<string, string | null>>;
  /** The `stats` string of the `add`. */
  readonly stats: string;
  /** ms since 1970 UTC. */
  readonly modificationTimeMs: number;
}

/** The staged part of a share: `Share<DeltaStaged>`. */
export interface DeltaStaged {
  /** Delta schema JSON of the rows, partition columns included; null where the share has offsets but no rows. */
  readonly schema: string | null;
  /** Names of the partition columns, in order: what the table is created with, and must have. */
  readonly partitionColumns: readonly string[];
  readonly files: readonly StagedFile[];
  /** When the oldest of the files was written, ms since 1970 UTC: an old share is looked up before it commits. */
  readonly preparedAtMs: number;
}
