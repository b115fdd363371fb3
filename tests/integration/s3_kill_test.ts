/**
 * `kill -9` at random moments, over and over, of three processes of one group that write to S3 through proxies which
 * make requests fail, while records keep coming. `S3_KILLS=60` kills more often, `KILL_SEED` repeats a run.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { startKafka } from "../../runtime/cli/services/kafka.ts";
import { systemClock } from "../../runtime/clock.ts";
import { Seeded } from "../simulation/seeded.ts";
import { randomPlan, S3FaultProxy, type S3Request } from "../support/s3_fault_proxy.ts";
import { readDeltaRs } from "../support/tables.ts";
import { assertEachOnce, keepProducing } from "./kills.ts";
import { type Program, Scratch } from "./program.ts";
import { freshName, makeTopic, objectStore } from "./support.ts";
import { withProducer } from "./topics.ts";

const KILLS = Number(Deno.env.get("S3_KILLS") ?? 12);
const PROCESSES = 3;
const PARTITIONS = 6;
/** Of the requests to S3 so many go wrong; of so many more the server goes away. */
const FAULT_RATIO = 0.08;
const AWAY_RATIO = 0.002;
/** Longer than a client waits for an answer. */
const TIMES = { holdMs: 1500, lateMs: 400, slowMs: 300, awayMs: 1500 };
const REQUEST_TIMEOUT_MS = 1000;

/** A place in the group: whoever is killed in it is followed by another. */
interface Place {
  readonly proxy: S3FaultProxy;
  /** With one task, and with two. */
  readonly configs: readonly string[];
  program: Program;
}

Deno.test(`${KILLS} times kill -9, of three processes, over an S3 that fails: nothing lost, nothing repeated`, async () => {
  const seed = Number(Deno.env.get("KILL_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  console.log(`KILL_SEED=${seed}`);
  const random = new Seeded(seed);
  const store = await objectStore();
  // Of its own: one that forgets a dead member soon, or each start would wait for the one before.
  const kafka = await startKafka({ clock: systemClock, config: { "group.min.session.timeout.ms": "500" } });
  await using scratch = await Scratch.make({ bootstrap: kafka.bootstrap, registryUrl: "http://127.0.0.1:9" });
  scratch.defer(() => kafka.stop());
  const [topic, letters] = [await makeTopic(scratch.bootstrap, PARTITIONS), freshName("letters")];
  const uri = `s3://${store.bucket}/${scratch.name}`;
  const places: Place[] = [];
  for (let place = 0; place < PROCESSES; place++) {
    const plan = randomPlan({ seed: seed + place, ratio: FAULT_RATIO, awayRatio: AWAY_RATIO });
    const proxy = S3FaultProxy.start({ target: Number(new URL(store.endpoint).port), plan, times: TIMES });
    scratch.defer(() => proxy[Symbol.asyncDispose]());
    const configs = await Promise.all([1, 2].map((tasks) =>
      scratch.config({
        topics: [topic],
        "tasks.max": tasks,
        "table.uri": `${uri}/\${topic}`,
        "s3.endpoint": proxy.url,
        "s3.region": store.region,
        "s3.access.key.id": store.accessKeyId,
        "s3.secret.access.key": store.secretAccessKey,
        "s3.request.timeout.ms": REQUEST_TIMEOUT_MS,
        "commit.interval.ms": 300 + random.int(0, 700),
        "file.bytes.max": 16_384,
        "columns.kafka": ["partition", "offset"],
        "errors.deadletterqueue.topic.name": letters,
        "consumer.override": { "session.timeout.ms": 1500, "heartbeat.interval.ms": 300 },
      }, { "log.level": "debug" })
    ));
    places.push({ proxy, configs, program: scratch.start(random.pick(configs)) });
  }
  const ending = new AbortController();
  const startMs = systemClock.monotonic();
  const producing = withProducer(
    scratch.bootstrap,
    (producer) => keepProducing(producer, { topic, partitions: PARTITIONS, signal: ending.signal, pauseMs: 40 }),
  );
  producing.catch(() => {}); // awaited below
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const place = random.pick(places);
      await moment(place, random);
      await place.program.kill();
      // At times its place stays empty for a while, so that the others take over.
      if (random.chance(0.3)) await systemClock.sleep(random.int(0, 2500));
      place.program = scratch.start(random.pick(place.configs));
      const ended = places.find(({ program }) => program.hasEnded);
      if (ended) throw new Error(`A program ended by itself:\n${ended.program.stderr.slice(-4000)}`);
    }
  } finally {
    ending.abort();
  }
  const killedMs = systemClock.monotonic() - startMs;
  const produced = await producing;
  for (const { program } of places) await program.kill();
  const last = await scratch.drain(places[0].configs[1]);
  const rest = await scratch.drain(places[1].configs[0]);
  assertEquals([rest.records, rest.rows], [0, 0], "the drain before left nothing");

  const readTable = () => readDeltaRs(`${uri}/${topic}`, [], store);
  const table = await assertEachOnce({ bootstrap: scratch.bootstrap, topic, letters, produced, readTable });
  assert(table.version > 5, `commits were interrupted too: version ${table.version}`);
  const faults: Record<string, number> = {};
  for (const { proxy } of places) {
    for (const [fault, count] of proxy.faults) faults[fault] = (faults[fault] ?? 0) + count;
  }
  const requests = places.reduce((sum, { proxy }) => sum + proxy.requests, 0);
  console.log(
    `${KILLS} kills in ${Math.round(killedMs / 1000)} s; ${produced} records, ` +
      `${table.poisoned} poisoned, ${table.rows} rows in ${table.files} files, version ${table.version}, last drain ` +
      `${last.records}; ${requests} requests, faults ${JSON.stringify(faults)}`,
  );
});

/** Waits for one of the moments at which it hurts; some of them, only where the process comes to them. */
async function moment({ program, proxy }: Place, random: Seeded): Promise<void> {
  const sleep = (ms: number) => systemClock.sleep(random.int(0, ms));
  const request = (fits: (request: S3Request) => boolean) => proxy.next(fits, 12_000);
  const commits = async (count: number) => {
    const before = program.count("Committed");
    const deadline = systemClock.monotonic() + 12_000;
    while (program.count("Committed") < before + count && !program.hasEnded && systemClock.monotonic() < deadline) {
      await systemClock.sleep(10);
    }
  };
  switch (random.int(0, 6)) {
    case 0: // while it starts, or anywhere
      return await sleep(900);
    case 1: // as it talks to the store
      await request(() => true);
      return;
    case 2: // a data file is on its way
      await request(({ path, method }) => path.endsWith(".parquet") && method !== "GET");
      return await sleep(10);
    case 3: // a version is on its way
      await request(({ operation, path }) => operation === "PutIfAbsent" && path.includes("/_delta_log/"));
      return;
    case 4: // a version has just been written, or is about to be
      await request(({ operation, path }) => operation === "PutIfAbsent" && path.includes("/_delta_log/"));
      return await sleep(30);
    case 5: // while the outcome is told and offsets advance
      await commits(1);
      return await sleep(30);
    default: // anywhere in the rounds that follow
      await commits(random.int(1, 2));
      return await sleep(1000);
  }
}
