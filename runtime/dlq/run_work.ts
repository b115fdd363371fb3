/**
 * What every run does in the ledger, in transactions of one producer: letters that went on, letters that were refused again
 * and are new letters, and the run itself.
 *
 * @module
 */
import { type Clock, type DataError, FatalError, type Log, slabOf } from "../api/mod.ts";
import { deadLetter, type LetterOptions, LetterTooLargeError, SLUICE_HEADERS, type Stage } from "../dead_letter.ts";
import type { Fetcher, KafkaAdmin, ProducerRecord, TransactionalProducer } from "../kafka/types.ts";
import { batchesOf, type BatchLimits } from "./batches.ts";
import { entryChange, type Ledger, type LedgerChange, ledgerRecord } from "./ledger.ts";
import type { Letter, LetterId } from "./letter.ts";
import type { OffsetSet } from "./offset_set.ts";
import { queueRanges, readQueue } from "./queue.ts";
import { type Run, runRecord } from "./run_record.ts";

/** What work on a queue needs of the world. Admin and fetchers are to read what is committed. */
export interface QueueWorld {
  readonly deadLetterTopic: string;
  readonly admin: KafkaAdmin;
  /** A new one for each pass over the queue. */
  readonly fetcher: () => Fetcher;
  readonly producer: TransactionalProducer;
  readonly clock: Clock;
  readonly log: Log;
}

/** Why a letter does not go on. */
export interface Refusal {
  readonly letter: Letter;
  readonly stage: Stage;
  readonly error: DataError;
}

/** A run under way. Calls do not overlap. */
export class RunWork {
  #run: Run;

  constructor(
    readonly world: QueueWorld,
    readonly ledger: Ledger,
    run: Run,
    private readonly letterOptions: Omit<LetterOptions, "deadLetterTopic">,
  ) {
    this.#run = run;
  }

  get run(): Run {
    return this.#run;
  }

  /** Whether this run is done with a letter. */
  isDone(letter: Letter): boolean {
    const entry = this.ledger.entryOf(letter);
    return entry !== undefined && entry.run === this.#run.id && letter.attempts <= entry.attempts;
  }

