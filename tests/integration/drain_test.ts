/**
 * Drains by the real program, the rows compared value by value with delta-rs and DuckDB.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { assertRows, type PlainRow, readDeltaRs, readDuckDb } from "../support/tables.ts";
import { resultOf, Scratch } from "./program.ts";
import { freshName, makeTopic, withAdmin } from "./support.ts";
import { avroEncoder, json, produce, register } from "./topics.ts";

const I64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
/** Values that a path, a URI, Hive or a reader could take for something else. */
const ODD = [
  "plain",
  "a/b",
  "ü ö",
  "x=1",
  "%41",
  "a b",
  "quo'te\"",
  "__HIVE_DEFAULT_PARTITION__",
  "日本",
  "a:b",
  ".",
  "",
];

Deno.test("start --until-caught-up drains JSON into a table that delta-rs and DuckDB read alike", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 3);
  const records = ODD.flatMap((where, i) => [jsonRecord(2 * i, where), jsonRecord(2 * i + 1, i % 2 ? null : where)]);
  await produce(scratch.bootstrap, topic, records.map(({ sent }, i) => json(sent, { partition: i % 3 })));
  const config = await scratch.config({
    topics: [topic],
    "tasks.max": 2,
    "value.schema": JSON.stringify(JSON_SCHEMA),
    "partition.by": ["place", "date(at)"],
  });

  const ended = await scratch.start(config, "--until-caught-up", "--profile").end();
  const result = resultOf(ended);
  assert(new RegExp(`${scratch.name} +0 +decode +[\\d.]+ +[\\d.]+ %\\n`).test(ended.stderr), ended.stderr);
  assertEquals([result.records, result.rows, result.rejects, result.skipped], [records.length, records.length, [], 0]);
  assertEquals(result.tables.map(({ table }) => table), [scratch.table(topic)]);
  assertEquals(result.tables[0].offsets, { [`${topic}-0`]: 8, [`${topic}-1`]: 8, [`${topic}-2`]: 8 });
  await assertTable(scratch, topic, records.map(({ row }) => row), ["place", "at_date"]);

  const again = await scratch.drain(config);
  assertEquals([again.records, again.rows, again.tables], [0, 0, []], "nothing is read twice");
  const group = await withAdmin(
    scratch.bootstrap,
    (admin) => admin.fetchOffsets({ groupId: `connect-${scratch.name}`, topics: [topic] }),
  );
  assertEquals(group[0].partitions.map(({ offset }) => offset), ["8", "8", "8"], "lag displays see the progress");
});

Deno.test("start --until-caught-up drains Avro by the registry's schema, logical and nested types exactly", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 2);
  const encode = avroEncoder(await register(scratch.registryUrl, `${topic}-value`, AVRO_SCHEMA), AVRO_SCHEMA);
  const records = Array.from({ length: 40 }, (_, i) => avroRecord(i));
  await produce(
    scratch.bootstrap,
    topic,
    records.map(({ sent }, i) => ({ value: encode(sent), partition: i % 2 })),
  );
  const config = await scratch.config({
    topics: [topic],
    "tasks.max": 2,
    "value.converter": "avro",
    "partition.by": ["kind", "hour(ts)"],
  });

  const result = await scratch.drain(config);
  assertEquals([result.records, result.rows, result.rejects], [40, 40, []]);
  await assertTable(scratch, topic, records.map(({ row }) => row), ["kind", "ts_hour"]);
});

Deno.test("start --until-caught-up keeps topics apart, infers JSON, adds Kafka's columns and snappy files", async () => {
  await using scratch = await Scratch.make();
  const [left, right] = [await makeTopic(scratch.bootstrap, 2), await makeTopic(scratch.bootstrap, 1)];
  const timestamp = "1700000000123";
  for (const [topic, of] of [[left, "l"], [right, "r"]]) {
    const messages = Array.from(
      { length: 30 },
      (_, id) => json({ id, of, x: id === 29 ? 0.5 : id }, { key: `k${id}`, partition: 0, timestamp }),
    );
    await produce(scratch.bootstrap, topic, messages);
  }
  const config = await scratch.config({
    topics: [left, right],
    "columns.kafka": ["topic", "partition", "offset", "timestamp", "key"],
    "per.topic": { [right]: { "parquet.codec": "snappy" } },
  });

  const result = await scratch.drain(config);
  assertEquals(
    result.tables.map(({ table, rows }) => [table, rows]).sort(),
    [[scratch.table(left), 30], [
      scratch.table(right),
      30,
    ]].sort(),
  );
  for (const [topic, of] of [[left, "l"], [right, "r"]]) {
    const wanted = Array.from({ length: 30 }, (_, id) => ({
      id: String(id),
      of,
      x: id === 29 ? 0.5 : id,
      _kafka_topic: topic,
      _kafka_partition: "0",
      _kafka_offset: String(id),
      _kafka_timestamp: "2023-11-14T22:13:20.123000+00:00",
      _kafka_key: Buffer.from(`k${id}`).toString("hex"), // its bytes as they were
    }));
    await assertTable(scratch, topic, wanted, []);
  }
});

