/**
 * Classic checkpoints as rows: which there are, and back to actions (Delta protocol, "Checkpoint Schema").
 *
 * @module
 */
import { FatalError } from "../../../mod.ts";
import type { Row, RowField, RowType } from "../parquet/rows.ts";
import type { Action, Add, DeletionVector, Remove } from "./actions.ts";
import { parseIntervalMs } from "./interval.ts";
import { property, type Snapshot } from "./snapshot.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const TOMBSTONE_RETENTION_MS = 7 * DAY_MS;
const STRINGS: RowType = { map: "string" };

const DELETION_VECTOR: RowField = {
  name: "deletionVector",
  type: {
    struct: [
      { name: "storageType", type: "string" },
      { name: "pathOrInlineDv", type: "string" },
      { name: "offset", type: "int" },
      { name: "sizeInBytes", type: "int" },
      { name: "cardinality", type: "long" },
    ],
  },
};

/** The columns of a classic checkpoint: one of them is not null in each row. */
export const CHECKPOINT_FIELDS: readonly RowField[] = [
  struct("txn", [
    { name: "appId", type: "string" },
    { name: "version", type: "long" },
    { name: "lastUpdated", type: "long" },
  ]),
  struct("add", [
    { name: "path", type: "string" },
    { name: "partitionValues", type: STRINGS },
    { name: "size", type: "long" },
    { name: "modificationTime", type: "long" },
    { name: "dataChange", type: "boolean" },
    { name: "tags", type: STRINGS },
    DELETION_VECTOR,
    { name: "baseRowId", type: "long" },
    { name: "defaultRowCommitVersion", type: "long" },
    { name: "clusteringProvider", type: "string" },
    { name: "stats", type: "string" },
  ]),
  struct("remove", [
    { name: "path", type: "string" },
    { name: "deletionTimestamp", type: "long" },
    { name: "dataChange", type: "boolean" },
    { name: "extendedFileMetadata", type: "boolean" },
    { name: "partitionValues", type: STRINGS },
    { name: "size", type: "long" },
    DELETION_VECTOR,
  ]),
  struct("metaData", [
    { name: "id", type: "string" },
    { name: "name", type: "string" },
    { name: "description", type: "string" },
    struct("format", [{ name: "provider", type: "string" }, { name: "options", type: STRINGS }]),
    { name: "schemaString", type: "string" },
    { name: "partitionColumns", type: { list: "string" } },
    { name: "configuration", type: STRINGS },
    { name: "createdTime", type: "long" },
  ]),
  struct("protocol", [
    { name: "minReaderVersion", type: "int" },
    { name: "minWriterVersion", type: "int" },
    { name: "readerFeatures", type: { list: "string" } },
    { name: "writerFeatures", type: { list: "string" } },
  ]),
  struct("domainMetadata", [
    { name: "domain", type: "string" },
    { name: "configuration", type: "string" },
    { name: "removed", type: "boolean" },
  ]),
];

/** The columns that a snapshot without files needs. */
export const CHECKPOINT_COLUMNS_WITHOUT_FILES = ["txn", "metaData", "protocol", "domainMetadata"];

/** A row for all that a reader needs at this version: every txn and domain, all files, and tombstones of late. */
export function checkpointRows(snapshot: Snapshot, nowMs: number): Row[] {
  if (snapshot.files === null) throw new Error("Cannot make a checkpoint: the snapshot has no files");
  const { protocol, metadata, txns, txnTimesMs, domains, files } = snapshot;
  const format = { provider: metadata.format.provider, options: metadata.format.options ?? {} };
  const metaData = { ...metadata, format, configuration: metadata.configuration ?? {} };
  const rows: Row[] = [{ protocol }, { metaData }];
  for (const [appId, version] of txns) rows.push({ txn: { appId, version, lastUpdated: txnTimesMs.get(appId) } });
  for (const domainMetadata of domains.values()) rows.push({ domainMetadata });
  for (const add of files.adds.values()) rows.push({ add: { ...add, dataChange: false } });
  const oldestMs = nowMs - tombstoneRetentionMs(snapshot);
  for (const remove of files.removes.values()) {
    if ((remove.deletionTimestamp ?? 0) > oldestMs) rows.push({ remove: { ...remove, dataChange: false } });
  }
  return rows;
}

/** The action of a row. */
export function actionOfRow(row: Row): Action {
  const { txn, add, remove, metaData, protocol, domainMetadata } = withoutNulls(row) as Action;
  if (txn) return { txn: { ...txn, version: BigInt(txn.version), lastUpdated: numbered(txn.lastUpdated) } };
  if (add) return { add: addOf(add) };
  if (remove) return { remove: removeOf(remove) };
  if (metaData) return { metaData: { ...metaData, createdTime: numbered(metaData.createdTime) } };
  if (protocol) return { protocol };
  return domainMetadata ? { domainMetadata } : {};
}

/** What `_last_checkpoint` says about a checkpoint. */
export function lastCheckpointJson(version: bigint, rows: readonly Row[], sizeInBytes: number): string {
  const numOfAddFiles = rows.filter((row) => row.add).length;
  return JSON.stringify({ version: Number(version), size: rows.length, sizeInBytes, numOfAddFiles });
}

function tombstoneRetentionMs(snapshot: Snapshot): number {
  const key = "delta.deletedFileRetentionDuration";
  const text = property(snapshot, key);
  if (text === null) return TOMBSTONE_RETENTION_MS;
  const ms = parseIntervalMs(text);
  if (ms === null) {
    throw new FatalError(`Cannot read the table property ${key} = "${text}": want e.g. "interval 7 days"`);
  }
  return ms;
}

function addOf(add: Add): Add {
  return {
    ...add,
    size: Number(add.size),
    modificationTime: Number(add.modificationTime),
    partitionValues: add.partitionValues ?? {},
    ...vectorOf(add),
  };
}

function removeOf(remove: Remove): Remove {
  const { deletionTimestamp, size } = remove;
  return {
    ...remove,
    deletionTimestamp: numbered(deletionTimestamp),
    size: numbered(size),
    ...vectorOf(remove),
  };
}

function vectorOf({ deletionVector }: { deletionVector?: DeletionVector | null }): { deletionVector?: DeletionVector } {
  return deletionVector ? { deletionVector } : {};
}

function numbered(value: number | bigint | null | undefined): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}

/** Absent fields of structs as absent; nulls within maps (partition values) stay. */
function withoutNulls(row: Row): Row {
  const found = Object.entries(row).find(([, value]) => value !== null && value !== undefined);
  if (!found) return {};
  const fields = Object.entries(found[1] as Row).filter(([, value]) => value !== null && value !== undefined);
  return { [found[0]]: Object.fromEntries(fields) };
}

function struct(name: string, fields: readonly RowField[]): RowField {
  return { name, type: { struct: fields } };
}
