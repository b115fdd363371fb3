/**
 * `deno task bench`: drains a topic with the real program and prints one JSON line of figures.
 *
 * A topic of JSON records of 178 bytes is produced once a run, the program drains it into a fresh table, and DuckDB
 * counts the rows and the distinct ids. records_per_s goes from the program's first log line ("Starting") to its last
 * commit; cpu_s and peak_rss_mb are the whole process', start and end included.
 *
 * With --topics it is the benchmark of many tables: see many_tables.ts.
 *
 *     deno task bench --topics 500 --records 5000000 [--rate 40000] [--backlog 0] [--commit-interval 10s] [--keep]
 *     deno task bench [--records 1000000] [--partitions 4] [--tasks 2] [--runs 1] [--bootstrap host:port [--topic filled]] [--set key=value]...
 *
 * @module
 */
import { parseArgs } from "node:util";
import { systemClock } from "../../runtime/clock.ts";
import { option } from "../../mod.ts";
import { parseValue } from "../../runtime/config/parse_value.ts";
import { startKafka } from "../../runtime/cli/services/kafka.ts";
import { createAdmin } from "../../runtime/kafka/admin.ts";
import { createProducer } from "../../runtime/kafka/producer.ts";
import { kafkaSettings } from "../../runtime/kafka/settings.ts";
import { createLog } from "../../runtime/log.ts";
import { DUCKDB_DELTA, runPython } from "../support/python.ts";
import { benchManyTables } from "./many_tables.ts";
import { startProgram, watchUsage } from "./program.ts";
import { jsonRecords, RECORD_BYTES } from "./records.ts";

const SEND_RECORDS = 5_000;
const { values: flags } = parseArgs({
  options: {
    records: { type: "string", default: "1000000" },
    partitions: { type: "string", default: "4" },
    tasks: { type: "string", default: "2" },
    runs: { type: "string", default: "1" },
    "commit-interval": { type: "string" },
    bootstrap: { type: "string" },
    topic: { type: "string" },
    topics: { type: "string" },
    rate: { type: "string", default: "40000" },
    backlog: { type: "string", default: "0" },
    keep: { type: "boolean", default: false },
    set: { type: "string", multiple: true, default: [] },
  },
});
const records = Number(flags.records);

const own = flags.bootstrap ? null : await startKafka({
  clock: systemClock,
  log: (line) => console.error(line),
  heapMiB: flags.topics ? 1024 : 256, // hundreds of topics with 256 MiB: it spends its time collecting garbage
});
const bootstrap = flags.bootstrap ?? own!.bootstrap;
try {
  if (flags.topics) await manyTables(Number(flags.topics));
  else await oneTable();
} finally {
  await own?.stop();
}

async function oneTable(): Promise<void> {
  const topic = flags.topic ?? `bench-${crypto.randomUUID().slice(0, 8)}`;
  if (flags.topic === undefined) await produce(topic);
  for (let run = 0; run < Number(flags.runs); run++) console.log(JSON.stringify(await drain(topic, run)));
}

async function manyTables(topics: number): Promise<void> {
  const { partitions, tasks, rate, backlog, set, keep } = flags;
  const interval = parseValue(option.durationMs({ doc: "" }), flags["commit-interval"] ?? "10s");
  if ("why" in interval) throw new Error(`--commit-interval ${interval.why}`);
  const figures = await benchManyTables({
    bootstrap,
    topics,
    records,
    partitions: Number(partitions),
    tasks: Number(tasks),
    intervalMs: interval.value as number,
    rate: Number(rate),
    backlog: Number(backlog),
    set,
    keep,
  });
  console.log(JSON.stringify(figures));
}

async function produce(topic: string): Promise<void> {
  console.error(`Producing ${records} records of ${RECORD_BYTES} bytes to ${topic} ...`);
  const settings = await kafkaSettings({ "bootstrap.servers": bootstrap });
  const log = createLog({ level: "warn", format: "text" });
  const admin = createAdmin({ settings: settings.admin, log, readCommitted: true });
  const producer = createProducer(settings.producer);
  try {
    await admin.ensureTopic(topic, Number(flags.partitions), 1);
    for (let from = 0; from < records; from += SEND_RECORDS) {
      await producer.send(jsonRecords(topic, from, Math.min(records, from + SEND_RECORDS), systemClock.now()));
    }
  } finally {
    await producer.close();
    await admin.close();
  }
}

async function drain(topic: string, run: number): Promise<Record<string, unknown>> {
  const dir = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    const logFile = `${dir}/log`;
    const config = {
      "bootstrap.servers": bootstrap,
      "http.listen": "off",
      "log.format": "json",
      "log.file": logFile,
      connectors: {
        [`${topic}-${run}`]: {
          connector: "delta-sink",
          topics: [topic],
          "tasks.max": Number(flags.tasks),
          "value.converter": "json",
          "table.uri": `${dir}/\${topic}`,
          "commit.interval.ms": flags["commit-interval"] ?? "1s",
        },
      },
    };
    await Deno.writeTextFile(`${dir}/config.yaml`, JSON.stringify(config)); // JSON is YAML
    const child = await startProgram(
      `${dir}/config.yaml`,
      "--until-caught-up",
      ...flags.set.flatMap((set) => ["--set", set]),
    );
    const usage = watchUsage(child.pid);
    const { code, stdout } = await child.output();
    const { cpuS, peakRssMb } = await usage;
    if (code !== 0) throw new Error(`The program ended with ${code}; ${await Deno.readTextFile(logFile)}`);
    const result = JSON.parse(new TextDecoder().decode(stdout));
    const [table] = result.connectors[0].tables;
    const lines = (await Deno.readTextFile(logFile)).trim().split("\n").map((line) => JSON.parse(line));
    const at = (message: string) =>
      lines.filter((line) => line.message === message).map((line) => Date.parse(line.time));
    const seconds = (at("Committed").at(-1)! - at("Starting")[0]) / 1000;
    const { rows, ids } = await count(`${dir}/${topic}`);
    if (rows !== records || ids !== records) throw new Error(`Wrong rows: ${rows} with ${ids} ids, wanted ${records}`);
    return {
      bench: "json-local",
      records,
      tasks: Number(flags.tasks),
      rows,
      seconds,
      records_per_s: Math.round(records / seconds),
      cpu_s: cpuS,
      peak_rss_mb: peakRssMb,
      commits: table.version + 1,
      files: table.files,
      bytes: table.bytes,
    };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function count(table: string): Promise<{ rows: number; ids: number }> {
  const script = DUCKDB_DELTA + `
import sys, json
rows, ids = con.execute(f"select count(*), count(distinct id) from delta_scan('{sys.argv[1]}')").fetchone()
print(json.dumps({"rows": rows, "ids": ids}))
`;
  return JSON.parse(await runPython(script, table));
}
