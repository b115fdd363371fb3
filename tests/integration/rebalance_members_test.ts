/**
 * Processes of one group that come and go, and one that sleeps past its session. `CLUSTER_FAULTS=long` makes it last.
 *
 * @module
 */
import { assert } from "@std/assert";
import { Seeded } from "../simulation/seeded.ts";
import { systemClock } from "../../runtime/clock.ts";
import { assertEnds, BACK_MS, keepLogs, LONG, Shaken, shakenConfig, untilCommitting } from "./cluster_shaken.ts";
import { assertCalm, assertWell, linesOf } from "./cluster_traffic.ts";
import { type Program, Scratch } from "./program.ts";
import { freshName, makeTopic, services } from "./support.ts";

await services();

const SESSION_MS = 3_000;
const MEMBERS = { "consumer.override": { "session.timeout.ms": SESSION_MS, "heartbeat.interval.ms": 300 } };
const MEMBERS_MAX = 5;
const sleep = (ms: number) => systemClock.sleep(ms);

Deno.test("one to five processes that come and go every few seconds share a topic: each record once", async () => {
  const seed = Number(Deno.env.get("REBALANCE_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  console.log(`  REBALANCE_SEED=${seed}`);
  const random = new Seeded(seed).next;
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 12, {}, freshName("shared"));
  const shaken = await Shaken.start(scratch, topic, { partitions: 12 });
  const config = await shakenConfig(scratch, [shaken], MEMBERS);
  const members: Program[] = [scratch.start(config)];
  const all = [...members];
  keepLogs(scratch, all);
  const ending: Promise<void>[] = [];
  await untilCommitting(members[0], [shaken]);

  for (let change = 0; change < (LONG ? 60 : 6); change++) {
    for (const member of members) assertWell(member);
    const joins = members.length === 1 || (members.length < MEMBERS_MAX && random() < 0.55);
    if (joins) {
      members.push(scratch.start(config));
      all.push(members.at(-1)!);
    } else {
      const [gone] = members.splice(Math.floor(random() * members.length), 1);
      if (random() < 0.5) await gone.kill();
      else {
        const ended = assertEnds(gone);
        ended.catch(() => {}); // awaited below
        ending.push(ended);
      }
      assertCalm(gone);
    }
    await sleep(1000 + random() * 2000);
  }
  // A member that was killed holds its partitions until its session is over.
  await shaken.lag.back("the last has come or gone", BACK_MS);
  await Promise.all(ending);

  await shaken.end();
  await Promise.all(members.map(assertEnds));
  await shaken.assertComplete();
});

Deno.test("a process that sleeps past its session commits nothing of what it held, and joins again", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 6, {}, freshName("asleep"));
  const shaken = await Shaken.start(scratch, topic, { partitions: 6 });
  const config = await shakenConfig(scratch, [shaken], MEMBERS);
  const [first, second] = [scratch.start(config), scratch.start(config)];
  keepLogs(scratch, [first, second]);
  await untilCommitting(first, [shaken]);
  await first.says('"Committed"', 1, 120_000);
  await second.says('"Committed"', 1, 120_000);

  for (let nap = 0; nap < (LONG ? 10 : 1); nap++) {
    const sleeper = nap % 2 === 0 ? first : second;
    await sleep(100 + 300 * (nap % 3)); // another moment of its rounds each time
    sleeper.signal("SIGSTOP");
    await sleep(SESSION_MS + 3000);
    await shaken.lag.back("a process sleeps, the other has taken over", BACK_MS);
    const [commits, lines] = [sleeper.count('"Committed"'), linesOf(sleeper).length];
    sleeper.signal("SIGCONT");
    const woken = systemClock.monotonic();
    await sleeper.while("it commits again", () => sleeper.count('"Committed"') > commits);
    console.log(`  awake, it commits again after ${((systemClock.monotonic() - woken) / 1000).toFixed(1)} s`);
    await shaken.lag.back("it is awake", BACK_MS);
    const said = linesOf(sleeper).slice(lines).filter(({ level }) => level !== "debug").map(({ message }) => message);
    console.log(`  it said: ${[...new Set(said)].join("; ")}`);
    assertWell(first);
    assertWell(second);
  }

  await shaken.end();
  await assertEnds(first);
  await assertEnds(second);
  assert(shaken.traffic.failures === 0);
  await shaken.assertComplete();
});
