/**
 * Phase two for Delta tables: ONE new version for the shares of a round, as a compare-and-set on the offsets that the
 * table holds. The atomic put of that version is the decision record: the committer keeps no state that it needs.
 *
 * An attempt runs in this order, again on every version that somebody else won: which shares stand on the table's
 * offsets (`decide.ts`), which of their schemas fit (`schema_plan.ts`), are old files still there; then the put
 * (`table_log.ts`). Nothing is deleted here: the task deletes the files of its stale shares.
 *
 * @module
 */
import {
  type Clock,
  type CommitOutcome,
  type Committer,
  FatalError,
  type Log,
  type Offsets,
  partitionKey,
  type PartitionOffset,
  type Share,
  type StorageUsage,
  type TopicPartition,
} from "../../mod.ts";
import { appIdOf, type AppIdRules, assertOurs, runsOf, tableOffset, tableOffsets } from "./committer/app_ids.ts";
import { auditOf, staleMessage } from "./committer/audit.ts";
import { decide } from "./committer/decide.ts";
import { versionOfShare } from "./committer/past_share.ts";
import { planSchema, type SchemaPlan } from "./committer/schema_plan.ts";
import { TableLog } from "./committer/table_log.ts";
import { property, type Snapshot } from "./delta/snapshot.ts";
import { type Transaction, transactionBytes } from "./delta/transaction.ts";
import { type Checkpointer, createCheckpointer } from "./maintenance/checkpointer.ts";
import { inParallel } from "./in_parallel.ts";
import type { DeltaStaged } from "./staged.ts";
import type { S3Settings } from "./storage/s3/options.ts";
import type { Storage } from "./storage/storage.ts";
import type { StorageMeter } from "./storage/usage.ts";
import project from "../../deno.json" with { type: "json" };

const ENGINE = `sluice/${project.version}`;
const PUT_TIMEOUT_MS = 10 * 60_000;
const CHECKPOINT_INTERVAL = 10;

/** What a commit came to. */
export interface CommittedInfo {
  readonly table: string;
  readonly version: bigint;
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
  /** Puts, those that other writers won included. */
  readonly attempts: number;
  readonly ms: number;
}

/** For tests: parts of the protocol left out, to prove that it breaks without them. */
export interface CommitterFaults {
  readonly skipStaleCheck?: boolean;
  readonly skipTxnIdCheck?: boolean;
  readonly omitOffsets?: boolean;
}

/** What a committer needs to know and to have. A table is named as shares name it. */
export interface DeltaCommitterOptions extends AppIdRules {
  readonly openTable: (table: string) => Storage;
  /** How to reach S3: for the thread of a checkpoint, which opens its table again. */
  readonly s3?: S3Settings;
  /** What `openTable`'s storages count into; checkpoints add theirs. */
  readonly meter?: StorageMeter;
  readonly tableOf: (topic: string) => string;
  readonly schemaEvolution: (table: string) => "none" | "add";
  readonly autoCreateTable: boolean;
  readonly allowProtocolUpgrade: boolean;
  /** Table properties of a table that is created. */
  readonly tableProperties: Readonly<Record<string, string>>;
  /** A share older than this, or than the committer, has its files looked up before it commits. */
  readonly stagedAgeMaxMs: number;
  /** How long storage may fail before a commit is fatal; default 10 minutes. */
  readonly putTimeoutMs?: number;
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly log: Log;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly onCommitted?: (info: CommittedInfo) => void;
  /** Takes checkpoints over; default: they are written in the background, on a thread of their own. */
  readonly onCheckpointDue?: (table: string, version: bigint) => void;
  /** Called for a checkpoint that failed. */
  readonly onCheckpointFailed?: (table: string, version: bigint, error: Error) => void;
  readonly faults?: CommitterFaults;
}

/** A committer; see the module's doc. */
export function createDeltaCommitter(options: DeltaCommitterOptions): DeltaCommitter {
  return new DeltaCommitter(options);
}

type DeltaShare = Share<DeltaStaged>;

interface Table {
  readonly name: string;
  log: TableLog;
  /** The newest timestamp that was committed, by app id, ms since 1970 UTC. */
  newestMs: ReadonlyMap<string, number>;
  /** The version of the newest checkpoint that was asked for. */
  checkpointVersion: bigint;
  /** The end of the last call: calls for a table run one after the other. */
  tail: Promise<unknown>;
}

/** What one attempt would put, and what the shares become then. */
interface Plan {
  readonly accepted: readonly DeltaShare[];
  readonly schema: SchemaPlan;
  readonly outcomes: readonly (CommitOutcome | "commit")[];
}

