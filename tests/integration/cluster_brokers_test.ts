/**
 * Three brokers that are moved, restarted, killed, paused and throttled under the real program. `CLUSTER_FAULTS=long` runs
 * every fault for as long as production knows it.
 *
 * @module
 */
import { assert } from "@std/assert";
import { systemClock } from "../../runtime/clock.ts";
import { startCluster } from "../support/kafka_cluster.ts";
import { assertEnds, BACK_MS, keepLogs, LONG, Shaken, shakenConfig, untilCommitting } from "./cluster_shaken.ts";
import { assertLetters, assertWell, cpuMs } from "./cluster_traffic.ts";
import { Scratch } from "./program.ts";
import { freshName } from "./support.ts";

/** What was under way with a broker that hung may have to time out. */
const HANG_MS = 45_000;

const PARTITIONS = 6;

const seconds = (short: number, long: number) => (LONG ? long : short) * 1000;
const sleep = (ms: number) => systemClock.sleep(ms);

Deno.test("three brokers: whatever happens to them, each record is in the table once", async (t) => {
  await using cluster = await startCluster();
  await using scratch = await Scratch.make({ bootstrap: cluster.bootstrap, registryUrl: "http://127.0.0.1:9" });
  const [topic, lonely, letters] = [freshName("shaken"), freshName("lonely"), freshName("letters")];
  const clientId = freshName("client");
  await cluster.makeTopic(topic, PARTITIONS, 3);
  await cluster.makeTopic(lonely, 3, [[1], [2], [3]]);
  await cluster.makeTopic(letters, 1, 3);
  const all = await Shaken.start(scratch, topic, { partitions: PARTITIONS, poisonEvery: 501 });
  const alone = await Shaken.start(scratch, lonely, { partitions: 3, rate: 150 });
  const config = await shakenConfig(scratch, [all, alone], {
    "errors.deadletterqueue.topic.name": letters,
    // What is known of the cluster grows old within the faults.
    "consumer.override": {
      "client.id": clientId,
      "session.timeout.ms": 6000,
      "heartbeat.interval.ms": 500,
      "metadata.max.age.ms": 2000,
    },
  });
  const programs = [scratch.start(config)];
  keepLogs(scratch, programs);
  await untilCommitting(programs[0], [all, alone]);
  const group = `connect-${scratch.name}`;
  const step = async (name: string, run: () => Promise<void>) => assert(await t.step(name, run), name);
  const back = async (what: string, limitMs = BACK_MS) => {
    await all.lag.back(what, limitMs);
    programs.forEach(assertWell);
  };

  await step("leaders that move every half second cost nothing", async () => {
    const until = systemClock.monotonic() + seconds(4, 60);
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

  await step("a process joins while the dead letters' leader is dead and a partition has no leader", async () => {
    await cluster.untilInSync();
    await killFor(await cluster.leaderOf(letters, 0), async () => {
      programs.push(scratch.start(config));
      await programs[1].says('"Committed"', 1, 120_000);
    });
  });

  async function killFor(id: number, meanwhile = () => Promise.resolve()): Promise<void> {
    await cluster.kill(id);
    await sleep(seconds(4, 60));
    await back(`broker ${id} was killed`);
    assert((await cluster.leaderOf(lonely, id - 1)) < 0, "a partition with no other replica has no leader");
    await meanwhile();
    await cluster.start(id);
    await back("it was started again");
    await alone.lag.back("the partition that had no leader meanwhile", BACK_MS);
  }

  await step("a cluster that throttles is waited for, without a busy loop", async () => {
    const quotas = ["consumer_byte_rate", "request_percentage"];
    for (const [quota, limit] of [[quotas[0], 8_000], [quotas[1], 0.2]] as const) {
      const before = programs[0].stderr.length;
      await cluster.setQuotas(clientId, { [quota]: limit });
      await sleep(1000);
      const [cpuBefore, atMs] = [await cpuMs(programs[0].pid), systemClock.monotonic()];
      await sleep(seconds(3, 60));
      const busy = (await cpuMs(programs[0].pid) - cpuBefore) / (systemClock.monotonic() - atMs);
      console.log(`  under ${quota}=${limit} it uses ${busy.toFixed(2)} processors`);
      assert(busy < 1, `under ${quota} it uses ${busy.toFixed(2)} processors`);
      await cluster.setQuotas(clientId, { [quota]: null });
      await back(`${quota} was ${limit}`);
      assert(!/failed/i.test(programs[0].stderr.slice(before)), "nothing has failed meanwhile");
    }
  });

  await step("a rolling restart of all brokers costs nothing", async () => {
    await cluster.untilInSync();
    await cluster.rollingRestart();
    await back("all brokers were restarted");
    await alone.lag.back("the partitions that had no leader meanwhile", BACK_MS);
  });

  await step("a broker that hangs, be it the group's coordinator, costs nothing but time", async () => {
    const id = await cluster.coordinatorOf(group);
    cluster.pause(id);
    try {
      await sleep(seconds(5, 60));
    } finally {
      cluster.resume(id);
    }
    await cluster.untilInSync();
    await back(`broker ${id} goes on`, HANG_MS);
    await alone.lag.back("its partition that had no leader meanwhile", BACK_MS);
  });

  await all.end();
  await alone.end();
  await Promise.all(programs.map(assertEnds));
  await all.assertComplete();
  await alone.assertComplete();
  await assertLetters(cluster.bootstrap, letters, topic, all.traffic);
});
