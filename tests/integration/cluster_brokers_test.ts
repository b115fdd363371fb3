/**
 * Three brokers that are moved, restarted, killed, paused and throttled under the real program. `SLUICE_CLUSTER=long` runs
 * every fault for as long as production knows it.
 *
 * @module
 */
import { assert } from "@std/assert";
import { systemClock } from "../../runtime/clock.ts";
import { startCluster } from "../support/kafka_cluster.ts";
import { assertEnds, BACK_MS, LONG, Shaken, shakenConfig, untilCommitting } from "./cluster_shaken.ts";
import { assertLetters, assertWell } from "./cluster_traffic.ts";
import { Scratch } from "./program.ts";
import { freshName } from "./support.ts";

const PARTITIONS = 6;

const seconds = (short: number, long: number) => (LONG ? long : short) * 1000;
const sleep = (ms: number) => systemClock.sleep(ms);

Deno.test("three brokers: whatever happens to them, each record is in the table once", async (t) => {
  await using cluster = await startCluster();
  await using scratch = await Scratch.make({ bootstrap: cluster.bootstrap, registryUrl: "http://127.0.0.1:9" });
  const [topic, lonely, letters] = [freshName("shaken"), freshName("lonely"), freshName("letters")];
  await cluster.makeTopic(topic, PARTITIONS, 3);
  await cluster.makeTopic(lonely, 3, [[1], [2], [3]]);
  await cluster.makeTopic(letters, 1, 3);
  const all = await Shaken.start(scratch, topic, { partitions: PARTITIONS, poisonEvery: 501 });
  const alone = await Shaken.start(scratch, lonely, { partitions: 3, rate: 150 });
  const program = scratch.start(
    await shakenConfig(scratch, [all, alone], {
      "errors.deadletterqueue.topic.name": letters,
      "consumer.override": { "session.timeout.ms": 6000, "heartbeat.interval.ms": 500 },
    }),
  );
  await untilCommitting(program, [all, alone]);
  const group = `connect-${scratch.name}`;
  const step = async (name: string, run: () => Promise<void>) => assert(await t.step(name, run), name);
  const back = async (what: string) => {
    await all.lag.back(what, BACK_MS);
    assertWell(program);
  };

  await step("leaders that move every half second cost nothing", async () => {
    const until = systemClock.monotonic() + seconds(5, 60);
    for (let move = 0; systemClock.monotonic() < until; move++) {
      await cluster.moveLeader(topic, move % PARTITIONS);
      if (move % 3 === 0) await cluster.moveLeader(letters, 0);
      await sleep(300);
    }
    await back("leaders moved");
  });

  await step("a killed broker is done without, be it the group's coordinator", async () => {
    const id = await cluster.coordinatorOf(group);
    await killFor(id);
  });

  await step("a killed broker is done without, be it the dead letters' leader", async () => {
    await cluster.untilInSync();
    await killFor(await cluster.leaderOf(letters, 0));
  });

  async function killFor(id: number): Promise<void> {
    await cluster.kill(id);
    await sleep(seconds(6, 60));
    await back(`broker ${id} was killed`);
    assert((await cluster.leaderOf(lonely, id - 1)) < 0, "a partition with no other replica has no leader");
    await cluster.start(id);
    await back("it was started again");
    await alone.lag.back("the partition that had no leader meanwhile", BACK_MS);
  }

  await step("a rolling restart of all brokers costs nothing", async () => {
    await cluster.untilInSync();
    await cluster.rollingRestart();
    await back("all brokers were restarted");
    await alone.lag.back("the partitions that had no leader meanwhile", BACK_MS);
  });

  await all.end();
  await alone.end();
  await assertEnds(program);
  await all.assertComplete();
  await alone.assertComplete();
  await assertLetters(cluster.bootstrap, letters, topic, all.traffic);
});
