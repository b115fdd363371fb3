/**
 * Errant records: sets a record aside as a dead letter, which is acknowledged before the offsets that cover it are
 * committed. A record is sent once in a run, however often it is reported.
 *
 * @module
 */
import {
  type Clock,
  type DataError,
  FatalError,
  type Log,
  type OffsetRange,
  partitionKey,
  rawOffset,
  type RawRecords,
  type Retry,
  type TopicPartition,
} from "./api/mod.ts";
import { deadLetter, letterBytes, type Stage } from "./dead_letter.ts";
import type { ProducerRecord, RecordProducer } from "./kafka/types.ts";
import { type BudgetOptions, RejectBudget } from "./reject_budget.ts";

export type { Stage } from "./dead_letter.ts";

/** Sets records aside. One for each task. */
export interface ErrantRecordReporter {
  /**
   * Sets a record aside; its bytes are copied. Throws FatalError where errors are not tolerated, over the budget, where
   * the letter does not fit, and where a letter before it could not be sent.
   */
  report(stage: Stage, records: RawRecords, index: number, error: DataError): void;
  /** Counts consumed records of a topic, before they are reported: what its budget is a part of. */
  noteRecords(topic: string, count: number): void;
  /** Resolves once so few letters wait that more may be reported: bounds the memory. */
  room(): Promise<void>;
  /** Resolves once all letters so far are acknowledged; rejects where one could not be sent. */
  flush(): Promise<void>;
  /** These ranges are committed: their records cannot come again. */
  forget(ranges: readonly OffsetRange[]): void;
  /** The topic begins anew, where its table stands: its records come again, and its budget is whole. */
  forgetTopic?(topic: string): void;
  /** Waits for the letters in flight, forgets those that wait, and closes the producer. */
  close(): Promise<void>;
}

/** What the reporter is made of. */
export interface ReporterOptions {
  /** Null where there is no dead-letter topic. The reporter owns it: `close` closes it. */
  readonly producer: RecordProducer | null;
  readonly deadLetterTopic: string | null;
  readonly tolerance: "none" | "all";
  /** Records that cannot be used may be lost: `errors.skip.acknowledged`. */
  readonly skipAcknowledged: boolean;
  readonly connector: string;
  readonly task: number;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  readonly retry: Retry;
  readonly budget: BudgetOptions;
  /** The longest one of our headers may be, bytes. */
  readonly headerBytesMax: number;
  /** The largest record that the producer can send, bytes. */
  readonly recordBytesMax: number;
  readonly logEnabled: boolean;
  /** Log lines carry the error's message, which may hold values. */
  readonly includeMessages: boolean;
  /** Told of each record once. */
  readonly onReject?: (stage: Stage, reason: string) => void;
  /** Told of a record that is not tolerated. */
  readonly onIntolerable?: () => void;
  /** Told of each request to the dead-letter topic, also of one that is repeated. */
  readonly onProduced?: (ok: boolean) => void;
}

const SEND_RECORDS_MAX = 500;
const SEND_BYTES_MAX = 1 << 20;
/** Letters that may wait before `room` holds the task back. */
const PENDING_BYTES_MAX = 16 << 20;

/** The reporter of a task. */
export function createErrantRecordReporter(options: ReporterOptions): ErrantRecordReporter {
  const { producer, deadLetterTopic, tolerance, skipAcknowledged } = options;
  if ((producer === null) !== (deadLetterTopic === null)) {
    throw new Error("Cannot report errant records: a producer and a dead-letter topic go together");
  }
  if (tolerance === "all" && producer === null && !skipAcknowledged) {
    throw new FatalError(
      "Cannot tolerate errors: errors.tolerance is all, but there is no dead-letter topic; name one by " +
        "errors.deadletterqueue.topic.name, or accept the loss by errors.skip.acknowledged: true",
    );
  }
  return new Reporter(options);
}

class Reporter implements ErrantRecordReporter {
  /** By topic: one that is all bad is no reason to stop the others. */
  readonly #budgets = new Map<string, RejectBudget>();
  /** What was reported in this run and is not committed: offsets by `seenKey`. */
  readonly #seen = new Map<string, Set<bigint>>();
  #pending: ProducerRecord[] = [];
  #pendingBytes = 0;
  #sending: Promise<void> | null = null;
  #failure: { error: unknown } | null = null;
  #closed = false;

  constructor(private readonly options: ReporterOptions) {}

