/**
 * The crash tests over a real S3 server: each request of the reference run is struck in every way in which requests fail,
 * once and several times in a row; and its processes die and stand still while requests fail at random. A sample of them
 * by seed in every run; `SLUICE_S3_CRASHES=all` for all, `SLUICE_SEED=n` repeats a sample.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { objectStore } from "../integration/support.ts";
import { Seeded } from "../simulation/seeded.ts";
import { randomPlan, type S3Fault, type S3Plan, strikeAt } from "../support/s3_fault_proxy.ts";
import { playReference, type Strike, type StrikeResult } from "./reference.ts";
import { CRASH_FAULTS, S3Worlds } from "./s3_store.ts";

const FATES = ["crash-before", "crash-after", "pause-before", "pause-after", "fail", "lose-reply", "break"] as const;
/** Of each of the two tests, unless all are wanted. */
const SAMPLE = 20;
/** In a row: one that a client outlasts, and more than it has patience for. */
const TIMES_IN_A_ROW = [1, 6];
const FAULT_RATIO = 0.04;
/** One that requests failed is made up for by the next. */
const UNANSWERED_CHECKPOINT = /^a checkpoint of \S+ failed: Cannot (create|read|list|write|look up) \S*"/;

const wanted = Deno.env.get("SLUICE_S3_CRASHES") ?? String(SAMPLE);
const seed = Number(Deno.env.get("SLUICE_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0] % 1e9);
const access = await objectStore();

/** Runs what is drawn; fails with all that went wrong. */
async function play<T>(
  points: readonly T[],
  strikeOf: (point: T) => { plan: S3Plan; strike: Omit<Strike, "store">; name: string },
): Promise<void> {
  const random = new Seeded(seed);
  const chosen = wanted === "all" ? points : drawn(points, Number(wanted), random);
  await using worlds = new S3Worlds(access);
  const failed: string[] = [];
  let faults = 0;
  for (const point of chosen) {
    const { plan, strike, name } = strikeOf(point);
    worlds.proxy.begin(plan);
    const result = await playReference({ ...strike, store: worlds.next() });
    const problems = result.problems.filter((problem) => !UNANSWERED_CHECKPOINT.test(problem));
    await worlds.proxy.settled();
    faults += worlds.proxy.faultCount;
    if (problems.length === 0) continue;
    failed.push(`SLUICE_SEED=${seed}, ${name}: ${problems.slice(0, 3).join("; ")}`);
    console.log(failed.at(-1));
  }
  console.log(`SLUICE_SEED=${seed}: ${chosen.length} of ${points.length} points, ${faults} faults`);
  assertEquals(failed, []);
}

let counted: Promise<{ operations: number; requests: number }> | null = null;

/** What the run without a strike does. */
function undisturbed(): Promise<{ operations: number; requests: number }> {
  return counted ??= (async () => {
    await using worlds = new S3Worlds(access);
    const result: StrikeResult = await playReference({ at: 0, fate: "fail", tasks: 1, store: worlds.next() });
    assertEquals(result.problems, []);
    assertEquals(worlds.proxy.faultCount, 0);
    return { operations: result.operations.length, requests: worlds.proxy.requests };
  })();
}

Deno.test("over S3 the tables are right whatever becomes of a request, also several times in a row", async () => {
  const { requests } = await undisturbed();
  assert(requests >= 20, `it has many requests: ${requests}`);
  const points: { at: number; fault: S3Fault; times: number }[] = [];
  for (let at = 1; at <= requests; at++) {
    for (const fault of CRASH_FAULTS) for (const times of TIMES_IN_A_ROW) points.push({ at, fault, times });
  }
  await play(points, ({ at, fault, times }) => ({
    plan: strikeAt(at, fault, times),
    strike: { at: 0, fate: "fail", tasks: 1 },
    name: `${fault} from request ${at} on, ${times} times`,
  }));
});

Deno.test("over an S3 that fails the tables are right after processes died, stood still and failed", async () => {
  const { operations } = await undisturbed();
  const points = FATES.flatMap((fate) => Array.from({ length: operations }, (_, i) => ({ fate, at: i + 1 })));
  await play(points, ({ fate, at }) => ({
    plan: randomPlan({ seed: seed + at, ratio: FAULT_RATIO, faults: CRASH_FAULTS, awayRatio: FAULT_RATIO / 20 }),
    strike: { at, fate, tasks: 1 + at % 3 },
    name: `${fate} at operation ${at}`,
  }));
});

/** So many of them, each at most once. */
function drawn<T>(points: readonly T[], count: number, random: Seeded): readonly T[] {
  const left = [...points];
  return Array.from({ length: Math.min(count, left.length) }, () => left.splice(random.int(0, left.length - 1), 1)[0]);
}
