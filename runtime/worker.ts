/**
 * The worker: the process. It runs every configured connector, each on its own (worker/), keeps those that are created over
 * HTTP, and tells what came of them.
 *
 * @module
 */
import { ConfigError } from "./api/mod.ts";
import { systemClock } from "./clock.ts";
import { GiveBack } from "./collect.ts";
import type { ReadConfig } from "./config/parse_raw.ts";
import type { ReferenceSources } from "./config/references.ts";
import type { Plugins } from "./config/resolve_instance.ts";
import { parseConfigStorage } from "./config/worker_options.ts";
import { deferredMetrics } from "./deferred_metrics.ts";
import { kafkaSettings } from "./kafka/settings.ts";
import { workerKafkaKeys } from "./kafka_keys.ts";
import type { Metrics } from "./metrics.ts";
import type { LiveLog } from "./log.ts";
import type { Health, HttpServer } from "./rest/server.ts";
import type { RestartOptions } from "./run_parts.ts";
import type { ConnectorResult } from "./run_result.ts";
import type { TaskThreads } from "./task_thread.ts";
import { ConfigStorage, type KeyValueStore } from "./worker/config_storage.ts";
import { Connectors } from "./worker/connectors.ts";
import { serveHttp } from "./worker/http.ts";
import { flatOf } from "./worker/flat_config.ts";
import type { ManagedConnector } from "./worker/managed_connector.ts";
import { RunFactory } from "./worker/run_factory.ts";
import type { WorkerApi } from "./worker_api.ts";

/** What a worker is made of. */
export interface WorkerOptions {
  readonly config: ReadConfig;
  readonly plugins: Plugins;
  /** Where references of connectors that come over HTTP are looked up, at each start of one. */
  readonly sources: () => ReferenceSources;
  readonly threads: TaskThreads;
  readonly log: LiveLog;
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

const SECOND_MS = 1_000;

/** One process. `start()` it, wait for `done`, or `stop()` it. */
export class Worker {
  readonly #metrics: Metrics = deferredMetrics(async (clock) => (await import("./metrics.ts")).createMetrics(clock));
  readonly #connectors: Connectors;
  readonly #storage: ConfigStorage;
  readonly #ended = new AbortController();
  readonly #done = Promise.withResolvers<void>();
  #http: HttpServer | null = null;
  #stopping = false;
  readonly #loaded = Promise.withResolvers<void>();
  /** All that is configured is there. */
  #isLoaded = false;

