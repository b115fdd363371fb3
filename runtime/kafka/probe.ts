/**
 * Whether a broker is there, and lets us in: one metadata call over a connection of its own.
 *
 * @module
 */
import { Connection, metadataV10 } from "./client.ts";
import { Cluster } from "./cluster.ts";
import type { ConnectionSettings, KafkaSettings } from "./settings.ts";

/** Whether the broker at `host:port` answers a metadata request, without credentials, within about two seconds. */
export async function brokerAnswers(bootstrap: string): Promise<boolean> {
  const at = bootstrap.lastIndexOf(":");
  const connection = new Connection("sluice-probe", { connectTimeout: 1_000, requestTimeout: 2_000 });
  connection.on("error", () => {}); // told through the promises below
  try {
    await connection.connect(bootstrap.slice(0, at), Number(bootstrap.slice(at + 1)));
    const { brokers } = await metadataV10.api.async(connection, [], false, false, false);
    return brokers.length > 0;
  } catch {
    return false; // not there yet: that is what was asked
  } finally {
    await connection.close();
  }
}

/**
 * Proves that brokers let in each client whose connection is not the admin's, which proves its own at its first call.
 * Throws RetriableError, or FatalError that says what to correct: a group or a dead letter would learn of it late.
 */
export async function proveOverrides({ admin, consumer, producer }: KafkaSettings): Promise<void> {
  for (const settings of [consumer, producer]) {
    if (connectionText(settings) === connectionText(admin)) continue;
    const cluster = new Cluster(settings);
    try {
      await cluster.metadata([]);
    } finally {
      await cluster.close();
    }
  }
}

function connectionText({ bootstrap, tls, sasl }: ConnectionSettings): string {
  return JSON.stringify({ bootstrap, tls, sasl });
}
