/**
 * `services up|down|status`: a broker and a registry that outlive the command. A state file remembers what was started,
 * so that `down` ends exactly that, by pid.
 *
 * @module
 */
import type { Clock } from "../../api/clock.ts";
import { brokerAnswers } from "../../kafka/probe.ts";
import { cacheDir, type Progress } from "./artifacts.ts";
import { startKafka } from "./kafka.ts";
import { endProcess, freePort, isAlive, type ServerProcess } from "./process.ts";
import { registryAnswers, registryUrl, startRegistry } from "./registry.ts";
import { removeDir, type ServerHandle } from "./server.ts";

/** Where the services are. */
export interface Services {
  readonly bootstrap: string;
  readonly registryUrl: string;
  readonly kafka: ServiceState;
  readonly registry: ServiceState;
}

/** One of the two. */
export interface ServiceState extends ServerProcess {
  readonly port: number;
  readonly dir: string;
  readonly logFile: string;
}

/** What `services status` shows. */
export interface ServicesStatus {
  readonly services: Services | null;
  readonly kafka: ServiceHealth;
  readonly registry: ServiceHealth;
}

/** down: no process; starting: a process that does not answer; up: it answers. */
export type ServiceHealth = "up" | "starting" | "down";

/** Which services, and where. */
export interface ServicesOptions {
  readonly clock: Clock;
  readonly log?: Progress;
  /** Several sets can run side by side. Default "default". */
  readonly instance?: string;
  /** Wanted ports; a free one is taken where one is in use. */
  readonly kafkaPort?: number;
  readonly registryPort?: number;
}

/** The ports that `services up` takes where they are free. */
export const DEFAULT_PORTS = { kafka: 19092, registry: 18081 } as const;

/** Starts what is not running yet; returns when both answer. */
export function servicesUp(options: ServicesOptions): Promise<Services> {
  return locked(options, () => up(options));
}

async function up(options: ServicesOptions): Promise<Services> {
  const { clock, log } = options;
  const status = await servicesStatus(options);
  if (status.services && status.kafka === "up" && status.registry === "up") return status.services;
  if (status.services) await down(options);
  const started: ServerHandle[] = [];
  const noted = async <T extends ServerHandle>(handle: Promise<T>): Promise<T> => {
    started.push(await handle);
    return handle;
  };
  const common = { clock, log, detached: true };
  const results = await Promise.allSettled([
    noted(startKafka({ ...common, port: freePort(options.kafkaPort ?? DEFAULT_PORTS.kafka) })),
    noted(startRegistry({ ...common, port: freePort(options.registryPort ?? DEFAULT_PORTS.registry) })),
  ]);
  const [kafka, registry] = results;
  if (kafka.status === "rejected" || registry.status === "rejected") {
    for (const handle of started) await handle.stop();
    throw kafka.status === "rejected" ? kafka.reason : (registry as PromiseRejectedResult).reason;
  }
  const services: Services = {
    bootstrap: kafka.value.bootstrap,
    registryUrl: registry.value.url,
    kafka: stateOf(kafka.value),
    registry: stateOf(registry.value),
  };
  await writeState(options, services);
  log?.(`Kafka answers on ${services.bootstrap}, the Schema Registry on ${services.registryUrl}`);
  return services;
}

/** Ends what `servicesUp` started and removes its data. Returns whether there was anything to end. */
export function servicesDown(options: Pick<ServicesOptions, "clock" | "log" | "instance">): Promise<boolean> {
  return locked(options, () => down(options));
}

async function down(options: Pick<ServicesOptions, "clock" | "log" | "instance">): Promise<boolean> {
  const services = await readState(options);
  if (!services) return false;
  for (const service of [services.kafka, services.registry]) {
    options.log?.(`Stopping process ${service.pid} (port ${service.port}) ...`);
    await endProcess(service, options.clock, 10_000);
    await removeDir(service.dir);
  }
  await Deno.remove(stateFile(options));
  return true;
}

/** What runs, and whether it answers. */
export async function servicesStatus(options: Pick<ServicesOptions, "instance">): Promise<ServicesStatus> {
  const services = await readState(options);
  if (!services) return { services, kafka: "down", registry: "down" };
  const health = async (state: ServiceState, answers: () => Promise<boolean>): Promise<ServiceHealth> =>
    !(await isAlive(state)) ? "down" : (await answers()) ? "up" : "starting";
  return {
    services,
    kafka: await health(services.kafka, () => brokerAnswers(services.bootstrap)),
    registry: await health(services.registry, () => registryAnswers(registryUrl(services.registry.port))),
  };
}

function stateOf({ pid, mark, port, dir, logFile }: ServerHandle): ServiceState {
  return { pid, mark, port, dir, logFile };
}

/** One `up` or `down` at a time: two at once would start two brokers and remember one. */
async function locked<T>(options: Pick<ServicesOptions, "instance">, action: () => Promise<T>): Promise<T> {
  await Deno.mkdir(cacheDir(), { recursive: true });
  using file = await Deno.open(`${stateFile(options)}.lock`, { create: true, write: true });
  await file.lock(true);
  return await action();
}

function stateFile({ instance }: Pick<ServicesOptions, "instance">): string {
  return `${cacheDir()}/services-${instance ?? "default"}.json`;
}

async function readState(options: Pick<ServicesOptions, "instance">): Promise<Services | null> {
  try {
    return JSON.parse(await Deno.readTextFile(stateFile(options)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function writeState(options: Pick<ServicesOptions, "instance">, services: Services): Promise<void> {
  const file = stateFile(options);
  await Deno.writeTextFile(`${file}.new`, JSON.stringify(services, null, 2));
  await Deno.rename(`${file}.new`, file);
}