  constructor(private readonly options: WorkerOptions) {
    const { config: { worker }, untilCaughtUp, log, plugins } = options;
    const restart: RestartOptions = {
      // A drain that failed is run again by who scheduled it.
      max: untilCaughtUp ? 0 : worker["task.restart.max"],
      backoffMs: worker["task.restart.backoff.ms"],
      backoffMsMax: worker["task.restart.backoff.max.ms"],
    };
    this.#storage = new ConfigStorage(untilCaughtUp ? null : lazyStore(options));
    this.#connectors = new Connectors({
      workerId: () => `${Deno.hostname()}:${this.#http?.port ?? 0}`,
      factory: new RunFactory({ ...options, restart, random: Math.random }),
      storage: this.#storage,
      plugins,
      kafka: () => kafkaSettings(workerKafkaKeys(worker)),
      managed: {
        clock: systemClock,
        metrics: this.#metrics,
        restart,
        stopTimeoutMs: worker["shutdown.timeout.ms"],
      },
      clock: systemClock,
      random: Math.random,
      log,
      onEnded: () => this.#endWhereNothingIsLeft(),
    });
  }

  /** What can be asked of its connectors. */
  get api(): WorkerApi {
    return this.#connectors;
  }

  /** The port of the HTTP server, or null. */
  get port(): number | null {
    return this.#http?.port ?? null;
  }

  /**
   * Opens the HTTP server and starts the connectors. A drain, and a worker that is there for one connector alone, throw what
   * fails before it has run; else it is that connector's failure.
   */
  async start(): Promise<void> {
    const { config: { instances }, log, untilCaughtUp } = this.options;
    log.info("Starting", { connectors: instances.map(({ name }) => name).join(",") });
    void this.#giveBack();
    this.#http = await serveHttp({
      ...this.options,
      metrics: this.#metrics,
      health: () => this.#health(),
      api: this.#connectors,
      loaded: this.#loaded.promise,
    });
    await this.#load();
    this.#isLoaded = true;
    this.#loaded.resolve();
    const all = this.#connectors.all.filter(({ target }) => target === "RUNNING");
    const failsFast = untilCaughtUp || (instances.length === 1 && !this.#storage.isKept);
    for (const managed of all) {
      if (this.#stopping) return;
      const life = managed.begin(failsFast);
      if (!failsFast) continue;
      await life.started;
      if (life.error !== null && !this.#stopping) throw life.error;
    }
  }

  /** Resolves when every connector has ended by itself (a drain), when all have failed for good, or after a stop. */
  async done(): Promise<WorkerResult> {
    this.#endWhereNothingIsLeft();
    await this.#done.promise;
    await this.#http?.stop();
    await this.#storage.close();
    this.#ended.abort();
    const all = this.#connectors.all;
    const error = all.map((managed) => managed.error).find((each) => each !== null) ?? null;
    return {
      connectors: this.progress(),
      error,
      complete: error === null && this.#isLoaded && all.every(({ isComplete }) => isComplete) &&
        !this.#stoppedEarly,
    };
  }

  /** Prepares, commits, leaves the groups. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#connectors.shutDown();
    this.#done.resolve();
  }

  /** The figures of now, by connector. */
  progress(): readonly ConnectorResult[] {
    return this.#connectors.all.map(({ result }) => result.snapshot());
  }

  /** Stopped before all that was to run had begun. */
  get #stoppedEarly(): boolean {
    return this.#stopping && this.#connectors.all.some(({ target, hasBegun }) => target === "RUNNING" && !hasBegun);
  }

  /** Connectors of the file, and those that were kept. */
  async #load(): Promise<void> {
    const { config: { instances, raw, worker }, log, untilCaughtUp } = this.options;
    const { configs, targets } = await this.#storage.load();
    for (const { name } of instances) {
      const keys = raw.connectors.get(name)!;
      const file = [...keys.values()].map(({ source }) => source).find((source) => !/^(--|SLUICE_)/.test(source));
      const definition = { flat: flatOf(keys), file: file ?? "the command line" };
      if (!configs.has(name)) {
        this.#connectors.add(name, definition, untilCaughtUp ? "RUNNING" : targets.get(name) ?? "RUNNING");
        continue;
      }
      const why =
        `stands in ${definition.file} and is kept in ${worker["config.storage"]}, too: rename one, or start ` +
        "once without the one in the file and delete the other over HTTP";
      throw new ConfigError([{ key: `connectors.${name}`, why }]);
    }
    for (const [name, flat] of configs) {
      this.#connectors.add(name, { flat, file: null }, targets.get(name) ?? "RUNNING");
    }
    if (this.#connectors.all.length > 0) return;
    if (untilCaughtUp || this.#http === null) {
      throw new ConfigError([{
        key: "connectors",
        why: "names no instance, and none can be created: http.listen is off",
      }]);
    }
    log.info("There are no connectors yet: they are created over HTTP", { address: worker["http.listen"] });
  }

  /** Nothing runs, and nothing will: a drain is done, or what the worker is there for has failed for good. */
  #endWhereNothingIsLeft(): void {
    const { all } = this.#connectors;
    if (!this.#isLoaded || all.length === 0) return;
    const canCome = this.#http !== null && this.#storage.isKept;
    const isOver = ({ hasEnded, definition }: ManagedConnector) => hasEnded && definition.file !== null;
    if (!canCome && all.every(isOver)) this.#done.resolve();
  }

  /** This thread's memory, as tasks give back theirs. */
  async #giveBack(): Promise<void> {
    const giveBack = new GiveBack();
    while (!this.#ended.signal.aborted) {
      await systemClock.sleep(SECOND_MS, this.#ended.signal).catch(() => {}); // ended: the loop ends
      giveBack.second(this.#connectors.all.reduce((sum, { result }) => sum + result.recordsRead, 0));
    }
  }

  #health(): Health {
    const { all } = this.#connectors;
    const reasons = all.flatMap((managed) => managed.notReady());
    if (!this.#isLoaded) reasons.push("no connector has been started");
    return { ready: reasons.length === 0, reasons, degraded: all.flatMap((managed) => managed.degraded()) };
  }
}

/** The store of `config.storage`, loaded with its first use; null: nothing is kept. */
function lazyStore({ config: { worker }, log }: WorkerOptions): KeyValueStore | null {
  const place = parseConfigStorage(worker["config.storage"]);
  if (place === null) return null;
  let store: KeyValueStore | null = null;
  return {
    async load() {
      if (place.kind === "file") store = (await import("./worker/file_store.ts")).fileStore(place.at);
      else {
        store = (await import("./worker/topic_store.ts")).topicStore({
          settings: await kafkaSettings(workerKafkaKeys(worker)),
          topic: place.at,
          replicationFactor: worker["config.storage.replication.factor"],
          clock: systemClock,
          log,
          random: Math.random,
          uuid: () => crypto.randomUUID(),
        });
      }
      return await store.load();
    },
    put: (entries) => store!.put(entries),
    close: async () => await store?.close(),
  };
}
