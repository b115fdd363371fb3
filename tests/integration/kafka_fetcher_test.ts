import { assert, assertEquals, assertRejects } from "@std/assert";
import { Producer } from "@platformatic/kafka";
import { Buffer } from "node:buffer";
import { FatalError } from "../../runtime/api/errors.ts";
import { rawHeaders, rawKey, rawOffset, rawValue } from "../../runtime/api/raw_records.ts";
import { startKafka } from "../../runtime/cli/services/kafka.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createAdmin } from "../../runtime/kafka/admin.ts";
import { createFetcher } from "../../runtime/kafka/fetcher.ts";
import type { RawKafkaSettings } from "../../runtime/kafka/settings.ts";
import type { Fetched, Fetcher } from "../../runtime/kafka/types.ts";
import { collectingLog } from "../support/log.ts";
import { broker, freshName, kafkajs, makeTopic, settingsFor, until, withAdmin } from "./support.ts";

const bootstrap = await broker();
const TEXT = new TextDecoder();

async function reading<T>(
  run: (fetcher: Fetcher, idOf: (topic: string) => Promise<string>) => Promise<T>,
  more: RawKafkaSettings = {},
  at = bootstrap,
): Promise<T> {
  const settings = await settingsFor(at, more);
  const admin = createAdmin({ settings: settings.admin, log: collectingLog(), readCommitted: true });
  const common = { clock: systemClock, log: collectingLog(), random: () => 0.5 };
  const fetcher = createFetcher({ settings: settings.consumer, ...common, topicGoneMs: 1500 });
  try {
    return await run(fetcher, async (topic) => (await admin.describeTopics([topic]))[0].topicId);
  } finally {
    await fetcher.close();
    await admin.close();
  }
}

/** Polls until `done`; returns `offset=value` of every record by partition, having checked that slabs chain. */
async function collect(fetcher: Fetcher, done: (values: string[], next: bigint) => boolean): Promise<string[]> {
  const values: string[] = [];
  const next = new Map<number, bigint>();
  await until("everything is read", async () => {
    for (const fetched of await fetcher.poll(200)) {
      assert(fetched.kind === "records", JSON.stringify(fetched, (_, v) => typeof v === "bigint" ? `${v}` : v));
      const { records } = fetched;
      const known = next.get(records.partition);
      if (known !== undefined) assertEquals(records.from, known);
      next.set(records.partition, records.to);
      for (let i = 0; i < records.count; i++) {
        const value = rawValue(records, i);
        values.push(`${rawOffset(records, i)}=${value === null ? null : TEXT.decode(value)}`);
      }
      fetcher.release(records);
    }
    return done(values, next.get(0) ?? 0n);
  });
  return values;
}

async function produce(topic: string, values: readonly (string | null)[], at = bootstrap, partition = 0) {
  const producer = kafkajs(at).producer();
  await producer.connect();
  await producer.send({ topic, messages: values.map((value) => ({ value, partition })) });
  await producer.disconnect();
}

Deno.test("Fetcher reads what kafkajs produced: keys, headers, tombstones, timestamps, order", async () => {
  const topic = await makeTopic(bootstrap, 2);
  const producer = kafkajs(bootstrap).producer();
  await producer.connect();
  const headers = { h: "1", many: ["a", "b"] };
  await producer.send({
    topic,
    messages: [{ partition: 1, key: "k", value: "v", headers, timestamp: "1700000000123" }],
  });
  await producer.send({ topic, messages: [{ partition: 1, key: null, value: null }] });
  await producer.disconnect();
  await reading(async (fetcher, idOf) => {
    const topicId = await idOf(topic);
    fetcher.assign({ topic, topicId, partition: 1, offset: 0n, epoch: 9 });
    const got: Fetched[] = [];
    await until("two records came", async () => {
      got.push(...await fetcher.poll(200));
      return got.reduce((n, f) => n + (f.kind === "records" ? f.records.count : 0), 0) === 2;
    });
    const [first] = got;
    assert(first.kind === "records");
    assertEquals([first.epoch, first.topicId, first.endOffset, first.logStartOffset], [9, topicId, 2n, 0n]);
    assertEquals(TEXT.decode(rawKey(first.records, 0)!), "k");
    assertEquals(first.records.timestampsMs[0], 1_700_000_000_123);
    const named = rawHeaders(first.records, 0).map(({ key, value }) => `${key}=${TEXT.decode(value!)}`);
    assertEquals(named, ["h=1", "many=a", "many=b"]);
    const last = got.at(-1)!;
    assert(last.kind === "records");
    assertEquals(rawValue(last.records, last.records.count - 1), null);
  });
});

