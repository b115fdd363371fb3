/**
 * A table as a person or a script wants to see it: `table inspect`.
 *
 * @module
 */
import { parseAppId } from "./committer/app_ids.ts";
import { decodePath } from "./delta/actions.ts";
import { loadSnapshot, readCommit } from "./delta/load.ts";
import { type DeltaStruct, describeDeltaType, parseDeltaSchema } from "./delta/schema.ts";
import { decodeRows, type Row } from "./parquet/rows.ts";
import { type OpenOptions, openStorage } from "./storage/open.ts";
import type { Storage } from "./storage/storage.ts";

/** Plain JSON. */
export interface TableInspection {
  readonly uri: string;
  readonly version: number;
  /** Null where a file has no statistics that count its rows. */
  readonly rows: number | null;
  readonly files: number;
  readonly bytes: number;
  readonly schema: DeltaStruct;
  readonly partitionColumns: readonly string[];
  readonly properties: Readonly<Record<string, string>>;
  readonly protocol: unknown;
  /** The next offset to read, by app id `<app.id>/<topic>/<topicId>/<partition>`. */
  readonly offsets: readonly {
    readonly appId: string;
    readonly topic: string;
    readonly topicId: string;
    readonly partition: number;
    readonly offset: number;
  }[];
  /** The newest first. */
  readonly commits: readonly {
    readonly version: number;
    readonly timestamp: string | null;
    readonly operation: string | null;
    readonly addedFiles: number;
    readonly rows: number | null;
  }[];
}

const COMMITS_SHOWN = 10;

/** Null where there is no table. */
export async function inspectTable(uri: string, options: OpenOptions = {}): Promise<TableInspection | null> {
  const storage = openStorage(uri, options);
  const snapshot = await loadSnapshot(storage, { files: true });
  if (snapshot === null) return null;
  const adds = [...snapshot.files!.adds.values()];
  const counts = adds.map(({ stats }) => stats ? JSON.parse(stats).numRecords as number | undefined : undefined);
  return {
    uri,
    version: Number(snapshot.version),
    rows: counts.every((count) => count !== undefined) ? counts.reduce<number>((sum, count) => sum + count!, 0) : null,
    files: adds.length,
    bytes: adds.reduce((sum, { size }) => sum + Number(size), 0),
    schema: parseDeltaSchema(snapshot.metadata.schemaString),
    partitionColumns: snapshot.metadata.partitionColumns,
    properties: snapshot.metadata.configuration ?? {},
    protocol: snapshot.protocol,
    offsets: [...snapshot.txns].flatMap(([id, offset]) => {
      const parsed = parseAppId(id);
      return parsed ? [{ ...parsed, offset: Number(offset) }] : [];
    }).sort((a, b) => a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition),
    commits: await lastCommits(storage, snapshot.version),
  };
}

/** Some rows of the newest file, for a look; partition columns are not in the file. */
export async function sampleRows(uri: string, count: number, options: OpenOptions = {}): Promise<Row[]> {
  const storage = openStorage(uri, options);
  const snapshot = await loadSnapshot(storage, { files: true });
  const file = snapshot ? [...snapshot.files!.adds.values()].at(-1) : undefined;
  const bytes = file ? await storage.get(decodePath(file.path)) : null;
  if (!bytes) return [];
  const { fields } = parseDeltaSchema(snapshot!.metadata.schemaString);
  const rows = (await decodeRows(bytes)).slice(0, count);
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, shown(value, fields, name)]))
  );
}

/** The reader gives decimals as doubles: their digits end where the column's do. */
function shown(value: unknown, fields: DeltaStruct["fields"], name: string): unknown {
  const type = fields.find((field) => field.name === name)?.type;
  const scale = typeof type === "string" ? /^decimal\(\d+,(\d+)\)$/.exec(type)?.[1] : undefined;
  return scale !== undefined && typeof value === "number" ? Number(value.toFixed(Number(scale))) : value;
}

/** The table in a few lines. */
export function describeTable(table: TableInspection): string {
  const lines = [
    `table        ${table.uri}`,
    `version      ${table.version}`,
    `rows         ${table.rows ?? "unknown"}`,
    `files        ${table.files} (${table.bytes} bytes)`,
    `partitioned  ${table.partitionColumns.join(", ") || "no"}`,
    `protocol     ${JSON.stringify(table.protocol)}`,
    `properties   ${JSON.stringify(table.properties)}`,
    "columns",
    ...table.schema.fields.map(({ name, type, nullable }) =>
      `  ${name}: ${describeDeltaType(type)}${nullable ? "" : " not null"}`
    ),
    "offsets (next to read)",
    ...table.offsets.map(({ appId, topic, partition, offset }) => `  ${topic}-${partition}: ${offset}  (${appId})`),
    "last commits",
    ...table.commits.map(({ version, timestamp, operation, addedFiles, rows }) =>
      `  ${version}  ${timestamp ?? ""}  ${operation ?? ""}  +${addedFiles} files, ${rows ?? "?"} rows`
    ),
  ];
  return lines.join("\n");
}

async function lastCommits(storage: Storage, newest: bigint): Promise<TableInspection["commits"]> {
  const commits: TableInspection["commits"][number][] = [];
  for (let version = newest; version >= 0n && commits.length < COMMITS_SHOWN; version--) {
    const actions = await readCommit(storage, version);
    if (actions === null) break; // cleaned up
    const info = actions.find(({ commitInfo }) => commitInfo)?.commitInfo;
    const metrics = info?.operationMetrics as Record<string, string> | undefined;
    commits.push({
      version: Number(version),
      timestamp: typeof info?.timestamp === "number" || typeof info?.timestamp === "bigint"
        ? new Date(Number(info.timestamp)).toISOString()
        : null,
      operation: (info?.operation as string | undefined) ?? null,
      addedFiles: actions.filter(({ add }) => add).length,
      rows: metrics?.numOutputRows === undefined ? null : Number(metrics.numOutputRows),
    });
  }
  return commits;
}
