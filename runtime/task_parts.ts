/**
 * What a task is made of.
 *
 * @module
 */
import type { Clock, DataError, Log, Retry, SinkBatch, SinkTask } from "./api/mod.ts";
import type { ConsumeStage } from "./consume.ts";
import type { DecodeStage } from "./decode.ts";
import type { ErrantRecordReporter } from "./errant_record_reporter.ts";
import type { Fetcher } from "./kafka/types.ts";
import type { StageClock } from "./stage_clock.ts";
import type { FromTask } from "./task_protocol.ts";

/** The stages between consume and put for one topic. */
export interface TopicStages {
  readonly decode: DecodeStage;
  validate(batch: SinkBatch, reject: (row: number, error: DataError) => void): SinkBatch;
  /**
   * One batch, or where rows came to have different schemas several that chain. `reject` is told the batch that the row is
   * of: a step may have taken rows out before.
   */
  transform(batch: SinkBatch, reject: (of: SinkBatch, row: number, error: DataError) => void): readonly SinkBatch[];
}

/** What a task is made of. */
export interface TaskParts {
  readonly fetcher: Fetcher;
  readonly consume: ConsumeStage;
  readonly stagesOf: (topic: string) => TopicStages;
  /** The topic begins anew, also its stages. */
  readonly forgetStages?: (topic: string) => void;
  readonly sink: SinkTask<unknown>;
  readonly reporter: ErrantRecordReporter;
  readonly counters: TaskCounters;
  readonly retry: Retry;
  readonly clock: Clock;
  readonly log: Log;
  /** Bytes of slabs that may wait for a schema to be inferred from them. */
  readonly heldBytesMax: number;
  /** Whether a FatalError about one topic stops that topic alone. */
  readonly isolatesTopics: boolean;
  /** Records put since the last prepare after which a round is asked for; 0: never. */
  readonly commitRecordsMax: number;
  /** Gives memory back after a round of many tables. */
  readonly collect?: () => void;
  readonly send: (message: FromTask) => void;
  /** Ends what `retry` waits for: a task that ends, or has failed, tries nothing again. May be called again. */
  readonly giveUp: () => void;
}

/** What the task counts; `snapshot` is sent to the main thread. */
export interface TaskCounters {
  read(records: number, bytes: number): void;
  put(rows: number): void;
  /** A round's phase one took so long, records that were put meanwhile or not. */
  prepared(ms: number): void;
  /** What the thread's time is spent on. */
  readonly stages: Pick<StageClock, "enter" | "during">;
}
