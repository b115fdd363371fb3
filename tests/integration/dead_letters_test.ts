/**
 * Dead letters of the real program, read back by kafkajs.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Message } from "kafkajs";
import { Buffer } from "node:buffer";
import { assertRows, readDeltaRs } from "../support/tables.ts";
import { Scratch } from "./program.ts";
import { freshName, makeTopic } from "./support.ts";
import { avroEncoder, json, originOf, produce, readAll, type ReadRecord, register } from "./topics.ts";

const CONNECT = [
  ...["topic", "partition", "offset", "connector.name", "task.id", "stage", "class.name"],
  ...["exception.class.name", "exception.message", "exception.stacktrace"],
];

Deno.test("dead letters carry the original record and say where it came from and why", async () => {
  await using scratch = await Scratch.make();
  // The letters' topic is to take what this one takes: since Kafka 4 a topic refuses times of tomorrow unless told.
  const anyTime = { "message.timestamp.after.max.ms": String(2n ** 63n - 1n) };
  const [topic, letters] = [await makeTopic(scratch.bootstrap, 1, anyTime), freshName("letters")];
  const more = (i: number): Partial<Message> => ({
    key: `key-${i}`,
    timestamp: String((1_700_000_000_000 + i) * (i === 8 ? 1000 : 1)), // one in microseconds, as some send it
    headers: { trace: `trace-${i}`, "__connect.errors.topic": "of an earlier letter" },
  });
  const messages: [Message, string | null][] = [
    [json({ id: 0, n: 1 }), null],
    [{ value: '{"id": 1, "n": ', ...more(1) }, "VALUE_CONVERTER"],
    [json({ id: 2, n: "many" }, more(2)), "VALUE_CONVERTER"],
    [json([3], more(3)), "VALUE_CONVERTER"],
    [json({ id: 4, n: -1 }, more(4)), "VALIDATION"],
    [{ value: null, ...more(5) }, "VALUE_CONVERTER"],
    [{ value: Buffer.from([123, 34, 255, 254, 34, 125]), ...more(6) }, "VALUE_CONVERTER"],
    [json({ id: 7, n: 7, unknown: { deep: true } }, more(7)), "TASK_PUT"],
    [json({ id: 8, n: 9223372036854775808n }, more(8)), "VALUE_CONVERTER"],
    [json({ id: 9, n: 2 }), null],
  ];
  const config = await scratch.config({
    topics: [topic],
    "value.schema": JSON.stringify({ type: "struct", fields: [field("id", "long"), field("n", "long")] }),
    "validate.n.min": 0,
    "errors.deadletterqueue.topic.name": letters,
  });
  await produce(scratch.bootstrap, topic, [messages[0][0]]);
  await scratch.drain(config); // the table has its columns
  await produce(scratch.bootstrap, topic, messages.slice(1).map(([message]) => message));

  const result = await scratch.drain(config);
  const bad = messages.flatMap(([message, stage], offset) => stage === null ? [] : [{ message, stage, offset }]);
  assertEquals([result.records, result.rows], [messages.length - 1, 1]);
  assertEquals(result.rejects.reduce((sum, { count }) => sum + count, 0), bad.length);
  assertEquals(result.tables[0].offsets, { [`${topic}-0`]: messages.length }, "offsets move past dead letters");

  const found = byOffset(await readAll(scratch.bootstrap, letters));
  assertEquals(found.map(originOf), bad.map(({ offset }) => `${topic}-0@${offset}`));
  found.forEach((letter, i) => {
    const { message, stage, offset } = bad[i];
    const wanted = message.value === null ? null : Buffer.from(message.value);
    assertEquals(letter.value && Buffer.from(letter.value).toString("hex"), wanted && wanted.toString("hex"));
    assertEquals([letter.key, letter.timestampMs], [message.key, Number(message.timestamp)]);
    assertEquals(letter.headers.trace, `trace-${offset}`);
    assertConnectHeaders(letter, { topic, offset, connector: scratch.name, stage });
    assertEquals(letter.headers["__sluice.errors.attempts"], "2", "a letter before: Connect's header was there");
    assert(letter.headers["__sluice.errors.reason"].length > 0);
  });
  const pathOf = (offset: number) =>
    found.find((letter) => originOf(letter).endsWith(`@${offset}`))!.headers["__sluice.errors.field.path"];
  assertEquals([pathOf(2), pathOf(4), pathOf(8)], ["n", "n", "n"]);

  const rerun = await scratch.drain(config);
  assertEquals([rerun.records, rerun.rejects], [0, []]);
  assertEquals((await readAll(scratch.bootstrap, letters)).length, bad.length, "no letter twice");
});

Deno.test("dead letters name schema id, subject and fix; table schema apply then lets new records pass", async () => {
  await using scratch = await Scratch.make();
  const [topic, letters] = [await makeTopic(scratch.bootstrap, 1), freshName("letters")];
  const subject = `${topic}-value`;
  const [first, second] = versions();
  const one = await register(scratch.registryUrl, subject, first);
  const two = await register(scratch.registryUrl, subject, second);
  const [encodeOne, encodeTwo] = [avroEncoder(one, first), avroEncoder(two, second)];
  const good = (id: bigint) => encodeOne({ id, inner: { a: "x" } });
  const newer = (id: bigint) => encodeTwo({ id, inner: { a: "x", b: { long: 7n } }, note: { string: "new" } });
  const unknownId = Buffer.from(good(2n));
  unknownId.writeInt32BE(987_654_321, 1);
  const config = await scratch.config({
    topics: [topic],
    "value.converter": "avro",
    "errors.deadletterqueue.topic.name": letters,
  });
  await produce(scratch.bootstrap, topic, [
    { value: good(0n) },
    { value: "no frame" },
    { value: unknownId },
    { value: good(3n).subarray(0, 6) },
  ]);
  assertEquals((await scratch.drain(config)).rows, 1);
  await produce(scratch.bootstrap, topic, [{ value: newer(4n) }, { value: good(5n) }]);
  const changed = await scratch.drain(config);
  assertEquals([changed.records, changed.rows], [2, 1]);

  const found = byOffset(await readAll(scratch.bootstrap, letters));
  assertEquals(found.map(originOf), [1, 2, 3, 4].map((offset) => `${topic}-0@${offset}`));
  const header = (i: number, name: string) => found[i].headers[`__sluice.errors.${name}`];
  assertEquals(header(1, "schema.id"), "987654321");
  assertEquals(header(2, "schema.id"), String(one));
  assertEquals(header(3, "schema.id"), String(two), "a record that was decoded names its schema too");
  const message = found[3].headers["__connect.errors.exception.message"];
  for (const part of ["note", "inner.b", "table schema apply", "schema.evolution"]) {
    assert(message.includes(part), `"${part}" is not in: ${message}`);
  }

  const apply = await scratch.run(
    ...["table", "schema", "apply", scratch.table(topic), "--subject", `${subject}@2`, "--config", config],
  ).end();
  assertEquals(apply.code, 0, apply.stderr);
  await produce(scratch.bootstrap, topic, [{ value: newer(6n) }, { value: good(7n) }]);
  assertEquals((await scratch.drain(config)).rejects, []);
  assertRows((await readDeltaRs(scratch.table(topic))).rows, [
    { id: "0", inner: { a: "x", b: null }, note: null },
    { id: "5", inner: { a: "x", b: null }, note: null },
    { id: "6", inner: { a: "x", b: "7" }, note: "new" },
    { id: "7", inner: { a: "x", b: null }, note: null },
  ], "id");
});

Deno.test("schema.evolution add brings new columns, nested ones too, with the first rows that have them", async () => {
  await using scratch = await Scratch.make();
  const [avro, plain] = [await makeTopic(scratch.bootstrap, 1), await makeTopic(scratch.bootstrap, 1)];
  const [first, second] = versions();
  const encoders = [];
  for (const schema of [first, second]) {
    encoders.push(avroEncoder(await register(scratch.registryUrl, `${avro}-value`, schema), schema));
  }
  const config = await scratch.config({
    topics: [avro, plain],
    "schema.evolution": "add",
    "per.topic": { [avro]: { "value.converter": "avro" } },
  });
  await produce(scratch.bootstrap, avro, [{ value: encoders[0]({ id: 0n, inner: { a: "x" } }) }]);
  await produce(scratch.bootstrap, plain, [json({ id: 0, inner: { a: "x" } })]);
  await scratch.drain(config);
  await produce(scratch.bootstrap, avro, [
    { value: encoders[0]({ id: 1n, inner: { a: "y" } }) },
    { value: encoders[1]({ id: 2n, inner: { a: "z", b: { long: 9n } }, note: null }) },
  ]);
  await produce(scratch.bootstrap, plain, [
    json({ id: 1, inner: { a: "y" } }),
    json({ id: 2, inner: { a: "z", b: 9 }, note: null }),
    json({ id: 3, inner: null, note: "n" }),
  ]);
  assertEquals((await scratch.drain(config)).rejects, []);
  const rows = [
    { id: "0", inner: { a: "x", b: null }, note: null },
    { id: "1", inner: { a: "y", b: null }, note: null },
    { id: "2", inner: { a: "z", b: "9" }, note: null },
  ];
  assertRows((await readDeltaRs(scratch.table(avro))).rows, rows, "id");
  assertRows((await readDeltaRs(scratch.table(plain))).rows, [...rows, { id: "3", inner: null, note: "n" }], "id");
});

Deno.test("errors.tolerance none stops at the first bad record and names it; the budget stops a run of them", async () => {
  await using scratch = await Scratch.make();
  const [topic, letters] = [await makeTopic(scratch.bootstrap, 1), freshName("letters")];
  await produce(scratch.bootstrap, topic, [json({ id: 1 }), ...Array.from({ length: 60 }, () => ({ value: "{" }))]);
  const strict = await scratch.start(await scratch.config({ topics: [topic] }), "--until-caught-up").end();
  assertEquals(strict.code, 1);
  assert(strict.stderr.includes(`${topic}-0@1`) && strict.stderr.includes("errors.tolerance"), strict.stderr);
  assertEquals(strict.stderr.split("\n    at ").length, 1, "a message, no stack");

  const budget = { "errors.budget.ratio": 0.5, "errors.budget.window.records": 40 };
  const config = await scratch.config({ topics: [topic], "errors.deadletterqueue.topic.name": letters, ...budget });
  const stopped = await scratch.start(config, "--until-caught-up").end();
  assertEquals(stopped.code, 1);
  assert(stopped.stderr.includes("errors.budget.ratio"), stopped.stderr);
});

function byOffset(letters: readonly ReadRecord[]): ReadRecord[] {
  const offset = ({ headers }: ReadRecord) => Number(headers["__connect.errors.offset"]);
  return [...letters].sort((a, b) => offset(a) - offset(b));
}

function assertConnectHeaders(
  { headers }: ReadRecord,
  { topic, offset, connector, stage }: { topic: string; offset: number; connector: string; stage: string },
): void {
  const of = (name: string) => headers[`__connect.errors.${name}`];
  for (const name of CONNECT) assert(of(name) !== undefined && of(name) !== "", `${name} of ${offset}`);
  assertEquals(
    [of("topic"), of("partition"), of("offset"), of("connector.name"), of("stage"), of("exception.class.name")],
    [topic, "0", String(offset), connector, stage, "DataError"],
  );
}

function field(name: string, type: string) {
  return { name, type, nullable: true, metadata: {} };
}

/** Two versions of a schema; the second adds a column and a nested one. */
function versions() {
  const [name, inner] = [freshName("R"), freshName("I")].map((text) => text.replaceAll("-", "_"));
  const record = (innerFields: unknown[], fields: unknown[]) => ({
    type: "record",
    name,
    fields: [
      { name: "id", type: "long" },
      { name: "inner", type: { type: "record", name: inner, fields: [{ name: "a", type: "string" }, ...innerFields] } },
      ...fields,
    ],
  });
  return [
    record([], []),
    record([{ name: "b", type: ["null", "long"], default: null }], [
      { name: "note", type: ["null", "string"], default: null },
    ]),
  ];
}
