/**
 * `deno task bench --cost`: measures what a drain, a commit, a million records and a second of a worker take on an object
 * store, makes a month of them (cost.ts), and holds two cells of that against a worker that really ran.
 *
 * Requests are counted by a proxy in front of the object store: all of them, whoever in the program makes them. A second
 * of a worker is measured while a few records trickle in, as they do in a month; a commit is what short rounds add to that.
 *
 * @module
 */
import { startObjectStore } from "../../runtime/cli/services/object_store.ts";
import { systemClock } from "../../runtime/clock.ts";
import { s3OptionsOf } from "../support/object_store.ts";
import { S3FaultProxy, type S3Operation } from "../support/s3_fault_proxy.ts";
import { beyond, type Cost, costOf, costTable, modeName, sumCosts, type UnitCosts, unitTable } from "./cost.ts";
import { median } from "./figures.ts";
import type { BenchFlags } from "./flags.ts";
import { startProgram, UsageWatch } from "./program.ts";
import type { BenchServices } from "./services.ts";
import { fillTopic, openSender, type Sender, type TopicSpec } from "./topics.ts";

/** Everything that a measurement needs. */
interface Bench {
  readonly flags: BenchFlags;
  readonly services: BenchServices;
  readonly options: Readonly<Record<string, string>>;
  readonly bucket: string;
  /** Requests up to now. */
  readonly requests: () => Requests;
}

interface Requests {
  readonly puts: number;
  readonly gets: number;
}

/** A topic with a table, and how many records were produced. */
interface Lane {
  readonly topic: string;
  readonly sender: Sender;
  produced: number;
}

const FEW = 100;
const REPEATS = 3;
const TICK_MS = 100;
const LOOK_MS = 50;
const WARM_UP_S = 10;
const READY_MS = 60_000;
/** What the others are: reads. Deletes cost nothing. */
const PUTS: readonly S3Operation[] = [
  ...["PutObject", "PutIfAbsent", "ListObjects", "ListMultipartUploads"] as const,
  ...["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"] as const,
];
const FREE: readonly S3Operation[] = ["DeleteObject", "AbortMultipartUpload"];

/** Measures; returns the tables in Markdown. */
export async function compareCosts(flags: BenchFlags, services: BenchServices): Promise<string> {
  const counts = { puts: 0, gets: 0 };
  const store = await startObjectStore({ clock: systemClock, log: (line) => console.error(line) });
  await using proxy = S3FaultProxy.start({
    target: store.port,
    plan: ({ operation }) => {
      if (PUTS.includes(operation)) counts.puts++;
      else if (!FREE.includes(operation)) counts.gets++;
      return null;
    },
  });
  try {
    const options = s3OptionsOf({ ...store, endpoint: proxy.url });
    const bench: Bench = { flags, services, options, bucket: store.bucket, requests: () => ({ ...counts }) };
    const units = { ...await measureDrains(bench), ...await measureWorker(bench) };
    const checks = flags.costSeconds > 0 ? [await check(bench, units, 1), await check(bench, units, 10)] : [];
    return ["A month at steady rates:", costTable(units, flags.prices), "Measured:", unitTable(units), ...checks]
      .join("\n\n");
  } finally {
    await store.stop();
  }
}

async function measureDrains(bench: Bench): Promise<Pick<UnitCosts, "drain" | "drainCommit" | "drainMillion">> {
  const lane = await openLane(bench, "drains");
  const many = bench.flags.records?.[0] ?? 1_000_000;
  try {
    await produce(lane, FEW);
    await drain(bench, lane); // creates the table, fills the caches
    const empty = await repeated(() => drain(bench, lane));
    const few = await repeated(async () => {
      await produce(lane, FEW);
      return await drain(bench, lane);
    });
    await produce(lane, many);
    const full = await drain(bench, lane);
    return {
      drain: empty,
      drainCommit: beyond(few, empty),
      drainMillion: sumCosts([1e6 / many, beyond(full, few)]),
    };
  } finally {
    lane.sender.close();
  }
}

