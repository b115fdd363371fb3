/**
 * Commits over an S3 on which requests go wrong before, in and after the moment when the server does what it is asked.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Clock, FatalError, RetriableError, type Share } from "../../mod.ts";
import type { DeltaCommitter, DeltaCommitterOptions } from "../../connectors/delta-sink/committer.ts";
import { committer, partition, range, share, TABLE } from "../../connectors/delta-sink/committer/fixture.ts";
import { loadSnapshot, readCommit } from "../../connectors/delta-sink/delta/load.ts";
import { LAST_CHECKPOINT } from "../../connectors/delta-sink/delta/log.ts";
import type { DeltaStaged } from "../../connectors/delta-sink/staged.ts";
import type { Storage } from "../../connectors/delta-sink/storage/storage.ts";
import { systemClock } from "../../runtime/clock.ts";
import {
  NO_FAULTS,
  randomPlan,
  S3_FAULTS,
  type S3Fault,
  S3FaultProxy,
  type S3Plan,
  strikeAt,
} from "../support/s3_fault_proxy.ts";
import { s3SettingsOf, storageAt } from "../support/s3_fault_proxy_storage.ts";
import { freshName, objectStore } from "./support.ts";

/** A client waits for an answer for less time than the proxy holds it back. */
const TIMES = { holdMs: 400, lateMs: 120, slowMs: 80, awayMs: 250 };
const REQUEST_TIMEOUT_MS = 250;
const store = await objectStore();

/** Real time, in which nobody sleeps for long, at the hour when the shares were prepared. */
const HASTY: Clock = { ...systemClock, now: () => 0, sleep: (ms, signal) => systemClock.sleep(ms / 20, signal) };

