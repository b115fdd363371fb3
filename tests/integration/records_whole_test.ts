/**
 * What is beside a record's value, and what no column holds, by the real program: keys, headers, rules over all of them,
 * recursive types.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { assertRows, readDeltaRs, readDuckDb } from "../support/tables.ts";
import { Scratch } from "./program.ts";
import { freshName, makeTopic } from "./support.ts";
import { avroEncoder, originOf, produce, readAll, register } from "./topics.ts";

const NODE = {
  type: "record",
  name: "Node",
  fields: [{ name: "id", type: "long" }, { name: "next", type: ["null", "Node"], default: null }],
};

Deno.test("start holds keys, headers and recursive types in columns, and keeps the rules over whole records", async () => {
  await using scratch = await Scratch.make();
  const [topic, letters] = [await makeTopic(scratch.bootstrap, 1), freshName("letters")];
  const encode = avroEncoder(await register(scratch.registryUrl, `${topic}-value`, NODE), NODE);
  const value = (id: number) => encode({ id: BigInt(id), next: { Node: { id: 2n ** 60n, next: null } } });
  const key = (id: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(BigInt(id));
    return bytes;
  };
  const headers = { trace: "t", src: ["a", "b"] };
  await produce(scratch.bootstrap, topic, [
    { key: key(7), value: value(0), headers },
    { key: null, value: value(1) },
    { key: "not a long", value: value(2), headers },
    { key: key(-1), value: value(3), headers },
    { key: key(8), value: value(4), headers: { trace: Buffer.from([0xff]) } },
    { key: key(9), value: value(5), headers: { src: "test" } },
    { key: key(10), value: value(6), headers: {} },
  ]);
  const config = await scratch.config({
    topics: [topic],
    "value.converter": "avro",
    "key.converter": "org.apache.kafka.connect.converters.LongConverter",
    "header.converter": "org.apache.kafka.connect.storage.StringConverter",
    "columns.json": ["next"],
    "columns.kafka": ["key", "headers"],
    validate: {
      positive: { cel: "key == null || key > 0", message: "keys are bought" },
      "not-a-test": { cel: "!has(headers.src) || headers.src != 'test'" },
    },
    "errors.deadletterqueue.topic.name": letters,
  });

  const result = await scratch.drain(config);
  assertEquals([result.records, result.rows], [7, 3]);
  const row = (id: number, key: number | null, headers: [string, string][]) => ({
    id: String(id),
    next: `{"id":${2n ** 60n},"next":null}`,
    _kafka_key: key === null ? null : String(key),
    _kafka_headers: headers.map(([key, value]) => ({ key, value })),
  });
  const wanted = [row(0, 7, [["trace", "t"], ["src", "a"], ["src", "b"]]), row(1, null, []), row(6, 10, [])];
  assertRows((await readDeltaRs(scratch.table(topic))).rows, wanted, "id");
  assertRows(await readDuckDb(scratch.table(topic)), wanted, "id");

  const found = (await readAll(scratch.bootstrap, letters)).sort((a, b) => originOf(a) < originOf(b) ? -1 : 1);
  const reasons = found.map((letter) => [
    originOf(letter),
    letter.headers["__connect.errors.stage"],
    letter.headers["__sluice.errors.reason"],
  ]);
  assertEquals(reasons, [
    [`${topic}-0@2`, "KEY_CONVERTER", "wrong number of bytes"],
    [`${topic}-0@3`, "VALIDATION", "rule positive"],
    [`${topic}-0@4`, "HEADER_CONVERTER", "malformed utf-8"],
    [`${topic}-0@5`, "VALIDATION", "rule not-a-test"],
  ]);
});
