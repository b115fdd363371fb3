/**
 * What a worker can be asked to do with its connectors while it runs: the REST API, and the web console after it, know the
 * worker by this alone. Shapes and refusals are Kafka Connect's (ConnectorsResource, AbstractHerder).
 *
 * @module
 */

/** Connect's states; STOPPED is a connector's only. */
export type ConnectorState = "UNASSIGNED" | "RUNNING" | "PAUSED" | "STOPPED" | "FAILED" | "RESTARTING";

/** A connector's configuration, flat, as Connect has it: every value is text. */
export type FlatConfig = Readonly<Record<string, string>>;

/** A task of a connector. */
export interface TaskId {
  readonly connector: string;
  readonly task: number;
}

/** What `GET /connectors/{name}` answers. */
export interface ConnectorInfo {
  readonly name: string;
  /** As it was given; secrets are `[hidden]`, references (`${env:...}`) stay references. */
  readonly config: FlatConfig;
  readonly tasks: readonly TaskId[];
  readonly type: "sink";
}

/** A state, and whose it is. */
export interface StateInfo {
  readonly state: ConnectorState;
  /** `host:port` of the worker. */
  readonly worker_id: string;
  /** Why it is FAILED: message and stack. */
  readonly trace?: string;
}

/** What `GET /connectors/{name}/status` answers. */
export interface ConnectorStatus {
  readonly name: string;
  readonly connector: StateInfo;
  readonly tasks: readonly (StateInfo & { readonly id: number })[];
  readonly type: "sink";
}

/** Where one partition stands; null: no offset (in a request: forget it, and begin where `auto.offset.reset` says). */
export interface ConnectorOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint | null;
}

/** The request cannot be obeyed; `status` is HTTP's: 400 bad, 404 unknown, 409 not in this state, 500 failed. */
export class RequestRefused extends Error {
  override name = "RequestRefused";
  constructor(readonly status: 400 | 404 | 409 | 500, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/**
 * The worker as the REST API sees it. Every method that names a connector throws RequestRefused (404) where there is none of
 * this name, and (409) where its state does not allow what is asked.
 */
export interface WorkerApi {
  /** `host:port`, as states name it. */
  readonly workerId: string;
  /** The cluster's id; null until a broker has told it. */
  clusterId(): Promise<string | null>;
  names(): readonly string[];
  info(name: string): ConnectorInfo;
  status(name: string): ConnectorStatus;
  /** The options that a task runs with: the connector's, as Connect's `tasks-config` shows them, by task. */
  taskConfigs(name: string): Readonly<Record<string, FlatConfig>>;
  /** Topics that records were read from since the start, or the last reset. */
  activeTopics(name: string): readonly string[];
  resetActiveTopics(name: string): void;

  /**
   * A configuration whose masks (`[hidden]`) are the secrets that the connector of this name has; `unknown` are the keys of
   * masks that stand for nothing, which are left out. Throws nothing where there is no such connector. For checks alone: it
   * holds secrets.
   */
  revealed(name: string, config: FlatConfig): { readonly config: FlatConfig; readonly unknown: readonly string[] };
  /** Throws ConfigError where the configuration is refused, RequestRefused (409) where the name is taken. */
  create(name: string, config: FlatConfig, initial: "RUNNING" | "PAUSED" | "STOPPED"): Promise<ConnectorInfo>;
  /** Creates or replaces; what it touches is started again. Throws ConfigError; then the old one runs on. */
  putConfig(name: string, config: FlatConfig): Promise<{ readonly created: boolean; readonly info: ConnectorInfo }>;
  /** Sets some keys, and takes out those that are null. */
  patchConfig(name: string, patch: Readonly<Record<string, string | null>>): Promise<ConnectorInfo>;
  delete(name: string): Promise<void>;

  /** Commits what was read, then reads nothing more; tasks stay. */
  pause(name: string): Promise<void>;
  /** Runs again, from PAUSED or STOPPED. */
  resume(name: string): Promise<void>;
  /** Commits what was read, then ends its tasks and leaves the group. */
  stopConnector(name: string): Promise<void>;
  /** Starts the connector again; with `includeTasks` its tasks too, with `onlyFailed` only what has FAILED. */
  restart(name: string, how: { includeTasks: boolean; onlyFailed: boolean }): Promise<ConnectorStatus>;
  restartTask(name: string, task: number): Promise<void>;

  offsets(name: string): Promise<readonly ConnectorOffset[]>;
  /** Only while STOPPED. Writes the target's offsets first, then the group's. Throws RequestRefused. */
  alterOffsets(name: string, offsets: readonly ConnectorOffset[]): Promise<void>;
  /** Only while STOPPED: all partitions begin where `auto.offset.reset` says. */
  resetOffsets(name: string): Promise<void>;
}
