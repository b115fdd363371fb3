import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../runtime/clock.ts";
import { startKafka } from "../../runtime/cli/services/kafka.ts";
import { startRegistry } from "../../runtime/cli/services/registry.ts";
import { assertRows, readDeltaRs } from "../support/tables.ts";
import { resultOf, Scratch } from "./program.ts";
import { makeTopic, services } from "./support.ts";
import { avroEncoder, json, produce, readAll, register, withProducer } from "./topics.ts";

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const rowsOf = (ids: readonly number[]) => ids.map((id) => ({ id: String(id) }));

Deno.test("a broker that goes away and comes back costs nothing but time", async () => {
  const kafka = await startKafka({ clock: systemClock });
  try {
    await using scratch = await Scratch.make({ bootstrap: kafka.bootstrap, registryUrl: "http://127.0.0.1:1" });
    const topic = await makeTopic(scratch.bootstrap, 2);
    await produce(scratch.bootstrap, topic, numbers(0, 50).map((id) => json({ id })));
    const program = scratch.start(await scratch.config({ topics: [topic], "commit.interval.ms": 300 }));
    await program.says("Committed");

    await kafka.kill();
    await systemClock.sleep(1000); // for as long as this there is no broker
    await kafka.start();
    await produce(scratch.bootstrap, topic, numbers(50, 100).map((id) => json({ id })));

    const table = scratch.table(topic);
    await program.while("all rows are there", async () => (await readDeltaRs(table)).rows.length >= 100, 60_000);
    assertEquals((await program.stop()).code, 0);
    assertRows((await readDeltaRs(table)).rows, rowsOf(numbers(0, 100)), "id");
  } finally {
    await kafka.stop();
  }
});

Deno.test("a registry that is away makes records wait: none is rejected", async () => {
  const registry = await startRegistry({ clock: systemClock });
  try {
    const { bootstrap } = await services();
    await using scratch = await Scratch.make({ bootstrap, registryUrl: registry.url });
    const topic = await makeTopic(bootstrap, 1);
    const schema = { type: "record", name: "R", fields: [{ name: "id", type: "long" }] };
    const id = await register(registry.url, `${topic}-value`, schema);
    const encode = avroEncoder(id, schema);
    await produce(bootstrap, topic, numbers(0, 20).map((n) => ({ value: encode({ id: BigInt(n) }) })));

    await registry.halt();
    const letters = `${topic}-dlq`;
    const config = await scratch.config({
      topics: [topic],
      "value.converter": "avro",
      "errors.deadletterqueue.topic.name": letters,
      "errors.retry.delay.max.ms": 500,
    });
    const program = scratch.start(config, "--until-caught-up");
    await program.says("An attempt failed and is repeated", 2);
    await registry.start();
    // Apicurio in memory forgets: the same schema gets the same first id again.
    assertEquals(await register(registry.url, `${topic}-value`, schema), id);

    assertEquals(resultOf(await program.end()).rejects, []);
    assertRows((await readDeltaRs(scratch.table(topic))).rows, rowsOf(numbers(0, 20)), "id");
    assertEquals(await readAll(bootstrap, letters), []);
  } finally {
    await registry.stop();
  }
});

Deno.test("a table's folder that cannot be written is refused before anything is read", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 1);
  await Deno.writeTextFile(`${scratch.dir}/lake`, "a file where the folder should be");
  const { code, stderr } = await scratch.start(await scratch.config({ topics: [topic] }), "--until-caught-up").end();
  assertEquals(code, 1);
  assertStringIncludes(stderr, scratch.table(topic));
});

Deno.test("transactions: aborted records stay out, the drain ends at the last stable offset", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 1);
  await withProducer(scratch.bootstrap, async (producer) => {
    for (const [from, commit] of [[0, true], [10, false], [20, true]] as const) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: numbers(from, from + 10).map((id) => json({ id })) });
      await (commit ? transaction.commit() : transaction.abort());
    }
  }, `tx-${topic}`);

  const { tables, rows } = await scratch.drain(await scratch.config({ topics: [topic] }));

  assertEquals(rows, 20);
  assertEquals(tables[0].offsets, { [`${topic}-0`]: 33 }, "30 records and 3 control records");
  assertRows((await readDeltaRs(scratch.table(topic))).rows, rowsOf([...numbers(0, 10), ...numbers(20, 30)]), "id");
});

