/**
 * What the program refuses, with which exit code, and what it says then.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { readDeltaRs } from "../support/tables.ts";
import { type Ended, Scratch } from "./program.ts";
import { freshName, makeTopic, until, withAdmin } from "./support.ts";
import { json, produce } from "./topics.ts";

Deno.test("a configuration is refused with every problem on stderr and exit code 2", async () => {
  await using scratch = await Scratch.make();
  const config = await scratch.config({
    topics: ["t"],
    "task.max": 2,
    "commit.interval.ms": "soon",
    "partition.by": ["day(ts)"],
    "errors.deadletterqueue.topic.name": "t",
    "errors.tolerance": "none",
  });
  const ended = await scratch.start(config).end();
  assertSays(ended, 2, ["task.max", "tasks.max", "commit.interval.ms", "soon", "errors.deadletterqueue.topic.name"]);
  assertEquals(ended.stdout, "");

  const broken = `${scratch.dir}/broken.yaml`;
  await Deno.writeTextFile(broken, "connectors:\n  a: [1\n");
  assertSays(await scratch.start(broken).end(), 2, ["broken.yaml"]);
  assertSays(await scratch.start(await scratch.config({ topics: ["t"] }), "--max-duration", "x").end(), 2, [
    "--max-duration",
  ]);
  assertSays(await scratch.start(await scratch.config({ topics: ["t"] }), "--nonsense").end(), 2, ["--nonsense"]);
  const topic = await makeTopic(scratch.bootstrap, 1);
  const grouped = await scratch.config({ topics: [topic], "partition.by": ["day(ts)"] });
  assertSays(await scratch.start(grouped).end(), 2, ["partition.by", "day(ts)"]);
});

Deno.test("a topic that Kafka has not is named, with exit code 1", async () => {
  await using scratch = await Scratch.make();
  const topic = freshName("missing");
  assertSays(await scratch.start(await scratch.config({ topics: [topic] })).end(), 1, [topic, "topics.regex"]);
});

Deno.test("a table that cannot be written is named, with exit code 1, before anything is read", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 1);
  await produce(scratch.bootstrap, topic, [json({ id: 1 })]);
  // A file where the folder must be: root may write into every folder.
  await Deno.writeTextFile(`${scratch.dir}/lake`, "");
  const config = await scratch.config({ topics: [topic] });
  const ended = await scratch.start(config, "--until-caught-up").end();
  assertSays(ended, 1, [scratch.table(topic)]);
  const closed = await scratch.config({
    topics: [topic],
    "table.uri": `${scratch.dir}/new`,
    "auto.create.table": false,
  });
  assertSays(await scratch.start(closed, "--until-caught-up").end(), 1, ["auto.create.table"]);
});

Deno.test("offsets that the topic no longer has stop the task with the choices; earliest and latest go on", async () => {
  for (const [policy, wanted] of [["earliest", 3 + 2], ["latest", 3]] as const) {
    await using scratch = await Scratch.make();
    const topic = await makeTopic(scratch.bootstrap, 1);
    const config = await scratch.config({ topics: [topic] });
    await produce(scratch.bootstrap, topic, [0, 1, 2].map((id) => json({ id })));
    await scratch.drain(config);
    await produce(scratch.bootstrap, topic, [3, 4, 5, 6, 7].map((id) => json({ id })));
    await withAdmin(scratch.bootstrap, async (admin) => {
      await admin.fetchTopicOffsets(topic); // kafkajs deletes only from topics that it has met
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "6" }] });
      await until("records are deleted", async () => (await admin.fetchTopicOffsets(topic))[0].low === "6");
    });
    if (policy === "earliest") {
      const ended = await scratch.start(config, "--until-caught-up").end();
      assertSays(ended, 1, [`${topic}-0`, "offset 3", "begins at 6", "offsets.missing", "earliest", "latest"]);
    }
    const result = await scratch.drain(await scratch.config({ topics: [topic], "offsets.missing": policy }));
    assertEquals(result.tables[0].offsets, { [`${topic}-0`]: 8 });
    assertEquals((await readDeltaRs(scratch.table(topic))).rows.length, wanted, policy);
  }
});

Deno.test("a topic that was created again is refused with the choices; topic.recreated restart reads it", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 1);
  const config = await scratch.config({ topics: [topic] });
  await produce(scratch.bootstrap, topic, [0, 1, 2].map((id) => json({ id })));
  await scratch.drain(config);
  await withAdmin(scratch.bootstrap, async (admin) => {
    await admin.deleteTopics({ topics: [topic] });
    await until("the topic is gone", async () => !(await admin.listTopics()).includes(topic));
  });
  await makeTopic(scratch.bootstrap, 1, {}, topic);
  await produce(scratch.bootstrap, topic, [10, 11].map((id) => json({ id })));
  const ended = await scratch.start(config, "--until-caught-up").end();
  assertSays(ended, 1, [topic, "topic.recreated", "restart", "continue"]);

  const restart = await scratch.config({ topics: [topic], "topic.recreated": "restart" });
  assertEquals((await scratch.drain(restart)).rows, 2);
  assertEquals((await scratch.drain(config)).rows, 0, "accepted once, it is ours");
  assertEquals((await readDeltaRs(scratch.table(topic))).rows.map(({ id }) => Number(id)).sort((a, b) => a - b), [
    ...[0, 1, 2, 10, 11],
  ]);
});

Deno.test("another app.id on the same topic and table is refused", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 1);
  await produce(scratch.bootstrap, topic, [json({ id: 1 })]);
  await scratch.drain(await scratch.config({ topics: [topic] }));
  await produce(scratch.bootstrap, topic, [json({ id: 2 })]);
  const other = await scratch.config({ topics: [topic], "app.id": "somebody-else" });
  assertSays(await scratch.start(other, "--until-caught-up").end(), 1, ["app.id.others", scratch.name]);
});

function assertSays({ code, stderr }: Ended, wantedCode: number, parts: readonly string[]): void {
  assertEquals(code, wantedCode, stderr);
  for (const part of parts) assert(stderr.includes(part), `"${part}" is not in: ${stderr}`);
  assert(!/\n {4}at /.test(stderr), `a message, no stack: ${stderr}`);
}
