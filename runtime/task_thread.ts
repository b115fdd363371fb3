/**
 * A task's thread, both sides of it: `createThreadHost` starts one from the main thread, `runTaskThread` is what runs on
 * it. Only plain data crosses: the configuration's raw form first, then the messages of task_protocol.ts.
 *
 * @module
 */
import { FatalError, type LogFields } from "./api/mod.ts";
import { assembleTask, SLAB_PART } from "./assemble_task.ts";
import { systemClock } from "./clock.ts";
import type { RawConfig } from "./config/raw.ts";
import { parseRaw } from "./config/read_config.ts";
import type { Plugins } from "./config/resolve_instance.ts";
import type { TaskHost } from "./connector_run.ts";
import { createFetcher } from "./kafka/fetcher.ts";
import { createProducer } from "./kafka/producer.ts";
import type { KafkaSettings } from "./kafka/settings.ts";
import { createLog, type LogLevel } from "./log.ts";
import type { FromTask, ToTask } from "./task_protocol.ts";

/** What a thread is started with. */
export interface ThreadInit {
  readonly kind: "init";
  readonly raw: RawConfig;
  readonly instance: string;
  readonly task: number;
  /** What the task may hold in all. */
  readonly memoryBytes: number;
  readonly kafka: KafkaSettings;
  readonly log: { readonly level: LogLevel; readonly format: "json" | "text"; readonly file: string | null };
}

const METRICS_INTERVAL_MS = 1000;
/** Quiet partitions among many are asked this often, or ten times a round. */
const QUIET_PAUSE_MS_MAX = 1000;

/** Starts a thread that runs the module at `url`, which must call `runTaskThread`. */
export function createThreadHost(url: string, init: ThreadInit, receive: (message: FromTask) => void): TaskHost {
  const worker = new Worker(url, { type: "module", name: `${init.instance}-${init.task}` });
  worker.onmessage = ({ data }: MessageEvent<FromTask>) => receive(data);
  worker.onerror = (event) => {
    event.preventDefault(); // a failed thread is the run's to judge, not the end of the process
    receive({ kind: "failed", name: "Error", message: event.message, stack: `${event.filename}:${event.lineno}` });
  };
  worker.postMessage(init);
  return { post: (message: ToTask) => worker.postMessage(message), terminate: () => worker.terminate() };
}

/** Runs a task on this thread: waits for `init`, then obeys messages until a `stop`. */
export function runTaskThread(plugins: Plugins): void {
  const scope = self as unknown as {
    onmessage: ((event: MessageEvent<ThreadInit | ToTask>) => void) | null;
    postMessage(message: FromTask): void;
    close(): void;
  };
  const early: ToTask[] = [];
  let receive = (message: ToTask): void => void early.push(message);
  scope.onmessage = ({ data }) => {
    if (data.kind !== "init") return receive(data);
    start(data, plugins, (message) => scope.postMessage(message), (door) => {
      receive = door;
      early.splice(0).forEach(door);
    }).catch((error) => scope.postMessage(failure(error)));
  };
}

async function start(
  { raw, instance: name, task, memoryBytes, kafka, log: logOptions }: ThreadInit,
  plugins: Plugins,
  send: (message: FromTask) => void,
  open: (receive: (message: ToTask) => void) => void,
): Promise<void> {
  const log = createLog(logOptions);
  const instance = parseRaw(raw, plugins).instances.find((each) => each.name === name);
  if (!instance) throw new FatalError(`Cannot start a task of connector "${name}": it is not in the configuration`);
  const fields: LogFields = { connector: name, task };
  const fetcher = createFetcher({
    settings: kafka.consumer,
    clock: systemClock,
    random: Math.random,
    log: log.with(fields),
    memoryBytes: Math.floor(memoryBytes * SLAB_PART),
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
  open(assembled.receive);
  const ended = new AbortController();
  void sendMetrics(assembled.meter, send, ended.signal);
  try {
    await assembled.run();
  } finally {
    ended.abort();
    log.close();
  }
}

async function sendMetrics(
  meter: { snapshot(): (FromTask & { kind: "metrics" })["metrics"] },
  send: (message: FromTask) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await systemClock.sleep(METRICS_INTERVAL_MS, signal).catch(() => {}); // aborted: the loop ends
    if (!signal.aborted) send({ kind: "metrics", metrics: meter.snapshot() });
  }
}

function failure(error: unknown): FromTask {
  const { name, message, stack = "" } = error instanceof Error ? error : new Error(String(error));
  return { kind: "failed", name, message, stack };
}