async function measureWorker(bench: Bench): Promise<Pick<UnitCosts, "idleSecond" | "workerCommit" | "workerMillion">> {
  const idle = await runWorker(bench, { name: "idle", commitS: 300, rate: 10, seconds: 15 });
  const idleSecond = { ...sumCosts([1 / idle.seconds, idle.cost]), seconds: 0 };
  const short = await runWorker(bench, { name: "short", commitS: 1, rate: 10, seconds: 20 });
  const commits = beyond(short.cost, sumCosts([short.seconds, idleSecond]));
  // Memory is that of the second, whatever is done in it.
  const workerCommit = { ...sumCosts([1 / short.commits, commits]), gbS: 0, seconds: 0 };
  const busy = await runWorker(bench, { name: "busy", commitS: 1, rate: 10_000, seconds: 20 });
  const rest = beyond(busy.cost, sumCosts([busy.seconds, idleSecond], [busy.commits, workerCommit]));
  const workerMillion = { ...sumCosts([1e6 / busy.records, rest]), gbS: 0, seconds: 0 };
  return { idleSecond: { ...idleSecond, gbS: short.cost.gbS / short.seconds }, workerCommit, workerMillion };
}

/** Runs a cell of the table for a while, and says how far off the arithmetic is. */
async function check(bench: Bench, units: UnitCosts, commitS: number): Promise<string> {
  const rate = 1000;
  const { cost, seconds } = await runWorker(bench, {
    name: `check-${commitS}`,
    commitS,
    rate,
    seconds: bench.flags.costSeconds,
  });
  const mode = { kind: "worker", commitS } as const;
  const wanted = costOf(mode, rate, seconds, units);
  const parts = (["cpuS", "gbS", "puts", "gets"] as const).map((name) =>
    `${name} ${cost[name].toFixed(1)} (computed: ${wanted[name].toFixed(1)})`
  );
  return `Check: ${modeName(mode)}, ${rate} records/s, ${seconds.toFixed(0)} s: ${parts.join(", ")}`;
}

async function openLane({ flags, services }: Bench, name: string): Promise<Lane> {
  const spec: TopicSpec = {
    format: flags.formats[0],
    schema: flags.schemas[0],
    compression: flags.compressions[0],
    records: 0,
    partitions: flags.partitions,
  };
  const { name: topic } = await fillTopic(`bench-cost-${name}-${crypto.randomUUID().slice(0, 8)}`, spec, services);
  return { topic, sender: await openSender(topic, spec, services), produced: 0 };
}

async function produce(lane: Lane, records: number): Promise<void> {
  const from = lane.produced;
  await lane.sender.send(from, lane.produced += records);
}

async function repeated(measure: () => Promise<Cost>): Promise<Cost> {
  const costs: Cost[] = [];
  for (let i = 0; i < REPEATS; i++) costs.push(await measure());
  const middle = (of: (cost: Cost) => number) => median(costs.map(of));
  return {
    cpuS: middle((cost) => cost.cpuS),
    gbS: middle((cost) => cost.gbS),
    puts: middle((cost) => cost.puts),
    gets: middle((cost) => cost.gets),
    seconds: middle((cost) => cost.seconds),
  };
}

/** A drain to the end of the topic, from its command to its end. */
async function drain(bench: Bench, { topic }: Lane): Promise<Cost> {
  await using place = await makeConfig(bench, topic, 60);
  const before = bench.requests();
  const child = await startProgram(place.config, "--until-caught-up");
  const watch = new UsageWatch(child.pid);
  const output = child.output();
  while (await watch.look()) await systemClock.sleep(LOOK_MS / 2);
  const { code } = await output;
  if (code !== 0) throw new Error(`The drain ended with ${code}; its log ends with\n${await place.log()}`);
  const { cpuS, gbS, seconds } = watch.usage;
  return { cpuS, gbS, seconds, ...since(before, bench.requests()) };
}

