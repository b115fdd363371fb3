/**
 * The connectors of a worker: those of its file and those that came over HTTP, and all that can be asked of them.
 *
 * What is asked of one connector takes turns; connectors do not wait for each other. What is wanted is kept
 * (`config.storage`) before it is done, so that a crash in between ends in what was wanted.
 *
 * @module
 */
import { type Clock, ConfigError, FatalError, type Log, RetriableError } from "../api/mod.ts";
import { createAdmin } from "../kafka/admin.ts";
import { createRetry } from "../retry.ts";
import {
  type ConnectorInfo,
  type ConnectorOffset,
  type ConnectorStatus,
  type FlatConfig,
  RequestRefused,
  type WorkerApi,
} from "../worker_api.ts";
import type { ConfigStorage, TargetState } from "./config_storage.ts";
import { masked, revealed, unmasked } from "./flat_config.ts";
import { type Definition, ManagedConnector, type ManagedParts } from "./managed_connector.ts";
import type { OffsetsParts } from "./offsets.ts";
import type { RunFactory } from "./run_factory.ts";
import type { Plugins } from "../config/resolve_instance.ts";
import type { KafkaSettings } from "../kafka/settings.ts";

/** What they are made of. */
export interface ConnectorsParts {
  readonly workerId: () => string;
  readonly factory: Pick<RunFactory, "parse" | "check" | "prepare" | "kafka" | "release" | "forget">;
  readonly storage: ConfigStorage;
  readonly plugins: Plugins;
  /** The worker's own way to Kafka. */
  readonly kafka: () => Promise<KafkaSettings>;
  readonly managed: Pick<ManagedParts, "clock" | "metrics" | "restart" | "stopTimeoutMs">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Told whenever nothing of a connector runs any more. */
  readonly onEnded: () => void;
}

/** How long an answer about offsets may be tried for. */
const REQUEST_TIMEOUT_MS = 20_000;

/** See the module's doc. */
export class Connectors implements WorkerApi {
  readonly #all = new Map<string, ManagedConnector>();
  /** Names of what is being created. */
  readonly #coming = new Set<string>();
  #clusterId: string | null = null;
  #closing = false;

  constructor(private readonly parts: ConnectorsParts) {}

  get workerId(): string {
    return this.parts.workerId();
  }

  get all(): readonly ManagedConnector[] {
    return [...this.#all.values()];
  }

  /** Takes a connector in, and starts nothing yet. */
  add(name: string, definition: Definition, target: TargetState): ManagedConnector {
    const { factory, log } = this.parts;
    const managed = new ManagedConnector({
      ...this.parts.managed,
      name,
      definition,
      target,
      workerId: this.parts.workerId,
      log,
      prepare: (given, observer, signal) => factory.prepare(name, given, observer, signal),
      onEnded: () => {
        factory.release(name);
        this.parts.onEnded();
      },
    });
    if (target !== "RUNNING") factory.forget(name);
    this.#all.set(name, managed);
    return managed;
  }

  /** Ends all that runs; nothing is done any more that is asked for. */
  async shutDown(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.all.map((managed) => managed.shutDown()));
  }