/** A table of its own, through a proxy and past it. */
class Table implements AsyncDisposable {
  readonly proxy = S3FaultProxy.start({ target: Number(new URL(store.endpoint).port), times: TIMES });
  readonly #prefix = freshName("commits");
  readonly #committers: DeltaCommitter[] = [];
  /** As it is. */
  readonly outside = storageAt(store, { prefix: this.#prefix });

  readonly #through = { endpoint: this.proxy.url, requestTimeoutMs: REQUEST_TIMEOUT_MS };

  /** As a process of its own reaches it. */
  inside(): Storage {
    return storageAt(store, { prefix: this.#prefix, ...this.#through });
  }

  committer(options: Partial<DeltaCommitterOptions> = {}): DeltaCommitter {
    const made = committer(this.inside(), {
      clock: HASTY,
      random: Math.random,
      s3: s3SettingsOf(store, this.#through),
      ...options,
    });
    this.#committers.push(made);
    return made;
  }

  /** The names of the table's data files, each version beginning where the one before ended. */
  async chainedFiles(): Promise<string[]> {
    const files: string[] = [];
    let at = "0";
    for (let version = 0n;; version++) {
      const actions = await readCommit(this.outside, version);
      if (actions === null) return files.sort();
      const info = actions.find(({ commitInfo }) => commitInfo)!.commitInfo!;
      const [from, to] = JSON.parse(info.userMetadata as string).offsets["orders/0"];
      assertEquals(from, at, `version ${version}`);
      at = to;
      files.push(...actions.flatMap(({ add }) => add ? [add.path] : []));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.proxy.plan = NO_FAULTS;
    for (const committer of this.#committers) await committer.stop();
    await this.proxy[Symbol.asyncDispose]();
  }
}

Deno.test("putIfAbsent() is sent once, also on a connection that was used before, and never calls its own object another's", async () => {
  await using table = new Table();
  const storage = table.inside();
  for (const fault of S3_FAULTS) {
    await storage.head("nothing"); // leaves a connection open
    table.proxy.begin(({ operation }) => operation === "PutIfAbsent" ? fault : null);
    const outcome = await storage.putIfAbsent(fault, new Uint8Array(100)).then(({ kind }) => kind, (error) => {
      assert(error instanceof RetriableError, `${fault}: ${error}`);
      return "unknown";
    });
    assertEquals(outcome, fault === "slow" ? "created" : "unknown", fault);
    assertEquals(table.proxy.requests, 1, fault);
    await table.proxy.settled();
  }
});

Deno.test("get() that had no answer in time is sent again once, though its connection was used before", async () => {
  await using table = new Table();
  const storage = table.inside();
  for (const fault of ["timeout-before", "drop-before", "timeout-after", "drop-after"] as const) {
    await storage.head("nothing"); // leaves a connection open
    table.proxy.begin(strikeAt(1, fault));
    assertEquals(await storage.get("nothing"), null);
    await table.proxy.settled();
    assertEquals(table.proxy.requests, 2, fault);
  }
});

Deno.test("get(), head() and delete() of what is not there find nothing or may be tried again, whatever becomes of the answer", async () => {
  await using table = new Table();
  const storage = table.inside();
  const calls: readonly [string, () => Promise<unknown>][] = [
    ["get", () => storage.get("nothing")],
    ["head", () => storage.head("nothing")],
    ["delete", () => storage.delete("nothing")],
  ];
  for (const [call, work] of calls) {
    for (const fault of S3_FAULTS) {
      table.proxy.begin(strikeAt(1, fault));
      try {
        assertEquals((await work()) ?? null, null, `${call} ${fault}`);
      } catch (error) {
        assert(error instanceof RetriableError, `${call} ${fault}: ${error}`);
      }
      await table.proxy.settled();
    }
  }
});

Deno.test("commit() is committed once and known as ours, whatever becomes of its put, however often", async () => {
  for (const fault of S3_FAULTS) {
    for (const times of [1, 3]) {
      await using table = new Table();
      const c = table.committer();
      table.proxy.plan = ({ operation, nth }) => operation === "PutIfAbsent" && nth <= times ? fault : null;
      const shares = [share([range(0, "absent", 40)]), share([range(0, 40, 80)])];
      assertEquals(await commit(c, shares[0]), ["v0"], `${fault} ${times} times`);
      table.proxy.plan = NO_FAULTS;
      assertEquals(await commit(c, shares[1]), ["v1"], `${fault} ${times} times, then`);
      await table.proxy.settled();
      assertEquals(await table.chainedFiles(), filesOf(shares));
      assert((table.proxy.faults.get(fault) ?? 0) >= 1, `${fault} came to be`);
    }
  }
});

Deno.test("commit() reads the log whole, or again: torn, refused, slow and lost answers", async () => {
  await using table = new Table();
  const shares = Array.from({ length: 12 }, (_, i) => share([range(0, i === 0 ? "absent" : i, i + 1)]));
  const first = table.committer();
  for (const one of shares) await commit(first, one);
  await first.stop(); // its checkpoint is written by then
  assert((await table.outside.get(LAST_CHECKPOINT)) !== null, "there is a checkpoint");
  for (const fault of S3_FAULTS) {
    for (const at of [1, 2, 3, 4]) {
      table.proxy.begin(strikeAt(at, fault));
      const [offset] = await table.committer().committedOffsets([partition(0)]);
      assertEquals(offset.offset, 12n, `${fault} from request ${at} on`);
    }
  }
});

Deno.test("commit() is through once a store that throttles for long, or is away, is itself again", async () => {
  const throttled: S3Plan = ({ index }) => index > 3 && index < 60 ? "slow-down-before" : null;
  const away: S3Plan = ({ index }) => index === 4 ? "away" : null;
  for (const plan of [throttled, away]) {
    await using table = new Table();
    table.proxy.times = { ...TIMES, awayMs: 1500 };
    table.proxy.begin(plan);
    const shares = [share([range(0, "absent", 40)]), share([range(0, 40, 80)])];
    const c = table.committer();
    assertEquals([await commit(c, shares[0]), await commit(c, shares[1])], [["v0"], ["v1"]]);
    assertEquals(await table.chainedFiles(), filesOf(shares));
  }
});

Deno.test("commit() of a process that is gone may land late: whoever follows is committed or told that it is stale", async () => {
  const outcomes = new Set<string>();
  for (const lateMs of [0, 2, 10, 20, 40, 300]) {
    await using table = new Table();
    const before = share([range(0, "absent", 10)]);
    await commit(table.committer(), before);
    table.proxy.times = { ...TIMES, lateMs };
    table.proxy.plan = ({ operation }) => operation === "PutIfAbsent" ? "late" : null;
    // It gives up at once, as if it had died with its put on the way.
    const dead = table.committer({ putTimeoutMs: 0 });
    const [lost, next] = [share([range(0, 10, 20)]), share([range(0, 10, 30)])];
    await assertRejects(() => commit(dead, lost), FatalError);
    table.proxy.plan = NO_FAULTS;
    const follower = table.committer();
    const [outcome] = await commit(follower, next);
    await table.proxy.settled();
    const isLate = outcome.startsWith("stale");
    assertEquals(await table.chainedFiles(), filesOf(isLate ? [before, lost] : [before, next]), outcome);
    // The same share given again by a new life of the first is known for what it is.
    assertEquals((await commit(table.committer(), lost))[0].split(" ")[0], isLate ? "v1" : "stale");
    outcomes.add(isLate ? "stale" : "committed");
  }
  assertEquals(outcomes.size, 2, "both were seen");
});

Deno.test("commit() has one winner for each range, however many committers race over an S3 that fails", async () => {
  const seed = Number(Deno.env.get("S3_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  console.log(`S3_SEED=${seed}`);
  await using table = new Table();
  table.proxy.begin(randomPlan({ seed, ratio: 0.2, awayRatio: 0.004 }));
  const committed = new Set<string>();
  const racers = Array.from({ length: 5 }, async (_, racer) => {
    const c = table.committer();
    for (let at = 0n; at < 60n;) {
      const [now] = await c.committedOffsets([partition(0)]);
      at = now?.offset ?? 0n;
      const from = now ? Number(at) : "absent" as const;
      const first = share([range(0, from, Number(at) + 3)]);
      const second = share([range(0, Number(at) + 3, Number(at) + 4 + racer)]);
      for (const [i, outcome] of (await c.commit(1, TABLE, [first, second])).entries()) {
        if (outcome.kind === "committed") committed.add([first, second][i].staged.files[0].path);
      }
    }
  });
  await Promise.all(racers);
  table.proxy.plan = NO_FAULTS;
  await table.proxy.settled();
  assertEquals(await table.chainedFiles(), [...committed].sort());
  const snapshot = (await loadSnapshot(table.outside, { files: true }))!;
  assertEquals([...snapshot.files!.adds.keys()].sort(), [...committed].sort());
  const faults: Partial<Record<S3Fault, number>> = Object.fromEntries(table.proxy.faults);
  console.log(`version ${snapshot.version}, ${table.proxy.requests} requests, faults ${JSON.stringify(faults)}`);
});

async function commit(c: DeltaCommitter, ...shares: Share<DeltaStaged>[]): Promise<string[]> {
  const outcomes = await c.commit(1, TABLE, shares);
  return outcomes.map((outcome) => {
    if (outcome.kind === "committed") return `v${outcome.version}`;
    return outcome.kind === "stale" ? `stale ${outcome.why} ${outcome.actual[0]?.offset}` : outcome.kind;
  });
}

function filesOf(shares: readonly Share<DeltaStaged>[]): string[] {
  return shares.flatMap(({ staged }) => staged.files.map(({ path }) => path)).sort();
}
