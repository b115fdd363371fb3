/**
 * The actions of Delta's log and their JSON lines. Actions and fields that we do not know are kept or ignored, never an
 * error (Delta protocol, "Actions"). Integers beyond 2^53 stay exact: `txn.version` is an offset of Kafka's.
 *
 * @module
 */
import { FatalError } from "../../../mod.ts";

/** Who may read and write the table. The feature lists exist only at 3/7. */
export interface Protocol {
  readonly minReaderVersion: number;
  readonly minWriterVersion: number;
  readonly readerFeatures?: readonly string[];
  readonly writerFeatures?: readonly string[];
}

/** The table's schema and properties. */
export interface Metadata {
  readonly id: string;
  readonly name?: string | null;
  readonly description?: string | null;
  readonly format: { readonly provider: string; readonly options?: Readonly<Record<string, string>> };
  readonly schemaString: string;
  readonly partitionColumns: readonly string[];
  readonly configuration?: Readonly<Record<string, string>>;
  readonly createdTime?: number | null;
}

/** The progress of an application; the latest for an `appId` counts. */
export interface Txn {
  readonly appId: string;
  readonly version: bigint;
  /** ms since 1970 UTC. */
  readonly lastUpdated?: number | null;
}

/** Where a file's deleted rows are listed. */
export interface DeletionVector {
  readonly storageType: string;
  readonly pathOrInlineDv: string;
  readonly offset?: number | null;
  readonly sizeInBytes: number;
  readonly cardinality: number | bigint;
}

/** A data file that belongs to the table from this version on. */
export interface Add {
  /** Relative to the table and URI-encoded. */
  readonly path: string;
  readonly partitionValues: Readonly<Record<string, string | null>>;
  readonly size: number;
  readonly modificationTime: number;
  readonly dataChange: boolean;
  readonly stats?: string | null;
  readonly tags?: Readonly<Record<string, string | null>> | null;
  readonly deletionVector?: DeletionVector | null;
  readonly baseRowId?: number | bigint | null;
  readonly defaultRowCommitVersion?: number | bigint | null;
  readonly clusteringProvider?: string | null;
}

/** A data file that no longer belongs to it: a tombstone. */
export interface Remove {
  readonly path: string;
  readonly deletionTimestamp?: number | null;
  readonly dataChange: boolean;
  readonly extendedFileMetadata?: boolean | null;
  readonly partitionValues?: Readonly<Record<string, string | null>> | null;
  readonly size?: number | null;
  readonly deletionVector?: DeletionVector | null;
}

/** Settings of a table feature. */
export interface DomainMetadata {
  readonly domain: string;
  readonly configuration: string;
  readonly removed: boolean;
}

/** Free JSON about the commit. `txnId` tells whose it is. */
export interface CommitInfo {
  readonly txnId?: string;
  readonly timestamp?: number;
  readonly [field: string]: unknown;
}

/** One line: one of these is present, or none where we do not know it. */
export interface Action {
  readonly commitInfo?: CommitInfo;
  readonly protocol?: Protocol;
  readonly metaData?: Metadata;
  readonly txn?: Txn;
  readonly add?: Add;
  readonly remove?: Remove;
  readonly domainMetadata?: DomainMetadata;
}

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/** The actions of a commit file. `what` names the file in the error for a line that is not JSON. */
export function parseActions(bytes: Uint8Array, what: string): Action[] {
  const actions: Action[] = [];
  let line = 0;
  try {
    for (const text of decoder.decode(bytes).split("\n")) {
      line++;
      if (text.trim() !== "") actions.push(parseAction(text));
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new FatalError(`Cannot read ${what}: line ${line} is not an action: ${why}`, { cause: error });
  }
  return actions;
}

/** A commit file: a line for each action, in order. */
export function serializeActions(actions: readonly Action[]): Uint8Array {
  return encoder.encode(actions.map((action) => JSON.stringify(action, bigintsAsNumbers) + "\n").join(""));
}

/** What tells files apart in the log: a path, with its deletion vector (Delta protocol, "Add File and Remove File"). */
export function fileKey({ path, deletionVector }: Pick<Add, "path" | "deletionVector">): string {
  if (!deletionVector) return path;
  const { storageType, pathOrInlineDv, offset } = deletionVector;
  return `${path}\n${storageType}${pathOrInlineDv}${offset === undefined || offset === null ? "" : `@${offset}`}`;
}

/** `add.path` of a file: RFC 2396, by segments; `=` stays, as every writer leaves it. */
export function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/").replaceAll("%3D", "=");
}

/** The file of an `add.path`. */
export function decodePath(path: string): string {
  return decodeURIComponent(path);
}

function parseAction(text: string): Action {
  // Only a line that may hold a long number pays for the exact reading of it.
  const parsed = /\d{16}/.test(text) ? JSON.parse(text, exactIntegers as Reviver) : JSON.parse(text);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw new Error("an object is wanted");
  if (!parsed.txn) return parsed;
  return { ...parsed, txn: { ...parsed.txn, version: BigInt(parsed.txn.version) } };
}

type Reviver = (key: string, value: unknown) => unknown;

function exactIntegers(_key: string, value: unknown, context: { source?: string }): unknown {
  const isLong = typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source ?? "");
  return isLong ? BigInt(context.source!) : value;
}

const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

function bigintsAsNumbers(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? rawJSON(String(value)) : value;
}
