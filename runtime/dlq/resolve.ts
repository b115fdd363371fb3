/**
 * Marks letters as done without replaying them, or takes that back.
 *
 * @module
 */
import { FatalError } from "../api/mod.ts";
import type { ChosenLetter } from "./choose.ts";
import { entryChange, type Ledger, ledgerRecord } from "./ledger.ts";
import { type Letter, type LetterId, letterIdOf, letterKey } from "./letter.ts";
import { openRun } from "./run_record.ts";
import type { QueueWorld } from "./run_work.ts";

/** What is to be resolved. */
export interface ResolveRequest {
  readonly choose: (ledger: Ledger) => AsyncIterable<ChosenLetter>;
  readonly note: string | null;
  /** Resolved and quarantined letters become open again. */
  readonly undo: boolean;
}

type Mark = LetterId & Pick<Letter, "attempts">;

/** Returns how many records were marked. Throws FatalError where a run is unfinished. */
export async function resolve(
  world: Pick<QueueWorld, "producer" | "clock" | "deadLetterTopic"> & { readonly readLedger: () => Promise<Ledger> },
  { choose, note, undo }: ResolveRequest,
): Promise<number> {
  const { producer, clock, deadLetterTopic } = world;
  await producer.begin();
  const ledger = await world.readLedger();
  const run = openRun(ledger);
  if (run !== null) {
    throw new FatalError(
      `Cannot resolve letters of "${deadLetterTopic}": run ${run.id} is unfinished. Finish it by replay --resume, or give ` +
        "it up by replay --abandon",
    );
  }
  const marks = new Map<string, Mark>();
  for await (const { letter, state } of choose(ledger)) {
    // What was replayed is in the table, or on the topic: open again it would be there twice.
    const isMeant = undo
      ? state === "resolved" || state === "quarantined"
      : state === "open" || state === "quarantined";
    const [key, attempts] = [letterKey(letter), letter.attempts];
    if (isMeant && attempts > (marks.get(key)?.attempts ?? 0)) marks.set(key, { ...letterIdOf(letter), attempts });
  }
  const atMs = clock.now();
  const changes = [...marks.values()].map((letter) =>
    entryChange(letter, undo ? null : { state: "resolved", attempts: letter.attempts, run: "", atMs, note })
  );
  await producer.transact(changes.map((change) => ledgerRecord(deadLetterTopic, change, atMs)));
  for (const [key, value] of changes) ledger.take(key, value);
  return marks.size;
}
