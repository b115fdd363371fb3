/**
 * Replays letters straight into the sink: through the stages of their topics and the connector's own task, then by its
 * committer, with ranges that name the run.
 *
 * A table's progress in a run is kept in the table, as a connector's is: one entry for each partition of the dead-letter
 * topic, under `<topic>@<run>`. What is to be committed is in the ledger before it is committed (`Plan`), so that whoever
 * finishes the run offers the very same shares again, and learns whether they are in.
 *
 * @module
 */
import { deserialize, serialize } from "node:v8";
import {
  type Committer,
  type ConnectorContext,
  FatalError,
  offsetOf,
  type OffsetRange,
  partitionKey,
  type RawRecords,
  replayTopic,
  settingsTopic,
  type Share,
  type SinkTask,
  type SinkTaskContext,
  type TopicPartition,
} from "../api/mod.ts";
import type { Instance } from "../config/resolve_instance.ts";
import { withSchemaOf } from "../dead_letter.ts";
import type { OfflineStages } from "../offline_stages.ts";
import type { LedgerChange } from "./ledger.ts";
import type { BatchLimits } from "./batches.ts";
import type { Letter } from "./letter.ts";
import { type LetterSlab, slabsOfLetters } from "./letter_records.ts";
import type { OffsetSet } from "./offset_set.ts";
import { dropPieces, pieceChanges, piecesOf } from "./run_record.ts";
import type { Refusal, RunWork } from "./run_work.ts";
import type { Fixed } from "./topic_target.ts";
import { onlyTopic, topicOf } from "./topic_of.ts";

/** What is decided about a chunk of letters. Plain data. */
interface Plan {
  readonly shares: readonly Share<unknown>[];
  /** Changes of the ledger once a topic's share is committed. */
  readonly passed: ReadonlyMap<string, readonly LedgerChange[]>;
}

/** What a replay into the sink is made of. */
export interface SinkParts {
  readonly instance: Instance;
  /** As the letters are to be treated: with the fix in it. */
  readonly stages: (targetSchema: SinkTask<unknown>["targetSchema"]) => Promise<OfflineStages>;
  /** The letters with the bytes to decode. */
  readonly changed: (letters: readonly Letter[]) => Promise<Fixed>;
  readonly context: ConnectorContext;
  readonly memoryBytes: number;
  readonly limits: BatchLimits;
}

/** A commit whose schema or files were overtaken is made again this often. */
const ATTEMPTS_MAX = 5;
const PIECE_BYTES_MAX = 512 * 1024;

/** Refuses what cannot be replayed into. */
export function assertReplayable({ name, plugin }: Instance): void {
  if (plugin.createCommitter) return;
  throw new FatalError(
    `Cannot replay into the sink of connector "${name}": a ${plugin.name} keeps no offsets beside its data, so that a ` +
      "replay that is interrupted would repeat or lose records. Send the letters back to their topic by --to topic",
  );
}

/** A run into the sink. */
export class SinkReplay {
  /** Where the tables stand in this run, by topic and partition of the queue; null: nothing yet. */
  readonly #positions = new Map<string, bigint | null>();
  /** What the sink refuses of the slab that it is given. */
  #rejected: Omit<Refusal, "letter">[] = [];
  #rejectedRows: number[] = [];

  private constructor(
    private readonly work: RunWork,
    private readonly parts: SinkParts,
    private readonly committer: Committer<unknown>,
    private readonly queuePartitions: readonly number[],
  ) {}

