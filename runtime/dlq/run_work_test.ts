import { assertRejects } from "@std/assert";
import { FatalError } from "../api/mod.ts";
import { NO_FIX } from "./fix_spec.ts";
import { Ledger } from "./ledger.ts";
import { OffsetSet } from "./offset_set.ts";
import { type QueueWorld, RunWork } from "./run_work.ts";

/** Work at a run that chose offsets 5 and 6 of the queue with the id "q1", where the queue is this one now. */
function workOn(queue: { readonly topicId: string; readonly logStartOffset: bigint }) {
  const admin = {
    describeTopics: () => Promise.resolve([{ topic: "dead", topicId: queue.topicId, partitions: 1 }]),
    logBounds: () => Promise.resolve([{ topic: "dead", partition: 0, endOffset: 9n, ...queue }]),
  };
  const run = {
    ...{ id: "r1", state: "open", target: { kind: "sink" }, fix: NO_FIX, attemptsMax: 3, queueId: "q1" } as const,
    counts: { chosen: 2, replayed: 0, refused: 0, quarantined: 0 },
    ...{ begunMs: 1, endedMs: null },
  };
  const world = { deadLetterTopic: "dead", admin } as unknown as QueueWorld;
  const options = { connector: "c", task: 0, headerBytesMax: 1, recordBytesMax: 1, clock: { now: () => 1 } };
  const selection = new OffsetSet();
  selection.addRange(0, [5n, 7n]);
  return Array.fromAsync(new RunWork(world, new Ledger(), run, options).chunks(selection, { letters: 1, bytes: 1 }));
}

Deno.test("RunWork does not take letters of a queue that was created again for those that it has chosen", async () => {
  await assertRejects(() => workOn({ topicId: "q2", logStartOffset: 0n }), FatalError, "created again");
});

Deno.test("RunWork does not pass over chosen letters that retention took", async () => {
  await assertRejects(() => workOn({ topicId: "q1", logStartOffset: 6n }), FatalError, "begins at 6");
});
