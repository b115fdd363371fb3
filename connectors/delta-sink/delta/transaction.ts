/**
 * A version's commit as actions, in the order that readers want: commitInfo first.
 *
 * @module
 */
import { type Action, type Add, encodePath, type Metadata, type Protocol, serializeActions } from "./actions.ts";

/** A data file to add: plain data. */
export interface NewFile {
  /** Relative to the table, not yet URI-encoded, e.g. `date=2026-11-21/part-<uuid>.zstd.parquet`. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly rows: number;
  /** Of every partition column, as the protocol writes values; null for null. */
  readonly partitionValues: Readonly<Record<string, string | null>>;
  /** The `stats` string of the `add`. */
  readonly stats: string;
  /** ms since 1970 UTC. */
  readonly modificationTimeMs: number;
}

/** What a version changes. */
export interface Transaction {
  /** A UUID of this transaction: whose commit it is. */
  readonly txnId: string;
  /** The version that it builds on; -1 creates the table. */
  readonly readVersion: bigint;
  /** Wall time, ms since 1970 UTC. */
  readonly timestampMs: number;
  readonly engineInfo: string;
  readonly queryId: string;
  /** What `commitInfo` calls it; a streaming update where it says nothing. */
  readonly operation?: string;
  readonly epoch: number;
  readonly protocol: Protocol | null;
  readonly metadata: Metadata | null;
  /** The new progress by app id. */
  readonly txns: ReadonlyMap<string, bigint>;
  readonly files: readonly NewFile[];
  /** For audits; strings. */
  readonly tags: Readonly<Record<string, string>>;
  readonly userMetadata: string;
}

/** The bytes of the commit file. */
export function transactionBytes(transaction: Transaction): Uint8Array {
  return serializeActions(transactionActions(transaction));
}

/** The actions of the commit. It reads no file of the table, so that it is a blind append, also where it adds columns. */
function transactionActions(transaction: Transaction): Action[] {
  const { protocol, metadata, txns, files, timestampMs } = transaction;
  const actions: Action[] = [{ commitInfo: commitInfo(transaction) }];
  if (protocol) actions.push({ protocol });
  if (metadata) actions.push({ metaData: metadata });
  for (const [appId, version] of txns) actions.push({ txn: { appId, version, lastUpdated: timestampMs } });
  for (const file of files) actions.push({ add: addOf(file) });
  return actions;
}

function commitInfo(transaction: Transaction): Record<string, unknown> {
  const { timestampMs, readVersion, engineInfo, queryId, epoch, txnId, files, tags, userMetadata } = transaction;
  const { operation = "STREAMING UPDATE" } = transaction;
  return {
    timestamp: timestampMs,
    operation,
    operationParameters: { outputMode: "Append", queryId, epochId: String(epoch) },
    operationMetrics: {
      numOutputRows: String(sum(files.map((file) => file.rows))),
      numOutputBytes: String(sum(files.map((file) => file.size))),
      numAddedFiles: String(files.length),
      numRemovedFiles: "0",
    },
    ...(readVersion >= 0n ? { readVersion } : {}),
    isolationLevel: "WriteSerializable",
    isBlindAppend: true,
    engineInfo,
    txnId,
    tags,
    userMetadata,
  };
}

function addOf({ path, size, partitionValues, stats, modificationTimeMs }: NewFile): Add {
  const modificationTime = Math.trunc(modificationTimeMs);
  return { path: encodePath(path), partitionValues, size, modificationTime, dataChange: true, stats };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