  async clusterId(): Promise<string | null> {
    if (this.#clusterId !== null) return this.#clusterId;
    const { admin: settings } = await this.parts.kafka();
    const admin = createAdmin({ settings, log: this.parts.log, readCommitted: true });
    try {
      return this.#clusterId = await admin.clusterId();
    } catch (error) {
      if (!(error instanceof RetriableError)) throw error;
      return null; // no broker tells it now
    } finally {
      await admin.close();
    }
  }

  names(): readonly string[] {
    return [...this.#all.keys()].sort();
  }

  info(name: string): ConnectorInfo {
    const { definition, status } = this.#get(name);
    return {
      name,
      config: masked(name, definition.flat, this.parts.plugins),
      tasks: status.tasks.map(({ id }) => ({ connector: name, task: id })),
      type: "sink",
    };
  }

  status(name: string): ConnectorStatus {
    return this.#get(name).status;
  }

  taskConfigs(name: string): Readonly<Record<string, FlatConfig>> {
    const { config, tasks } = this.info(name);
    return Object.fromEntries(tasks.map(({ task }) => [`${name}-${task}`, config]));
  }

  activeTopics(name: string): readonly string[] {
    return [...this.#get(name).topics].sort();
  }

  resetActiveTopics(name: string): void {
    this.#get(name).topics.clear();
  }

  revealed(name: string, config: FlatConfig): ReturnType<WorkerApi["revealed"]> {
    return revealed(config, this.#all.get(name)?.definition.flat ?? null);
  }

  async create(name: string, config: FlatConfig, initial: TargetState): Promise<ConnectorInfo> {
    if (this.#all.has(name) || this.#coming.has(name)) {
      throw new RequestRefused(409, `Connector ${name} already exists`);
    }
    this.#refuseAtTheEnd();
    this.#coming.add(name);
    try {
      const definition: Definition = { flat: unmasked(name, config, null), file: null };
      await this.parts.factory.check(name, definition);
      await this.parts.storage.putConfig(name, definition.flat, initial);
      const { isKept } = this.parts.storage;
      this.parts.log.info(isKept ? "A connector is created" : "A connector is created, until the process ends", {
        connector: name,
      });
      const managed = this.add(name, definition, initial);
      if (initial === "RUNNING") this.#begin(managed);
      return this.info(name);
    } finally {
      this.#coming.delete(name);
    }
  }

  async putConfig(name: string, config: FlatConfig): Promise<{ created: boolean; info: ConnectorInfo }> {
    if (!this.#all.has(name)) return { created: true, info: await this.create(name, config, "RUNNING") };
    return { created: false, info: await this.#replace(name, (before) => unmasked(name, config, before)) };
  }

  patchConfig(name: string, patch: Readonly<Record<string, string | null>>): Promise<ConnectorInfo> {
    return this.#replace(name, (before) => {
      const given = { ...before, ...patch };
      const left = Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== null);
      return unmasked(name, Object.fromEntries(left), before);
    });
  }

  delete(name: string): Promise<void> {
    return this.#inTurn(name, async (managed) => {
      this.#refuseFile(managed, "deleted");
      await this.parts.storage.delete(name);
      await managed.end("UNASSIGNED");
      managed.forget();
      this.parts.factory.forget(name);
      this.#all.delete(name);
      this.parts.log.info("A connector is deleted", { connector: name });
    });
  }

  pause(name: string): Promise<void> {
    return this.#rest(name, "PAUSED");
  }

  stopConnector(name: string): Promise<void> {
    return this.#rest(name, "STOPPED");
  }

  resume(name: string): Promise<void> {
    return this.#inTurn(name, async (managed) => {
      if (managed.target === "RUNNING") return;
      await this.parts.storage.putTarget(name, "RUNNING");
      this.#begin(managed);
    });
  }

  restart(name: string, { onlyFailed }: { includeTasks: boolean; onlyFailed: boolean }): Promise<ConnectorStatus> {
    return this.#inTurn(name, async (managed) => {
      const isFailed = managed.state === "FAILED";
      if (managed.target === "RUNNING" && (isFailed || !onlyFailed)) {
        await managed.end("UNASSIGNED");
        this.#begin(managed);
      }
      return managed.status;
    });
  }

  restartTask(name: string, task: number): Promise<void> {
    return this.#inTurn(name, async (managed) => {
      if (!managed.status.tasks.some(({ id }) => id === task)) {
        throw new RequestRefused(404, `Unknown task: ${name}-${task}`);
      }
      if (managed.target !== "RUNNING" || managed.restartTask(task)) return;
      // Its run has ended, or has not begun: a task runs in no other way.
      await managed.end("UNASSIGNED");
      this.#begin(managed);
    });
  }

  async offsets(name: string): Promise<readonly ConnectorOffset[]> {
    const managed = this.#get(name);
    return await this.#withOffsets(managed, ({ readOffsets }, parts) => readOffsets(parts));
  }

  alterOffsets(name: string, offsets: readonly ConnectorOffset[]): Promise<void> {
    return this.#whileStopped(name, ({ alterOffsets }, parts) => alterOffsets(parts, offsets));
  }

  resetOffsets(name: string): Promise<void> {
    return this.#whileStopped(name, ({ resetOffsets }, parts) => resetOffsets(parts));
  }

  #get(name: string): ManagedConnector {
    const managed = this.#all.get(name);
    if (!managed) throw new RequestRefused(404, `Connector ${name} not found`);
    return managed;
  }

  async #inTurn<T>(name: string, work: (managed: ManagedConnector) => Promise<T>): Promise<T> {
    const managed = this.#get(name);
    return await managed.inTurn(() => {
      this.#refuseAtTheEnd();
      return work(managed);
    });
  }

  /** The end may have come in the meantime: nothing would end what begins after it. */
  #begin(managed: ManagedConnector): void {
    managed.target = "RUNNING";
    if (!this.#closing) managed.begin();
  }

  #refuseAtTheEnd(): void {
    if (this.#closing) throw new RequestRefused(409, "The worker is stopping");
  }

  #refuseFile({ name, definition: { file } }: ManagedConnector, what: string): void {
    if (file === null) return;
    throw new RequestRefused(
      409,
      `Connector ${name} cannot be ${what} over HTTP: it stands in ${file}; change it there`,
    );
  }

  /** The old one runs until the new configuration is accepted and kept. */
  #replace(name: string, change: (before: FlatConfig) => FlatConfig): Promise<ConnectorInfo> {
    return this.#inTurn(name, async (managed) => {
      this.#refuseFile(managed, "changed");
      const definition: Definition = { flat: change(managed.definition.flat), file: null };
      await this.parts.factory.check(name, definition);
      await this.parts.storage.putConfig(name, definition.flat);
      const isToRun = managed.target === "RUNNING";
      if (isToRun) await managed.end("UNASSIGNED");
      managed.definition = definition;
      if (isToRun) this.#begin(managed);
      this.parts.log.info("A connector's configuration is replaced", { connector: name });
      return this.info(name);
    });
  }

  #rest(name: string, state: "PAUSED" | "STOPPED"): Promise<void> {
    return this.#inTurn(name, async (managed) => {
      if (managed.target === state) return;
      await this.parts.storage.putTarget(name, state);
      managed.target = state;
      await managed.end(state);
      this.parts.factory.forget(name);
      this.parts.log.info(state === "PAUSED" ? "A connector is paused" : "A connector is stopped", { connector: name });
    });
  }

  #whileStopped(name: string, work: OffsetsWork<void>): Promise<void> {
    return this.#inTurn(name, async (managed) => {
      if (managed.state !== "STOPPED") {
        throw new RequestRefused(
          409,
          "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the " +
            `specified connector by issuing a 'PUT' request to the '/connectors/${name}/stop' endpoint`,
        );
      }
      await this.#withOffsets(managed, work);
    });
  }

  async #withOffsets<T>({ name, definition }: ManagedConnector, work: OffsetsWork<T>): Promise<T> {
    const { factory, clock, random, log: workerLog } = this.parts;
    const log = workerLog.with({ connector: name });
    try {
      const { instance } = await factory.parse(name, definition);
      const retry = createRetry({ clock, random, log, delayMsMax: 2000, timeoutMs: REQUEST_TIMEOUT_MS });
      const kafka = await factory.kafka(instance);
      return await work(await import("./offsets.ts"), { instance, kafka, clock, log, retry, random });
    } catch (error) {
      const isKnown = [FatalError, RetriableError, ConfigError].some((kind) => error instanceof kind);
      throw isKnown ? new RequestRefused(500, (error as Error).message, { cause: error }) : error;
    }
  }
}

type OffsetsWork<T> = (door: typeof import("./offsets.ts"), parts: OffsetsParts) => Promise<T>;
