import { assertEquals, assertRejects } from "@std/assert";
import { FatalError } from "../../runtime/api/errors.ts";
import { createAdmin } from "../../runtime/kafka/admin.ts";
import { createProducer } from "../../runtime/kafka/producer.ts";
import type { ProducerRecord } from "../../runtime/kafka/types.ts";
import { collectingLog } from "../support/log.ts";
import { broker, freshName, kafkajs, makeTopic, settingsFor, until } from "./support.ts";

const bootstrap = await broker();
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("RecordProducer keeps keys, tombstones, repeated headers and timestamps, as kafkajs reads them", async () => {
  const topic = await makeTopic(bootstrap);
  const producer = createProducer((await settingsFor(bootstrap)).producer);
  const headers = [{ key: "h", value: bytes("1") }, { key: "h", value: bytes("2") }, { key: "n", value: null }];
  const record: ProducerRecord = { topic, key: bytes("k"), value: bytes("v"), headers, timestampMs: 1_700_000_000_123 };
  await producer.send([record, { ...record, key: null, value: null, headers: [] }]);
  await producer.close();
  const consumer = kafkajs(bootstrap).consumer({ groupId: freshName("read") });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const got: unknown[] = [];
  await consumer.run({
    eachMessage: ({ message: { key, value, headers, timestamp } }) => {
      const texts = Object.entries(headers ?? {}).map(([name, value]) => `${name}=${value}`);
      got.push([key?.toString() ?? null, value?.toString() ?? null, texts, timestamp]);
      return Promise.resolve();
    },
  });
  await until("both are read", () => got.length === 2);
  await consumer.disconnect();
  assertEquals(got, [["k", "v", ["h=1,2", "n=null"], "1700000000123"], [null, null, [], "1700000000123"]]);
});

Deno.test("RecordProducer throws FatalError for a record that is too large, and goes on afterwards", async () => {
  const topic = await makeTopic(bootstrap, 1, { "max.message.bytes": "2000" });
  const settings = await settingsFor(bootstrap);
  const producer = createProducer(settings.producer);
  const record = { topic, key: null, headers: [], timestampMs: 1 };
  await producer.send([{ ...record, value: bytes("before") }]);
  await assertRejects(
    () => producer.send([{ ...record, value: new Uint8Array(5000) }]),
    FatalError,
    "max.message.bytes",
  );
  await producer.send([{ ...record, value: bytes("after") }]);
  await producer.close();
  const admin = createAdmin({ settings: settings.admin, log: collectingLog(), readCommitted: true });
  const [topicId] = (await admin.describeTopics([topic])).map((t) => t.topicId);
  const bounds = { logStartOffset: 0n, endOffset: 2n };
  assertEquals(await admin.logBounds([{ topic, topicId, partition: 0 }]), [{
    topic,
    topicId,
    partition: 0,
    ...bounds,
  }]);
  await admin.close();
});

Deno.test("KafkaAdmin ends a log at its last stable offset, creates topics once and leaves missing ones out", async () => {
  const settings = await settingsFor(bootstrap);
  const topic = freshName("made");
  const admin = createAdmin({ settings: settings.admin, log: collectingLog(), readCommitted: true });
  const all = createAdmin({ settings: settings.admin, log: collectingLog(), readCommitted: false });
  await admin.ensureTopic(topic, 3, 1);
  await admin.ensureTopic(topic, 3, 1);
  const described = await admin.describeTopics([topic, "not-there"]);
  assertEquals(described.map(({ topic, partitions, topicId }) => [topic, partitions, topicId.length]), [[
    topic,
    3,
    22,
  ]]);
  assertEquals(await admin.describeTopics(new RegExp(topic)), described);
  assertEquals(await admin.describeTopics(/made-/), [], "the whole name has to match");
  const partition = { topic, topicId: described[0].topicId, partition: 0 };
  assertEquals(await admin.groupOffsets(freshName("none"), [partition]), []);
  const producer = kafkajs(bootstrap).producer({ transactionalId: topic, idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const open = await producer.transaction();
  await open.send({ topic, messages: [{ partition: 0, value: "undecided" }] });
  assertEquals((await admin.logBounds([partition]))[0].endOffset, 0n);
  assertEquals((await all.logBounds([partition]))[0].endOffset, 1n);
  await open.abort();
  await producer.disconnect();
  await admin.close();
  await all.close();
});
