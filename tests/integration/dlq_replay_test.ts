/**
 * Dead letters replayed by the real program: killed at any moment, two at once, beside a running connector, to a topic. Tables
 * are read by delta-rs, topics by kafkajs.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Message } from "kafkajs";
import { assertRows, readDeltaRs } from "../support/tables.ts";
import { called, printed } from "./dlq_commands.ts";
import { Scratch } from "./program.ts";
import { freshName, makeTopic } from "./support.ts";
import { json, produce, readAll } from "./topics.ts";

const SCHEMA = JSON.stringify({ type: "struct", fields: [field("id", "long"), field("n", "long")] });
/** `n` may be anything: what it is cast from. */
const LOOSE = JSON.stringify({ type: "struct", fields: [field("id", "long"), field("n", "string")] });

function field(name: string, type: string) {
  return { name, type, nullable: true, metadata: {} };
}

/** A topic, its dead letters, and the commands about them. */
async function queueOf(scratch: Scratch, more: Record<string, unknown> = {}) {
  const [topic, letters] = [await makeTopic(scratch.bootstrap, 2), freshName("letters")];
  const config = await scratch.config({
    topics: [topic],
    "value.schema": SCHEMA,
    "columns.kafka": ["topic", "partition", "offset"],
    "errors.deadletterqueue.topic.name": letters,
    "errors.deadletterqueue.topic.partitions": 2,
    "errors.budget.ratio": 1,
    ...more,
  });
  const start = (...args: string[]) => scratch.run("dlq", ...args, "--connector", scratch.name, "--config", config);
  const own = ["--connector", scratch.name, "--config", config, "--json"];
  const dlq = async (...args: string[]) => printed(await called("dlq", ...args, ...own));
  return { topic, letters, config, start, dlq };
}

Deno.test("a replay that is killed as it begins is finished first, then letters read by a schema of the fix are replayed", async () => {
  await using scratch = await Scratch.make();
  const { topic, letters, config, start, dlq } = await queueOf(scratch);
  const count = 3_000;
  const bad = (id: number): Message => {
    const more = { key: `key-${id}`, partition: id % 2 };
    if (id % 3 === 0) return json({ id, n: `${id}` }, more); // with a looser schema and a cast it passes
    return json({ id, n: id, extra: "x".repeat(100) }, more); // without the field it passes
  };
  await produce(scratch.bootstrap, topic, [json({ id: count, n: count }, { partition: 0 })]);
  await scratch.drain(config); // the table has its columns
  await produce(scratch.bootstrap, topic, Array.from({ length: count }, (_, id) => bad(id)));
  await scratch.drain(config);
  assertEquals((await readAll(scratch.bootstrap, letters)).length, count);

  const killed = start("replay", "--stage", "TASK_PUT", "--drop-field", "extra");
  await killed.while("the run begins", () => killed.count("Run ") > 0 || killed.stdout !== "");
  await killed.kill();
  const { before, run } = await dlq(
    ...["replay", "--where", "reason != 'x' && has(value.n) && type(value.n) == string"],
    ...["--option", `value.schema=${LOOSE}`, "--cast", "n:int64"],
  );
  // Killed after its last word, it was finished.
  if (killed.stdout === "") assertEquals([before.state, before.counts.replayed], ["done", count / 3 * 2]);
  assertEquals([run.state, run.counts.replayed], ["done", count / 3]);
  assertEquals((await dlq("replay")).run, null, "nothing is left");

  const wanted = Array.from({ length: count + 1 }, (_, id) => ({ id: `${id}`, n: `${id}` }));
  const rows = (await readDeltaRs(scratch.table(topic))).rows;
  assertRows(rows.map(({ id, n }) => ({ id, n })), wanted, "id");
  const origin = rows.find(({ id }) => Number(id) === 3)!;
  assertEquals([origin._kafka_topic, Number(origin._kafka_partition)], [topic, 1]);
  assertEquals((await readAll(scratch.bootstrap, letters)).length, count, "no letter is there anew");
});

