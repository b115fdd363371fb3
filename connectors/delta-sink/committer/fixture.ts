/**
 * What the committer's tests stand on: shares made by hand, a committer with fake time, a storage that fails on demand.
 *
 * @module
 */
import {
  type Clock,
  type Log,
  type OffsetRange,
  RetriableError,
  type Share,
  type TopicPartition,
} from "../../../mod.ts";
import { createDeltaCommitter, type DeltaCommitter, type DeltaCommitterOptions } from "../committer.ts";
import type { DeltaStaged } from "../staged.ts";
import { MemoryStorage } from "../storage/memory.ts";
import type { PutOutcome, Storage } from "../storage/storage.ts";

export const TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAA";
export const TABLE = "memory://orders";
const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => SILENT };

/** A schema of nullable columns, e.g. `schema({ id: "long" })`. */
export function schema(columns: Record<string, string>): string {
  const fields = Object.entries(columns).map(([name, type]) => ({ name, type, nullable: true, metadata: {} }));
  return JSON.stringify({ type: "struct", fields });
}

export function partition(partition: number, topicId = TOPIC_ID): TopicPartition {
  return { topic: "orders", topicId, partition };
}

/** Of partition p: `[from, to)`, or from absent to `to`. */
export function range(p: number, from: number | "absent", to: number, topicId = TOPIC_ID): OffsetRange {
  return {
    ...partition(p, topicId),
    from: BigInt(from === "absent" ? 0 : from),
    to: BigInt(to),
    fromAbsent: from === "absent",
  };
}

let shares = 0;

/** A share with one file, unless told; its id is unique. */
export function share(ranges: readonly OffsetRange[], staged: Partial<DeltaStaged> = {}): Share<DeltaStaged> {
  const id = `share-${++shares}`;
  const file = {
    path: `part-${id}.parquet`,
    size: 100,
    rows: 10,
    partitionValues: {},
    stats: '{"numRecords":10}',
    modificationTimeMs: 1,
  };
  const whole = { schema: schema({ id: "long" }), partitionColumns: [], files: [file], preparedAtMs: 0, ...staged };
  return {
    id,
    table: TABLE,
    ranges,
    staged: whole,
    stats: { rows: 10 * whole.files.length, files: whole.files.length, bytes: 100, timestampMsMax: 1_700_000_000_000 },
  };
}

/** Time that moves when somebody sleeps. */
export function fakeClock(): Clock & { ms: number } {
  return {
    ms: 0,
    now() {
      return this.ms;
    },
    monotonic() {
      return this.ms;
    },
    sleep(ms) {
      this.ms += ms;
      return Promise.resolve();
    },
  };
}

export function committer(storage: Storage, options: Partial<DeltaCommitterOptions> = {}): DeltaCommitter {
  let uuids = 0;
  const process = crypto.randomUUID();
  return createDeltaCommitter({
    appId: "sink",
    othersAllowed: false,
    topicRecreated: "fail",
    openTable: () => storage,
    tableOf: () => TABLE,
    schemaEvolution: () => "none",
    autoCreateTable: true,
    allowProtocolUpgrade: false,
    tableProperties: {},
    stagedAgeMaxMs: 3_600_000,
    clock: fakeClock(),
    uuid: () => `${process}-${++uuids}`,
    log: SILENT,
    random: () => 0.5,
    ...options,
  });
}

/** What happens to a put-if-absent: done and answered, done without an answer, not done without an answer. */
export type PutFate = "answered" | "lost reply" | "lost request";

/** Memory whose put-if-absents meet the fates in order, then are answered. */
export class LossyStorage extends MemoryStorage {
  readonly fates: PutFate[] = [];
  /** Runs before each put-if-absent, e.g. to let a rival in. */
  before: (() => Promise<void>) | null = null;

  override async putIfAbsent(path: string, bytes: Uint8Array): Promise<PutOutcome> {
    const before = this.before;
    this.before = null;
    await before?.();
    const fate = this.fates.shift() ?? "answered";
    if (fate === "lost request") throw new RetriableError("the request was lost");
    const outcome = await super.putIfAbsent(path, bytes);
    if (fate === "lost reply") throw new RetriableError("the reply was lost");
    return outcome;
  }
}