Deno.test("SIGTERM commits what was read and ends with 0 within the shutdown timeout", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 2);
  await produce(scratch.bootstrap, topic, numbers(0, 500).map((id) => json({ id })));
  // A round that no test waits for: only the stop can commit.
  const config = await scratch.config({ topics: [topic], "commit.interval.ms": "1h", "value.schema": SCHEMA }, {
    "http.listen": "127.0.0.1:0",
    "shutdown.timeout.ms": 20_000,
  });
  const program = scratch.start(config);
  await program.says("Serving metrics");
  const [, address] = /(http:\/\/[^\s"]+)/.exec(program.stderr)!;
  await program.while("all records are put", async () => {
    const page = await (await fetch(`${address}/metrics`)).text();
    const put = [...page.matchAll(/^kafka_connect_sink_task_sink_record_send_total\{.*\} (\d+)$/gm)];
    return put.reduce((sum, [, count]) => sum + Number(count), 0) === 500;
  });

  const started = systemClock.monotonic();
  assertEquals((await program.stop()).code, 0);
  assert(systemClock.monotonic() - started < 20_000);
  assertRows((await readDeltaRs(scratch.table(topic))).rows, rowsOf(numbers(0, 500)), "id");
});

const SCHEMA = JSON.stringify({
  type: "struct",
  fields: [{ name: "id", type: "long", nullable: true, metadata: {} }],
});

Deno.test("two drains at once share the work: every row once, and neither does what the other did", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 4);
  await withProducer(scratch.bootstrap, async (producer) => {
    for (let from = 0; from < 40_000; from += 5000) {
      await producer.send({ topic, messages: numbers(from, from + 5000).map((id) => json({ id })) });
    }
  });
  const config = await scratch.config({ topics: [topic], "commit.interval.ms": 500, "value.schema": SCHEMA });

  const both = [scratch.start(config, "--until-caught-up"), scratch.start(config, "--until-caught-up")];
  const results = (await Promise.all(both.map((program) => program.end(90_000)))).map(resultOf);

  assertEquals(results.reduce((sum, { rows }) => sum + rows, 0), 40_000);
  const records = results.reduce((sum, result) => sum + result.records, 0);
  assert(records < 80_000, `together they read ${records} of 40000 records`);
  assertRows((await readDeltaRs(scratch.table(topic))).rows, rowsOf(numbers(0, 40_000)), "id");
});

Deno.test("two processes share a group; one that is killed is taken over by the other", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 4);
  const config = await scratch.config({
    topics: [topic],
    "commit.interval.ms": 300,
    "value.schema": SCHEMA,
    "consumer.override.session.timeout.ms": "6000",
    "consumer.override.heartbeat.interval.ms": "500",
  });
  const table = scratch.table(topic);
  const first = scratch.start(config);
  await produce(scratch.bootstrap, topic, numbers(0, 100).map((id) => json({ id })));
  await first.says("Committed");
  const second = scratch.start(config);
  await produce(scratch.bootstrap, topic, numbers(100, 200).map((id) => json({ id })));
  let sent = 200;
  await second.while("the second commits too", async () => {
    await produce(scratch.bootstrap, topic, numbers(sent, sent + 20).map((id) => json({ id })));
    sent += 20;
    return second.count("Committed") > 0;
  }, 60_000);

  await first.kill();
  await produce(scratch.bootstrap, topic, numbers(sent, sent + 100).map((id) => json({ id })));
  sent += 100;
  await second.while("the second has everything", async () => (await readDeltaRs(table)).rows.length >= sent, 60_000);
  assertEquals((await second.stop()).code, 0);
  assertRows((await readDeltaRs(table)).rows, rowsOf(numbers(0, sent)), "id");
});