  /** The chosen letters that the run is not done with, some at a time; in order within a partition of the queue. */
  async *chunks(selection: OffsetSet, limits: BatchLimits): AsyncGenerator<Letter[]> {
    const { admin, deadLetterTopic } = this.world;
    const offsets = selection.partitions.map((partition) => {
      const [from, to] = selection.span(partition)!;
      return { partition, from, to };
    });
    const ranges = await queueRanges(admin, deadLetterTopic, { offsets });
    assertSame(deadLetterTopic, this.#run, ranges);
    assertThere(deadLetterTopic, selection, ranges);
    const fetcher = this.world.fetcher();
    try {
      yield* batchesOf(this.#left(readQueue(fetcher, ranges), selection), limits, (letter) => letter);
    } finally {
      await fetcher.close();
    }
  }

  async *#left(letters: AsyncIterable<Letter>, selection: OffsetSet): AsyncGenerator<Letter> {
    for await (const letter of letters) {
      if (selection.has(letter.at.partition, letter.at.offset) && !this.isDone(letter)) yield letter;
    }
  }

  /** In one transaction: records, changes of the ledger, letters that went on or were refused, and the run's counts. */
  async note(done: {
    readonly passed?: readonly LedgerChange[];
    readonly refused?: readonly Refusal[];
    readonly records?: readonly ProducerRecord[];
    readonly changes?: readonly LedgerChange[];
  }): Promise<void> {
    const { passed = [], refused = [], records = [], changes = [] } = done;
    const { counts } = this.#run;
    const letters = refused.map((refusal) => this.#again(refusal) ?? this.#counted(refusal));
    const run = {
      ...this.#run,
      counts: {
        ...counts,
        replayed: counts.replayed + passed.length,
        refused: counts.refused + refused.length,
        quarantined: counts.quarantined + letters.filter(({ isQuarantined }) => isQuarantined).length,
      },
    };
    const all = [...passed, ...letters.map(({ change }) => change), ...changes, runRecord(run)];
    await this.#transact([...records, ...letters.flatMap(({ record }) => record ?? [])], all);
    this.#run = run;
  }

  /** Ends the run. */
  async end(state: "done" | "abandoned", changesOf: (run: Run) => readonly LedgerChange[]): Promise<void> {
    const run = { ...this.#run, state, endedMs: this.world.clock.now() };
    await this.#transact([], changesOf(run));
    this.#run = run;
  }

  /** That a letter went on. */
  passed(letter: LetterId & Pick<Letter, "attempts">): LedgerChange {
    const { attempts } = letter;
    const atMs = this.world.clock.now();
    return entryChange(letter, { state: "replayed", attempts, run: this.#run.id, atMs, note: null });
  }

  async #transact(records: readonly ProducerRecord[], changes: readonly LedgerChange[]): Promise<void> {
    const { producer, deadLetterTopic, clock } = this.world;
    const atMs = clock.now();
    await producer.transact([...records, ...changes.map((change) => ledgerRecord(deadLetterTopic, change, atMs))]);
    for (const [key, value] of changes) this.ledger.take(key, value);
  }

  /** A letter once more, over the limit quarantined from the start. Null where there can be none of the same record. */
  #again({ letter, stage, error }: Refusal): Again | null {
    const { clock } = this.world;
    const { id, attemptsMax } = this.#run;
    const record = this.#letterOf({ letter, stage, error });
    if (record === null) return null;
    const isQuarantined = letter.attempts + 1 > attemptsMax;
    const marked = { key: `${SLUICE_HEADERS}quarantined`, value: ENCODER.encode("true") };
    const entry = { run: id, atMs: clock.now(), note: null };
    return {
      record: isQuarantined ? { ...record, headers: [...record.headers, marked] } : record,
      change: entryChange(
        letter,
        isQuarantined
          ? { ...entry, state: "quarantined", attempts: letter.attempts + 1 }
          : { ...entry, state: "replayed", attempts: letter.attempts },
      ),
      isQuarantined,
    };
  }

  /** The new letter; null where nobody could tell that it is of the same record, or the producer does not send one so large. */
  #letterOf({ letter, stage, error }: Refusal): ProducerRecord | null {
    if (!letter.origin) return null;
    const { topic, partition, offset, topicId = "" } = letter.origin;
    const counted = { key: `${SLUICE_HEADERS}attempts`, value: ENCODER.encode(String(letter.attempts)) };
    const records = slabOf([{ ...letter, headers: [...letter.headers, counted], offset }], {
      ...{ topic, topicId, partition },
      from: offset,
    });
    // The same connector's, whoever replays it: the ledger knows letters by it.
    const connector = letter.connector || this.letterOptions.connector;
    const { deadLetterTopic } = this.world;
    try {
      return deadLetter(records, 0, stage, error, { ...this.letterOptions, connector, deadLetterTopic });
    } catch (tooLarge) {
      if (tooLarge instanceof LetterTooLargeError) return null;
      throw tooLarge;
    }
  }

  /** Without a new letter the one that is there stays what it is, and the ledger counts. */
  #counted({ letter }: Refusal): Again {
    const { id, attemptsMax } = this.#run;
    const attempts = this.ledger.attemptsOf(letter) + 1;
    const isQuarantined = attempts > attemptsMax;
    const state = isQuarantined ? "quarantined" : "open";
    const entry = { state, attempts, of: letter.attempts, run: id, atMs: this.world.clock.now(), note: null } as const;
    return { record: null, change: entryChange(letter, entry), isQuarantined };
  }
}

/** What becomes of a letter that was refused again. */
interface Again {
  readonly record: ProducerRecord | null;
  readonly change: LedgerChange;
  readonly isQuarantined: boolean;
}

const ENCODER = new TextEncoder();

/** A topic that was created again has other letters at the same places. */
function assertSame(topic: string, { id, queueId }: Run, ranges: readonly { readonly topicId: string }[]): void {
  const other = ranges.find(({ topicId }) => topicId !== queueId);
  if (!other) return;
  throw new FatalError(
    `Cannot go on with run ${id}: it has chosen letters of the topic "${topic}" with the id ${queueId}, and the one that is ` +
      `there has ${other.topicId}: it was created again. End the run by replay --abandon, and choose again`,
  );
}

/** What was chosen and is gone cannot be replayed: better said than passed over. */
function assertThere(
  topic: string,
  selection: OffsetSet,
  ranges: readonly { readonly partition: number; readonly from: bigint }[],
): void {
  for (const partition of selection.partitions) {
    const [first] = selection.span(partition)!;
    const from = ranges.find((range) => range.partition === partition)?.from;
    if (from === first) continue;
    throw new FatalError(
      `Cannot go on with the run: it has chosen offset ${first} of ${topic}-${partition}, and the topic's log begins at ` +
        `${from ?? "its end"}. Retention took letters; end the run by replay --abandon, and choose again`,
    );
  }
}