Deno.test("Fetcher reads all codecs, and a record larger than the fetch size", async () => {
  const topic = await makeTopic(bootstrap);
  const wanted: string[] = [];
  for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
    const values = Array.from({ length: 200 }, (_, i) => `${compression} ${i} ${"x".repeat(50)}`);
    const producer = new Producer<Buffer, Buffer, Buffer, Buffer>({
      clientId: "test",
      bootstrapBrokers: [bootstrap],
      compression,
      acks: -1,
    });
    await producer.send({ messages: values.map((value) => ({ topic, value: Buffer.from(value) })) });
    await producer.close();
    wanted.push(...values);
  }
  wanted.push("y".repeat(300_000), "end");
  for (const value of wanted.slice(-2)) await produce(topic, [value]);
  const expected = wanted.map((value, i) => `${i}=${value}`);
  const small = { "fetch.max.bytes": "20000", "max.partition.fetch.bytes": "5000" };
  for (const settings of [{}, small]) {
    await reading(async (fetcher, idOf) => {
      fetcher.assign({ topic, topicId: await idOf(topic), partition: 0, offset: 0n, epoch: 1 });
      assertEquals(await collect(fetcher, (values) => values.length >= expected.length), expected);
    }, settings);
  }
});

Deno.test("Fetcher skips aborted transactions under read_committed and ends at the last control record", async () => {
  const topic = await makeTopic(bootstrap);
  const producer = kafkajs(bootstrap).producer({
    transactionalId: freshName("tx"),
    maxInFlightRequests: 1,
    idempotent: true,
  });
  await producer.connect();
  for (const [text, commit] of [["a", true], ["b", false], ["c", true], ["d", false]] as const) {
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ value: `${text}1` }, { value: `${text}2` }] });
    await (commit ? transaction.commit() : transaction.abort());
  }
  const open = await producer.transaction();
  await open.send({ topic, messages: [{ value: "undecided" }] });
  await reading(async (fetcher, idOf) => {
    fetcher.assign({ topic, topicId: await idOf(topic), partition: 0, offset: 0n, epoch: 1 });
    const values = await collect(fetcher, (_, next) => next >= 12n);
    assertEquals(values, ["0=a1", "1=a2", "6=c1", "7=c2"]);
    await open.commit();
    assertEquals(await collect(fetcher, (_, next) => next >= 14n), ["12=undecided"]);
  });
  await reading(async (fetcher, idOf) => {
    fetcher.assign({ topic, topicId: await idOf(topic), partition: 0, offset: 0n, epoch: 1 });
    const values = await collect(fetcher, (_, next) => next >= 14n);
    assertEquals(values.length, 9);
  }, { "isolation.level": "read_uncommitted" });
  await producer.disconnect();
});

Deno.test("Fetcher reports an offset out of range with the log's bounds, and reads on when assigned anew", async () => {
  const topic = await makeTopic(bootstrap);
  await produce(topic, ["a", "b", "c", "d"]);
  await withAdmin(bootstrap, async (admin) => {
    await admin.fetchTopicOffsets(topic); // kafkajs deletes only from topics that it has met
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "2" }] });
  });
  await reading(async (fetcher, idOf) => {
    const topicId = await idOf(topic);
    for (const offset of [0n, 99n]) {
      fetcher.assign({ topic, topicId, partition: 0, offset, epoch: 1 });
      let got: Fetched[] = [];
      await until("it is reported", async () => (got = await fetcher.poll(200)).length > 0);
      const bounds = { logStartOffset: 2n, endOffset: 4n };
      assertEquals(got, [{ kind: "out-of-range", topic, topicId, partition: 0, epoch: 1, offset, ...bounds }]);
    }
    fetcher.assign({ topic, topicId, partition: 0, offset: 2n, epoch: 2 });
    assertEquals(await collect(fetcher, (values) => values.length >= 2), ["2=c", "3=d"]);
  });
});

