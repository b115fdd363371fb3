import { assertEquals, assertRejects } from "@std/assert";
import { FatalError, type PartitionOffset, replayTopic } from "../api/mod.ts";
import { NO_FIX } from "./fix_spec.ts";
import { Ledger } from "./ledger.ts";
import type { Letter } from "./letter.ts";
import { OffsetSet } from "./offset_set.ts";
import { beginChanges } from "./run_record.ts";
import { assertNoUnknownRuns, FirstLetters } from "./unknown_runs.ts";

const letter = (partition: number, offset: bigint) => ({ at: { partition, offset, topicId: "q" } }) as Letter;
const at = (run: string, partition: number, offset: bigint, topicId = "q"): PartitionOffset => ({
  ...{ topic: replayTopic("orders", run), topicId, partition, offset },
});

function chosen(...letters: readonly Letter[]): FirstLetters {
  const first = new FirstLetters();
  for (const each of letters) first.add("orders", each);
  return first;
}

/** What is said of letters of a queue with the id "q", by what the table and the ledger hold. */
async function assertNew(first: FirstLetters, inTable: readonly PartitionOffset[], inLedger: readonly string[] = []) {
  await assertNoUnknownRuns(first, {
    committer: { replayedOffsets: (topic) => Promise.resolve(topic === "orders" ? inTable : []) },
    readLedger: () => {
      const ledger = new Ledger();
      for (const id of inLedger) {
        const run = {
          id,
          state: "done",
          target: { kind: "sink" },
          fix: NO_FIX,
          attemptsMax: 3,
          connector: "c",
        } as const;
        const counts = { chosen: 0, replayed: 0, refused: 0, quarantined: 0 };
        const changes = beginChanges({ ...run, queueId: "q", counts, begunMs: 1, endedMs: 2 }, new OffsetSet());
        for (const change of changes) ledger.take(...change);
      }
      return Promise.resolve(ledger);
    },
    retry: (_what, work) => work(),
    deadLetterTopic: "dead",
  });
}

Deno.test("assertNoUnknownRuns() refuses letters that a table may have by a run whose ledger was deleted, and says which", async () => {
  const first = chosen(letter(0, 9n), letter(0, 4n), letter(1, 7n));
  const error = await assertRejects(
    () => assertNew(first, [at("r1", 0, 5n), at("r2", 0, 8n), at("r2", 1, 7n)]),
    FatalError,
    'has rows of run r1, which "dead.ledger" does not know',
  );
  assertEquals(/resolve (.*?),/.exec(error.message)?.[1], "--offsets 0:0-7", "partition 1 is not past its letter");
});

Deno.test("assertNoUnknownRuns() lets letters pass of runs that the ledger knows, behind all runs, and of another queue", async () => {
  await assertNew(chosen(letter(0, 4n)), [at("r1", 0, 5n)], ["r1"]);
  await assertNew(chosen(letter(0, 5n)), [at("r1", 0, 5n)]);
  await assertNew(chosen(letter(0, 4n)), [at("r1", 0, 5n, "a queue of the same name before")]);
  await assertNew(chosen(), [at("r1", 0, 5n)]);
});
