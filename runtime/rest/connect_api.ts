/**
 * Kafka Connect's REST API: its paths, shapes and status codes, over what the worker can be asked to do.
 *
 * @module
 */
import type { Log } from "../api/mod.ts";
import type { ConfigContext } from "../config/config_infos.ts";
import type { LogLevel, LogLevels } from "../log.ts";
import type { WorkerApi } from "../worker_api.ts";
import { answering } from "./answers.ts";
import { connectorRoutes } from "./connectors.ts";
import { loggerRoutes } from "./loggers.ts";
import { offsetRoutes } from "./offsets.ts";
import { pluginRoutes } from "./plugins.ts";
import type { Route } from "./server.ts";
import { stateRoutes } from "./states.ts";

/** What the API is made of. */
export interface ConnectApiOptions extends ConfigContext {
  readonly worker: WorkerApi;
  readonly log: Log;
  readonly version: string;
  /** The source's revision, where it is known. */
  readonly commit?: string;
  /** Levels of the log on this thread. */
  readonly levels: LogLevels;
  /** Passes levels that were set on to the threads of tasks. */
  readonly passLevels: (levels: readonly (readonly [name: string, level: LogLevel])[]) => void;
}

/** All routes but /health and /metrics. */
export function connectRoutes(options: ConnectApiOptions): Route[] {
  const { worker, version, commit = "unknown" } = options;
  const root: Route = {
    method: "GET",
    path: "/",
    handle: async () => Response.json({ version, commit, kafka_cluster_id: await worker.clusterId() }),
  };
  const routes = [
    root,
    ...connectorRoutes(worker),
    ...stateRoutes(worker),
    ...offsetRoutes(worker),
    ...pluginRoutes(options),
    ...loggerRoutes(options),
  ];
  return answering(routes, options.log);
}