Deno.test("a replay to the topic that is killed sends each letter once, and counts how often it was one", async () => {
  await using scratch = await Scratch.make();
  const { topic, letters, config, start, dlq } = await queueOf(scratch, { "value.schema": LOOSE });
  await produce(
    scratch.bootstrap,
    topic,
    Array.from({ length: 3000 }, (_, id) => json({ id, extra: "x".repeat(200) }, { key: `${id}`, partition: id % 2 })),
  );
  await scratch.drain(config);
  const { chosen, sent, passing } = await dlq("replay", "--to", "topic", "--dry-run");
  assertEquals([chosen, sent, passing], [3000, 3000, 0], "they can be sent, and the connector would refuse them again");
  const killed = start("replay", "--to", "topic");
  await killed.while("the run begins", () => killed.count("Run ") > 0 || killed.stdout !== "");
  await killed.kill();
  await dlq("replay", "--resume");
  await dlq("replay", "--to", "topic");
  const result = await scratch.drain(config);
  assertEquals([result.records, result.rows], [3000, 0], "a reader of what is committed sees each once");
  const attempts = (await readAll(scratch.bootstrap, letters)).map(({ headers }) =>
    headers["__sluice.errors.attempts"]
  );
  assertEquals(attempts.filter((each) => each === "2").length, 3000);
});

Deno.test("replays take turns, beside a connector that writes the same table, and refuse what fails too often", async () => {
  await using scratch = await Scratch.make();
  const { topic, config, start, dlq } = await queueOf(scratch);
  const fine = (from: number) => Array.from({ length: 200 }, (_, i) => json({ id: from + i, n: 1 }));
  await produce(scratch.bootstrap, topic, fine(0));
  const running = scratch.start(config);
  await produce(
    scratch.bootstrap,
    topic,
    Array.from({ length: 300 }, (_, i) => json({ id: 1000 + i, n: 1, extra: "" })),
  );
  const allThere = async () =>
    (await scratch.inspect(topic).catch(() => null))?.offsets.reduce((sum, o) => sum + o.offset, 0);
  await running.while("the letters are written", async () => (await allThere()) === 500, 60_000);
  const chain = `${scratch.dir}/chain.yaml`;
  await Deno.writeTextFile(
    chain,
    "transforms: [less]\ntransforms.less.type: ReplaceField\ntransforms.less.exclude: [extra]\n",
  );
  const fix = ["--transforms", chain, "--set", "n=value.n + 1"];
  const both = [1, 2].map(() => start("replay", ...fix, "--wait", "60s"));
  for (let from = 200; from < 800; from += 200) await produce(scratch.bootstrap, topic, fine(from));
  const ends = await Promise.all(both.map((program) => program.end()));
  // Who was shut out by the other says so; the other has finished what was begun.
  assert(ends.some(({ code }) => code === 0), ends.map(({ stderr }) => stderr).join("\n"));
  for (const { code, stderr } of ends) assert(code === 0 || stderr.includes("another process"), stderr);
  await running.stop();
  const ids = [...Array.from({ length: 800 }, (_, i) => i), ...Array.from({ length: 300 }, (_, i) => 1000 + i)];
  const { rows } = await readDeltaRs(scratch.table(topic));
  const wanted = ids.map((id) => ({ id: `${id}`, n: id < 1000 ? "1" : "2" }));
  assertRows(rows.map(({ id, n }) => ({ id, n })), wanted, "id");

  await produce(scratch.bootstrap, topic, [json({ id: 5000, n: "many" })]);
  await scratch.drain(config);
  const { run } = await dlq("replay", "--attempts-max", "1");
  assertEquals(run.counts, { chosen: 1, replayed: 0, refused: 1, quarantined: 1 });
  const quarantined = await dlq("list", "--state", "quarantined");
  assertEquals(JSON.stringify(quarantined).includes('"attempts":2'), true, JSON.stringify(quarantined));
});
