/**
 * `services up|down|status`: a local Kafka, Schema Registry and object store, for development.
 *
 * @module
 */
import { systemClock } from "../clock.ts";
import { exportsOf } from "./services/object_store.ts";
import { type Services, servicesDown, servicesStatus, servicesUp } from "./services/services.ts";

/**
 * Returns the exit code: `status` gives 1 where they are not up. `objectStore`: true where it must be there, false where
 * it is not wanted, undefined where it may be left out.
 */
export async function services(
  action: "up" | "down" | "status",
  { instance, objectStore }: { instance: string; objectStore?: boolean },
): Promise<number> {
  const log = (line: string) => console.error(line);
  if (action === "up") {
    const wanted = objectStore === undefined ? "wanted" : objectStore ? "required" : "none";
    console.log(accessText(await servicesUp({ clock: systemClock, log, instance, objectStore: wanted })));
    return 0;
  }
  if (action === "down") {
    console.log(await servicesDown({ clock: systemClock, log, instance }) ? "stopped" : "nothing was running");
    return 0;
  }
  const status = await servicesStatus({ instance });
  console.log(JSON.stringify(status, null, 2));
  const isStoreUp = status.objectStore === "up" || !status.services?.objectStore;
  return status.kafka === "up" && status.registry === "up" && isStoreUp ? 0 : 1;
}

/** YAML that can be copied into a configuration; the last lines are for other tools' environment. */
function accessText({ bootstrap, registryUrl, objectStore: store }: Services): string {
  const lines = [`bootstrap.servers: ${bootstrap}`, `schema.registry.url: ${registryUrl}`];
  if (!store) return lines.join("\n");
  const { endpoint, region, accessKeyId, secretAccessKey, bucket } = store;
  return [
    ...lines,
    `s3.endpoint: ${endpoint}`,
    `s3.region: ${region}`,
    `s3.access.key.id: ${accessKeyId}`,
    `s3.secret.access.key: ${secretAccessKey}`,
    `# e.g. table.uri: s3://${bucket}/orders; for commands and tools:`,
    `# ${exportsOf(store)}`,
  ].join("\n");
}
