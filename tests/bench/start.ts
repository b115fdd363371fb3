/**
 * `deno task bench:start`: how long a start takes, and what an idle program holds.
 *
 * A small topic, one connector, one task, a fresh table and a fresh group for each run. The program is started as
 * `deno task start` does, and keeps running. Times count from the moment that its process is started: to the first record
 * that the task has read, and to the first commit. Memory is that of the whole process, 5 s after it has caught up: `rss_mb`
 * counts pages that it shares with others whole, `pss_mb` by its part. The lines hold medians; the caches are warm, since a
 * run whose figures are not used comes first.
 *
 *     deno task bench:start [--runs 5] [--records 1000] [--format json] [--tasks 1] [--bootstrap host:port] [--set key=value]... [--v8-flags=...]
 *
 * @module
 */
import { parseArgs } from "node:util";
import { startKafka } from "../../runtime/cli/services/kafka.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createAdmin } from "../../runtime/kafka/admin.ts";
import { createProducer } from "../../runtime/kafka/producer.ts";
import { kafkaSettings } from "../../runtime/kafka/settings.ts";
import { createLog } from "../../runtime/log.ts";
import { startProgram } from "./program.ts";
import { jsonRecords } from "./records.ts";

const IDLE_MS = 5_000;
const TIMEOUT_MS = 60_000;

const { values: flags } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    records: { type: "string", default: "1000" },
    partitions: { type: "string", default: "4" },
    tasks: { type: "string", default: "1" },
    bootstrap: { type: "string" },
    set: { type: "string", multiple: true, default: [] },
  },
});

const own = flags.bootstrap ? null : await startKafka({ clock: systemClock, log: (line) => console.error(line) });
const bootstrap = flags.bootstrap ?? own!.bootstrap;
try {
  const topic = `start-${crypto.randomUUID().slice(0, 8)}`;
  await produce(topic, Number(flags.records));
  await startOnce(topic); // warms the caches
  const figures: Figures[] = [];
  for (let run = 0; run < Number(flags.runs); run++) {
    figures.push(await startOnce(topic));
    console.error(JSON.stringify(figures.at(-1)));
  }
  const keys = Object.keys(figures[0]) as (keyof Figures)[];
  const medians = keys.map((key) => [key, median(figures.map((each) => each[key]))]);
  console.log(JSON.stringify({ bench: "start", runs: figures.length, ...Object.fromEntries(medians) }));
} finally {
  await own?.stop();
}

/** What one start came to. */
interface Figures {
  readonly first_record_ms: number;
  readonly first_commit_ms: number;
  readonly rss_mb: number;
  readonly pss_mb: number;
  readonly cpu_s: number;
}

async function produce(topic: string, records: number): Promise<void> {
  const settings = await kafkaSettings({ "bootstrap.servers": bootstrap });
  const log = createLog({ level: "warn", format: "text" });
  const admin = createAdmin({ settings: settings.admin, log, readCommitted: true });
  const producer = createProducer(settings.producer);
  try {
    await admin.ensureTopic(topic, Number(flags.partitions), 1);
    await producer.send(jsonRecords(topic, 0, records, systemClock.now()));
  } finally {
    await producer.close();
    await admin.close();
  }
}

async function startOnce(topic: string): Promise<Figures> {
  const dir = await Deno.makeTempDir({ prefix: "sluice-start-" });
  try {
    const logFile = `${dir}/log`;
    const config = {
      "bootstrap.servers": bootstrap,
      "http.listen": "127.0.0.1:0",
      "log.format": "json",
      "log.level": "debug",
      "log.file": logFile,
      connectors: {
        [`start-${crypto.randomUUID()}`]: {
          connector: "delta-sink",
          topics: [topic],
          "tasks.max": Number(flags.tasks),
          "value.converter": "json",
          "table.uri": `${dir}/\${topic}`,
          "commit.interval.ms": "1s",
        },
      },
    };
    await Deno.writeTextFile(`${dir}/config.yaml`, JSON.stringify(config)); // JSON is YAML
    const startedMs = systemClock.now();
    const child = await startProgram(`${dir}/config.yaml`, ...flags.set.flatMap((set) => ["--set", set]));
    try {
      const firstRecordMs = await timeOf(logFile, "The first records have been read");
      const firstCommitMs = await timeOf(logFile, "Committed");
      await systemClock.sleep(IDLE_MS);
      const { rssMb, pssMb } = await memoryOf(child.pid);
      return {
        first_record_ms: firstRecordMs - startedMs,
        first_commit_ms: firstCommitMs - startedMs,
        rss_mb: rssMb,
        pss_mb: pssMb,
        cpu_s: await cpuOf(child.pid),
      };
    } finally {
      child.kill("SIGTERM");
      await child.output();
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** When the program logged a line with this message, first. */
async function timeOf(logFile: string, message: string): Promise<number> {
  for (const deadlineMs = systemClock.monotonic() + TIMEOUT_MS; systemClock.monotonic() < deadlineMs;) {
    const text = await Deno.readTextFile(logFile).catch(() => ""); // not begun yet
    const line = text.split("\n").find((each) => each.includes(`"message":"${message}"`));
    if (line !== undefined) return Date.parse(JSON.parse(line).time);
    await systemClock.sleep(20);
  }
  throw new Error(`The program has not said "${message}" in ${TIMEOUT_MS} ms: ${await Deno.readTextFile(logFile)}`);
}

/** Memory of a process, with the parts that others share counted whole, and by its part. */
async function memoryOf(pid: number): Promise<{ rssMb: number; pssMb: number }> {
  const text = await Deno.readTextFile(`/proc/${pid}/smaps_rollup`);
  const mb = (key: string) => Math.round(Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(text)![1]) / 102.4) / 10;
  return { rssMb: mb("Rss"), pssMb: mb("Pss") };
}

async function cpuOf(pid: number): Promise<number> {
  const fields = (await Deno.readTextFile(`/proc/${pid}/stat`)).split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