/** A worker that runs, measured after it has warmed up. */
async function runWorker(
  bench: Bench,
  { name, commitS, rate, seconds }: { name: string; commitS: number; rate: number; seconds: number },
): Promise<{ cost: Cost; commits: number; records: number; seconds: number }> {
  console.error(`Running a worker: ${rate} records/s, rounds of ${commitS} s, ${seconds} s ...`);
  const lane = await openLane(bench, name);
  await using place = await makeConfig(bench, lane.topic, commitS);
  const child = await startProgram(place.config);
  const output = child.output();
  const watch = new UsageWatch(child.pid);
  const ended = new AbortController();
  const running = (async () => {
    while (!ended.signal.aborted && await watch.look()) await systemClock.sleep(LOOK_MS);
  })();
  const producing = produceSteadily(lane, rate, ended.signal);
  producing.catch(() => {}); // awaited below
  try {
    await until("the worker reads", place.hasStarted, READY_MS);
    await systemClock.sleep(WARM_UP_S * 1000);
    const now = async () => {
      const { cpuS, gbS, seconds } = watch.usage;
      return { cpuS, gbS, seconds, requests: bench.requests(), commits: await place.commits(), records: lane.produced };
    };
    const before = await now();
    await systemClock.sleep(seconds * 1000);
    const after = await now();
    ended.abort();
    await producing;
    child.kill("SIGTERM");
    const { code } = await output;
    await running;
    if (code !== 0) throw new Error(`The worker ended with ${code}; its log ends with\n${await place.log()}`);
    return {
      cost: {
        cpuS: after.cpuS - before.cpuS,
        gbS: after.gbS - before.gbS,
        seconds: 0,
        ...since(before.requests, after.requests),
      },
      commits: after.commits - before.commits,
      records: after.records - before.records,
      seconds: after.seconds - before.seconds,
    };
  } finally {
    if (!ended.signal.aborted) { // something failed
      ended.abort();
      child.kill("SIGKILL");
      await output;
    }
    lane.sender.close();
  }
}

async function produceSteadily(lane: Lane, rate: number, signal: AbortSignal): Promise<void> {
  const startMs = systemClock.monotonic();
  while (!signal.aborted) {
    const due = Math.floor((systemClock.monotonic() - startMs) / 1000 * rate);
    if (due > lane.produced) await produce(lane, due - lane.produced);
    await systemClock.sleep(TICK_MS);
  }
}

/** A configuration in a folder of its own, and what the program's log says. */
async function makeConfig({ flags, services, options, bucket }: Bench, topic: string, commitS: number) {
  const dir = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  const config = `${dir}/config.yaml`, logFile = `${dir}/log`;
  const format = flags.formats[0];
  await Deno.writeTextFile(
    config,
    JSON.stringify({ // JSON is YAML
      "bootstrap.servers": services.bootstrap,
      "http.listen": "off",
      "log.format": "json",
      "log.file": logFile,
      ...(format === "json" ? {} : { "schema.registry.url": services.registryUrl }),
      connectors: {
        [topic]: {
          connector: "delta-sink",
          topics: [topic],
          "tasks.max": flags.tasks[0],
          "value.converter": format,
          "table.uri": `s3://${bucket}/\${topic}`,
          "commit.interval.ms": commitS * 1000,
          ...options,
        },
      },
    }),
  );
  const log = async () => await Deno.readTextFile(logFile).catch(() => ""); // not there yet
  const lines = async () =>
    (await log()).trim().split("\n").filter((line) => line.startsWith("{") && line.endsWith("}")).map((line) =>
      JSON.parse(line)
    );
  return {
    config,
    log: async () => (await log()).slice(-3000),
    hasStarted: async () => (await lines()).some(({ message }) => message === "Starting"),
    /** Versions of the table that were committed. */
    commits: async () =>
      new Set((await lines()).filter(({ message }) => message === "Committed").map(({ version }) => version)).size,
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}

async function until(what: string, holds: () => Promise<boolean>, timeoutMs: number): Promise<void> {
  const deadline = systemClock.monotonic() + timeoutMs;
  while (!(await holds())) {
    if (systemClock.monotonic() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain until ${what}`);
    await systemClock.sleep(TICK_MS);
  }
}

function since(before: Requests, after: Requests): Requests {
  return { puts: after.puts - before.puts, gets: after.gets - before.gets };
}