  /** Does all of a run that is not done. */
  static async run(work: RunWork, selection: OffsetSet, parts: SinkParts): Promise<void> {
    const { plugin, connectorConfig } = parts.instance;
    const committer = await plugin.createCommitter!(connectorConfig, parts.context);
    const replay = new SinkReplay(work, parts, committer, selection.partitions);
    try {
      const task = await plugin.createTask(connectorConfig, replay.#taskContext());
      try {
        await replay.#all(selection, task);
      } finally {
        await task.stop();
      }
    } finally {
      await committer.stop();
    }
  }

  /** Ends what a process that is gone may have been committing. */
  static async settle(work: RunWork, selection: OffsetSet, parts: SinkParts): Promise<void> {
    const committer = await parts.instance.plugin.createCommitter!(parts.instance.connectorConfig, parts.context);
    try {
      await new SinkReplay(work, parts, committer, selection.partitions).#settlePlan(null);
    } finally {
      await committer.stop();
    }
  }

  async #all(selection: OffsetSet, task: SinkTask<unknown>): Promise<void> {
    await this.#settlePlan(task);
    const stages = await this.parts.stages(task.targetSchema && ((topic) => task.targetSchema!(topic)));
    for await (const chunk of this.work.chunks(selection, this.parts.limits)) {
      let rest: readonly Letter[] = chunk;
      for (let attempt = 1; rest.length > 0; attempt++) {
        if (attempt > ATTEMPTS_MAX) {
          throw new FatalError(
            `Cannot replay ${rest.length} letters: their table's schema, or files, changed ${ATTEMPTS_MAX} times while ` +
              "they were written. Run the command again: it goes on where this one stopped",
          );
        }
        const open = await this.#prepare(rest, task, stages);
        await this.#settlePlan(task);
        await task.close(open);
        rest = rest.filter((letter) => !this.work.isDone(letter));
      }
    }
  }