Deno.test("start --until-caught-up ends at once over an empty topic and makes no table", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 2);
  const result = await scratch.drain(await scratch.config({ topics: [topic] }));
  assertEquals([result.records, result.tables], [0, []]);
  const { code, stderr } = await scratch.run("table", "inspect", scratch.table(topic)).end();
  assertEquals(code, 1);
  assert(stderr.includes("there is no Delta table"), stderr);
});

Deno.test("--max-duration ends a drain early, and the next one goes on from what is committed", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 1);
  await produce(scratch.bootstrap, topic, Array.from({ length: 200 }, (_, id) => json({ id })));
  const config = await scratch.config({ topics: [topic] });
  const { code, stderr } = await scratch.start(config, "--until-caught-up", "--max-duration", "1ms").end(20_000);
  assertEquals(code, 0, stderr);
  await scratch.drain(config);
  const wanted = Array.from({ length: 200 }, (_, id) => ({ id: String(id) }));
  assertRows((await readDeltaRs(scratch.table(topic))).rows, wanted, "id");
});

/** The table has these rows for both readers, and `table inspect` says what delta-rs says. */
async function assertTable(
  scratch: Scratch,
  topic: string,
  rows: readonly PlainRow[],
  partitionColumns: readonly string[],
): Promise<void> {
  const uri = scratch.table(topic);
  const inspected = await scratch.inspect(topic);
  const { topicId } = inspected.offsets[0];
  const appIds = inspected.offsets.map(({ appId, topic, partition }) => `${appId}/${topic}/${topicId}/${partition}`);
  const [deltaRs, duckDb] = await Promise.all([readDeltaRs(uri, appIds), readDuckDb(uri)]);
  assertRows(deltaRs.rows, rows, "id");
  assertRows(duckDb, rows, "id");
  assertEquals(
    [inspected.version, inspected.files, inspected.rows, inspected.partitionColumns],
    [deltaRs.version, deltaRs.files, deltaRs.rows.length, deltaRs.partitionColumns],
  );
  assertEquals([...deltaRs.partitionColumns], [...partitionColumns]);
  assertEquals(inspected.offsets.map(({ offset }) => offset), appIds.map((id) => deltaRs.txns[id]));
  assertEquals(inspected.offsets.map(({ appId }) => appId), inspected.offsets.map(() => scratch.name));
}

const field = (name: string, type: unknown, nullable = true) => ({ name, type, nullable, metadata: {} });
const JSON_SCHEMA = {
  type: "struct",
  fields: [
    field("id", "long", false),
    field("place", "string"),
    field("big", "long"),
    field("small", "short"),
    field("price", "decimal(20,4)"),
    field("ratio", "double"),
    field("flag", "boolean"),
    field("at", "timestamp"),
    field("day", "date"),
    field("bytes", "binary"),
    field("tags", { type: "array", elementType: "string", containsNull: true }),
    field("grid", {
      type: "array",
      elementType: { type: "array", elementType: "long", containsNull: true },
      containsNull: true,
    }),
    field("counts", { type: "map", keyType: "string", valueType: "long", valueContainsNull: true }),
    field("inner", {
      type: "struct",
      fields: [field("a", "integer"), field("b", { type: "struct", fields: [field("c", "string")] })],
    }),
  ],
};

