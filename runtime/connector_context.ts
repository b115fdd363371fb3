/**
 * What a connector is given of the world, beside its configuration.
 *
 * @module
 */
import type { ConnectorContext } from "./api/mod.ts";

/** Of an instance's name and the parts that all of its threads have. */
export function connectorContext(
  connector: string,
  { clock, log, retry, random }: Pick<ConnectorContext, "clock" | "log" | "retry" | "random">,
): ConnectorContext {
  return { connector, clock, log, retry, uuid: () => crypto.randomUUID(), random };
}
