/**
 * The worker's HTTP server: metrics and health at once, Kafka Connect's REST API with the first request for it.
 *
 * @module
 */
import type { ReadConfig } from "../config/parse_raw.ts";
import type { ReferenceSources } from "../config/references.ts";
import type { InstanceValues } from "../config/instance_options.ts";
import type { Plugins } from "../config/resolve_instance.ts";
import { kafkaSettings } from "../kafka/settings.ts";
import { kafkaKeys } from "../kafka_keys.ts";
import type { LiveLog } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { httpSecurity } from "../rest/security.ts";
import { type Health, type HttpServer, startHttpServer } from "../rest/server.ts";
import type { TaskThreads } from "../task_thread.ts";
import type { WorkerApi } from "../worker_api.ts";
import project from "../../deno.json" with { type: "json" };

/** What is served, and of what. */
export interface WorkerHttpOptions {
  readonly config: ReadConfig;
  readonly plugins: Plugins;
  readonly sources: () => ReferenceSources;
  readonly threads: TaskThreads;
  readonly log: LiveLog;
  readonly metrics: Metrics;
  readonly health: () => Health;
  readonly api: WorkerApi;
  /** Resolves when all connectors that there are already are known. */
  readonly loaded: Promise<void>;
}

/** Null where it is switched off. Throws ConfigError where it cannot be. */
export async function serveHttp(options: WorkerHttpOptions): Promise<HttpServer | null> {
  const { config: { worker, raw }, plugins, sources, threads, log, metrics, health, api, loaded } = options;
  const listen = worker["http.listen"];
  if (listen === "off") return null;
  return startHttpServer({
    listen,
    metrics,
    health,
    log,
    security: await httpSecurity(worker),
    later: async () => {
      const [{ connectRoutes }] = await Promise.all([import("../rest/connect_api.ts"), loaded]);
      return connectRoutes({
        worker: api,
        log,
        version: project.version,
        levels: log,
        passLevels: (levels) => threads.setLogLevels(levels),
        plugins,
        passedOn: raw.worker,
        references: sources(),
        checkClients: (values: InstanceValues) => kafkaSettings(kafkaKeys(worker, values)),
      });
    },
  });
}
