/**
 * Brokers old and new: the program's main paths against each. Every run has a drain from the oldest; `deno task
 * test:brokers` has all, and rebalances.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { systemClock } from "../../runtime/clock.ts";
import { createProducer } from "../../runtime/kafka/producer.ts";
import { startCluster } from "../support/kafka_cluster.ts";
import { startZooKeeperKafka } from "../support/kafka_zookeeper.ts";
import { assertRows, readDeltaRs } from "../support/tables.ts";
import { Scratch } from "./program.ts";
import { freshName, makeTopic, settingsFor } from "./support.ts";
import { json, originOf, produce, readAll, withProducer } from "./topics.ts";

interface Broker extends AsyncDisposable {
  readonly bootstrap: string;
}

/** What is tested on demand, and how each starts. */
const BROKERS: Readonly<Record<string, () => Promise<Broker>>> = {
  // As a cluster is that was upgraded and whose inter.broker.protocol.version was not: topics have no ids.
  "2.8.2 without topic ids": () => startZooKeeperKafka("2.8.2", { "inter.broker.protocol.version": "2.7" }),
  "2.8.2": () => startZooKeeperKafka("2.8.2"),
  "3.3.2": () => startCluster({ brokers: 1, version: "3.3.2" }),
  "3.9.1": () => startCluster({ brokers: 1, version: "3.9.1" }),
  "4.4.0": () => startCluster({ brokers: 1, version: "4.4.0" }),
};
const NO_TOPIC_ID = "A".repeat(22);
const CODECS = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

const asked = Deno.env.get("BROKER_VERSIONS") ?? null;
const chosen = asked === "all" ? Object.keys(BROKERS) : (asked ?? "2.8.2 without topic ids").split(",");

for (const version of chosen) {
  Deno.test(`start works with a broker of Kafka ${version}`, async (t) => {
    const start = BROKERS[version];
    if (!start) throw new Error(`BROKER_VERSIONS names ${version}; there are ${Object.keys(BROKERS).join(", ")}`);
    await using broker = await start();
    const { bootstrap } = broker;
    await t.step("a drain takes every codec, leaves out what was aborted, sets poison aside", async () => {
      await drainsEverything(bootstrap, version.endsWith("without topic ids"));
    });
    if (asked === null) return;
    await t.step("processes that come and go share the partitions; a restart goes on", async () => {
      await sharesPartitions(bootstrap);
    });
  });
}

Deno.test({
  name: "a topic that gets its first id in an upgrade of the broker is read on with topic.recreated continue",
  ignore: asked === null,
  async fn() {
    await using broker = await startZooKeeperKafka("2.8.2", { "inter.broker.protocol.version": "2.7" });
    const { bootstrap } = broker;
    await using scratch = await Scratch.make({ bootstrap, registryUrl: "http://127.0.0.1:9" });
    const topic = await makeTopic(bootstrap, 1);
    const config = await scratch.config({ topics: [topic] });
    await produce(bootstrap, topic, [0, 1].map((id) => json({ id })));
    await scratch.drain(config);
    await broker.restartWith({ "inter.broker.protocol.version": "2.8" });
    await produce(bootstrap, topic, [2, 3].map((id) => json({ id })));
    const refused = await scratch.start(config, "--until-caught-up").end();
    assertEquals([refused.code, refused.stderr.includes("topic.recreated")], [1, true], refused.stderr);
    const going = await scratch.drain(await scratch.config({ topics: [topic], "topic.recreated": "continue" }));
    assertEquals(going.rows, 2);
    assertEquals((await scratch.drain(config)).records, 0, "accepted once, it is ours");
    assertRows((await readDeltaRs(scratch.table(topic))).rows, [0, 1, 2, 3].map((id) => ({ id: String(id) })), "id");
  },
});

async function drainsEverything(bootstrap: string, withoutIds: boolean): Promise<void> {
  await using scratch = await Scratch.make({ bootstrap, registryUrl: "http://127.0.0.1:9" });
  const [topic, letters] = [await makeTopic(bootstrap, 2), freshName("letters")];
  const wanted: { id: string }[] = [];
  for (const [i, codec] of CODECS.entries()) {
    const producer = createProducer((await settingsFor(bootstrap, { "compression.type": codec })).producer);
    const ids = Array.from({ length: 20 }, (_, n) => 100 * i + n);
    const record = { topic, key: null, headers: [], timestampMs: systemClock.now() };
    await producer.send(ids.map((id) => ({ ...record, value: Buffer.from(JSON.stringify({ id })) })));
    await producer.close();
    wanted.push(...ids.map((id) => ({ id: String(id) })));
  }
  await withProducer(bootstrap, async (producer) => {
    for (const [id, end] of [[1001, "abort"], [1002, "commit"]] as const) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [json({ id }, { partition: 0 })] });
      await transaction[end]();
    }
  }, freshName("tx"));
  wanted.push({ id: "1002" });
  await produce(bootstrap, topic, [{ value: "{", partition: 1 }]);

  const config = await scratch.config({ topics: [topic], "errors.deadletterqueue.topic.name": letters });
  const first = await scratch.drain(config);
  assertEquals([first.records, first.rows], [102, 101]);
  assertRows((await readDeltaRs(scratch.table(topic))).rows, wanted, "id");
  assertEquals((await readAll(bootstrap, letters)).map(originOf).length, 1);
  assertEquals((await scratch.drain(config)).records, 0, "nothing is read twice");
  const { offsets } = await scratch.inspect(topic);
  assertEquals(offsets.map(({ topicId }) => topicId === NO_TOPIC_ID), [withoutIds, withoutIds]);
}

async function sharesPartitions(bootstrap: string): Promise<void> {
  await using scratch = await Scratch.make({ bootstrap, registryUrl: "http://127.0.0.1:9" });
  const topic = await makeTopic(bootstrap, 4);
  const config = await scratch.config({
    topics: [topic],
    "commit.interval.ms": 300,
    "consumer.override": { "session.timeout.ms": 6000, "heartbeat.interval.ms": 300 },
  });
  let id = 0;
  const send = (count: number) =>
    produce(bootstrap, topic, Array.from({ length: count }, () => json({ id }, { partition: id++ % 4 })));
  await send(40);
  const one = scratch.start(config);
  await one.says("Committed");
  const two = scratch.start(config);
  await send(40);
  await two.while("the second one commits", async () => {
    await send(8);
    return two.count("Committed") > 0;
  });
  assertEquals((await one.stop()).code, 0);
  await send(40);
  await two.says("Committed", two.count("Committed") + 1);
  await two.kill();
  await send(40);
  await scratch.drain(config);
  assertRows(
    (await readDeltaRs(scratch.table(topic))).rows,
    Array.from({ length: id }, (_, n) => ({ id: String(n) })),
    "id",
  );
}