  /** Phase one; and what is decided is in the ledger. Returns the partitions that the task has open. */
  async #prepare(
    letters: readonly Letter[],
    task: SinkTask<unknown>,
    stages: OfflineStages,
  ): Promise<TopicPartition[]> {
    const { work, parts } = this;
    const { retry } = parts.context;
    const changed = await parts.changed(letters);
    const original = new Map([...changed.letters].map(([was, is]) => [is, was]));
    const slabs = chained(slabsOfLetters([...original.keys()], onlyTopic(parts.instance)), work.run.id);
    const open = [...new Map(slabs.map(({ records }) => [partitionKey(records), partitionOf(records)])).values()];
    await task.open(open, []);
    const refused = [...changed.refused];
    for (const slab of slabs) {
      const refusals = await this.#put(slab, task, stages);
      refused.push(...refusals.map((each) => ({ ...each, letter: original.get(each.letter)! })));
    }
    const shares = await retry("make the rows durable", () => task.preCommit());
    const gone = new Set(refused.map(({ letter }) => letter));
    const byTopic = Map.groupBy(letters, (letter) => topicOf(letter, parts.instance)!);
    const passed = new Map([...byTopic].map(([topic, all]) => [
      topic,
      all.filter((letter) => !gone.has(letter)).map((letter) => work.passed(letter)),
    ]));
    const renamed: Share<unknown>[] = [];
    for (const share of shares) renamed.push({ ...share, ranges: await this.#ranges(share, byTopic) });
    const plan: Plan = { shares: renamed, passed };
    const bytes = new Uint8Array(serialize(plan));
    await work.note({ refused, changes: pieceChanges(work.run.id, "plan", bytes, PIECE_BYTES_MAX) });
    return open;
  }

  /** Puts a slab's rows; what is refused, by its letter. */
  async #put({ records, letters }: LetterSlab, task: SinkTask<unknown>, stages: OfflineStages): Promise<Refusal[]> {
    const { retry } = this.parts.context;
    const { batches, refused } = await stages.treat(records);
    const found = new Map<number, Omit<Refusal, "letter">>();
    for (const { index, stage, error } of refused) if (!found.has(index)) found.set(index, { stage, error });
    for (const batch of batches) {
      await retry(`put rows of ${records.topic}`, () => {
        this.#rejected = [];
        this.#rejectedRows = [];
        return task.put(batch);
      });
      this.#rejectedRows.forEach((index, i) => found.has(index) || found.set(index, this.#rejected[i]));
    }
    return [...found].map(([index, refusal]) => ({ ...refusal, letter: letters[index] }));
  }

  /** The ranges of the run in place of those of the records' partitions. */
  async #ranges(
    { ranges, table }: Share<unknown>,
    letters: ReadonlyMap<string, readonly Letter[]>,
  ): Promise<OffsetRange[]> {
    const out: OffsetRange[] = [];
    for (const topic of new Set(ranges.map((range) => range.topic))) {
      await this.#learnPositions(topic);
      for (const [partition, of] of Map.groupBy(letters.get(topic) ?? [], ({ at }) => at.partition)) {
        const to = of.reduce((max, { at }) => at.offset > max ? at.offset : max, -1n) + 1n;
        const position = this.#positions.get(partitionKey({ topic, partition })) ?? null;
        if (position !== null && to <= position) throw overtaken(this.work, table);
        out.push({ ...this.#place(topic, partition), from: position ?? 0n, to, fromAbsent: position === null });
      }
    }
    return out;
  }

  #place(topic: string, partition: number): TopicPartition {
    const { run } = this.work;
    return { topic: replayTopic(topic, run.id), topicId: run.queueId, partition };
  }

  async #learnPositions(topic: string): Promise<void> {
    if (this.#positions.has(partitionKey({ topic, partition: this.queuePartitions[0] }))) return;
    const places = this.queuePartitions.map((partition) => this.#place(topic, partition));
    const offsets = await this.parts.context.retry(
      `read how far the run is in the table of ${topic}`,
      () => this.committer.committedOffsets(places),
    );
    for (const place of places) {
      this.#positions.set(partitionKey({ topic, partition: place.partition }), offsetOf(offsets, place));
    }
  }

  /** Phase two: what the ledger says is to be committed, committed by now or not. */
  async #settlePlan(task: SinkTask<unknown> | null): Promise<void> {
    const { work } = this;
    const bytes = piecesOf(work.ledger, work.run.id, "plan");
    if (bytes === null) return;
    const { shares, passed } = deserialize(bytes) as Plan;
    const done = new Set(passed.keys());
    for (const share of shares) {
      const topics = new Set(share.ranges.map(({ topic }) => settingsTopic(topic)));
      for (const topic of topics) await this.#learnPositions(topic);
      const [outcome] = await this.committer.commit(0, share.table, [share]);
      // A run that is given up leaves open what is not in the table, and what a table that is gone may have had.
      const isLeft = task === null && outcome.kind === "stale" &&
        share.ranges.every((range) => (offsetOf(outcome.actual, range) ?? 0n) < range.to);
      if (outcome.kind === "stale" && outcome.why === "offsets" && !isLeft) throw overtaken(work, share.table);
      if (outcome.kind === "stale") { for (const topic of topics) done.delete(topic); }
      else for (const { topic, partition, to } of share.ranges) this.#moveTo(settingsTopic(topic), partition, to);
      // The task knows its tables by the topics that it was given rows of.
      const ranges = share.ranges.map((range) => ({ ...range, topic: settingsTopic(range.topic) }));
      await task?.settle?.({ ...share, ranges }, outcome);
    }
    await work.note({
      passed: [...done].flatMap((topic) => passed.get(topic)!),
      changes: dropPieces(work.ledger, work.run.id, "plan"),
    });
  }

  #moveTo(topic: string, partition: number, to: bigint): void {
    this.#positions.set(partitionKey({ topic, partition }), to);
  }

  #taskContext(): SinkTaskContext {
    return {
      ...this.parts.context,
      task: 0,
      memoryBytes: this.parts.memoryBytes,
      reject: (batch, row, error) => {
        this.#rejectedRows.push(batch.origin.rows[row]);
        this.#rejected.push({ stage: error.details.stage ?? "TASK_PUT", error: withSchemaOf(error, batch) });
      },
      requestCommit: () => {}, // a round ends with each chunk
    };
  }
}

/** Slabs of one partition begin where the one before ended. */
function chained(slabs: readonly LetterSlab[], topicId: string): LetterSlab[] {
  return slabs.map(({ records, letters }, i) => {
    const next = slabs.slice(i + 1).find((other) => partitionKey(other.records) === partitionKey(records));
    return { letters, records: { ...records, topicId, to: next?.records.from ?? records.to } };
  });
}

function partitionOf({ topic, topicId, partition }: RawRecords): TopicPartition {
  return { topic, topicId, partition };
}

function overtaken({ run }: RunWork, table: string): FatalError {
  return new FatalError(
    `Cannot commit letters of run ${run.id} to "${table}": the table is not where the run left it. Another process goes on ` +
      "with the run, or the table was deleted, replaced or restored: put back the one that was there, or end the run by " +
      "replay --abandon; what it had put there before stays replayed",
  );
}
