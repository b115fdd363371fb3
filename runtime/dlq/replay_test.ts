import { assertEquals, assertRejects } from "@std/assert";
import { FatalError } from "../api/mod.ts";
import { NO_FIX } from "./fix_spec.ts";
import { Ledger } from "./ledger.ts";
import { OffsetSet } from "./offset_set.ts";
import { replay, type ReplayParts, type ReplayRequest } from "./replay.ts";
import { beginChanges, type Run } from "./run_record.ts";

Deno.test("replay() does not finish the run of another connector of the queue: its letters would go into the wrong table", async () => {
  const run: Run = {
    ...{ id: "r1", state: "open", target: { kind: "sink" }, fix: NO_FIX, attemptsMax: 3, connector: "x", queueId: "q" },
    counts: { chosen: 1, replayed: 0, refused: 0, quarantined: 0 },
    ...{ begunMs: 1, endedMs: null },
  };
  const selection = new OffsetSet();
  selection.add(0, 5n);
  const ledger = new Ledger();
  for (const change of beginChanges(run, selection)) ledger.take(...change);
  const done: string[] = [];
  const parts = (connector: string) => ({
    producer: { begin: () => Promise.resolve(), transact: () => Promise.resolve() },
    ...{ deadLetterTopic: "dead", clock: { now: () => 1 }, readLedger: () => Promise.resolve(ledger), say: () => {} },
    letterOptions: { connector },
    execute: () => Promise.resolve(void done.push(connector)),
  } as unknown as ReplayParts);
  const resume = { abandon: false, resumeOnly: true } as ReplayRequest;
  for (const abandon of [false, true]) {
    await assertRejects(() => replay(parts("y"), { ...resume, abandon }), FatalError, "--connector x --resume");
  }
  assertEquals((await replay(parts("x"), resume)).before?.state, "done");
  assertEquals(done, ["x"]);
});
