/**
 * What a task of the Delta sink hands to its committer: plain data about files that are durable and unnamed.
 *
 * @module
 */
import type { NewFile } from "./delta/transaction.ts";

/** A data file in the table's folder that no version names yet. */
export type StagedFile = NewFile;

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
