/**
 * `deno task bench --topics 500`: hundreds of tables in one process. 80 % of the records are in one topic, the rest are
 * spread unevenly over the others, from one record to moderately busy; records are produced at a steady rate while the
 * program commits. Prints one JSON line.
 *
 * For every version of every table the time from the oldest record in it (its `ts`, the moment that it was produced) to
 * the version (its log file's modification time) is taken from the log itself; rows and distinct ids of every table are
 * counted by DuckDB over the files that delta-rs names.
 *
 * @module
 */
import { systemClock } from "../../runtime/clock.ts";
import { createAdmin } from "../../runtime/kafka/admin.ts";
import { createProducer } from "../../runtime/kafka/producer.ts";
import { createRetry } from "../../runtime/retry.ts";
import { kafkaSettings } from "../../runtime/kafka/settings.ts";
import type { ProducerRecord } from "../../runtime/kafka/types.ts";
import { createLog } from "../../runtime/log.ts";
import { DUCKDB_DELTA, runPython } from "../support/python.ts";
import { startProgram, watchUsage } from "./program.ts";
import { shapedRecord } from "./records.ts";

/** What to run. */
export interface ManyTablesOptions {
  readonly bootstrap: string;
  readonly topics: number;
  readonly records: number;
  /** Of the busy topic; the others have one. */
  readonly partitions: number;
  readonly tasks: number;
  readonly intervalMs: number;
  /** Records a second. */
  readonly rate: number;
  /** Records of the busy topic that are there before the program starts. */
  readonly backlog: number;
  readonly set: readonly string[];
  /** Keeps tables and log. */
  readonly keep: boolean;
}

interface Topic {
  readonly name: string;
  readonly records: number;
  produced: number;
}

const BUSY_PART = 0.8;
const TICK_MS = 100;
const READY_MS = 120_000;

/** Runs it; throws where rows are missing or repeated. */
export async function benchManyTables(options: ManyTablesOptions): Promise<Record<string, unknown>> {
  const dir = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    const topics = spread(options, crypto.randomUUID().slice(0, 8));
    const { close, send, held } = await prepare(options, topics);
    try {
      if (options.backlog > 0) await produceBacklog(topics[0], options.backlog, send);
      return await measure(options, topics, dir, send, held);
    } finally {
      await close();
    }
  } finally {
    if (options.keep) console.error(`Kept ${dir}`);
    else await Deno.remove(dir, { recursive: true });
  }
}

/** The busy one first; the others by a power law, down to one record each. */
function spread({ topics, records }: ManyTablesOptions, run: string): Topic[] {
  const busy = Math.round(records * BUSY_PART);
  const weights = Array.from({ length: topics - 1 }, (_, i) => (i + 1) ** -0.9);
  const sum = weights.reduce((a, b) => a + b, 0);
  // The last tenth is idle: one record at the beginning.
  const idle = Math.floor(topics / 10);
  const counts = weights.map((w, i) =>
    i >= topics - 1 - idle ? 1 : Math.max(1, Math.floor(w / sum * (records - busy)))
  );
  counts.unshift(records - counts.reduce((a, b) => a + b, 0));
  return counts.map((count, i) => ({
    name: `bench-${run}-${String(i).padStart(3, "0")}`,
    records: count,
    produced: 0,
  }));
}

type Send = (records: readonly ProducerRecord[]) => Promise<void>;

async function prepare({ bootstrap, partitions }: ManyTablesOptions, topics: readonly Topic[]) {
  const settings = await kafkaSettings({ "bootstrap.servers": bootstrap });
  const log = createLog({ level: "warn", format: "text" });
  const admin = createAdmin({ settings: settings.admin, log, readCommitted: true });
  const producer = createProducer(settings.producer);
  console.error(`Creating ${topics.length} topics ...`);
  for (const [i, { name }] of topics.entries()) await admin.ensureTopic(name, i === 0 ? partitions : 1, 1);
  const retry = createRetry({ clock: systemClock, random: Math.random, log, delayMsMax: 1000, timeoutMs: READY_MS });
  return {
    send: (records: readonly ProducerRecord[]) => retry("produce", () => producer.send(records)),
    /** The records that Kafka has, by topic: a send that is repeated may leave some twice. */
    held: async () => {
      const described = await admin.describeTopics(topics.map(({ name }) => name));
      const bounds = await admin.logBounds(
        described.flatMap(({ topic, topicId, partitions }) =>
          Array.from({ length: partitions }, (_, partition) => ({ topic, topicId, partition }))
        ),
      );
      const counts = new Map<string, number>();
      for (const { topic, endOffset } of bounds) counts.set(topic, (counts.get(topic) ?? 0) + Number(endOffset));
      return counts;
    },
    close: async () => {
      await producer.close();
      await admin.close();
    },
  };
}

