/**
 * The worker: the process. It runs every configured instance, restarts a run that failed, and tells what came of it.
 *
 * @module
 */
import { ConfigError, type Log } from "./api/mod.ts";
import { systemClock } from "./clock.ts";
import { divideBudgets } from "./config/budgets.ts";
import type { ReadConfig } from "./config/parse_raw.ts";
import type { Instance } from "./config/resolve_instance.ts";
import { kafkaSettings } from "./kafka/settings.ts";
import { kafkaKeys } from "./kafka_keys.ts";
import { GiveBack } from "./collect.ts";
import { deferredMetrics } from "./deferred_metrics.ts";
import type { Metrics } from "./metrics.ts";
import { createRetry } from "./retry.ts";
import { type RunObserver, TaskFailedError } from "./run_parts.ts";
import { type ConnectorResult, RunResult } from "./run_result.ts";
import { type Health, type HttpServer, startHttpServer } from "./rest/server.ts";
import { type PreparedRun, prepareRun } from "./start_run.ts";
import type { TaskThreads } from "./task_thread.ts";

/** What a worker is made of. */
export interface WorkerOptions {
  readonly config: ReadConfig;
  readonly threads: TaskThreads;
  readonly log: Log;
  /** Drain to the ends of now, then end. */
  readonly untilCaughtUp: boolean;
}

/** What came of a worker's life. */
export interface WorkerResult {
  readonly connectors: readonly ConnectorResult[];
  /** The first error that ended a connector, or null. */
  readonly error: unknown;
  /** Whether all that was read is committed. */
  readonly complete: boolean;
}

interface Running {
  readonly instance: Instance;
  readonly result: RunResult;
  /** Ends retries, and the wait before a restart. */
  readonly stopping: AbortController;
  /** The run of now: there is none before its parts are, and while a failed one waits to be started again. */
  current: PreparedRun | null;
  ended: Promise<void>;
  error: unknown;
}

const SECOND_MS = 1_000;

/** One process. `start()` it, wait for `done`, or `stop()` it. */
export class Worker {
  readonly #metrics: Metrics = deferredMetrics(async () => (await import("./metrics.ts")).createMetrics());
  readonly #running: Running[] = [];
  #http: HttpServer | null = null;
  readonly #ended = new AbortController();
  /** Records by task, as it said last. */
  readonly #read = new Map<string, number>();
  #complete = true;
  #stopping = false;

  constructor(private readonly options: WorkerOptions) {}

