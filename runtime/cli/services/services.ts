/**
 * `services up|down|status`: a broker, a registry and an object store that outlive the command. A state file remembers
 * what was started, so that `down` ends exactly that, by pid.
 *
 * @module
 */
import type { Clock } from "../../api/clock.ts";
import { brokerAnswers } from "../../kafka/probe.ts";
import { cacheDir, hasObjectStore, type Progress } from "./artifacts.ts";
import { startKafka } from "./kafka.ts";
import { type ObjectStoreAccess, objectStoreAccess, objectStoreAnswers, startObjectStore } from "./object_store.ts";
import { endProcess, freePort, isAlive, type ServerProcess } from "./process.ts";
import { registryAnswers, registryUrl, startRegistry } from "./registry.ts";
import { removeDir, type ServerHandle } from "./server.ts";

/** Where the services are. */
export interface Services {
  readonly bootstrap: string;
  readonly registryUrl: string;
  readonly kafka: ServiceState;
  readonly registry: ServiceState;
  /** Null where it was not wanted, or could not be had. */
  readonly objectStore: (ServiceState & ObjectStoreAccess) | null;
}

/** One of them. */
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
  readonly objectStore: ServiceHealth;
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
  readonly objectStorePort?: number;
  /** The object store: "wanted" goes on without it where Go is missing. Default "none". */
  readonly objectStore?: "none" | "wanted" | "required";
}

/** The ports that `services up` takes where they are free. */
const DEFAULT_PORTS = { kafka: 19092, registry: 18081, objectStore: 19000 } as const;

/** Starts what is not running yet; returns when all answer. */
export function servicesUp(options: ServicesOptions): Promise<Services> {
  return locked(options, () => up(options));
}

async function up(options: ServicesOptions): Promise<Services> {
  const { clock, log } = options;
  const withStore = await wantsObjectStore(options);
  const status = await servicesStatus(options);
  const { services } = status;
  if (services && status.kafka === "up" && status.registry === "up") {
    if (!withStore || status.objectStore === "up") return services;
    if (services.objectStore) await end(services.objectStore, options);
    const store = await startObjectStore({ clock, log, detached: true, port: objectStorePort(options) });
    return await noteUp(options, { ...services, objectStore: storeState(store) });
  }
  if (services) await down(options);
  const started: ServerHandle[] = [];
  const noted = async <T extends ServerHandle>(handle: Promise<T>): Promise<T> => {
    started.push(await handle);
    return handle;
  };
  const common = { clock, log, detached: true };
  const starting = [
    noted(startKafka({ ...common, port: freePort(options.kafkaPort ?? DEFAULT_PORTS.kafka) })),
    noted(startRegistry({ ...common, port: freePort(options.registryPort ?? DEFAULT_PORTS.registry) })),
    withStore ? noted(startObjectStore({ ...common, port: objectStorePort(options) })) : Promise.resolve(null),
  ] as const;
  const failed = (await Promise.allSettled(starting)).find((result) => result.status === "rejected");
  if (failed) {
    for (const handle of started) await handle.stop();
    throw failed.reason;
  }
  const [kafka, registry, store] = await Promise.all(starting);
  return await noteUp(options, {
    bootstrap: kafka.bootstrap,
    registryUrl: registry.url,
    kafka: stateOf(kafka),
    registry: stateOf(registry),
    objectStore: store && storeState(store),
  });
}

async function wantsObjectStore({ objectStore = "none", log }: ServicesOptions): Promise<boolean> {
  if (objectStore !== "wanted" || await hasObjectStore()) return objectStore !== "none";
  log?.('Going on without the object store (S3): "go" is not on the PATH, Go 1.25 or newer builds it');
  return false;
}

function objectStorePort({ objectStorePort }: ServicesOptions): number {
  return freePort(objectStorePort ?? DEFAULT_PORTS.objectStore);
}

async function noteUp(options: ServicesOptions, services: Services): Promise<Services> {
  await writeState(options, services);
  const { bootstrap, registryUrl, objectStore } = services;
  const s3 = objectStore ? `, the object store on ${objectStore.endpoint}` : "";
  options.log?.(`Kafka answers on ${bootstrap}, the Schema Registry on ${registryUrl}${s3}`);
  return services;
}

/** Ends what `servicesUp` started and removes its data. Returns whether there was anything to end. */
export function servicesDown(options: Pick<ServicesOptions, "clock" | "log" | "instance">): Promise<boolean> {
  return locked(options, () => down(options));
}

async function down(options: Pick<ServicesOptions, "clock" | "log" | "instance">): Promise<boolean> {
  const services = await readState(options);
  if (!services) return false;
  for (const service of [services.kafka, services.registry, services.objectStore]) {
    if (service) await end(service, options);
  }
  await Deno.remove(stateFile(options));
  return true;
}

async function end(service: ServiceState, { clock, log }: Pick<ServicesOptions, "clock" | "log">): Promise<void> {
  log?.(`Stopping process ${service.pid} (port ${service.port}) ...`);
  await endProcess(service, clock, 10_000);
  await removeDir(service.dir);
}

/** What runs, and whether it answers. */
export async function servicesStatus(options: Pick<ServicesOptions, "instance">): Promise<ServicesStatus> {
  const services = await readState(options);
  if (!services) return { services, kafka: "down", registry: "down", objectStore: "down" };
  const store = services.objectStore;
  const health = async (state: ServiceState, answers: () => Promise<boolean>): Promise<ServiceHealth> =>
    !(await isAlive(state)) ? "down" : (await answers()) ? "up" : "starting";
  return {
    services,
    kafka: await health(services.kafka, () => brokerAnswers(services.bootstrap)),
    registry: await health(services.registry, () => registryAnswers(registryUrl(services.registry.port))),
    objectStore: store ? await health(store, () => objectStoreAnswers(store.endpoint)) : "down",
  };
}

function stateOf({ pid, mark, port, dir, logFile }: ServerHandle): ServiceState {
  return { pid, mark, port, dir, logFile };
}

function storeState(handle: ServerHandle): ServiceState & ObjectStoreAccess {
  return { ...stateOf(handle), ...objectStoreAccess(handle.port) };
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
