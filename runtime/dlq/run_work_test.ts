import { assertEquals, assertRejects } from "@std/assert";
import { DataError, FatalError } from "../api/mod.ts";
import type { ProducerRecord } from "../kafka/types.ts";
import { NO_FIX } from "./fix_spec.ts";
import { Ledger } from "./ledger.ts";
import { letterOf } from "./letters_fixture.ts";
import { OffsetSet } from "./offset_set.ts";
import type { Run } from "./run_record.ts";
import { type QueueWorld, RunWork } from "./run_work.ts";

const RUN: Run = {
  ...{ id: "r1", state: "open", target: { kind: "sink" }, fix: NO_FIX, attemptsMax: 3, connector: "c", queueId: "q1" },
  counts: { chosen: 2, replayed: 0, refused: 0, quarantined: 0 },
  ...{ begunMs: 1, endedMs: null },
};
const OPTIONS = { connector: "c", task: 0, headerBytesMax: 100, recordBytesMax: 10_000, clock: { now: () => 1 } };

/** Work at a run that chose offsets 5 and 6 of the queue with the id "q1", where the queue is this one now. */
function workOn(queue: { readonly topicId: string; readonly logStartOffset: bigint }) {
  const admin = {
    describeTopics: () => Promise.resolve([{ topic: "dead", topicId: queue.topicId, partitions: 1 }]),
    logBounds: () => Promise.resolve([{ topic: "dead", partition: 0, endOffset: 9n, ...queue }]),
  };
  const world = { deadLetterTopic: "dead", admin } as unknown as QueueWorld;
  const selection = new OffsetSet();
  selection.addRange(0, [5n, 7n]);
  return Array.fromAsync(new RunWork(world, new Ledger(), RUN, OPTIONS).chunks(selection, { letters: 1, bytes: 1 }));
}

Deno.test("RunWork does not take letters of a queue that was created again for those that it has chosen", async () => {
  await assertRejects(() => workOn({ topicId: "q2", logStartOffset: 0n }), FatalError, "created again");
});

Deno.test("RunWork does not pass over chosen letters that retention took", async () => {
  await assertRejects(() => workOn({ topicId: "q1", logStartOffset: 6n }), FatalError, "begins at 6");
});

Deno.test("RunWork counts refusals of a letter that is too large to be written anew, so that it does not hold up a queue", async () => {
  const sent: ProducerRecord[] = [];
  const producer = { transact: (records: readonly ProducerRecord[]) => Promise.resolve(void sent.push(...records)) };
  const world = { deadLetterTopic: "dead", producer, clock: { now: () => 1 } } as unknown as QueueWorld;
  const ledger = new Ledger();
  const [large, small] = [letterOf({ headers: [{ key: "h", value: new Uint8Array(20_000) }] }, 1), letterOf({}, 2)];
  const refusal = { stage: "VALUE_CONVERTER", error: new DataError("no", { reason: "no" }) } as const;
  const states: unknown[] = [];
  for (const id of ["r1", "r2", "r3"]) {
    const work = new RunWork(world, ledger, { ...RUN, id }, OPTIONS);
    await work.note({ refused: [large, small].map((letter) => ({ letter, ...refusal })) });
    states.push([ledger.stateOf(large), ledger.attemptsOf(large), work.isDone(large), work.run.counts.quarantined]);
  }
  assertEquals(states, [["open", 2, true, 0], ["open", 3, true, 0], ["quarantined", 4, true, 1]]);
  assertEquals(sent.filter(({ topic }) => topic === "dead").length, 3, "the small one's");
});
