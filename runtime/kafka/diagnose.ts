/**
 * Why a broker just hangs up: it speaks another protocol than we do, and says nothing about it.
 *
 * @module
 */
import { apiVersionsV0, Connection, saslHandshakeV1 } from "./client.ts";
import { connectionOptions } from "./client_options.ts";
import type { ConnectionSettings } from "./settings.ts";

/** What the port at an address wants and `security.protocol` does not give, or null where that is not the trouble. */
export async function protocolMismatch(
  settings: ConnectionSettings,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<string | null> {
  const at = `${host}:${port}`;
  const first = await asked(settings, host, port, null, versions);
  if (first !== "answers" && first !== "tls") return null;
  const hasTls = first === "tls";
  // Without our side of TLS nothing can be asked; a login that is configured is one that somebody knows to be wanted.
  const mechanisms = settings.sasl || (hasTls && !settings.tls)
    ? null
    : await asked(settings, host, port, hasTls ? settings.tls : null, handshake);
  const wanted = `${settings.sasl || mechanisms ? "SASL_" : ""}${hasTls ? "SSL" : "PLAINTEXT"}`;
  const login = mechanisms ? `, and log in by a sasl.mechanism that it has (${mechanisms})` : "";
  if (hasTls !== (settings.tls !== null)) {
    return `${at} speaks ${hasTls ? "TLS" : "no TLS"}: set security.protocol to ${wanted}${login}, or use another port`;
  }
  return mechanisms ? `${at} wants a login: set security.protocol to ${wanted}${login}` : null;
}

type Question = (connection: Connection) => Promise<string | null>;

/** Asks over a connection without a login; "tls" where the answer is one of TLS, null where there is none. */
async function asked(
  settings: ConnectionSettings,
  host: string,
  port: number,
  tls: ConnectionSettings["tls"],
  question: Question,
): Promise<string | null> {
  const connection = new Connection(settings.clientId, connectionOptions({ ...settings, tls, sasl: null }));
  connection.on("error", () => {}); // told through the promises below
  try {
    await connection.connect(host, port);
    return await question(connection);
  } catch (error) {
    return (error as { code?: unknown }).code === "PLT_KFK_USER" ? "tls" : null;
  } finally {
    await connection.close();
  }
}

async function versions(connection: Connection): Promise<string> {
  await apiVersionsV0.api.async(connection, "", "");
  return "answers";
}

/** The mechanisms that a broker has; null where it has no use for a login. */
async function handshake(connection: Connection): Promise<string | null> {
  try {
    return (await saslHandshakeV1.api.async(connection, "PLAIN")).mechanisms.join(", ");
  } catch (error) {
    const { mechanisms } = (error as { response?: { mechanisms?: unknown } }).response ?? {};
    return Array.isArray(mechanisms) && mechanisms.length > 0 ? mechanisms.join(", ") : null;
  }
}
