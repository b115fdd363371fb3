/**
 * The broker and the registry of an invocation: started for it, or those that it is told of.
 *
 * @module
 */
import { startKafka } from "../../runtime/cli/services/kafka.ts";
import { startRegistry } from "../../runtime/cli/services/registry.ts";
import type { ServerHandle } from "../../runtime/cli/services/server.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { TopicServices } from "./topics.ts";

/** Where they are; ours end with it. */
export interface BenchServices extends TopicServices, AsyncDisposable {
  /** Whether the broker is ours, and its topics end with it. */
  readonly isOurs: boolean;
}

/** What is wanted. */
export interface BenchServicesOptions {
  /** host:port of a broker that runs; null: one is started. */
  readonly bootstrap: string | null;
  /** The URL of a registry that runs; null: one is started where it is needed. */
  readonly registry: string | null;
  readonly needsRegistry: boolean;
  readonly heapMiB: number;
}

/** Starts what is not there. */
export async function startBenchServices(options: BenchServicesOptions): Promise<BenchServices> {
  const own: ServerHandle[] = [];
  const stop = async () => {
    for (const server of own.splice(0)) await server.stop();
  };
  const log = (line: string) => console.error(line);
  try {
    let { bootstrap, registry } = options;
    if (bootstrap === null) {
      const kafka = await startKafka({ clock: systemClock, log, heapMiB: options.heapMiB });
      own.push(kafka);
      bootstrap = kafka.bootstrap;
    }
    if (registry === null && options.needsRegistry) {
      const started = await startRegistry({ clock: systemClock, log });
      own.push(started);
      registry = started.url;
    }
    return { bootstrap, registryUrl: registry, isOurs: options.bootstrap === null, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
