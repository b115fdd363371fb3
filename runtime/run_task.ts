/**
 * What runs on a task's thread: the task from its configuration, with a client of its own, and its figures for the main
 * thread.
 *
 * @module
 */
import { type ConfigProblem, FatalError, type LogFields } from "./api/mod.ts";
import { assembleTask, SLAB_PART } from "./assemble_task.ts";
import { systemClock } from "./clock.ts";
import { GiveBack } from "./collect.ts";
import { parseRaw } from "./config/parse_raw.ts";
import type { Plugins } from "./config/resolve_instance.ts";
import { createFetcher } from "./kafka/fetcher.ts";
import { createProducer } from "./kafka/producer.ts";
import { createLog } from "./log.ts";
import type { TaskMetrics } from "./task_meter.ts";
import type { FromTask, ToTask } from "./task_protocol.ts";
import type { LogLevelsMessage, ThreadInit } from "./task_thread.ts";

const METRICS_INTERVAL_MS = 1000;
/** Quiet partitions among many are asked this often, or ten times a round. */
const QUIET_PAUSE_MS_MAX = 1000;

/** Runs a task until it is stopped. `open` is told where messages for it go, once it can take them. */
export async function runTask(
  { raw: given, instance: name, task, memoryBytes, fetchBytesPerSecond, kafka, log: logOptions }: ThreadInit,
  plugins: Plugins,
  send: (message: FromTask) => void,
  open: (receive: (message: ToTask | LogLevelsMessage) => void) => void,
): Promise<void> {
  const log = createLog(logOptions);
  const problems: ConfigProblem[] = [];
  const raw = await plugins.load?.(given, { file: null }, problems) ?? given;
  const instance = parseRaw(raw, plugins, problems).instances.find((each) => each.name === name);
  if (!instance) throw new FatalError(`Cannot start a task of connector "${name}": it is not in the configuration`);
  const fields: LogFields = { connector: name, task };
  const fetcher = createFetcher({
    settings: kafka.consumer,
    clock: systemClock,
    random: Math.random,
    log: log.with(fields),
    memoryBytes: Math.floor(memoryBytes * SLAB_PART),
    bytesPerSecond: fetchBytesPerSecond,
    quietPauseMs: Math.min(QUIET_PAUSE_MS_MAX, instance.values["commit.interval.ms"] / 10),
  });
  const hasLetters = instance.values["errors.deadletterqueue.topic.name"] !== null;
  const producer = hasLetters ? createProducer(kafka.producer) : null;
  const post = (message: FromTask) => {
    // The last figures go before the last word: after it nobody listens.
    if (message.kind === "stopped") send({ kind: "metrics", metrics: assembled.meter.snapshot() });
    send(message);
  };
  const assembled = await assembleTask({
    instance,
    task,
    memoryBytes,
    fetcher,
    producer,
    recordBytesMax: kafka.producer.requestBytesMax,
    clock: systemClock,
    log,
    random: Math.random,
    uuid: () => crypto.randomUUID(),
    fetch,
    send: post,
  });
  open((message) => {
    if (message.kind !== "log-levels") return assembled.receive(message);
    for (const [name, level] of message.levels) log.setLevel(name, level);
  });
  const ended = new AbortController();
  void sendMetrics(assembled.meter, memoryBytes, send, ended.signal);
  try {
    await assembled.run();
  } catch (error) {
    send({ kind: "metrics", metrics: assembled.meter.snapshot() }); // what it counted since the last second
    throw error;
  } finally {
    ended.abort();
    log.close();
  }
}

async function sendMetrics(
  meter: { snapshot(): TaskMetrics },
  memoryBytes: number,
  send: (message: FromTask) => void,
  signal: AbortSignal,
): Promise<void> {
  const giveBack = new GiveBack({ memoryBytes });
  while (!signal.aborted) {
    await systemClock.sleep(METRICS_INTERVAL_MS, signal).catch(() => {}); // aborted: the loop ends
    if (signal.aborted) return;
    const metrics = meter.snapshot();
    send({ kind: "metrics", metrics });
    giveBack.second(metrics.recordsRead);
  }
}
