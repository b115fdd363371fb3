/**
 * From a connector's definition to a run of it: parsed, with its part of the worker's threads and memory.
 *
 * @module
 */
import { ConfigError, type ConfigProblem, type Log } from "../api/mod.ts";
import { systemClock } from "../clock.ts";
import { checkBudgets, type InstanceBudget, remainingBudget } from "../config/budgets.ts";
import { parseRaw, type ReadConfig } from "../config/parse_raw.ts";
import type { RawConfig } from "../config/raw.ts";
import { prepareRaw } from "../config/read_config.ts";
import type { ReferenceSources } from "../config/references.ts";
import type { Instance, Plugins } from "../config/resolve_instance.ts";
import { type KafkaSettings, kafkaSettings } from "../kafka/settings.ts";
import { kafkaKeys } from "../kafka_keys.ts";
import { createRetry } from "../retry.ts";
import type { RestartOptions, RunObserver } from "../run_parts.ts";
import { type PreparedRun, prepareRun } from "../start_run.ts";
import type { TaskThreads } from "../task_thread.ts";
import { keysOf } from "./flat_config.ts";
import type { Definition } from "./managed_connector.ts";

/** What it needs. */
export interface RunFactoryParts {
  /** The worker's, with the connectors of its file. */
  readonly config: ReadConfig;
  readonly plugins: Plugins;
  readonly sources: () => ReferenceSources;
  readonly threads: TaskThreads;
  readonly log: Log;
  readonly random: () => number;
  readonly restart: RestartOptions;
  readonly untilCaughtUp: boolean;
}

/** A definition, parsed; `raw` holds it alone, with its references resolved. */
export interface Parsed {
  readonly instance: Instance;
  readonly raw: RawConfig;
}

/** See the module's doc. */
export class RunFactory {
  /** The connectors that are to run, as they were parsed last. */
  readonly #wanted = new Map<string, Instance>();
  /** What those that run have. */
  readonly #granted = new Map<string, InstanceBudget>();

  constructor(private readonly parts: RunFactoryParts) {
    for (const instance of parts.config.instances) this.#wanted.set(instance.name, instance);
  }

  /** Throws ConfigError with everything that is wrong. References are resolved as they are now. */
  async parse(name: string, { flat, file }: Definition): Promise<Parsed> {
    const { config, plugins, sources } = this.parts;
    const own = file === null ? null : config.instances.find((instance) => instance.name === name);
    const only = (keys = keysOf(flat)): RawConfig => ({
      worker: config.raw.worker,
      connectors: new Map([[name, keys]]),
    });
    if (own) return { instance: own, raw: only(config.raw.connectors.get(name)) };
    const problems: ConfigProblem[] = [];
    const raw = await prepareRaw(only(), sources(), plugins, problems);
    return { instance: parseRaw(raw, plugins, problems).instances[0], raw };
  }

  /** The same, for one that is to run beside the others. */
  async check(name: string, definition: Definition): Promise<void> {
    const { instance } = await this.parse(name, definition);
    const others = [...this.#wanted.values()].filter((each) => each.name !== name);
    const problems: ConfigProblem[] = [];
    checkBudgets(this.parts.config.worker, [...others, instance], problems);
    if (problems.length > 0) throw new ConfigError(problems);
  }

  /** Nothing of it runs: what it had is free. */
  release(name: string): void {
    this.#granted.delete(name);
  }

  /** The same, and it is not to run. */
  forget(name: string): void {
    this.#wanted.delete(name);
    this.#granted.delete(name);
  }

  /** How to reach Kafka, as an instance says. */
  kafka(instance: Instance): Promise<KafkaSettings> {
    return kafkaSettings(kafkaKeys(this.parts.config.worker, instance.values));
  }

  async prepare(
    name: string,
    definition: Definition,
    observer: RunObserver,
    signal: AbortSignal,
  ): Promise<PreparedRun> {
    const { config: { worker }, threads, log: workerLog, random, restart, untilCaughtUp } = this.parts;
    const log = workerLog.with({ connector: name });
    const { instance, raw } = await this.parse(name, definition);
    observer.onPlugin?.(instance.plugin);
    this.#wanted.set(name, instance);
    this.#granted.delete(name);
    const budget = remainingBudget(worker, [...this.#wanted.values()], name, this.#granted.values());
    this.#granted.set(name, budget);
    return await prepareRun({
      instance,
      raw,
      budget,
      kafka: await this.kafka(instance),
      threads,
      threadLog: { level: worker["log.level"], format: worker["log.format"], file: worker["log.file"] },
      clock: systemClock,
      log,
      retry: createRetry({
        clock: systemClock,
        random,
        log,
        delayMsMax: instance.values["errors.retry.delay.max.ms"],
        timeoutMs: instance.values["errors.retry.timeout"],
        signal,
      }),
      random,
      observer,
      restart,
      untilCaughtUp,
    });
  }
}