/** What is known about shares for the length of one call. */
interface CallState {
  readonly missingFiles: Set<string>;
  readonly lookedUp: Set<string>;
  /** Of shares that the table has passed: the version that has them, or null. */
  readonly versions: Map<string, bigint | null>;
}

/** See the module's doc. */
export class DeltaCommitter implements Committer<DeltaStaged> {
  readonly #options: DeltaCommitterOptions;
  readonly #tables = new Map<string, Table>();
  readonly #checkpointer: Checkpointer;
  readonly #madeMs: number;

  constructor(options: DeltaCommitterOptions) {
    this.#options = options;
    this.#madeMs = options.clock.now();
    const { openTable, s3, meter, clock, log, onCheckpointFailed } = options;
    this.#checkpointer = createCheckpointer({ openTable, s3, meter, clock, log, onFailed: onCheckpointFailed });
  }

  async committedOffsets(partitions: readonly TopicPartition[]): Promise<Offsets> {
    const byTable = Map.groupBy(partitions, ({ topic }) => this.#options.tableOf(topic));
    const found = await inParallel([...byTable], ([name, ofTable]) =>
      this.#serially(name, async ({ log }) => {
        await log.refresh();
        assertOurs(name, log.snapshot, this.#options, ofTable);
        return tableOffsets(log.snapshot, this.#options, ofTable);
      }));
    return found.flat();
  }

  replayedOffsets(topic: string): Promise<Offsets> {
    const { appId, tableOf } = this.#options;
    return this.#serially(tableOf(topic), ({ log }) => log.refresh().then(() => runsOf(log.snapshot, appId, topic)));
  }

  async commit(epoch: number, table: string, shares: readonly DeltaShare[]): Promise<readonly CommitOutcome[]> {
    // The same id is the same share, also when it is given twice.
    const unique = new Map(shares.map((share) => [share.id, share]));
    const outcomes = await this.#serially(table, (table) => this.#commit(epoch, table, [...unique.values()]));
    const byId = new Map([...unique.keys()].map((id, i) => [id, outcomes[i]]));
    return shares.map(({ id }) => byId.get(id)!);
  }

  async initialize(at: Offsets): Promise<void> {
    await this.#writeOffsets(at, "start");
  }

  async alterOffsets(at: Offsets): Promise<void> {
    await this.#writeOffsets(at, "alter");
  }

  storageUsage(table: string): readonly StorageUsage[] {
    return this.#options.meter?.snapshot(table) ?? [];
  }

  async stop(): Promise<void> {
    await Promise.allSettled([...this.#tables.values()].map(({ tail }) => tail));
    await this.#checkpointer.stop();
  }

  async #commit(epoch: number, table: Table, shares: readonly DeltaShare[]): Promise<readonly CommitOutcome[]> {
    const { appId, clock, faults, putTimeoutMs = PUT_TIMEOUT_MS } = this.#options;
    const startMs = clock.monotonic();
    const state: CallState = { missingFiles: new Set(), lookedUp: new Set(), versions: new Map() };
    let isFresh = await table.log.settle();
    for (let attempts = 1;;) {
      const plan = await this.#plan(table, shares, state);
      // Nothing is called stale by an old view of the table.
      if (!isFresh && plan.outcomes.some((outcome) => outcome !== "commit")) {
        await table.log.refresh();
        isFresh = true;
        continue;
      }
      if (plan.accepted.length === 0) return plan.outcomes.map((outcome) => settled(outcome, -1n));
      if (await this.#lookUpOldFiles(table, plan.accepted, state)) continue;
      if (await baseMoved(table)) continue;
      const audit = auditOf(appId, plan.accepted, table.log.snapshot?.txns.keys() ?? [], table.newestMs);
      const transaction = this.#transaction(table, plan.schema, {
        epoch,
        txns: faults?.omitOffsets ? new Map() : audit.txns,
        files: plan.accepted.flatMap(({ staged }) => staged.files),
        tags: audit.tags,
        userMetadata: audit.userMetadata,
      });
      if (await this.#put(table, transaction)) {
        const { version } = table.log.snapshot!;
        table.newestMs = audit.newestMs;
        this.#report(table, transaction, attempts, clock.monotonic() - startMs);
        return plan.outcomes.map((outcome) => settled(outcome, version));
      }
      isFresh = false;
      attempts++;
      if (clock.monotonic() - startMs > putTimeoutMs) throw crowded(table.name, attempts, putTimeoutMs);
    }
  }

  async #writeOffsets(at: Offsets, why: "start" | "alter"): Promise<void> {
    await inParallel(
      [...Map.groupBy(at, ({ topic }) => this.#options.tableOf(topic))],
      ([name, ofTable]) => this.#serially(name, (table) => this.#writeTableOffsets(table, ofTable, why)),
    );
  }

  /** A version of offsets alone: `start` writes those that the table lacks, `alter` all that differ from what it says. */
  async #writeTableOffsets(table: Table, at: Offsets, why: "start" | "alter"): Promise<void> {
    const { appId, clock, log, putTimeoutMs = PUT_TIMEOUT_MS } = this.#options;
    const startMs = clock.monotonic();
    await table.log.refresh();
    for (let attempts = 1;; attempts++) {
      const { snapshot } = table.log;
      if (why === "alter") assertOurs(table.name, snapshot, { ...this.#options, topicRecreated: "restart" }, at);
      const isOpen = (partition: PartitionOffset) =>
        why === "start"
          ? tableOffset(snapshot, this.#options, partition) === null
          : snapshot?.txns.get(appIdOf(appId, partition)) !== partition.offset;
      const open = at.filter(isOpen);
      if (open.length === 0) return;
      const schema = planSchema(snapshot, [], this.#schemaRules(table));
      const txns = new Map(open.map((partition) => [appIdOf(appId, partition), partition.offset]));
      const offsets = Object.fromEntries(open.map((partition) => [partitionKey(partition), String(partition.offset)]));
      const content = { epoch: 0, txns, files: [], tags: {}, userMetadata: JSON.stringify({ [why]: offsets }) };
      const operation = why === "alter" ? "ALTER OFFSETS" : undefined;
      if (await this.#put(table, { ...this.#transaction(table, schema, content), operation })) {
        const partitions = Object.entries(offsets).map(([key, offset]) => `${key}@${offset}`).join(" ");
        const said = why === "alter" ? "The offsets in the table are altered" : "The start offsets are in the table";
        log.info(said, { table: table.name, partitions });
        return;
      }
      if (clock.monotonic() - startMs > putTimeoutMs) throw crowded(table.name, attempts, putTimeoutMs);
    }
  }

  /** Decides about every share by the snapshot: offsets, then schemas; a share out of it may make others stale. */
  async #plan(table: Table, shares: readonly DeltaShare[], state: CallState): Promise<Plan> {
    const { snapshot } = table.log;
    const { faults, appId, log } = this.#options;
    const offset = (partition: TopicPartition) => tableOffset(snapshot, this.#options, partition);
    const conflicting = new Set<string>();
    while (true) {
      const excluded = new Set([...conflicting, ...state.missingFiles]);
      const verdicts = faults?.skipStaleCheck
        ? shares.map(({ id }) => excluded.has(id) ? "stale" : "commit")
        : decide(offset, shares, excluded);
      const accepted = shares.filter((_, i) => verdicts[i] === "commit");
      const schema = planSchema(snapshot, accepted, this.#schemaRules(table));
      for (const id of schema.conflicting) conflicting.add(id);
      if (schema.conflicting.size > 0) continue;
      const outcomes: (CommitOutcome | "commit")[] = [];
      for (const [i, share] of shares.entries()) {
        if (verdicts[i] === "past" && !faults?.skipTxnIdCheck && !state.versions.has(share.id)) {
          state.versions.set(share.id, await versionOfShare(table.log, appId, share));
        }
        const version = verdicts[i] === "past" ? state.versions.get(share.id) ?? null : null;
        if (verdicts[i] === "commit") outcomes.push("commit");
        else if (version !== null) outcomes.push({ kind: "committed", version });
        else {
          const why = conflicting.has(share.id) ? "schema" : state.missingFiles.has(share.id) ? "files" : "offsets";
          const actual = tableOffsets(snapshot, this.#options, share.ranges);
          if (why === "offsets") {
            log.warn(staleMessage(table.name, share, offset), { table: table.name, share: share.id });
          }
          outcomes.push({ kind: "stale", why, actual });
        }
      }
      return { accepted, schema, outcomes };
    }
  }

  /** True where files of old shares turned out to be gone. */
  async #lookUpOldFiles(table: Table, shares: readonly DeltaShare[], state: CallState): Promise<boolean> {
    const { clock, stagedAgeMaxMs } = this.#options;
    let isMissing = false;
    for (const { id, staged } of shares) {
      const isOld = staged.preparedAtMs < Math.max(this.#madeMs, clock.now() - stagedAgeMaxMs + 1);
      if (state.lookedUp.has(id) || !isOld) continue;
      state.lookedUp.add(id);
      for (const { path } of staged.files) {
        const info = await table.log.persist(`look up file ${path}`, () => table.log.storage.head(path));
        if (info !== null) continue;
        state.missingFiles.add(id);
        isMissing = true;
        break;
      }
    }
    return isMissing;
  }

  #transaction(
    table: Table,
    { protocol, metadata }: SchemaPlan,
    content: Pick<Transaction, "epoch" | "txns" | "files" | "tags" | "userMetadata">,
  ): Transaction {
    const { appId: queryId, clock, uuid } = this.#options;
    const readVersion = table.log.snapshot?.version ?? -1n;
    const timestampMs = clock.now();
    return { txnId: uuid(), readVersion, timestampMs, engineInfo: ENGINE, queryId, protocol, metadata, ...content };
  }

  async #put(table: Table, transaction: Transaction): Promise<boolean> {
    const { txnId, readVersion } = transaction;
    const isOurs = await table.log.put({ version: readVersion + 1n, bytes: transactionBytes(transaction), txnId });
    if (isOurs) this.#checkpointIfDue(table, table.log.snapshot!);
    return isOurs;
  }

  #checkpointIfDue(table: Table, snapshot: Snapshot): void {
    const interval = Number(property(snapshot, "delta.checkpointInterval") ?? CHECKPOINT_INTERVAL);
    const newest = table.checkpointVersion > snapshot.checkpointVersion
      ? table.checkpointVersion
      : snapshot.checkpointVersion;
    const since = snapshot.version - (newest < 0n ? 0n : newest);
    if (!(interval >= 1) || since < BigInt(Math.trunc(interval))) return;
    table.checkpointVersion = snapshot.version;
    if (this.#options.onCheckpointDue) this.#options.onCheckpointDue(table.name, snapshot.version);
    else this.#checkpointer.due(table.name, snapshot.version);
  }

  #report(table: Table, { files, txns }: Transaction, attempts: number, ms: number): void {
    const { version } = table.log.snapshot!;
    const rows = files.reduce((sum, file) => sum + file.rows, 0);
    const bytes = files.reduce((sum, file) => sum + file.size, 0);
    const { name } = table;
    const fields = { table: name, version, rows, files: files.length, bytes, partitions: txns.size, attempts };
    this.#options.log.debug("A version is committed", { ...fields, ms: Math.round(ms) });
    this.#options.onCommitted?.({ table: name, version, rows, files: files.length, bytes, attempts, ms });
  }

  #schemaRules({ name: table }: Table) {
    const { schemaEvolution, autoCreateTable, allowProtocolUpgrade, tableProperties, uuid, clock } = this.#options;
    const evolution = schemaEvolution(table);
    return { table, evolution, autoCreateTable, allowProtocolUpgrade, tableProperties, uuid, nowMs: clock.now() };
  }

  #serially<T>(name: string, work: (table: Table) => Promise<T>): Promise<T> {
    const table = this.#table(name);
    const result = table.tail.then(() => work(table)).catch((error) => {
      // Its topic is set aside and begins anew later, as after a start: from what the table says then.
      if (error instanceof FatalError && !table.log.isInDoubt) {
        table.log = this.#openLog(name);
        table.checkpointVersion = -1n; // it may be another table, whose versions begin anew
      }
      throw error;
    });
    table.tail = result.catch(() => {}); // whoever called sees the failure; the next call does not depend on it
    return result;
  }

  #table(name: string): Table {
    const known = this.#tables.get(name);
    if (known) return known;
    const tableLog = this.#openLog(name);
    const table = { name, log: tableLog, newestMs: new Map(), checkpointVersion: -1n, tail: Promise.resolve() };
    this.#tables.set(name, table);
    return table;
  }

  #openLog(name: string): TableLog {
    const { clock, random, log, openTable, putTimeoutMs: timeoutMs = PUT_TIMEOUT_MS, faults } = this.#options;
    return new TableLog(name, openTable(name), { clock, random, log, timeoutMs, ...faults });
  }
}

/** True where the log under us was cleaned up, and the snapshot is another one now. */
async function baseMoved({ log }: Table): Promise<boolean> {
  const version = log.snapshot?.version;
  if (await log.isBaseThere()) return false;
  await log.refresh();
  return log.snapshot?.version !== version;
}

function settled(outcome: CommitOutcome | "commit", version: bigint): CommitOutcome {
  return outcome === "commit" ? { kind: "committed", version } : outcome;
}

function crowded(table: string, attempts: number, limitMs: number): FatalError {
  return new FatalError(
    `Cannot commit table "${table}": other writers won ${attempts} versions in a row within ${limitMs} ms. Commit less ` +
      `often, or give the table fewer writers`,
  );
}
