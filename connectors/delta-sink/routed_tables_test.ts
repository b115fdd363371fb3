import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Schema } from "apache-arrow";
import {
  type Config,
  ConfigError,
  type ConnectorContext,
  type ConverterPlugin,
  SinkBatch,
  type SinkTaskContext,
  types,
} from "../../mod.ts";
import { parseRaw } from "../../runtime/config/parse_raw.ts";
import type { RawConfig } from "../../runtime/config/raw.ts";
import { BUILT_IN_PREDICATES, BUILT_IN_TRANSFORMS } from "../../runtime/transforms/mod.ts";
import { batchOf } from "../../tests/conformance/rows.ts";
import { slabOf } from "../../tests/conformance/slab.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { collectingLog } from "../../tests/support/log.ts";
import { decodePath } from "./delta/actions.ts";
import { loadSnapshot } from "./delta/load.ts";
import type { deltaSinkOptions } from "./config.ts";
import { deltaSink } from "./mod.ts";
import { decodeRows } from "./parquet/rows.ts";
import { openStorage } from "./storage/open.ts";

const ROUTER = {
  "transforms": "r",
  "transforms.r.type": "org.apache.kafka.connect.transforms.RegexRouter",
  "transforms.r.regex": "(.*)-(eu|us)",
  "transforms.r.replacement": "$1",
};

function instanceOf(given: Record<string, string>) {
  const entries = Object.entries({
    "connector": "delta-sink",
    "topics": "orders-eu,orders-us,returns",
    "value.converter": "string",
    "table.uri": "memory://routed/${topic}",
    ...given,
  });
  const keys = new Map(entries.map(([key, value]) => [key, { value, source: "test", parts: [] }]));
  const raw: RawConfig = {
    worker: new Map([["bootstrap.servers", keyOf("localhost:1")]]),
    connectors: new Map([["c", keys]]),
  };
  return parseRaw(raw, {
    connectors: [deltaSink as never],
    converters: [converter("string"), converter("bytes")],
    transforms: BUILT_IN_TRANSFORMS,
    predicates: BUILT_IN_PREDICATES,
  }).instances[0];
}

const converter = (name: string): ConverterPlugin => ({
  name,
  options: {},
  create: () => {
    throw new Error("nothing is decoded here");
  },
});
const keyOf = (value: string) => ({ value, source: "test", parts: [] });
let ids = 0;
const CONTEXT = {
  connector: "c",
  clock: new FakeClock(),
  log: collectingLog(),
  uuid: () => `id-${++ids}`,
  random: () => 0.5,
} as unknown as ConnectorContext;
const TASK = {
  ...CONTEXT,
  task: 0,
  memoryBytes: 1 << 24,
  retry: (_what: string, work: () => Promise<unknown>) => work(),
  reject: (_batch: SinkBatch, _row: number, error: Error) => {
    throw error;
  },
  requestCommit: () => {},
} as unknown as SinkTaskContext;

const SCHEMA = new Schema([types.field("id", types.int64())]);
const partition = (topic: string) => ({ topic, topicId: `id-of-${topic}`, partition: 0 });

function batch(topic: string, from: bigint, count: number): SinkBatch {
  const raw = slabOf(Array.from({ length: count }, () => ({})), { ...partition(topic), from });
  const rows = Array.from({ length: count }, (_, i) => ({ id: from + BigInt(i) }));
  return new SinkBatch(batchOf(SCHEMA, rows), { raw, rows: Int32Array.from(rows.keys()) }, raw.from, raw.to);
}

