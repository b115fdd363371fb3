/**
 * Which schemas fit the table as it will be after this commit, and what the commit changes about it.
 *
 * @module
 */
import { FatalError, type OffsetRange } from "../../../mod.ts";
import type { Metadata, Protocol } from "../delta/actions.ts";
import { allowsTimestampNtz, assertWritable, DEFAULT_PROTOCOL, withTimestampNtz } from "../delta/protocol.ts";
import { compareSchemas } from "../delta/compare_schemas.ts";
import { type DeltaStruct, parseDeltaSchema, usesTimestampNtz } from "../delta/schema.ts";
import type { Snapshot } from "../delta/snapshot.ts";

/** The part of a share that the plan needs. */
export interface Proposal {
  readonly id: string;
  readonly ranges: readonly OffsetRange[];
  readonly staged: { readonly schema: string | null; readonly partitionColumns: readonly string[] };
}

/** How tables may be changed. */
export interface SchemaRules {
  readonly table: string;
  readonly evolution: "none" | "add";
  readonly autoCreateTable: boolean;
  readonly allowProtocolUpgrade: boolean;
  /** Of a table that is created. */
  readonly tableProperties: Readonly<Record<string, string>>;
  readonly uuid: () => string;
  /** Wall time, ms since 1970 UTC. */
  readonly nowMs: number;
}

/** The actions that the commit needs besides, and who cannot take part. */
export interface SchemaPlan {
  readonly protocol: Protocol | null;
  readonly metadata: Metadata | null;
  /** Ids of proposals whose schema does not fit. */
  readonly conflicting: ReadonlySet<string>;
}

const EMPTY: DeltaStruct = { type: "struct", fields: [] };

/** Table properties that need a protocol of their own, which we do not create. */
const PROTOCOL_PROPERTIES =
  /^delta\.(feature\.|enable(ChangeDataFeed|DeletionVectors|RowTracking|InCommitTimestamps|TypeWidening|IcebergCompat)|columnMapping\.)/i;

/**
 * Plans for the shares that the offsets admit. The proposal of the lowest partition counts first. A table without columns
 * (one that so far has offsets alone) takes its columns and partition columns from the first rows, as a new one does.
 * Throws FatalError where a person must decide.
 */
export function planSchema(snapshot: Snapshot | null, proposals: readonly Proposal[], rules: SchemaRules): SchemaPlan {
  if (snapshot === null && !rules.autoCreateTable) {
    throw new FatalError(
      `Cannot commit table "${rules.table}": there is no table, and auto.create.table is false. Create it, or set ` +
        `auto.create.table to true`,
    );
  }
  const before = snapshot ? parseDeltaSchema(snapshot.metadata.schemaString) : EMPTY;
  let isOpen = before.fields.length === 0;
  let partitionColumns = snapshot?.metadata.partitionColumns ?? [];
  let schema = before;
  const conflicting = new Set<string>();
  for (const { id, staged } of [...proposals].sort(byLowestPartition)) {
    if (staged.schema === null) continue;
    if (isOpen) partitionColumns = staged.partitionColumns;
    assertPartitionColumns(rules.table, partitionColumns, staged.partitionColumns);
    const comparison = compareSchemas(schema, parseDeltaSchema(staged.schema));
    if (comparison.kind === "adds" && (isOpen || rules.evolution === "add")) {
      schema = comparison.merged;
      isOpen = false;
    } else if (comparison.kind !== "subset") conflicting.add(id);
  }
  const metadata = snapshot !== null && schema === before
    ? null
    : { ...(snapshot?.metadata ?? created(rules)), schemaString: JSON.stringify(schema), partitionColumns };
  const protocol = planProtocol(snapshot, schema, rules);
  if (metadata) assertWritable(rules.table, protocol ?? snapshot?.protocol ?? DEFAULT_PROTOCOL, metadata);
  return { protocol, metadata, conflicting };
}

function planProtocol(snapshot: Snapshot | null, schema: DeltaStruct, rules: SchemaRules): Protocol | null {
  const current = snapshot?.protocol ?? DEFAULT_PROTOCOL;
  if (!usesTimestampNtz(schema) || allowsTimestampNtz(current)) return snapshot ? null : current;
  const isNew = snapshot === null || parseDeltaSchema(snapshot.metadata.schemaString).fields.length === 0;
  if (!isNew && !rules.allowProtocolUpgrade) {
    throw new FatalError(
      `Cannot commit table "${rules.table}": a new column is a timestamp_ntz, current protocol is ` +
        `${current.minReaderVersion}/${current.minWriterVersion}, wanted 3/7 with timestampNtz. Set ` +
        `allow.protocol.upgrade to true (old readers then cannot read the table), or convert the column to a timestamp`,
    );
  }
  return withTimestampNtz(current);
}

function created({ table, tableProperties, uuid, nowMs }: SchemaRules): Metadata {
  const refused = Object.keys(tableProperties).filter((key) => PROTOCOL_PROPERTIES.test(key));
  if (refused.length > 0) {
    throw new FatalError(
      `Cannot create table "${table}": the properties ${refused.join(", ")} need table features that are not ` +
        `supported. Leave them out`,
    );
  }
  return {
    id: uuid(),
    name: table.replace(/\/+$/, "").split("/").at(-1) || null,
    format: { provider: "parquet", options: {} },
    schemaString: JSON.stringify(EMPTY),
    partitionColumns: [],
    configuration: tableProperties,
    createdTime: nowMs,
  };
}

function assertPartitionColumns(table: string, current: readonly string[], wanted: readonly string[]): void {
  if (current.length === wanted.length && current.every((name, i) => name === wanted[i])) return;
  throw new FatalError(
    `Cannot commit table "${table}": its partition columns are [${current.join(", ")}], those of the rows are ` +
      `[${wanted.join(", ")}]. Set partition.by to what the table has, or write to another table`,
  );
}

function byLowestPartition(a: Proposal, b: Proposal): number {
  const [x, y] = [lowest(a), lowest(b)];
  return x.topic === y.topic ? x.partition - y.partition : x.topic < y.topic ? -1 : 1;
}

function lowest({ ranges }: Proposal): OffsetRange {
  return ranges.reduce((a, b) => b.topic < a.topic || (b.topic === a.topic && b.partition < a.partition) ? b : a);
}
