/**
 * A table's log as one committer sees it: the snapshot in memory, moved on commit by commit, and the put of the next
 * version, whose answer is pursued until it is certain whose that version is.
 *
 * @module
 */
import { type Clock, FatalError, type Log, RetriableError } from "../../../mod.ts";
import { type Action, parseActions } from "../delta/actions.ts";
import { loadSnapshot, readCommit } from "../delta/load.ts";
import { commitPath } from "../delta/log.ts";
import { assertWritable } from "../delta/protocol.ts";
import { advance, type Snapshot } from "../delta/snapshot.ts";
import type { Storage } from "../storage/storage.ts";

const DELAY_MS = 100;
const DELAY_MS_MAX = 5_000;

/** What a table's log needs of the world. */
export interface TableLogOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** How long a call is repeated before the failure is fatal. */
  readonly timeoutMs: number;
  /** For tests: another's version is never recognized as ours. */
  readonly skipTxnIdCheck?: boolean;
}

/** A version that we tried to create. */
export interface Attempt {
  readonly version: bigint;
  readonly bytes: Uint8Array;
  readonly txnId: string;
}

/** See the module's doc. Calls do not overlap. */
export class TableLog {
  readonly storage: Storage;
  readonly #table: string;
  readonly #options: TableLogOptions;
  #snapshot: Snapshot | null = null;
  #isLoaded = false;
  /** A put without an answer: until it has one, nothing else is put. */
  #pending: Attempt | null = null;

  constructor(table: string, storage: Storage, options: TableLogOptions) {
    this.#table = table;
    this.storage = storage;
    this.#options = options;
  }

  /** The newest version known; null where there is no table. `refresh` comes first. */
  get snapshot(): Snapshot | null {
    return this.#snapshot;
  }

  /** Whether a put has no answer yet. */
  get isInDoubt(): boolean {
    return this.#pending !== null;
  }

  /** What comes before any plan: pursues a put without an answer, reads the log for the first time (true). */
  async settle(): Promise<boolean> {
    if (this.#pending) await this.put(this.#pending);
    if (this.#isLoaded) return false;
    await this.#reload();
    return true;
  }

  /** Moves on to the newest version. Throws FatalError for a table that was replaced, or that we cannot write to. */
  async refresh(): Promise<void> {
    if (this.#pending) await this.put(this.#pending);
    if (this.#snapshot === null || !(await this.isBaseThere())) return await this.#reload();
    while (true) {
      const commit = await this.commitAt(this.#snapshot.version + 1n);
      if (commit === null) return;
      this.#adopt(advance(this.#snapshot, [commit]));
    }
  }

  /**
   * Whether the log still has the version that we build on. Where it has not, the log was cleaned up, or the table
   * deleted, while we were paused: a put of the next version would succeed, and be lost.
   */
  async isBaseThere(): Promise<boolean> {
    const base = this.#snapshot;
    if (base === null) return true;
    return await this.persist("look up the log", () => this.storage.head(commitPath(base.version))) !== null;
  }

  /** The actions of a version, or null. */
  async commitAt(version: bigint): Promise<Action[] | null> {
    return await this.persist(`read version ${version}`, () => readCommit(this.storage, version));
  }

  /**
   * Creates the version after the snapshot's. True: it is ours. False: another writer's. Either way the snapshot moves on
   * to it. An unanswered put is repeated, with the same bytes, until that version exists.
   */
  async put(attempt: Attempt): Promise<boolean> {
    const { version, bytes, txnId } = attempt;
    this.#pending = attempt;
    let unanswered = false;
    let winner: Action[] | null;
    try {
      winner = await this.persist(`commit version ${version}`, async () => {
        const { kind } = await this.storage.putIfAbsent(commitPath(version), bytes);
        if (kind === "created") return parseActions(bytes, "our commit");
        return await readCommit(this.storage, version);
      }, (error) => unanswered ||= error instanceof RetriableError);
    } catch (error) {
      if (!unanswered) this.#pending = null;
      throw error;
    }
    this.#pending = null;
    if (winner === null) {
      throw new FatalError(`Cannot commit table "${this.#table}": version ${version} exists and vanished. Start again`);
    }
    this.#adopt(advance(this.#snapshot, [winner]));
    const isOurs = winner.some(({ commitInfo }) => commitInfo?.txnId === txnId);
    return isOurs && !(this.#options.skipTxnIdCheck ?? false);
  }

  /** Repeats what fails with a RetriableError, with full jitter, until it is through or the time is up. */
  async persist<T>(what: string, work: () => Promise<T>, onError?: (error: unknown) => void): Promise<T> {
    const { clock, random, log, timeoutMs } = this.#options;
    const start = clock.monotonic();
    for (let attempts = 1;; attempts++) {
      try {
        return await work();
      } catch (error) {
        onError?.(error);
        if (!(error instanceof RetriableError)) throw error;
        const elapsedMs = clock.monotonic() - start;
        if (elapsedMs >= timeoutMs) {
          throw new FatalError(
            `Cannot ${what} of table "${this.#table}": gave up after ${attempts} attempts in ${
              Math.round(elapsedMs)
            } ms, ` +
              `the limit is ${timeoutMs} ms: ${error.message}. No file was deleted`,
            { cause: error },
          );
        }
        const fields = { table: this.#table, attempted: what, attempt: attempts, error: error.message };
        log.warn("A call to the table's storage failed and is repeated", fields);
        await clock.sleep(random() * Math.min(DELAY_MS_MAX, DELAY_MS * 2 ** Math.min(attempts - 1, 20)));
      }
    }
  }

  async #reload(): Promise<void> {
    const snapshot = await this.persist("read the log", () => loadSnapshot(this.storage));
    if (snapshot === null && this.#snapshot !== null) {
      throw new FatalError(
        `Cannot commit table "${this.#table}": it was deleted, the last known version is ${this.#snapshot.version}`,
      );
    }
    if (snapshot) this.#adopt(snapshot);
    this.#isLoaded = true;
  }

  #adopt(next: Snapshot): void {
    const before = this.#snapshot;
    const { protocol, metadata } = next;
    if (before && before.metadata.id !== metadata.id) {
      throw new FatalError(
        `Cannot commit table "${this.#table}": it was replaced by another, expected metaData.id ${before.metadata.id}, ` +
          `current value is ${metadata.id}`,
      );
    }
    if (before?.protocol !== protocol || before.metadata !== metadata) assertWritable(this.#table, protocol, metadata);
    this.#snapshot = next;
  }
}
