/**
 * `kill -9` at random moments, twenty times in one run, while records keep coming.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Seeded } from "../simulation/seeded.ts";
import { startKafka } from "../../runtime/cli/services/kafka.ts";
import { systemClock } from "../../runtime/clock.ts";
import { readDeltaRs } from "../support/tables.ts";
import { assertEachOnce, keepProducing } from "./kills.ts";
import { type Program, Scratch } from "./program.ts";
import { freshName, makeTopic } from "./support.ts";
import { withProducer } from "./topics.ts";

const KILLS = 20;
const PARTITIONS = 4;
/** On a machine with much else to do a start takes 20 s, and as long again until the first commit of what has piled up. */
const MOMENT_MS_MAX = 120_000;
/** Between two batches of records: what piles up while a slow machine starts has to be read by it, too. */
const PAUSE_MS = 40;

Deno.test("kill -9 at twenty random moments loses nothing and repeats nothing", async () => {
  const seed = Number(Deno.env.get("KILL_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  console.log(`KILL_SEED=${seed}`);
  const random = new Seeded(seed).next;
  // Of its own: one that forgets a dead member soon, or each start would wait for the one before.
  const kafka = await startKafka({ clock: systemClock, config: { "group.min.session.timeout.ms": "500" } });
  await using scratch = await Scratch.make({ bootstrap: kafka.bootstrap, registryUrl: "http://127.0.0.1:9" });
  scratch.defer(() => kafka.stop());
  const [topic, letters] = [await makeTopic(scratch.bootstrap, PARTITIONS), freshName("letters")];
  const configs = await Promise.all([1, 2, 3].map((tasks) =>
    scratch.config({
      topics: [topic],
      "tasks.max": tasks,
      "commit.interval.ms": 300 + Math.floor(random() * 700),
      "file.bytes.max": 4096,
      "columns.kafka": ["partition", "offset"],
      "errors.deadletterqueue.topic.name": letters,
      "consumer.override": { "session.timeout.ms": 1500, "heartbeat.interval.ms": 300 },
    }, { "log.level": "debug" })
  ));
  const ending = new AbortController();
  const producing = withProducer(
    scratch.bootstrap,
    (producer) => keepProducing(producer, { topic, partitions: PARTITIONS, signal: ending.signal, pauseMs: PAUSE_MS }),
  );
  producing.catch(() => {}); // awaited below
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const program = scratch.start(configs[kill % 5 === 4 ? Math.floor(random() * 3) : 1]);
      await moment(program, scratch.table(topic), random);
      if (program.hasEnded) throw new Error(`The program ended by itself:\n${program.stderr.slice(-4000)}`);
      await program.kill();
    }
  } finally {
    ending.abort();
  }
  const produced = await producing;
  const last = await scratch.drain(configs[1]);
  const rest = await scratch.drain(configs[0]);
  assertEquals([rest.records, rest.rows], [0, 0], "the drain before left nothing");

  const table = await assertEachOnce({
    bootstrap: scratch.bootstrap,
    topic,
    letters,
    produced,
    readTable: () => readDeltaRs(scratch.table(topic)),
  });
  assert(table.version > 5, `commits were interrupted too: version ${table.version}`);
  console.log(`${produced} records, ${table.poisoned} poisoned, version ${table.version}, last drain ${last.records}`);
});

/** Waits for one of the moments at which it hurts, and a little more. */
async function moment(program: Program, table: string, random: () => number): Promise<void> {
  const sleep = (ms: number) => systemClock.sleep(Math.floor(random() * ms));
  const has = async (which: (name: string) => boolean) => {
    for (const folder of [table, `${table}/_delta_log`]) {
      try {
        for await (const { name } of Deno.readDir(folder)) if (which(name)) return true;
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    return false;
  };
  const files = async (ending: string) => {
    let count = 0;
    await has((name) => (count += Number(name.endsWith(ending)), false));
    return count;
  };
  switch (Math.floor(random() * 6)) {
    case 0: // while it starts
      return await sleep(900);
    case 1: // once it reads, before the first commit
      await program.says("Starting", 1, MOMENT_MS_MAX);
      await program.while("a data file is open", () => has((name) => name.startsWith(".sluice-")), MOMENT_MS_MAX);
      return;
    case 2: { // data files are durable, no version names them
      const before = await files(".parquet");
      return await program.while("a data file is closed", async () => await files(".parquet") > before, MOMENT_MS_MAX);
    }
    case 3: { // a version has just been written, nobody has been told
      const before = await files(".json");
      return await program.while("a version is there", async () => await files(".json") > before, MOMENT_MS_MAX);
    }
    case 4: // while the outcome is told and offsets advance
      await program.says("Committed", 1, MOMENT_MS_MAX);
      return await sleep(30);
    default: // anywhere in the rounds that follow
      await program.says("Committed", 1 + Math.floor(random() * 2), MOMENT_MS_MAX);
      return await sleep(1000);
  }
}
