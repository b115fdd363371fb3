/**
 * `services up|down|status`: a local Kafka and Schema Registry, for development.
 *
 * @module
 */
import { systemClock } from "../clock.ts";
import { servicesDown, servicesStatus, servicesUp } from "./services/services.ts";

/** Returns the exit code: `status` gives 1 where they are not up. */
export async function services(action: "up" | "down" | "status", instance: string): Promise<number> {
  const log = (line: string) => console.error(line);
  if (action === "up") {
    const { bootstrap, registryUrl } = await servicesUp({ clock: systemClock, log, instance });
    console.log(`bootstrap.servers: ${bootstrap}\nschema.registry.url: ${registryUrl}`);
    return 0;
  }
  if (action === "down") {
    console.log(await servicesDown({ clock: systemClock, log, instance }) ? "stopped" : "nothing was running");
    return 0;
  }
  const status = await servicesStatus({ instance });
  console.log(JSON.stringify(status, null, 2));
  return status.kafka === "up" && status.registry === "up" ? 0 : 1;
}
