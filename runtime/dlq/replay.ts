/**
 * A replay, from its turn to its end. See README.md for the steps, and for what holds after a crash between any two.
 *
 * @module
 */
import { FatalError } from "../api/mod.ts";
import type { FixSpec } from "./fix_spec.ts";
import { type Fixed, type FixRules, fixSelection } from "./fix_selection.ts";
import type { ChosenLetter } from "./choose.ts";
import { entryChange, type Ledger, type LedgerChange, ledgerRecord } from "./ledger.ts";
import type { LetterOptions } from "../dead_letter.ts";
import {
  beginChanges,
  endChanges,
  openRun,
  type Run,
  type RunTarget,
  selectionLeft,
  selectionOf,
} from "./run_record.ts";
import { type QueueWorld, RunWork } from "./run_work.ts";
import type { OffsetSet } from "./offset_set.ts";

/** What a replay needs. */
export interface ReplayParts extends QueueWorld {
  /** Reads the ledger as it is now. */
  readonly readLedger: () => Promise<Ledger>;
  /** What new letters are written with. */
  readonly letterOptions: Omit<LetterOptions, "deadLetterTopic">;
  readonly uuid: () => string;
  /** Throws FatalError where what was chosen may have gone on by a run that the ledger does not know. */
  readonly assertNew: () => Promise<void>;
  /** Does what is not done of a run: by its own target and fix. */
  readonly execute: (work: RunWork, selection: OffsetSet) => Promise<void>;
  /** Ends what a process that is gone may have begun of a run that is given up. */
  readonly settle: (work: RunWork, selection: OffsetSet) => Promise<void>;
  readonly say: (line: string) => void;
}

/** What is to be replayed. */
export interface ReplayRequest extends FixRules {
  readonly target: RunTarget;
  readonly fix: FixSpec;
  /** By the ledger as it is when all that came before is finished. */
  readonly choose: (ledger: Ledger) => AsyncIterable<ChosenLetter>;
  readonly newest: () => Promise<ReadonlyMap<string, number>>;
  /** An unfinished run is given up instead of finished. */
  readonly abandon: boolean;
  /** Only ends what is unfinished. */
  readonly resumeOnly: boolean;
}

/** What became of it. */
export interface ReplayResult {
  /** A run of before, which was finished or given up first. */
  readonly before: Run | null;
  /** Null: nothing was chosen. */
  readonly run: Run | null;
  readonly fixed: Fixed | null;
}

/** Finishes what was begun before, then chooses and replays. Throws FatalError where another process takes over. */
export async function replay(parts: ReplayParts, request: ReplayRequest): Promise<ReplayResult> {
  const { producer, say, deadLetterTopic, clock } = parts;
  await producer.begin();
  const ledger = await parts.readLedger();
  const before = await finish(parts, ledger, request.abandon);
  if (request.resumeOnly || request.abandon) return { before, run: null, fixed: null };
  const fixed = await fixSelection(request.choose(ledger), await request.newest(), request);
  const { selection, overLimit } = fixed;
  await parts.assertNew();
  const run = newRun(parts, request, fixed);
  const changes: LedgerChange[] = overLimit.map((letter) =>
    entryChange(letter, { state: "quarantined", attempts: letter.attempts, run: run.id, atMs: clock.now(), note: null })
  );
  if (selection.size > 0) changes.push(...beginChanges(run, selection));
  // From here on the run is what it is, whoever finishes it.
  await producer.transact(changes.map((change) => ledgerRecord(deadLetterTopic, change, clock.now())));
  for (const [key, value] of changes) ledger.take(key, value);
  if (selection.size === 0) return { before, run: null, fixed };
  say(`Run ${run.id}: ${selection.size} letters`);
  return { before, run: await executeRun(parts, ledger, run), fixed };
}

/** What is unfinished is finished, or given up. */
async function finish(parts: ReplayParts, ledger: Ledger, abandon: boolean): Promise<Run | null> {
  const run = openRun(ledger);
  if (run === null) return null;
  const { connector } = parts.letterOptions;
  if (run.connector !== connector) {
    throw new FatalError(
      `Cannot replay letters of "${connector}": run ${run.id} of connector "${run.connector}" on the same queue is unfinished. ` +
        `Finish it by replay --connector ${run.connector} --resume, or give it up by replay --connector ${run.connector} --abandon`,
    );
  }
  const begun = new Date(run.begunMs).toISOString();
  if (!abandon) {
    parts.say(`Run ${run.id} of ${begun} was not finished: that comes first`);
    return await executeRun(parts, ledger, run);
  }
  parts.say(`Run ${run.id} of ${begun} is given up`);
  const work = new RunWork(parts, ledger, run, parts.letterOptions);
  await parts.settle(work, selectionLeft(ledger, run.id));
  await work.end("abandoned", (ended) => endChanges(ledger, ended));
  return work.run;
}

async function executeRun(parts: ReplayParts, ledger: Ledger, run: Run): Promise<Run> {
  const work = new RunWork(parts, ledger, run, parts.letterOptions);
  await parts.execute(work, selectionOf(ledger, run));
  await work.end("done", (ended) => endChanges(ledger, ended));
  return work.run;
}

function newRun(
  { uuid, clock, letterOptions: { connector } }: ReplayParts,
  { target, fix, attemptsMax }: ReplayRequest,
  { selection, samples }: Fixed,
): Run {
  return {
    id: uuid(),
    state: "open",
    target,
    fix,
    attemptsMax,
    connector,
    queueId: samples[0]?.at.topicId ?? "",
    counts: { chosen: selection.size, replayed: 0, refused: 0, quarantined: 0 },
    begunMs: clock.now(),
    endedMs: null,
  };
}