Deno.test("Fetcher reports a topic that was created anew", async () => {
  const topic = await makeTopic(bootstrap);
  await reading(async (fetcher, idOf) => {
    const topicId = await idOf(topic);
    fetcher.assign({ topic, topicId, partition: 0, offset: 0n, epoch: 1 });
    await fetcher.poll(300);
    await withAdmin(bootstrap, (admin) => admin.deleteTopics({ topics: [topic] }));
    await makeTopic(bootstrap, 1, {}, topic);
    let got: Fetched[] = [];
    await until("it is reported", async () => (got = await fetcher.poll(200)).length > 0);
    assertEquals(got.map(({ kind, epoch }) => [kind, epoch]), [["topic-changed", 1]]);
  });
});

Deno.test("Fetcher drops what it fetched for an older position, and pauses while slabs are out", async () => {
  const topic = await makeTopic(bootstrap);
  const big = Array.from({ length: 64 }, (_, i) => `${i} ${"z".repeat(20_000)}`);
  for (const value of big) await produce(topic, [value]);
  const settings = await settingsFor(bootstrap, { "fetch.max.bytes": "100000", "max.partition.fetch.bytes": "100000" });
  const fetcher = createFetcher({
    settings: settings.consumer,
    clock: systemClock,
    log: collectingLog(),
    random: () => 0.5,
    memoryBytes: 400_000,
  });
  const admin = createAdmin({ settings: settings.admin, log: collectingLog(), readCommitted: true });
  const [{ topicId }] = await admin.describeTopics([topic]);
  fetcher.assign({ topic, topicId, partition: 0, offset: 0n, epoch: 1 });
  const held: Fetched[] = [];
  for (let quiet = 0; quiet < 3;) {
    const got = await fetcher.poll(200);
    held.push(...got);
    quiet = got.length === 0 && held.length > 0 ? quiet + 1 : 0;
  }
  const count = held.reduce((n, f) => n + (f.kind === "records" ? f.records.count : 0), 0);
  assert(count < 40, `${count} records are out`);
  for (const f of held) if (f.kind === "records") fetcher.release(f.records);
  fetcher.assign({ topic, topicId, partition: 0, offset: 60n, epoch: 2 });
  const values: Fetched[] = [];
  await until("the end is read", async () => {
    for (const f of await fetcher.poll(200)) {
      values.push(f);
      if (f.kind === "records") fetcher.release(f.records);
    }
    return values.some((f) => f.kind === "records" && f.records.to === 64n);
  });
  assert(values.every(({ epoch }) => epoch === 2));
  await fetcher.close();
  await admin.close();
});

Deno.test("Fetcher reads on after the broker was stopped and came back", async () => {
  const kafka = await startKafka({ clock: systemClock });
  try {
    const topic = await makeTopic(kafka.bootstrap);
    await produce(topic, ["a"], kafka.bootstrap);
    await reading(
      async (fetcher, idOf) => {
        fetcher.assign({ topic, topicId: await idOf(topic), partition: 0, offset: 0n, epoch: 1 });
        assertEquals(await collect(fetcher, (values) => values.length === 1), ["0=a"]);
        await kafka.halt();
        assertEquals(await fetcher.poll(1000), []);
        await kafka.start();
        await produce(topic, ["b"], kafka.bootstrap);
        assertEquals(await collect(fetcher, (values) => values.length === 1), ["1=b"]);
      },
      {},
      kafka.bootstrap,
    );
  } finally {
    await kafka.stop();
  }
});

Deno.test("Fetcher throws FatalError from poll() where credentials are refused", async () => {
  const more = {
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanism": "PLAIN",
    "sasl.username": "u",
    "sasl.password": "p",
  };
  const settings = await settingsFor(bootstrap, more);
  const common = { clock: systemClock, log: collectingLog(), random: () => 0.5 };
  const fetcher = createFetcher({ settings: settings.consumer, ...common });
  fetcher.assign({ topic: "t", topicId: "AAAAAAAAAAAAAAAAAAAAAA", partition: 0, offset: 0n, epoch: 1 });
  await assertRejects(async () => {
    for (let i = 0; i < 20; i++) await fetcher.poll(200);
  }, FatalError);
  await fetcher.close();
});
