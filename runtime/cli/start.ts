/**
 * `start`: runs connectors until they are stopped, or drains once.
 *
 * @module
 */
import { ConfigError, option } from "../api/mod.ts";
import { systemClock } from "../clock.ts";
import { parseValue } from "../config/parse_value.ts";
import { type ReadConfig, readConfig } from "../config/read_config.ts";
import { createLog, type LiveLog } from "../log.ts";
import { isModuleName } from "../plugins/module_names.ts";
import { Worker, type WorkerResult } from "../worker.ts";
import { type CliContext, report } from "./command_line.ts";
import { exists } from "./exists.ts";

/** The flags of `start`. */
export interface StartFlags {
  /** Null, or absent: every instance of the configuration. */
  readonly connector?: string;
  readonly config?: string;
  readonly set: readonly string[];
  readonly name?: string;
  readonly untilCaughtUp: boolean;
  readonly maxDuration?: string;
  readonly profile: boolean;
  readonly keep: boolean;
}

const DEFAULT_CONFIG = "sluice.yaml";
const PROGRESS_INTERVAL_MS = 1000;

/** Returns the exit code. */
export async function start(flags: StartFlags, context: CliContext): Promise<number> {
  const path = flags.config ?? (await exists(DEFAULT_CONFIG) ? DEFAULT_CONFIG : null);
  if (path === null && !isModuleName(flags.connector ?? "")) {
    return await (await import("./quickstart/quickstart.ts")).quickstart(
      { ...flags, connector: flags.connector ?? "delta-sink" },
      context,
    );
  }
  const maxDurationMs = duration(flags);
  const config = await readConfig({
    path,
    sets: flags.set,
    connector: flags.connector,
    name: flags.name,
    environment: Deno.env.toObject(),
    readTextFile: Deno.readTextFile,
  }, context.plugins);
  const log = createLog({
    level: config.worker["log.level"],
    format: config.worker["log.format"],
    file: config.worker["log.file"],
  });
  try {
    const { untilCaughtUp, profile } = flags;
    const result = await runWorker({ config, context, log, untilCaughtUp, maxDurationMs, profile });
    if (flags.untilCaughtUp) console.log(JSON.stringify(result, (key, value) => key === "error" ? undefined : value));
    return result.error ? report(result.error) : 0;
  } finally {
    log.close();
  }
}

/** Runs a worker to its end: a drain's, a signal's, or that of its last connector. */
export async function runWorker(
  { config, context, log, untilCaughtUp, profile, maxDurationMs = null }: {
    config: ReadConfig;
    context: CliContext;
    log: LiveLog;
    untilCaughtUp: boolean;
    /** Says at the end, on stderr, where the time went. */
    profile: boolean;
    maxDurationMs?: number | null;
  },
): Promise<WorkerResult> {
  const { threads, plugins } = context;
  const sources = () => ({ environment: Deno.env.toObject(), readTextFile: Deno.readTextFile });
  const worker = new Worker({ config, plugins, sources, threads, log, untilCaughtUp });
  const ended = new AbortController();
  let stopping: Promise<void> | null = null;
  const stop = () => void (stopping ??= worker.stop());
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, stop);
  try {
    if (maxDurationMs !== null) systemClock.sleep(maxDurationMs, ended.signal).then(stop, () => {});
    await worker.start();
    if (Deno.stderr.isTerminal()) void showProgress(worker, ended.signal);
    const result = await worker.done();
    await stopping;
    if (profile) console.error((await import("../stage_table.ts")).stageTable(result.connectors));
    return result;
  } finally {
    ended.abort();
    for (const signal of signals) Deno.removeSignalListener(signal, stop);
  }
}

function duration({ maxDuration }: StartFlags): number | null {
  if (maxDuration === undefined) return null;
  const parsed = parseValue(option.durationMs({ doc: "", min: 1 }), maxDuration);
  if ("why" in parsed) throw new ConfigError([{ key: "--max-duration", value: maxDuration, why: parsed.why }]);
  return parsed.value as number;
}

/** One line on the terminal, renewed each second. */
async function showProgress(worker: Worker, signal: AbortSignal): Promise<void> {
  const write = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));
  let before = 0;
  while (!signal.aborted) {
    await systemClock.sleep(PROGRESS_INTERVAL_MS, signal).catch(() => {}); // ended: the loop ends
    if (signal.aborted) return;
    const results = worker.progress();
    const sum = (of: (result: typeof results[number]) => number) => results.reduce((all, each) => all + of(each), 0);
    const records = sum((result) => result.records);
    const rejects = sum((result) => result.rejects.reduce((all, { count }) => all + count, 0));
    const rate = Math.max(0, records - before) / (PROGRESS_INTERVAL_MS / 1000);
    before = records;
    write(`\r\x1b[K${records} read (${rate}/s), ${sum((r) => r.rows)} committed, ${rejects} rejected`);
  }
}
