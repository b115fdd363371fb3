/**
 * A worker without Kafka and threads: connectors with states and offsets in memory, by the rules of `WorkerApi`.
 *
 * @module
 */
import { ConfigError } from "../../mod.ts";
import type { Plugins } from "../../runtime/config/resolve_instance.ts";
import { resolveInstance } from "../../runtime/config/resolve_instance.ts";
import { revealed } from "../../runtime/worker/flat_config.ts";
import {
  type ConnectorInfo,
  type ConnectorOffset,
  type ConnectorState,
  type ConnectorStatus,
  type FlatConfig,
  RequestRefused,
  type WorkerApi,
} from "../../runtime/worker_api.ts";

interface Kept {
  config: FlatConfig;
  state: ConnectorState;
  /** Of each task; failed ones have a trace. */
  tasks: { state: ConnectorState; trace?: string }[];
  topics: Set<string>;
  offsets: Map<string, ConnectorOffset>;
}

/** Keeps connectors as long as it lives. */
export class MemoryWorker implements WorkerApi {
  readonly workerId = "127.0.0.1:8083";
  readonly #kept = new Map<string, Kept>();

  constructor(private readonly plugins: Plugins) {}

  clusterId(): Promise<string | null> {
    return Promise.resolve("memory-cluster");
  }
  names(): readonly string[] {
    return [...this.#kept.keys()];
  }
  info(name: string): ConnectorInfo {
    const { config, tasks } = this.#get(name);
    return { name, config, tasks: tasks.map((_, task) => ({ connector: name, task })), type: "sink" };
  }
  status(name: string): ConnectorStatus {
    const { state, tasks } = this.#get(name);
    const of = (each: { state: ConnectorState; trace?: string }) => ({ ...each, worker_id: this.workerId });
    return { name, connector: of({ state }), tasks: tasks.map((task, id) => ({ id, ...of(task) })), type: "sink" };
  }
  taskConfigs(name: string): Readonly<Record<string, FlatConfig>> {
    const { config, tasks } = this.#get(name);
    return Object.fromEntries(tasks.map((_, task) => [`${name}-${task}`, config]));
  }
  activeTopics(name: string): readonly string[] {
    return [...this.#get(name).topics];
  }
  resetActiveTopics(name: string): void {
    this.#get(name).topics.clear();
  }

  revealed(name: string, config: FlatConfig): ReturnType<WorkerApi["revealed"]> {
    return revealed(config, this.#kept.get(name)?.config ?? null);
  }
  create(name: string, config: FlatConfig, initial: "RUNNING" | "PAUSED" | "STOPPED"): Promise<ConnectorInfo> {
    return this.#do(() => {
      if (this.#kept.has(name)) throw new RequestRefused(409, `Connector ${name} already exists`);
      this.#put(name, config, initial);
      return this.info(name);
    });
  }
  putConfig(name: string, config: FlatConfig): Promise<{ created: boolean; info: ConnectorInfo }> {
    return this.#do(() => {
      const before = this.#kept.get(name);
      this.#put(name, config, before?.state ?? "RUNNING");
      return { created: !before, info: this.info(name) };
    });
  }
  patchConfig(name: string, patch: Readonly<Record<string, string | null>>): Promise<ConnectorInfo> {
    return this.#do(() => {
      const { config, state } = this.#get(name);
      const entries = Object.entries({ ...config, ...patch });
      this.#put(
        name,
        Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== null)),
        state,
      );
      return this.info(name);
    });
  }
  delete(name: string): Promise<void> {
    return this.#do(() => {
      this.#get(name);
      this.#kept.delete(name);
    });
  }

  pause(name: string): Promise<void> {
    return this.#do(() => this.#enter(name, "PAUSED"));
  }
  resume(name: string): Promise<void> {
    return this.#do(() => this.#enter(name, "RUNNING"));
  }
  stopConnector(name: string): Promise<void> {
    return this.#do(() => this.#enter(name, "STOPPED"));
  }
  restart(name: string, how: { includeTasks: boolean; onlyFailed: boolean }): Promise<ConnectorStatus> {
    return this.#do(() => {
      const kept = this.#get(name);
      const touched = kept.tasks.filter(({ state }) => how.includeTasks && (!how.onlyFailed || state === "FAILED"));
      for (const task of touched) Object.assign(task, { state: "RESTARTING", trace: undefined });
      const status = this.status(name);
      for (const task of touched) task.state = kept.state;
      return status;
    });
  }
  restartTask(name: string, task: number): Promise<void> {
    return this.#do(() => {
      const { tasks } = this.#get(name);
      if (!tasks[task]) throw new RequestRefused(404, `Connector ${name} has no task ${task}`);
      tasks[task] = { state: "RUNNING" };
    });
  }

  offsets(name: string): Promise<readonly ConnectorOffset[]> {
    return this.#do(() => [...this.#get(name).offsets.values()]);
  }
  alterOffsets(name: string, offsets: readonly ConnectorOffset[]): Promise<void> {
    return this.#do(() => {
      for (const each of offsets) {
        const key = `${each.topic}-${each.partition}`;
        if (each.offset === null) this.#stopped(name).offsets.delete(key);
        else this.#stopped(name).offsets.set(key, each);
      }
    });
  }
  resetOffsets(name: string): Promise<void> {
    return this.#do(() => this.#stopped(name).offsets.clear());
  }

  /** As if a task had failed. */
  fail(name: string, task: number, trace: string): void {
    this.#get(name).tasks[task] = { state: "FAILED", trace };
  }

  // Refusals reject, as a worker's that awaits something.
  // deno-lint-ignore require-await -- what is thrown becomes a rejection
  async #do<T>(what: () => T): Promise<T> {
    return what();
  }

  #get(name: string): Kept {
    const kept = this.#kept.get(name);
    if (!kept) throw new RequestRefused(404, `Connector ${name} not found`);
    return kept;
  }

  #stopped(name: string): Kept {
    const kept = this.#get(name);
    if (kept.state !== "STOPPED") throw new RequestRefused(409, `Connector ${name} is ${kept.state}`);
    return kept;
  }

  #enter(name: string, state: ConnectorState): void {
    const kept = this.#get(name);
    kept.state = state;
    const count = state === "STOPPED" ? 0 : Number(kept.config["tasks.max"] ?? 1);
    kept.tasks = Array.from({ length: count }, () => ({ state }));
  }

  #put(name: string, config: FlatConfig, state: ConnectorState): void {
    const problems: ConfigError["problems"][number][] = [];
    const keys = Object.entries(config).filter(([key]) => key !== "name")
      .map(([key, value]) => [key, { value, source: "REST", parts: [key] }] as const);
    const instance = resolveInstance(name, new Map(keys), new Map(), this.plugins, problems);
    if (!instance) throw new ConfigError(problems);
    const topics = Array.isArray(instance.topics) ? instance.topics as string[] : [];
    const offsets = this.#kept.get(name)?.offsets ??
      new Map(topics.map((topic) => [`${topic}-0`, { topic, partition: 0, offset: 5n }]));
    this.#kept.set(name, { config, state, tasks: [], topics: new Set(topics), offsets });
    this.#enter(name, state);
  }
}
