/**
 * The state of a table at a version, replayed from actions. Two levels: what a committer needs (protocol, metadata,
 * txns), and, only when asked for, the files too.
 *
 * @module
 */
import { FatalError } from "../../../mod.ts";
import {
  type Action,
  type Add,
  type DomainMetadata,
  fileKey,
  type Metadata,
  type Protocol,
  type Remove,
} from "./actions.ts";

/** A table at a version. Never changed: `advance` makes the next one. */
export interface Snapshot {
  readonly version: bigint;
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  /** Progress by app id. */
  readonly txns: ReadonlyMap<string, bigint>;
  /** When each was written, ms since 1970 UTC, where the log says so. */
  readonly txnTimesMs: ReadonlyMap<string, number>;
  readonly domains: ReadonlyMap<string, DomainMetadata>;
  /** The version of the newest checkpoint that was seen; -1 where there is none. */
  readonly checkpointVersion: bigint;
  /** Null unless asked for. */
  readonly files: FileState | null;
}

/** The files of a table, and the tombstones of those that left it; by `fileKey`. */
export interface FileState {
  readonly adds: ReadonlyMap<string, Add>;
  readonly removes: ReadonlyMap<string, Remove>;
}

/** Replays actions, oldest first: those of a checkpoint, then those of commits. */
export class Replay {
  #protocol: Protocol | null = null;
  #metadata: Metadata | null = null;
  readonly #txns = new Map<string, bigint>();
  readonly #txnTimesMs = new Map<string, number>();
  readonly #domains = new Map<string, DomainMetadata>();
  readonly #adds = new Map<string, Add>();
  readonly #removes = new Map<string, Remove>();

  /** `files` = false leaves adds and removes out. */
  constructor(readonly files: boolean) {}

  /** Starts where a snapshot stands. */
  static from(base: Snapshot): Replay {
    const replay = new Replay(base.files !== null);
    replay.#protocol = base.protocol;
    replay.#metadata = base.metadata;
    copyInto(replay.#txns, base.txns);
    copyInto(replay.#txnTimesMs, base.txnTimesMs);
    copyInto(replay.#domains, base.domains);
    copyInto(replay.#adds, base.files?.adds ?? new Map());
    copyInto(replay.#removes, base.files?.removes ?? new Map());
    return replay;
  }

  apply(action: Action): void {
    const { protocol, metaData, txn, domainMetadata } = action;
    if (protocol) this.#protocol = protocol;
    else if (metaData) this.#metadata = metaData;
    else if (txn) {
      this.#txns.set(txn.appId, txn.version);
      if (typeof txn.lastUpdated === "number") this.#txnTimesMs.set(txn.appId, txn.lastUpdated);
      else this.#txnTimesMs.delete(txn.appId);
    } else if (domainMetadata?.removed) this.#domains.delete(domainMetadata.domain);
    else if (domainMetadata) this.#domains.set(domainMetadata.domain, domainMetadata);
    else if (this.files) this.#applyFile(action);
  }

  #applyFile({ add, remove }: Action): void {
    if (add) {
      this.#adds.set(fileKey(add), add);
      this.#removes.delete(fileKey(add));
    } else if (remove) {
      this.#adds.delete(fileKey(remove));
      this.#removes.set(fileKey(remove), remove);
    }
  }

  /** Throws FatalError where the actions are not a whole table. */
  snapshot(version: bigint, checkpointVersion: bigint): Snapshot {
    if (this.#protocol === null || this.#metadata === null) {
      const lacks = this.#protocol === null ? "protocol" : "metaData";
      throw new FatalError(`Cannot read version ${version} of the table: its log has no ${lacks} action`);
    }
    return {
      version,
      protocol: this.#protocol,
      metadata: this.#metadata,
      txns: this.#txns,
      txnTimesMs: this.#txnTimesMs,
      domains: this.#domains,
      checkpointVersion,
      files: this.files ? { adds: this.#adds, removes: this.#removes } : null,
    };
  }
}

/** The snapshot after the next commits, in order; a null base is a table that does not exist yet. */
export function advance(base: Snapshot | null, commits: readonly (readonly Action[])[], files = false): Snapshot {
  const replay = base ? Replay.from(base) : new Replay(files);
  for (const commit of commits) for (const action of commit) replay.apply(action);
  return replay.snapshot((base?.version ?? -1n) + BigInt(commits.length), base?.checkpointVersion ?? -1n);
}

/** A table property, or null. */
export function property({ metadata }: Pick<Snapshot, "metadata">, key: string): string | null {
  return metadata.configuration?.[key] ?? null;
}

function copyInto<V>(into: Map<string, V>, from: ReadonlyMap<string, V>): void {
  for (const [key, value] of from) into.set(key, value);
}
