/**
 * Tables that fail among many: each stops its own topic, is told, and comes back when its cause is gone.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { assertRows, readDeltaRs } from "../support/tables.ts";
import { Scratch } from "./program.ts";
import { makeTopic, until } from "./support.ts";
import { json, produce, withProducer } from "./topics.ts";

const TOPICS = 20;
/** Of these the first fail, each in its own way. */
const [FOLDER, PROTOCOL, POISON] = [0, 1, 2];

async function topicsOf(bootstrap: string, prefix: string): Promise<string[]> {
  const names = Array.from({ length: TOPICS }, (_, i) => `${prefix}-${String(i).padStart(2, "0")}`);
  for (const name of names) await makeTopic(bootstrap, 1, {}, name);
  return names;
}

/** A record for every topic, `id` each. */
async function produceAll(bootstrap: string, topics: readonly string[], id: number): Promise<void> {
  const topicMessages = topics.map((topic) => ({ topic, messages: [json({ id })] }));
  await withProducer(bootstrap, (producer) => producer.sendBatch({ topicMessages }));
}

async function assertIds(scratch: Scratch, topic: string, ids: readonly number[]): Promise<void> {
  const { rows } = await readDeltaRs(scratch.table(topic));
  assertRows(rows, ids.map((id) => ({ id: String(id) })), "id");
}

/** A table that asks for more of a writer than there is. */
async function makeForeignTable(uri: string): Promise<void> {
  await Deno.mkdir(`${uri}/_delta_log`, { recursive: true });
  const metaData = {
    id: crypto.randomUUID(),
    format: { provider: "parquet", options: {} },
    schemaString: '{"type":"struct","fields":[]}',
    partitionColumns: [],
    configuration: {},
  };
  const actions = [{ protocol: { minReaderVersion: 1, minWriterVersion: 99 } }, { metaData }];
  const lines = actions.map((action) => JSON.stringify(action)).join("\n");
  await Deno.writeTextFile(`${uri}/_delta_log/00000000000000000000.json`, lines);
}

Deno.test("a table that fails stops its own topic, and comes back; the others never notice", async () => {
  await using scratch = await Scratch.make();
  const topics = await topicsOf(scratch.bootstrap, scratch.name);
  const well = topics.slice(3);
  await makeForeignTable(scratch.table(topics[PROTOCOL]));
  const address = freeAddress();
  const config = await scratch.config({ topics, "tasks.max": 2, "commit.interval.ms": 500 }, {
    "http.listen": address,
    "task.restart.max": 1000,
    "task.restart.backoff.max.ms": 500,
    "log.level": "debug",
  });
  const health = async () => await (await fetch(`http://${address}/health/ready`)).json();
  const isDegraded = async (topic: string) => {
    const { status, reasons } = await health();
    return status === "degraded" && reasons.some((why: string) => why.includes(`topic ${topic} is RESTARTING`));
  };
  const hasVersions = (topic: string, versions: number) => async () => {
    const log = `${scratch.table(topic)}/_delta_log`;
    return (await Array.fromAsync(Deno.readDir(log)).catch(() => [])).length >= versions;
  };

  await produceAll(scratch.bootstrap, topics, 0);
  const program = scratch.start(config);
  for (const topic of [...well, topics[FOLDER], topics[POISON]]) {
    await program.while(`${topic} is committed`, hasVersions(topic, 1), 60_000);
  }
  await program.while("the table of another protocol is told", () => isDegraded(topics[PROTOCOL]));

  // A file in the folder's place, and a record that is none.
  await retrying(() => Deno.rename(scratch.table(topics[FOLDER]), `${scratch.dir}/away`));
  await retrying(async () => {
    await removed(scratch.table(topics[FOLDER])); // a writer may have made it again, to begin a file
    await Deno.writeTextFile(scratch.table(topics[FOLDER]), "", { createNew: true });
  });
  await produce(scratch.bootstrap, topics[POISON], [{ value: "{" }]);
  await produceAll(scratch.bootstrap, topics, 1);
  for (const topic of well) await program.while(`${topic} goes on`, hasVersions(topic, 2), 60_000);
  for (const topic of [topics[FOLDER], topics[POISON]]) {
    await program.while(`${topic} is told`, () => isDegraded(topic), 60_000);
  }
  const metrics = await (await fetch(`http://${address}/metrics`)).text();
  assert(new RegExp(`sluice_topic_status\\{[^}]*topic="${topics[POISON]}",status="restarting"\\} 1`).test(metrics));
  assert(/sluice_failed_topics\{[^}]*\} 3/.test(metrics), metrics.match(/sluice_failed_topics.*/g)?.join("\n"));
  assertEquals(program.count("A task failed"), 0, "no task was replaced");

  // The cause is gone: it goes on where its table stands.
  await retrying(async () => {
    await removed(scratch.table(topics[FOLDER]));
    await Deno.rename(`${scratch.dir}/away`, scratch.table(topics[FOLDER]));
  });
  await retrying(() => removed(scratch.table(topics[PROTOCOL])));
  await program.while("the folder is used again", hasVersions(topics[FOLDER], 2), 60_000);
  await program.while("the table is made", hasVersions(topics[PROTOCOL], 1), 60_000);
  await until("only the poison is left", async () => (await health()).reasons.length === 1, 60_000);
  await program.stop();
  for (const topic of [...well.slice(0, 5), topics[FOLDER], topics[PROTOCOL]]) await assertIds(scratch, topic, [0, 1]);
  await assertIds(scratch, topics[POISON], [0]);
});

Deno.test("a drain ends with the other topics and exits with 1, naming those that failed", async () => {
  await using scratch = await Scratch.make();
  const topics = await topicsOf(scratch.bootstrap, scratch.name);
  await produceAll(scratch.bootstrap, topics, 0);
  await makeForeignTable(scratch.table(topics[PROTOCOL]));
  await produce(scratch.bootstrap, topics[POISON], [{ value: "{" }]);
  const config = await scratch.config({ topics, "tasks.max": 2 });
  const ended = await scratch.start(config, "--until-caught-up").end();
  assertEquals(ended.code, 1);
  const said = ended.stderr.split("\n").find((line) => line.startsWith("Failed: ")) ?? "";
  for (const topic of [topics[PROTOCOL], topics[POISON]]) assert(said.includes(topic), said);
  const { connectors: [result], complete } = JSON.parse(ended.stdout);
  assertEquals([complete, Object.keys(result.failedTopics).sort()], [false, [topics[PROTOCOL], topics[POISON]]]);
  for (const topic of [topics[FOLDER], ...topics.slice(3, 6)]) await assertIds(scratch, topic, [0]);

  const all = await scratch.config({ topics, "topic.failure": "all" });
  const refused = await scratch.start(all, "--until-caught-up").end();
  assertEquals(refused.code, 1);
  assert(refused.stderr.includes(scratch.table(topics[PROTOCOL])), refused.stderr);
});

/** Somebody else writes in the folder at the same time: what fails is tried again, for a while. */
async function retrying(work: () => Promise<void>): Promise<void> {
  let last: unknown = null;
  await until("the folder could be changed", async () => {
    try {
      await work();
      return true;
    } catch (error) {
      last = error;
      return false;
    }
  }, 30_000).catch((error) => {
    throw new Error(error.message, { cause: last });
  });
}

async function removed(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function freeAddress(): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return `127.0.0.1:${port}`;
}
