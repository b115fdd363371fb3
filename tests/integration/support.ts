/**
 * A real broker, registry and object store for integration tests: those that `deno task test` started, else own ones that
 * end with the test process. Import it at the top of a test file and call `broker()`, `objectStore()` or `services()`
 * outside of any test.
 *
 * @module
 */
import { type Admin, Kafka, logLevel } from "kafkajs";
import { systemClock } from "../../runtime/clock.ts";
import { startKafka } from "../../runtime/cli/services/kafka.ts";
import { type ObjectStoreAccess, startObjectStore } from "../../runtime/cli/services/object_store.ts";
import { startRegistry } from "../../runtime/cli/services/registry.ts";
import { servicesStatus } from "../../runtime/cli/services/services.ts";
import { silenceNegativeTimeouts } from "../../runtime/kafka/kafkajs_warning.ts";
import { type KafkaSettings, kafkaSettings, type RawKafkaSettings } from "../../runtime/kafka/settings.ts";

/** What `deno task test` started; without it there are none of this name, and each file starts its own. */
const INSTANCE = Deno.env.get("TEST_SERVICES") ?? "none";

silenceNegativeTimeouts();

let brokerStarted: Promise<string> | null = null;
let registryStarted: Promise<string> | null = null;
let objectStoreStarted: Promise<ObjectStoreAccess> | null = null;

/** The bootstrap address of a broker that all tests of the process share. Use topics of your own. */
export function broker(): Promise<string> {
  return brokerStarted ??= (async () => {
    const { services, kafka } = await servicesStatus({ instance: INSTANCE });
    return services && kafka === "up" ? services.bootstrap : (await startKafka({ clock: systemClock })).bootstrap;
  })();
}

/** The URL of a registry that all tests of the process share. Use subjects of your own. */
export function registry(): Promise<string> {
  return registryStarted ??= (async () => {
    const { services, registry } = await servicesStatus({ instance: INSTANCE });
    return services && registry === "up" ? services.registryUrl : (await startRegistry({ clock: systemClock })).url;
  })();
}

/** An object store (S3) that all tests of the process share. Use prefixes of your own in its bucket. */
export function objectStore(): Promise<ObjectStoreAccess> {
  return objectStoreStarted ??= (async () => {
    const { services, objectStore } = await servicesStatus({ instance: INSTANCE });
    const store = services?.objectStore && objectStore === "up" ? services.objectStore : null;
    const { endpoint, region, accessKeyId, secretAccessKey, bucket } = store ??
      await startObjectStore({ clock: systemClock });
    return { endpoint, region, accessKeyId, secretAccessKey, bucket };
  })();
}

/** Broker and registry. */
export async function services(): Promise<{ bootstrap: string; registryUrl: string }> {
  const [bootstrap, registryUrl] = await Promise.all([broker(), registry()]);
  return { bootstrap, registryUrl };
}

/** Our settings for a broker. */
export function settingsFor(bootstrap: string, more: RawKafkaSettings = {}): Promise<KafkaSettings> {
  return kafkaSettings({ "bootstrap.servers": bootstrap, "metadata.max.age.ms": "1000", ...more });
}

/** The independent client. */
export function kafkajs(bootstrap: string): Kafka {
  return new Kafka({ clientId: "independent", brokers: bootstrap.split(","), logLevel: logLevel.NOTHING });
}

/** A topic name that no other run has used. */
export function freshName(prefix: string): string {
  return `${prefix}-${crypto.randomUUID().slice(0, 8)}`;
}

/** Runs something with a connected kafkajs admin. */
export async function withAdmin<T>(bootstrap: string, run: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafkajs(bootstrap).admin();
  await admin.connect();
  try {
    return await run(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Creates a topic with leaders; returns its name. */
export async function makeTopic(
  bootstrap: string,
  partitions = 1,
  config: Readonly<Record<string, string>> = {},
  topic = freshName("t"),
): Promise<string> {
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  await withAdmin(
    bootstrap,
    (admin) =>
      admin.createTopics({ topics: [{ topic, numPartitions: partitions, configEntries }], waitForLeaders: true }),
  );
  return topic;
}

/** Waits until something holds; fails after `timeoutMs`. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const deadline = systemClock.monotonic() + timeoutMs;
  while (!(await holds())) {
    if (systemClock.monotonic() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain until ${what}`);
    await systemClock.sleep(20);
  }
}
