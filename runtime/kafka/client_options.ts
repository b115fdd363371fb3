/**
 * Our settings in the words of the two clients.
 *
 * @module
 */
import type { ConnectionOptions } from "@platformatic/kafka";
import type { KafkaConfig, SASLOptions } from "kafkajs";
import type { ConnectionSettings, TlsSettings } from "./settings.ts";

/** Options of a single connection of @platformatic/kafka. */
export function connectionOptions(settings: ConnectionSettings): ConnectionOptions {
  const { tls, sasl } = settings;
  return {
    connectTimeout: settings.connectTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    ...(tls ? { tls: tlsOptions(tls), tlsServerName: true } : {}),
    ...(sasl ? { sasl: { ...sasl } } : {}),
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
    ...(sasl
      ? {
        sasl: {
          mechanism: sasl.mechanism.toLowerCase(),
          username: sasl.username,
          password: sasl.password,
        } as SASLOptions,
      }
      : {}),
  };
}

function tlsOptions(tls: TlsSettings) {
  return {
    ...(tls.ca ? { ca: tls.ca } : {}),
    ...(tls.certificate ? { cert: tls.certificate } : {}),
    ...(tls.key ? { key: tls.key } : {}),
    ...(tls.passphrase ? { passphrase: tls.passphrase } : {}),
    ...(tls.verifyHostname ? {} : { checkServerIdentity: () => undefined }),
  };
}