  /** Opens the HTTP server and starts every instance; throws what the first start of one throws. */
  async start(): Promise<void> {
    const { worker, instances } = this.options.config;
    this.options.log.info("Starting", { connectors: instances.map(({ name }) => name).join(",") });
    const health = () => this.#health();
    void this.#giveBack();
    this.#http = startHttpServer({
      listen: worker["http.listen"],
      metrics: this.#metrics,
      health,
      log: this.options.log,
    });
    for (const instance of instances) {
      const running: Running = {
        instance,
        result: new RunResult(instance.name, systemClock),
        stopping: new AbortController(),
        current: null,
        ended: Promise.resolve(),
        error: null,
      };
      this.#running.push(running);
      try {
        await this.#startRun(running);
      } catch (error) {
        await this.#close(running);
        if (!this.#stopping) throw error;
      }
      if (this.#stopping) this.#complete = false;
      if (running.current) running.ended = this.#keepRunning(running);
      if (this.#stopping) return;
    }
  }

  /** Resolves when every connector has ended by itself (a drain), or failed. */
  async done(): Promise<WorkerResult> {
    await Promise.all(this.#running.map(({ ended }) => ended));
    await this.#http?.stop();
    this.#ended.abort();
    return this.#result();
  }

  /** Prepares, commits, leaves the groups. */
  async stop(): Promise<void> {
    const timeoutMs = this.options.config.worker["shutdown.timeout.ms"];
    this.#stopping = true;
    await Promise.all(this.#running.map(async ({ current, stopping, instance }) => {
      const inTime = !current || await current.run.stop(timeoutMs);
      stopping.abort(); // not before: the last round may need its retries
      if (inTime) return;
      this.#complete = false;
      this.options.log.warn("The last round was not committed in time: its records are read again at the next start", {
        connector: instance.name,
        timeout_ms: timeoutMs,
      });
    }));
  }

  /** The figures of now, by connector. */
  progress(): readonly ConnectorResult[] {
    return this.#running.map(({ result }) => result.snapshot());
  }

  /** This thread's memory, as tasks give back theirs. */
  async #giveBack(): Promise<void> {
    const giveBack = new GiveBack();
    while (!this.#ended.signal.aborted) {
      await systemClock.sleep(SECOND_MS, this.#ended.signal).catch(() => {}); // ended: the loop ends
      giveBack.second([...this.#read.values()].reduce((sum, records) => sum + records, 0));
    }
  }

  async #startRun(running: Running): Promise<void> {
    const { config, threads, untilCaughtUp } = this.options;
    const { instance } = running;
    const { worker } = config;
    const log = this.options.log.with({ connector: instance.name });
    running.result.started();
    this.#metrics.topicsStarted(instance.name);
    const prepared = await prepareRun({
      instance,
      raw: config.raw,
      budget: divideBudgets(worker, config.instances).get(instance.name)!,
      kafka: await kafkaSettings(kafkaKeys(worker, instance.values)),
      threads,
      threadLog: { level: worker["log.level"], format: worker["log.format"], file: worker["log.file"] },
      clock: systemClock,
      log,
      retry: createRetry({
        clock: systemClock,
        random: Math.random,
        log,
        delayMsMax: instance.values["errors.retry.delay.max.ms"],
        timeoutMs: instance.values["errors.retry.timeout"],
        signal: running.stopping.signal,
      }),
      random: Math.random,
      observer: this.#observer(running),
      restart: {
        // A drain that failed is run again by who scheduled it.
        max: untilCaughtUp ? 0 : worker["task.restart.max"],
        backoffMs: worker["task.restart.backoff.ms"],
        backoffMsMax: worker["task.restart.backoff.max.ms"],
      },
      untilCaughtUp,
    });
    if (this.#stopping) return await prepared.close();
    running.current = prepared;
    await prepared.run.start();
  }

  /** Closes what a run leaves behind. */
  async #close(running: Running): Promise<void> {
    const { current, instance } = running;
    running.current = null;
    try {
      await current?.close();
    } catch (error) {
      this.options.log.warn("The admin client did not end cleanly", {
        connector: instance.name,
        error: String(error),
      });
    }
  }

  /** Waits for a run to end; one that failed is started again with back-off, up to the limit. */
  async #keepRunning(running: Running): Promise<void> {
    const { worker } = this.options.config;
    const max = this.options.untilCaughtUp ? 0 : worker["task.restart.max"];
    for (let restarts = 0;;) {
      const commitsBefore = running.result.commits;
      try {
        if (!running.current) await this.#startRun(running);
        await running.current?.run.done; // none: stopped before it was there
        return await this.#close(running);
      } catch (error) {
        await this.#close(running);
        if (this.#stopping) return this.#failedLate(running, error);
        if (running.result.commits > commitsBefore) restarts = 0;
        if (restarts++ >= max || error instanceof TaskFailedError || error instanceof ConfigError) {
          running.error = error;
          this.#metrics.connectorState(running.instance.name, "FAILED");
          this.options.log.error("The connector failed", { connector: running.instance.name, error: String(error) });
          return;
        }
        const { "task.restart.backoff.ms": backoffMs, "task.restart.backoff.max.ms": backoffMsMax } = worker;
        const delayMs = Math.min(backoffMsMax, backoffMs * 2 ** (restarts - 1));
        this.options.log.error("The connector failed: it is started again", {
          connector: running.instance.name,
          error: String(error),
          restarts,
          delay_ms: delayMs,
        });
        await systemClock.sleep(delayMs, running.stopping.signal).catch(() => {}); // stopped: seen below
        if (this.#stopping) return;
      }
    }
  }

  /** A run that ends with an error while it is stopped: what it had not committed is read again at the next start. */
  #failedLate({ instance, stopping }: Running, error: unknown): void {
    this.#complete = false;
    if (stopping.signal.aborted && error === stopping.signal.reason) return; // a retry that the stop ended
    this.options.log.error("The connector failed while it was stopped", {
      connector: instance.name,
      error: String(error),
    });
  }

  #observer({ instance, result }: Running): RunObserver {
    const metrics = this.#metrics;
    const connector = instance.name;
    return {
      onCommit: (report) => {
        result.committed(report);
        metrics.committed(connector, report);
      },
      onTaskMetrics: (task, snapshot) => {
        result.taskMetrics(task, snapshot);
        this.#read.set(`${connector}\0${task}`, snapshot.recordsRead);
        metrics.task(connector, task, snapshot);
      },
      onTaskState: (task, state) => {
        result.taskState(task, state);
        metrics.taskState(connector, task, state);
      },
      onTopicState: (topic, state, why) => {
        result.topicState(topic, state, why);
        metrics.topicState(connector, topic, state);
      },
      onAssigned: (partitions) => {
        result.assigned();
        metrics.assigned(connector, partitions);
      },
      onRebalance: () => metrics.rebalanced(connector),
    };
  }

  #health(): Health {
    const reasons = this.#running.flatMap(({ instance, result, error }) => {
      if (error) return [`connector "${instance.name}" has failed: ${error instanceof Error ? error.message : error}`];
      return result.notReady().map((why) => `connector "${instance.name}": ${why}`);
    });
    if (this.#running.length === 0) reasons.push("no connector has been started");
    const degraded = this.#running.flatMap(({ instance, result }) =>
      result.degraded().map((why) => `connector "${instance.name}": ${why}`)
    );
    return { ready: reasons.length === 0, reasons, degraded };
  }

  #result(): WorkerResult {
    const failed = this.#running.find(({ error }) => error !== null);
    return {
      connectors: this.progress(),
      error: failed?.error ?? null,
      complete: this.#complete && !failed,
    };
  }
}