function jsonRecord(id: number, place: string | null): { sent: unknown; row: PlainRow } {
  const big = id % 3 === 0 ? I64.max - BigInt(id) : id % 3 === 1 ? I64.min + BigInt(id) : null;
  const isEven = id % 2 === 0;
  const micros = String(123456 + id).padStart(6, "0");
  return {
    sent: {
      id,
      place,
      big,
      small: -id,
      price: isEven ? "literal:1234567890123456.7891" : -0.5,
      ratio: id / 3,
      flag: isEven ? true : null,
      at: `2026-01-0${1 + id % 9}T00:30:00.${micros}+01:00`,
      day: `19${70 + id}-02-28`,
      bytes: isEven ? Buffer.from([id, 255]).toString("base64") : null,
      tags: id % 5 === 0 ? [] : ["ä\u0000b", null, '"'],
      grid: isEven ? [[1, null], [], null] : null,
      counts: isEven ? { b: 1, a: null } : {},
      inner: id % 4 === 0 ? null : id % 4 === 1 ? { a: null, b: null } : { a: id, b: { c: "deep" } },
    },
    row: {
      id: String(id),
      place: place === "" ? null : place, // Delta cannot hold an empty partition value
      big: big === null ? null : String(big),
      small: String(-id),
      price: isEven ? "1234567890123456.7891" : "-0.5000",
      ratio: id / 3,
      flag: isEven ? true : null,
      at: id % 9 === 0 ? `2025-12-31T23:30:00.${micros}+00:00` : `2026-01-0${id % 9}T23:30:00.${micros}+00:00`,
      day: `19${70 + id}-02-28`,
      bytes: isEven ? Buffer.from([id, 255]).toString("hex") : null,
      tags: id % 5 === 0 ? [] : ["ä\u0000b", null, '"'],
      grid: isEven ? [["1", null], [], null] : null,
      counts: isEven ? [["a", null], ["b", "1"]] : [],
      inner: id % 4 === 0 ? null : id % 4 === 1 ? { a: null, b: null } : { a: String(id), b: { c: "deep" } },
      at_date: id % 9 === 0 ? "2025-12-31" : `2026-01-0${id % 9}`,
    },
  };
}

const AVRO_SCHEMA = {
  type: "record",
  name: freshName("R").replaceAll("-", "_"), // an id of its own in a registry that others use
  fields: [
    { name: "id", type: "long" },
    { name: "kind", type: { type: "enum", name: "Kind", symbols: ["A", "B"] } },
    { name: "big", type: ["null", "long"] },
    { name: "amount", type: { type: "bytes", logicalType: "decimal", precision: 30, scale: 3 } },
    { name: "ts", type: { type: "long", logicalType: "timestamp-micros" } },
    { name: "day", type: { type: "int", logicalType: "date" } },
    { name: "hash", type: { type: "fixed", name: "Hash", size: 3 } },
    { name: "f", type: "float" },
    {
      name: "items",
      type: {
        type: "array",
        items: {
          type: "record",
          name: "Item",
          fields: [{ name: "sku", type: "string" }, { name: "n", type: ["null", "int"] }],
        },
      },
    },
    { name: "attrs", type: ["null", { type: "map", values: { type: "array", items: "long" } }] },
    { name: "choice", type: ["null", "string", "long"] },
  ],
};

function avroRecord(id: number): { sent: unknown; row: PlainRow } {
  const big = id % 2 === 0 ? I64.max - BigInt(id) : null;
  const cents = BigInt(id) * -(10n ** 20n) - 7n;
  const [micros, day] = [1_700_000_000_123_456n + BigInt(id) * 3_600_000_000n, 20_000 - id * 1000];
  const items = Array.from({ length: id % 3 }, (_, n) => ({ sku: `s${n}`, n: n === 0 ? null : { int: n } }));
  const choice = [null, { string: "text" }, { long: I64.min }][id % 3];
  const iso = new Date(Number(micros / 1000n)).toISOString();
  const negative = (-cents).toString().padStart(4, "0");
  return {
    sent: {
      id: BigInt(id),
      kind: id % 2 ? "A" : "B",
      big: big === null ? null : { long: big },
      amount: twosComplement(cents),
      ts: micros,
      day,
      hash: Buffer.from([id, 0, 255]),
      f: id + 0.5,
      items,
      attrs: id % 4 ? { map: { x: [1n, I64.max], y: [] } } : null,
      choice,
    },
    row: {
      id: String(id),
      kind: id % 2 ? "A" : "B",
      big: big === null ? null : String(big),
      amount: `-${negative.slice(0, -3)}.${negative.slice(-3)}`,
      ts: `${iso.slice(0, 19)}.${String(micros % 1_000_000n).padStart(6, "0")}+00:00`,
      day: new Date(day * 86_400_000).toISOString().slice(0, 10),
      hash: Buffer.from([id, 0, 255]).toString("hex"),
      f: id + 0.5,
      items: items.map(({ sku, n }) => ({ sku, n: n === null ? null : String(n.int) })),
      attrs: id % 4 ? [["x", ["1", String(I64.max)]], ["y", []]] : null,
      choice: choice === null
        ? null
        : { string: choice.string ?? null, long: choice.long === undefined ? null : String(choice.long) },
      ts_hour: iso.slice(0, 13).replace("T", "-"),
    },
  };
}

/** The shortest big-endian bytes of an integer. */
function twosComplement(value: bigint): Buffer {
  let length = 1;
  while (BigInt.asIntN(8 * length, value) !== value) length++;
  const hex = BigInt.asUintN(8 * length, value).toString(16).padStart(2 * length, "0");
  return Buffer.from(hex, "hex");
}
