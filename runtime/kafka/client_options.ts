/**
 * Our settings in the words of the two clients.
 *
 * @module
 */
import type { Base, ConnectionOptions, SASLOptions } from "@platformatic/kafka";
import type { Buffer } from "node:buffer";
import type { KafkaConfig, SASLOptions as KafkajsLogin } from "kafkajs";
import type { SaslSettings, TlsSettings } from "./security_settings.ts";
import type { ConnectionSettings } from "./settings.ts";
import { tokenOf } from "./tokens.ts";

/** Options of a single connection of @platformatic/kafka. */
export function connectionOptions(settings: ConnectionSettings): ConnectionOptions {
  const { tls, sasl } = settings;
  return {
    connectTimeout: settings.connectTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    // The name that the handshake asks for is the host's by itself; an address must not be one (RFC 6066, 3).
    ...(tls ? { tls: tlsOptions(tls) } : {}),
    ...(sasl ? { sasl: saslOptions(sasl) } : {}),
  };
}

/** Options that every client of @platformatic/kafka takes. */
export function clientOptions(settings: ConnectionSettings) {
  return {
    ...connectionOptions(settings),
    clientId: settings.clientId,
    bootstrapBrokers: settings.bootstrap.map(({ host, port }) => ({ host, port })),
    metadataMaxAge: settings.metadataMaxAgeMs,
    autocreateTopics: false,
  };
}

/**
 * To be called with each client of @platformatic/kafka. Where brokers end sessions, a connection logs in anew by a timer that
 * it keeps when the broker has closed it: the login over a socket that is gone fails late, and takes the successor's
 * place in the client with it. Closing it once more stops the timer.
 */
export function forgetLostConnections(client: Base): void {
  client.on("client:broker:disconnect", ({ connection }) => connection.close(() => {}));
}

/** Options of kafkajs. Its own retries are few: retrying is the caller's. */
export function kafkajsOptions(settings: ConnectionSettings): KafkaConfig {
  const { tls, sasl } = settings;
  return {
    clientId: settings.clientId,
    brokers: settings.bootstrap.map(({ host, port }) => `${host}:${port}`),
    connectionTimeout: settings.connectTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 1000 },
    ...(tls ? { ssl: tlsOptions(tls) } : {}),
    ...(sasl ? { sasl: kafkajsLogin(sasl) } : {}),
    // Its default of 10 s logs in anew at each request where sessions are shorter, which brokers refuse within a second.
    reauthenticationThreshold: 1000,
  };
}

function saslOptions(sasl: SaslSettings): SASLOptions {
  if ("password" in sasl) return { ...sasl };
  return {
    mechanism: "OAUTHBEARER",
    token: () => tokenOf(sasl),
    oauthBearerExtensions: extensionsOf(sasl),
    authBytesValidator: refuseToken,
  };
}

function kafkajsLogin(sasl: SaslSettings): KafkajsLogin {
  if ("password" in sasl) {
    const { username, password } = sasl;
    return {
      mechanism: sasl.mechanism.toLowerCase() as "plain" | "scram-sha-256" | "scram-sha-512",
      username,
      password,
    };
  }
  const extensions = extensionsOf(sasl);
  const oauthBearerProvider = async () => ({ value: await tokenOf(sasl), extensions });
  return { mechanism: "oauthbearer", oauthBearerProvider };
}

function extensionsOf(sasl: SaslSettings): Record<string, string> {
  return sasl.mechanism === "OAUTHBEARER" ? { ...sasl.extensions } : {};
}

/** A broker refuses a token in an answer without an error, that says why (RFC 7628, 3.2.2). */
function refuseToken(answer: Buffer, done: (error: Error | null, answer: Buffer) => void): void {
  const text = answer.toString();
  done(text === "" ? null : new Error(`The broker refuses the token: ${text}`), answer);
}

function tlsOptions(tls: TlsSettings) {
  return {
    ...(tls.ca ? { ca: tls.ca } : {}),
    ...(tls.certificate ? { cert: tls.certificate } : {}),
    ...(tls.key ? { key: tls.key } : {}),
    ...(tls.verifyHostname ? {} : { checkServerIdentity: () => undefined }),
  };
}
