/**
 * Whether a broker is there: one metadata call over a connection of its own.
 *
 * @module
 */
import { Connection, metadataV12 } from "@platformatic/kafka";

/** Whether the broker at `host:port` answers a metadata request, without credentials, within about two seconds. */
export async function brokerAnswers(bootstrap: string): Promise<boolean> {
  const at = bootstrap.lastIndexOf(":");
  const connection = new Connection("sluice-probe", { connectTimeout: 1_000, requestTimeout: 2_000 });
  connection.on("error", () => {}); // told through the promises below
  try {
    await connection.connect(bootstrap.slice(0, at), Number(bootstrap.slice(at + 1)));
    const { brokers } = await metadataV12.api.async(connection, [], false, false);
    return brokers.length > 0;
  } catch {
    return false; // not there yet: that is what was asked
  } finally {
    await connection.close();
  }
}
