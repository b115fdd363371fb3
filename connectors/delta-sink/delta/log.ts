/**
 * The names in `_delta_log`, and which files make up a version.
 *
 * @module
 */
import { FatalError } from "../../../mod.ts";

/** The folder of the log. */
export const LOG_FOLDER = "_delta_log";
/** A hint about the newest checkpoint: a reader is right without it. */
export const LAST_CHECKPOINT = `${LOG_FOLDER}/_last_checkpoint`;

/** The commit file of a version, e.g. `_delta_log/00000000000000000012.json`. */
export function commitPath(version: bigint): string {
  return `${LOG_FOLDER}/${padded(version)}.json`;
}

/** The classic checkpoint of a version. */
export function checkpointPath(version: bigint): string {
  return `${LOG_FOLDER}/${padded(version)}.checkpoint.parquet`;
}

/** A path that sorts before all files of a version and after those of older ones: a listing starts there. */
export function beforeVersion(version: bigint): string {
  return `${LOG_FOLDER}/${padded(version)}`;
}

/** What a name in the log means to us. */
export type LogFile =
  | { readonly kind: "commit"; readonly version: bigint }
  | { readonly kind: "checkpoint"; readonly version: bigint; readonly part: number; readonly parts: number }
  | { readonly kind: "other" };

/** Reads a path in the log. Checkpoints of the V2 form, checksums, compacted logs and hidden files are "other". */
function parseLogPath(path: string): LogFile {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const commit = /^(\d{20})\.json$/.exec(name);
  if (commit) return { kind: "commit", version: BigInt(commit[1]) };
  const whole = /^(\d{20})\.checkpoint\.parquet$/.exec(name);
  if (whole) return { kind: "checkpoint", version: BigInt(whole[1]), part: 1, parts: 1 };
  const part = /^(\d{20})\.checkpoint\.(\d{10})\.(\d{10})\.parquet$/.exec(name);
  if (part) return { kind: "checkpoint", version: BigInt(part[1]), part: Number(part[2]), parts: Number(part[3]) };
  return { kind: "other" };
}

/** The files that a version is read from: a checkpoint (its parts in order), then the commits after it. */
export interface LogSegment {
  readonly version: bigint;
  readonly checkpoint: { readonly version: bigint; readonly paths: readonly string[] } | null;
  readonly commits: readonly bigint[];
}

/**
 * Picks the files for the newest version, or for `at`. Null where there is no table. Throws FatalError where commits are
 * missing between the checkpoint and the version.
 */
export function chooseSegment(paths: readonly string[], at?: bigint): LogSegment | null {
  const commits = new Set<bigint>();
  const checkpoints = new Map<string, { version: bigint; paths: string[]; parts: number }>();
  for (const path of paths) {
    const file = parseLogPath(path);
    if (file.kind === "other" || (at !== undefined && file.version > at)) continue;
    if (file.kind === "commit") {
      commits.add(file.version);
      continue;
    }
    const key = `${file.version}/${file.parts}`;
    const checkpoint = checkpoints.get(key) ?? { version: file.version, paths: [], parts: file.parts };
    checkpoint.paths[file.part - 1] = path;
    checkpoints.set(key, checkpoint);
  }
  const complete = [...checkpoints.values()].filter((c) => Object.keys(c.paths).length === c.parts);
  const checkpoint = complete.reduce<typeof complete[0] | null>((a, b) => a && a.version >= b.version ? a : b, null);
  const after = [...commits].filter((v) => checkpoint === null || v > checkpoint.version).sort(ascending);
  if (checkpoint === null && after.length === 0) return null;
  let next = checkpoint === null ? 0n : checkpoint.version + 1n;
  for (const version of after) {
    if (version !== next) throw new FatalError(missing(next, version));
    next++;
  }
  if (at !== undefined && next - 1n !== at) {
    throw new FatalError(`Cannot read version ${at}: the log ends at ${next - 1n}`);
  }
  const from = checkpoint && { version: checkpoint.version, paths: checkpoint.paths };
  return { version: next - 1n, checkpoint: from, commits: after };
}

function missing(wanted: bigint, found: bigint): string {
  return `Cannot read the log: version ${wanted} is missing, current next version is ${found}, and no checkpoint that ` +
    `we can read covers it (a checkpoint of the V2 form is not supported). Restore the file or write a classic checkpoint`;
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function padded(version: bigint): string {
  return String(version).padStart(20, "0");
}