Deno.test("topics that RegexRouter gives one name are committed to one table, and found again by their own names", async () => {
  const config = instanceOf(ROUTER).connectorConfig as unknown as Config<typeof deltaSinkOptions>;
  const topics = ["orders-eu", "orders-us", "returns"];
  await deltaSink.check(config, topics, CONTEXT);
  const task = await deltaSink.createTask(config, TASK);
  const committer = await deltaSink.createCommitter!(config, CONTEXT);
  const all = topics.map(partition);
  assertEquals(await committer.committedOffsets(all), []);
  await task.open(all, []);
  for (const [topic, count] of [["orders-eu", 3], ["orders-us", 2], ["returns", 1]] as const) {
    await task.put(batch(topic, 0n, count));
  }
  const shares = await task.preCommit();
  for (const [table, own] of Map.groupBy(shares, ({ table }) => table)) {
    const outcomes = await committer.commit(1, table, own);
    assertEquals(outcomes.map(({ kind }) => kind), own.map(() => "committed"));
  }
  const rowsIn = async (name: string) => {
    const storage = openStorage(`memory://routed/${name}`);
    const { files, version } = (await loadSnapshot(storage, { files: true }))!;
    const bytes = await Promise.all([...files!.adds.values()].map(({ path }) => storage.get(decodePath(path))));
    const rows = await Promise.all(bytes.map((each) => decodeRows(each!)));
    return { version, ids: rows.flat().map(({ id }) => BigInt(id as bigint)).sort() };
  };
  assertEquals(await rowsIn("orders"), { version: 0n, ids: [0n, 0n, 1n, 1n, 2n] }); // one version for both
  assertEquals(await rowsIn("returns"), { version: 0n, ids: [0n] });

  // After a restart, and again: offsets stand under the topics' own names.
  const later = await deltaSink.createCommitter!(config, CONTEXT);
  const offsets = await later.committedOffsets(all);
  assertEquals(offsets.map(({ topic, offset }) => [topic, offset]), [["orders-eu", 3n], ["orders-us", 2n], [
    "returns",
    1n,
  ]]);
  const next = await deltaSink.createTask(config, TASK);
  await next.open(all, offsets);
  await next.put(batch("orders-us", 2n, 1));
  const [share] = await next.preCommit();
  assertEquals((await later.commit(2, share.table, [share])).map(({ kind }) => kind), ["committed"]);
  const [stale] = await later.commit(3, shares[0].table, [{ ...shares[0], id: "another" }]);
  assertEquals(stale.kind, "stale");
  assertEquals((await rowsIn("orders")).ids.length, 6);
  for (const each of [task, next, committer, later]) await each.stop();
});

Deno.test("topics share a table only where a router gives them one name and they agree about it", async () => {
  const check = (given: Record<string, string>, topics = ["orders-eu", "orders-us"]) =>
    deltaSink.check(instanceOf(given).connectorConfig as never, topics, CONTEXT);
  await check({ ...ROUTER, "table.uri": "memory://agree/${topic}" });
  await assertRejects(() => check({ "table.uri": "memory://agree/one" }), ConfigError, "put ${topic} into it");
  await assertRejects(
    () => check({ ...ROUTER, "per.topic.orders-eu.partition.by": "id" }),
    ConfigError,
    "give both of them one partition.by",
  );
});

Deno.test("routers that could split a partition over two tables are refused with the reason", () => {
  const byRecord = {
    ...ROUTER,
    "transforms.r.predicate": "p",
    "predicates": "p",
    "predicates.p.type": "RecordIsTombstone",
  };
  assertThrows(() => instanceOf(byRecord), ConfigError, "looks at records: a partition would go to several targets");
  const byTime = { "transforms": "t", "transforms.t.type": "TimestampRouter" };
  assertThrows(() => instanceOf(byTime), ConfigError, "names the topic of each row by its record");
  const byField = {
    "transforms": "t",
    "transforms.t.type": "ExtractNewRecordState",
    "transforms.t.route.by.field": "x",
  };
  assertThrows(() => instanceOf(byField), ConfigError, "partition.by: date(kafka.timestamp)");
  // Where the table does not depend on the name, rows may have any.
  instanceOf({ ...byTime, "topics": "orders", "table.uri": "memory://routed/fixed" });

  const byName = {
    ...ROUTER,
    "transforms.r.predicate": "p",
    "predicates": "p",
    "predicates.p.type": "TopicNameMatches",
  };
  const { connectorConfig } = instanceOf({ ...byName, "predicates.p.pattern": ".*-eu", "transforms.r.negate": "true" });
  const names = ["orders-eu", "orders-us", "returns"].map((topic) => connectorConfig.routedTopic!(topic));
  assertEquals(names, ["orders-eu", "orders", "returns"]);
});