  report(given: Stage, records: RawRecords, index: number, error: DataError): void {
    this.#check();
    const stage = error.details.stage ?? given;
    const { tolerance, deadLetterTopic, onReject, onIntolerable } = this.options;
    if (tolerance === "none") {
      onIntolerable?.();
      throw intolerable(stage, records, index, error);
    }
    const key = seenKey(records);
    const offset = rawOffset(records, index);
    const seen = this.#seen.get(key) ?? new Set();
    this.#seen.set(key, seen);
    if (seen.has(offset)) return;
    if (deadLetterTopic !== null) {
      const letter = deadLetter(records, index, stage, error, { ...this.options, deadLetterTopic });
      this.#pending.push(letter);
      this.#pendingBytes += letterBytes(letter);
      this.#sending ??= this.#send();
    }
    seen.add(offset);
    onReject?.(stage, error.details.reason);
    this.#log(stage, records, offset, error);
    if (this.#budget(records.topic).reject()) throw this.#overBudget(stage, records, offset, error);
  }

  noteRecords(topic: string, count: number): void {
    this.#budget(topic).note(count);
  }

  forgetTopic(topic: string): void {
    this.#budgets.delete(topic);
    for (const key of [...this.#seen.keys()]) if (key.startsWith(`${topic}/`)) this.#seen.delete(key);
  }

  async room(): Promise<void> {
    if (this.#pendingBytes > PENDING_BYTES_MAX) await this.#sending;
    this.#check();
  }

  async flush(): Promise<void> {
    await this.#sending;
    this.#check();
  }

  forget(ranges: readonly OffsetRange[]): void {
    for (const range of ranges) {
      const seen = this.#seen.get(seenKey(range));
      if (!seen) continue;
      for (const offset of seen) if (offset < range.to) seen.delete(offset);
      if (seen.size === 0) this.#seen.delete(seenKey(range));
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#sending;
    await this.options.producer?.close();
  }

  /** Sends what waits, one request after the other, so that letters of a key keep their order. Never rejects. */
  async #send(): Promise<void> {
    // Begins after the caller has reported all that it has: one request for many.
    await Promise.resolve();
    const { retry, deadLetterTopic } = this.options;
    try {
      while (this.#pending.length > 0 && !this.#closed) {
        const { letters, bytes } = this.#next();
        await retry(`produce ${letters.length} dead letters to "${deadLetterTopic}"`, () => this.#produce(letters));
        this.#pendingBytes -= bytes;
      }
    } catch (error) {
      // Kept, and thrown by whoever calls next: offsets cannot pass a letter that is not acknowledged.
      this.#failure = { error };
    } finally {
      this.#sending = null;
    }
  }

  async #produce(letters: readonly ProducerRecord[]): Promise<void> {
    const { producer, onProduced } = this.options;
    try {
      await producer!.send(letters);
    } catch (error) {
      onProduced?.(false);
      throw error;
    }
    onProduced?.(true);
  }

  #next(): { letters: ProducerRecord[]; bytes: number } {
    let bytes = 0, count = 0;
    while (count < this.#pending.length && count < SEND_RECORDS_MAX && (count === 0 || bytes < SEND_BYTES_MAX)) {
      bytes += letterBytes(this.#pending[count++]);
    }
    const letters = this.#pending.slice(0, count);
    this.#pending = this.#pending.slice(count);
    return { letters, bytes };
  }

  #budget(topic: string): RejectBudget {
    let budget = this.#budgets.get(topic);
    if (!budget) this.#budgets.set(topic, budget = new RejectBudget(this.options.budget));
    return budget;
  }

  #check(): void {
    if (this.#failure) throw this.#failure.error;
    if (this.#closed) throw new Error("Cannot report errant records: the reporter is closed");
  }

  #log(stage: Stage, { topic, partition }: RawRecords, offset: bigint, error: DataError): void {
    const { logEnabled, includeMessages, log, deadLetterTopic } = this.options;
    if (!logEnabled) return;
    const { reason, fieldPath, schemaId } = error.details;
    const fields = { topic, partition, offset, stage, reason, fieldPath, schemaId, deadLetterTopic };
    log.error("A record was set aside", includeMessages ? { ...fields, error: error.message } : fields);
  }

  #overBudget(stage: Stage, { topic, partition }: RawRecords, offset: bigint, error: DataError): FatalError {
    const { ratio, windowRecords } = this.options.budget;
    const { rejects, records } = this.#budget(topic);
    return new FatalError(
      `Cannot set more records aside: ${rejects} of the last ${Math.max(records, rejects)} records were, ` +
        `errors.budget.ratio allows ${ratio} of ${windowRecords}; the last is ${topic}-${partition}@${offset}, stage ` +
        `${stage}: ${error.message}. Fix what they have in common, or raise errors.budget.ratio (1: no budget)`,
      { cause: error },
    );
  }
}

/** Offsets of a topic that was created again are other offsets. */
function seenKey(partition: TopicPartition): string {
  return `${partitionKey(partition)}/${partition.topicId}`;
}

function intolerable(stage: Stage, records: RawRecords, index: number, error: DataError): FatalError {
  return new FatalError(
    `Cannot use ${records.topic}-${records.partition}@${
      rawOffset(records, index)
    }, stage ${stage}: ${error.message}. ` +
      `errors.tolerance is none: fix the cause and restart, or set errors.tolerance to all and ` +
      `errors.deadletterqueue.topic.name to a topic that takes such records`,
    { cause: error },
  );
}
