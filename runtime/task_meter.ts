/**
 * What a task counts, and the plain figures that go to the main thread.
 *
 * @module
 */
import type { StorageUsage } from "./api/mod.ts";
import type { ConsumeStage } from "./consume.ts";
import type { RetentionWatch } from "./retention_watch.ts";
import type { StageClock } from "./stage_clock.ts";
import type { TaskCounters } from "./task.ts";

/** A task's figures since it started: plain data. */
export interface TaskMetrics {
  readonly partitions: readonly PartitionMetrics[];
  readonly recordsRead: number;
  readonly recordsPut: number;
  /** Tombstones that were passed over on purpose. */
  readonly recordsSkipped: number;
  readonly bytesRead: number;
  readonly rejects: readonly RejectCount[];
  /** Records that could not be used and were not tolerated. */
  readonly recordErrors: number;
  /** Rejects that were logged. */
  readonly errorsLogged: number;
  readonly retries: number;
  /** Calls of the sink's put, their time, and the longest and largest of them since the figures before. */
  readonly puts: { readonly count: number; readonly ms: number; readonly msMax: number; readonly rowsMax: number };
  /** The thread's time by stage, ms: all of it (see stage_clock.ts). */
  readonly stageMs: Readonly<Record<string, number>>;
  /** From the request of a round to its files, ms: what was read meanwhile is in the stages' time. */
  readonly prepareMs: number;
  /** Memory of slabs and of open files now. */
  readonly bufferedBytes: { readonly slabs: number; readonly files: number };
  /** Requests to the dead-letter topic, and those of them that failed. */
  readonly letterRequests: number;
  readonly letterFailures: number;
  /** What the sink asked of its target's storage. */
  readonly storage: readonly StorageUsage[];
}

/** Where a partition stands. */
export interface PartitionMetrics {
  readonly topic: string;
  readonly partition: number;
  /** Where the target had it when it was opened: what is before is in the target. */
  readonly opened?: bigint;
  /** The next offset to read. */
  readonly next: bigint;
  /** The end and the start of the log as the last fetch saw them; null before the first. */
  readonly endOffset: bigint | null;
  readonly logStartOffset: bigint | null;
}

/** Rejected records by stage and reason. */
export interface RejectCount {
  readonly stage: string;
  readonly reason: string;
  readonly count: number;
}

/** A reason is a phrase without values, but a plugin's may be none: of so many each has a count, further ones share one. */
const REASONS_MAX = 200;
const OTHER_REASONS = "other reasons";

/** Counts for one task. */
export class TaskMeter implements TaskCounters {
  readonly #rejects = new Map<string, { stage: string; reason: string; count: number }>();
  #prepareMs = 0;
  #recordsRead = 0;
  #recordsPut = 0;
  #recordsSkipped = 0;
  #bytesRead = 0;
  #recordErrors = 0;
  #errorsLogged = 0;
  #putRowsMax = 0;
  #retries = 0;
  #letterRequests = 0;
  #letterFailures = 0;

  constructor(
    private readonly consume: ConsumeStage,
    /** Looked at with each snapshot. */
    private readonly bufferedBytes: () => TaskMetrics["bufferedBytes"],
    private readonly retention: RetentionWatch,
    readonly stages: StageClock,
    private readonly storageUsage: () => readonly StorageUsage[] = () => [],
  ) {}

  read(records: number, bytes: number): void {
    this.#recordsRead += records;
    this.#bytesRead += bytes;
  }
  put(rows: number): void {
    this.#recordsPut += rows;
    if (rows > this.#putRowsMax) this.#putRowsMax = rows;
  }
  skipped(records: number): void {
    this.#recordsSkipped += records;
  }
  /** `isLogged`: the log has a line of it. */
  rejected(stage: string, reason: string, isLogged = false): void {
    if (isLogged) this.#errorsLogged++;
    const known = this.#rejects.get(`${stage}\0${reason}`);
    const isNew = !known && this.#rejects.size < REASONS_MAX;
    const counted = known || isNew ? reason : OTHER_REASONS;
    const key = `${stage}\0${counted}`;
    const count = known ?? this.#rejects.get(key) ?? { stage, reason: counted, count: 0 };
    count.count++;
    this.#rejects.set(key, count);
  }
  /** A record could not be used, and that is not tolerated. */
  intolerable(): void {
    this.#recordErrors++;
  }
  retried(): void {
    this.#retries++;
  }
  letters(ok: boolean): void {
    this.#letterRequests++;
    if (!ok) this.#letterFailures++;
  }
  prepared(ms: number): void {
    this.#prepareMs += ms;
  }

  snapshot(): TaskMetrics {
    const partitions = [...this.consume.positions].map((
      { topic, partition, opened, next, endOffset, logStartOffset },
    ) => ({ topic, partition, opened, next, endOffset, logStartOffset }));
    this.retention.look(partitions);
    const puts = { ...this.stages.takePuts(), rowsMax: this.#putRowsMax };
    this.#putRowsMax = 0;
    return {
      partitions,
      recordsRead: this.#recordsRead,
      recordsPut: this.#recordsPut,
      recordsSkipped: this.#recordsSkipped,
      bytesRead: this.#bytesRead,
      rejects: [...this.#rejects.values()].map((each) => ({ ...each })),
      recordErrors: this.#recordErrors,
      errorsLogged: this.#errorsLogged,
      retries: this.#retries,
      puts,
      stageMs: this.stages.totals(),
      prepareMs: this.#prepareMs,
      bufferedBytes: this.bufferedBytes(),
      letterRequests: this.#letterRequests,
      letterFailures: this.#letterFailures,
      storage: this.storageUsage(),
    };
  }
}