async function produceBacklog(topic: Topic, records: number, send: Send): Promise<void> {
  console.error(`Producing a backlog of ${records} records ...`);
  while (topic.produced < records) await send(nextRecords(topic, 0, Math.min(records, topic.produced + 5000)));
}

function nextRecords(topic: Topic, shape: number, to: number): ProducerRecord[] {
  const nowMs = systemClock.now();
  const records: ProducerRecord[] = [];
  for (; topic.produced < to; topic.produced++) records.push(shapedRecord(topic.name, shape, topic.produced, nowMs));
  return records;
}

async function measure(
  options: ManyTablesOptions,
  topics: readonly Topic[],
  dir: string,
  send: Send,
  held: () => Promise<ReadonlyMap<string, number>>,
) {
  const address = freeAddress();
  await Deno.writeTextFile(`${dir}/config.yaml`, JSON.stringify(configuration(options, topics, dir, address)));
  const startMs = systemClock.monotonic();
  const child = await startProgram(`${dir}/config.yaml`, ...options.set.flatMap((set) => ["--set", set]));
  const usage = watchUsage(child.pid);
  const output = child.output();
  try {
    await until("the program is ready", async () => (await health(address))?.includes('"ready"') ?? false, READY_MS);
    const readyS = (systemClock.monotonic() - startMs) / 1000;
    const pulse = new AbortController();
    const slowest = slowestAnswer(address, pulse.signal);
    const liveMs = systemClock.monotonic();
    await produceLive(topics, options.rate, send);
    const producedMs = systemClock.monotonic();
    const wanted = await held();
    const all = [...wanted.values()].reduce((sum, records) => sum + records, 0);
    await until("all is committed", async () => await rowsWritten(address) >= all, 4 * options.intervalMs + READY_MS);
    const committedMs = systemClock.monotonic();
    pulse.abort();
    child.kill("SIGTERM");
    const { code } = await output;
    if (code !== 0) throw new Error(`The program ended with ${code}; see ${dir}/log`);
    const latencies = await Promise.all(topics.map(({ name }) => slowestCommitMs(`${dir}/lake/${name}`)));
    const sorted = latencies.map(({ ms }) => ms).sort((a, b) => a - b);
    const rows = await countRows(`${dir}/lake`, topics, wanted);
    const { cpuS, peakRssMb } = await usage;
    const seconds = (committedMs - liveMs) / 1000;
    return {
      bench: "many-tables",
      topics: topics.length,
      records: all,
      rows,
      backlog: options.backlog,
      tasks: options.tasks,
      interval_s: options.intervalMs / 1000,
      start_s: round(readyS),
      produced_in_s: round((producedMs - liveMs) / 1000),
      seconds: round(seconds),
      records_per_s: Math.round(all / seconds),
      cpu_s: cpuS,
      peak_rss_mb: peakRssMb,
      commits: latencies.reduce((sum, { versions }) => sum + versions, 0),
      commit_delay_s: {
        median_table: round(sorted[sorted.length >> 1] / 1000),
        slowest_table: round(sorted.at(-1)! / 1000),
        busy_table: round(latencies[0].ms / 1000),
      },
      tables_over_two_intervals: sorted.filter((ms) => ms > 2 * options.intervalMs).length,
      main_thread_answer_ms_max: Math.round(await slowest),
    };
  } catch (error) {
    try {
      child.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await output;
    console.error((await Deno.readTextFile(`${dir}/log`)).slice(-3000));
    throw error;
  }
}

function configuration(
  { bootstrap, tasks, intervalMs }: ManyTablesOptions,
  topics: readonly Topic[],
  dir: string,
  address: string,
) {
  const own = [{ "parquet.codec": "snappy" }, { "columns.kafka": ["partition", "offset"] }, {
    "partition.by": ["city"],
  }];
  return {
    "bootstrap.servers": bootstrap,
    "http.listen": address,
    "log.format": "json",
    "log.file": `${dir}/log`,
    connectors: {
      bench: {
        connector: "delta-sink",
        topics: topics.map(({ name }) => name),
        "tasks.max": tasks,
        "value.converter": "json",
        "table.uri": `${dir}/lake/\${topic}`,
        "commit.interval.ms": intervalMs,
        "per.topic": Object.fromEntries(
          topics.flatMap(({ name }, i) => i > 0 && i % 10 < own.length ? [[name, own[i % 10]]] : []),
        ),
      },
    },
  };
}

/** All topics at once, each in proportion to what it has left. */
async function produceLive(topics: readonly Topic[], rate: number, send: Send): Promise<void> {
  const before = topics.map(({ produced }) => produced);
  const left = topics.reduce((sum, { records }, i) => sum + records - before[i], 0);
  console.error(`Producing ${left} records at ${rate}/s ...`);
  const startMs = systemClock.monotonic();
  for (let part = 0; part < 1;) {
    part = Math.min(1, (systemClock.monotonic() - startMs) / 1000 * rate / left);
    const batch = topics.flatMap((topic, i) =>
      nextRecords(topic, i, Math.max(1, Math.floor(before[i] + (topic.records - before[i]) * part)))
    );
    for (let at = 0; at < batch.length; at += 5000) await send(batch.slice(at, at + 5000));
    await systemClock.sleep(TICK_MS);
  }
}

/** The longest time from a record to the version that has it, over all versions of a table. */
async function slowestCommitMs(table: string): Promise<{ ms: number; versions: number }> {
  let ms = 0, versions = 0;
  for await (const { name } of Deno.readDir(`${table}/_delta_log`)) {
    if (!/^\d{20}\.json$/.test(name)) continue;
    versions++;
    const path = `${table}/_delta_log/${name}`;
    const { mtime } = await Deno.stat(path);
    for (const line of (await Deno.readTextFile(path)).trim().split("\n")) {
      const { add } = JSON.parse(line);
      if (add) ms = Math.max(ms, mtime!.getTime() - JSON.parse(add.stats).minValues.ts);
    }
  }
  return { ms, versions };
}

/** Counts every table; throws where one has not a row for each record of its topic. */
async function countRows(
  lake: string,
  topics: readonly Topic[],
  held: ReadonlyMap<string, number>,
): Promise<number> {
  const script = DUCKDB_DELTA + `
import sys, json, deltalake
found = {}
for name in json.loads(sys.stdin.read() if len(sys.argv) < 3 else open(sys.argv[2]).read()):
    files = deltalake.DeltaTable(sys.argv[1] + "/" + name).file_uris()
    found[name] = con.execute(
        "select count(*), count(distinct id), min(id), max(id) from read_parquet(?, union_by_name=true)", [files]
    ).fetchone()
print(json.dumps(found))
`;
  const names = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(names, JSON.stringify(topics.map(({ name }) => name)));
    const found: Record<string, number[]> = JSON.parse(await runPython(script, lake, names));
    for (const { name, records } of topics) {
      const wanted = [held.get(name), records, 0, records - 1];
      if (String(found[name]) === String(wanted)) continue;
      throw new Error(`Wrong rows in ${name}: count, ids, least and greatest are ${found[name]}, wanted ${wanted}`);
    }
    return topics.reduce((sum, { name }) => sum + found[name][0], 0);
  } finally {
    await Deno.remove(names);
  }
}

async function rowsWritten(address: string): Promise<number> {
  const text = await (await fetch(`http://${address}/metrics`)).text();
  return [...text.matchAll(/^sluice_written_rows_total\{.*\} (\S+)$/gm)].reduce((sum, [, n]) => sum + Number(n), 0);
}

/** Asks all the time: how long the main thread let somebody wait. */
async function slowestAnswer(address: string, signal: AbortSignal): Promise<number> {
  let slowest = 0;
  while (!signal.aborted) {
    const startMs = systemClock.monotonic();
    await health(address);
    slowest = Math.max(slowest, systemClock.monotonic() - startMs);
    await systemClock.sleep(50);
  }
  return slowest;
}

async function health(address: string): Promise<string | null> {
  try {
    return await (await fetch(`http://${address}/health`)).text();
  } catch (error) {
    if (error instanceof TypeError) return null; // it does not listen yet
    throw error;
  }
}

async function until(what: string, holds: () => Promise<boolean>, timeoutMs: number): Promise<void> {
  const deadline = systemClock.monotonic() + timeoutMs;
  while (!(await holds())) {
    if (systemClock.monotonic() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain until ${what}`);
    await systemClock.sleep(200);
  }
}

function freeAddress(): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return `127.0.0.1:${port}`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
