/**
 * One run: the program drains a topic into a fresh table, and what that took.
 *
 * @module
 */
import { exists } from "../../runtime/cli/exists.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { ConnectorResult } from "../../runtime/run_result.ts";
import { DUCKDB_DELTA, runPython } from "../support/python.ts";
import { type Figures, rounded } from "./figures.ts";
import { startProgram, watchUsage } from "./program.ts";
import type { TableStore } from "./stores.ts";
import type { FilledTopic } from "./topics.ts";

/** What to run. */
export interface DrainOptions {
  readonly bootstrap: string;
  readonly registryUrl: string | null;
  readonly tasks: number;
  /** As `commit.interval.ms` takes it. */
  readonly commitInterval: string;
  /** Further options of the program, key=value. */
  readonly set: readonly string[];
  readonly store: TableStore;
}

/** The figures of a run, and what the program printed of its connector. */
export interface DrainRun {
  readonly figures: Figures;
  readonly result: ConnectorResult;
}

/** Runs it; throws where the table has not each record once. */
export async function drainOnce(topic: FilledTopic, options: DrainOptions): Promise<DrainRun> {
  const { store } = options;
  const run = `run-${crypto.randomUUID().slice(0, 8)}`;
  const place = store.place(run);
  const dir = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    const logFile = `${dir}/log`;
    await Deno.writeTextFile(`${dir}/config.yaml`, JSON.stringify(configuration(topic, options, run, place, logFile)));
    const spawnedMs = systemClock.now();
    const sets = options.set.flatMap((set) => ["--set", set]);
    const child = await startProgram(`${dir}/config.yaml`, "--until-caught-up", ...sets);
    const usage = watchUsage(child.pid);
    const { code, stdout } = await child.output();
    const { cpuS, peakRssMb, gbS } = await usage;
    if (code !== 0) throw new Error(`The program ended with ${code}; its log ends with\n${await tail(logFile)}`);
    const [result]: ConnectorResult[] = JSON.parse(new TextDecoder().decode(stdout)).connectors;
    const [table] = result.tables;
    const { startedMs, committedMs } = await moments(logFile);
    const { rows, ids } = await countRows(`${place}/${topic.name}`, store);
    const wanted = topic.records;
    if (rows !== wanted || ids !== wanted) throw new Error(`Wrong rows: ${rows} with ${ids} ids, wanted ${wanted}`);
    const commits = table.version + 1; // the table is a fresh one
    const seconds = (committedMs - startedMs) / 1000;
    const millions = topic.records / 1e6;
    const figures = {
      bench: "drain",
      ...specOf(topic),
      storage: store.kind,
      tasks: options.tasks,
      commit_interval: options.commitInterval,
      ...(options.set.length > 0 ? { set: options.set.join(" ") } : {}),
      rows,
      seconds: rounded(seconds),
      records_per_s: Math.round(topic.records / seconds),
      cpu_s: rounded(cpuS),
      cpu_s_per_million: rounded(cpuS / millions),
      cpu_s_per_commit: rounded(cpuS / commits),
      gb_s: rounded(gbS),
      gb_s_per_million: rounded(gbS / millions),
      gb_s_per_commit: rounded(gbS / commits),
      peak_rss_mb: peakRssMb,
      start_s: rounded((startedMs - spawnedMs) / 1000),
      files: table.files,
      bytes: table.bytes,
      bytes_per_million: Math.round(table.bytes / millions),
      commits,
      ...requestFigures(result, millions, commits),
    };
    return { figures, result };
  } finally {
    await store.remove(place);
    await Deno.remove(dir, { recursive: true });
  }
}

/** What a line says of a topic. */
function specOf({ format, schema, compression, records, partitions }: FilledTopic): Figures {
  return { format, schema, compression, records, partitions };
}

function requestFigures({ storage }: ConnectorResult, millions: number, commits: number): Figures {
  const sum = (of: (usage: ConnectorResult["storage"][number]) => number) =>
    storage.reduce((all, usage) => all + of(usage), 0);
  const requests = sum((usage) => usage.requests);
  if (requests === 0) return {}; // storage that is not paid by the request
  return {
    storage_requests: requests,
    storage_requests_per_million: rounded(requests / millions),
    storage_requests_per_commit: rounded(requests / commits),
    storage_bytes_out: sum((usage) => usage.bytesOut),
    storage_bytes_in: sum((usage) => usage.bytesIn),
  };
}

function configuration(topic: FilledTopic, options: DrainOptions, run: string, place: string, logFile: string) {
  const { bootstrap, registryUrl, tasks, commitInterval, store } = options;
  return { // JSON is YAML
    "bootstrap.servers": bootstrap,
    "http.listen": "off",
    "log.format": "json",
    "log.file": logFile,
    ...(topic.format === "json" ? {} : { "schema.registry.url": registryUrl }),
    connectors: {
      [`${topic.name}-${run}`]: {
        connector: "delta-sink",
        topics: [topic.name],
        "tasks.max": tasks,
        "value.converter": topic.format,
        "table.uri": `${place}/\${topic}`,
        "commit.interval.ms": commitInterval,
        ...store.options,
      },
    },
  };
}

/** When the program said that it starts, and when it had committed for the last time. */
async function moments(logFile: string): Promise<{ startedMs: number; committedMs: number }> {
  const lines = (await Deno.readTextFile(logFile)).trim().split("\n").map((line) => JSON.parse(line));
  const times = (message: string) =>
    lines.filter((line) => line.message === message).map((line) => Date.parse(line.time));
  const startedMs = times("Starting")[0], committedMs = times("Committed").at(-1);
  if (committedMs === undefined) throw new Error("The program has committed nothing");
  return { startedMs, committedMs };
}

/** The end of a log; a program that did not come to write one has said why on stderr. */
async function tail(path: string): Promise<string> {
  return await exists(path) ? (await Deno.readTextFile(path)).slice(-3000) : "(nothing)";
}

/** Rows and distinct ids as DuckDB's reader of Delta tables counts them. */
async function countRows(table: string, { access }: TableStore): Promise<{ rows: number; ids: number }> {
  const script = DUCKDB_DELTA + `
import sys, json
access = json.loads(sys.argv[2])
if access:
    load("httpfs")
    con.execute("CREATE SECRET (TYPE s3, KEY_ID '{accessKeyId}', SECRET '{secretAccessKey}', REGION '{region}', "
        "ENDPOINT '{host}', URL_STYLE 'path', USE_SSL false)".format(**access))
rows, ids = con.execute(f"select count(*), count(distinct id) from delta_scan('{sys.argv[1]}')").fetchone()
print(json.dumps({"rows": rows, "ids": ids}))
`;
  const secret = access && { ...access, host: new URL(access.endpoint).host };
  return JSON.parse(await runPython(script, table, JSON.stringify(secret)));
}
