/**
 * A real Schema Registry (Apicurio, in memory, Confluent-compatible API) on 127.0.0.1.
 *
 * @module
 */
import type { Clock } from "../../api/clock.ts";
import { type Progress, registryHome } from "./artifacts.ts";
import { JVM_FLAGS, makeServiceDir } from "./kafka.ts";
import { freePort } from "./process.ts";
import { type ServerHandle, startServer } from "./server.ts";

/** How to start a registry. */
export interface RegistryOptions {
  readonly clock: Clock;
  readonly log?: Progress;
  /** Default: a free one. */
  readonly port?: number;
  /** Default: a temporary folder in the cache. Removed by `stop()`. */
  readonly dir?: string;
  /** True: survives this process (`services up`). */
  readonly detached?: boolean;
}

/** A running registry. Its schemas live in memory: they are gone after `start()`. */
export interface RegistryHandle extends ServerHandle {
  /** The base of the Confluent-compatible API, without a slash at the end. */
  readonly url: string;
}

/** Starts a registry; returns when it lists its subjects. */
export async function startRegistry(options: RegistryOptions): Promise<RegistryHandle> {
  const log = options.log ?? (() => {});
  const home = await registryHome(log);
  const port = options.port ?? freePort();
  const url = registryUrl(port);
  const dir = options.dir ?? await makeServiceDir("registry");
  log(`Starting the Schema Registry on 127.0.0.1:${port} ...`);
  const jar = await runnerJar(home);
  const args = [...JVM_FLAGS, "-Xmx256m", "-Dquarkus.http.host=127.0.0.1", `-Dquarkus.http.port=${port}`];
  const handle = await startServer({
    what: `the Schema Registry on 127.0.0.1:${port}`,
    port,
    dir,
    logFile: `${dir}/registry.log`,
    mark: dir,
    command: "java",
    args: [...args, `-Djava.io.tmpdir=${dir}`, "-jar", jar],
    detached: options.detached ?? false,
    graceMs: 5_000,
    ready: () => registryAnswers(url),
  }, options.clock);
  return Object.assign(handle, { url });
}

/** Where a registry of ours serves the Confluent-compatible API. */
export function registryUrl(port: number): string {
  return `http://127.0.0.1:${port}/apis/ccompat/v7`;
}

/** Whether a registry lists its subjects there. */
export async function registryAnswers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false; // not there yet: that is what was asked
  }
}

async function runnerJar(home: string): Promise<string> {
  for await (const { name } of Deno.readDir(home)) if (name.endsWith("-runner.jar")) return `${home}/${name}`;
  throw new Deno.errors.NotFound(`${home} holds no *-runner.jar`);
}
