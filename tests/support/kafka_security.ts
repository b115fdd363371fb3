/**
 * A broker that has a listener for each way to prove who one is, right and wrong, and a token endpoint for OAUTHBEARER.
 *
 * @module
 */
import { type KafkaCluster, startCluster } from "./kafka_cluster.ts";
import { type Certificates, makeCertificates } from "./kafka_security_certificates.ts";
import { startTokenEndpoint, type TokenEndpoint } from "./kafka_security_tokens.ts";

/** The user that every listener with SASL knows. */
export const USER = { username: "alice", password: "her secret = 1" } as const;

/**
 * - `TLS`, `MISNAMED`, `EXPIRED`: by the broker's certificate; `MTLS` wants one of the client, too
 * - `LOGIN`, `LOGIN_TLS`: PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512, without and with TLS
 * - `SHORT`: SCRAM-SHA-512, sessions end after 3 s
 * - `TOKEN`, `TOKEN_TLS`: OAUTHBEARER with signed tokens of the endpoint; sessions of `TOKEN` end after 3 s
 */
export type Listener = keyof typeof PROTOCOLS;

const PROTOCOLS = {
  TLS: "SSL",
  MISNAMED: "SSL",
  EXPIRED: "SSL",
  MTLS: "SSL",
  LOGIN: "SASL_PLAINTEXT",
  LOGIN_TLS: "SASL_SSL",
  SHORT: "SASL_PLAINTEXT",
  TOKEN: "SASL_PLAINTEXT",
  TOKEN_TLS: "SASL_SSL",
} as const;

/** A running broker; `await using` ends it. */
export interface SecureKafka extends AsyncDisposable {
  readonly cluster: KafkaCluster;
  /** Of a listener without any security, for the tests' own clients. */
  readonly bootstrap: string;
  readonly certificates: Certificates;
  readonly tokens: TokenEndpoint;
  bootstrapOf(listener: Listener): string;
}

/** Starts it all. */
export async function startSecureKafka(): Promise<SecureKafka> {
  const dir = await Deno.makeTempDir({ prefix: "sluice-security-" });
  const certificates = await makeCertificates(dir);
  const tokens = startTokenEndpoint();
  try {
    const credentials = ["SCRAM-SHA-256", "SCRAM-SHA-512"].map((mechanism) =>
      `${mechanism}=[name=${USER.username},password=${USER.password}]`
    );
    const cluster = await startCluster({
      brokers: 1,
      heapMiB: 256,
      listeners: Object.keys(PROTOCOLS),
      properties: properties(certificates, tokens),
      formatArgs: credentials.flatMap((text) => ["--add-scram", text]),
      // Newer brokers fetch keys from nowhere else.
      jvmFlags: [`-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${tokens.keysUrl}`],
    });
    return {
      cluster,
      certificates,
      tokens,
      bootstrap: cluster.bootstrap,
      bootstrapOf: (listener) => cluster.bootstrapOf(listener),
      async [Symbol.asyncDispose]() {
        await cluster[Symbol.asyncDispose]();
        await tokens.close();
        await Deno.remove(dir, { recursive: true });
      },
    };
  } catch (error) {
    await tokens.close();
    await Deno.remove(dir, { recursive: true });
    throw error;
  }
}

function properties(certificates: Certificates, { keysUrl, issuer }: TokenEndpoint): Record<string, string> {
  const of = (listener: Listener, entries: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(entries).map(([key, value]) => [`listener.name.${listener.toLowerCase()}.${key}`, value]),
    );
  const tls = (keystore: string) => ({
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": keystore,
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": certificates.ca,
  });
  const plain = "org.apache.kafka.common.security.plain.PlainLoginModule required " +
    `user_${USER.username}="${USER.password}";`;
  const scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
  const login = {
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    "plain.sasl.jaas.config": plain,
    "scram-sha-256.sasl.jaas.config": scram,
    "scram-sha-512.sasl.jaas.config": scram,
  };
  const token = {
    "sasl.enabled.mechanisms": "OAUTHBEARER",
    "oauthbearer.sasl.jaas.config": "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;",
    "oauthbearer.sasl.server.callback.handler.class":
      "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler",
    "sasl.oauthbearer.jwks.endpoint.url": keysUrl,
    "sasl.oauthbearer.expected.issuer": issuer,
    "sasl.oauthbearer.expected.audience": "kafka",
  };
  return {
    "listener.security.protocol.map": Object.entries({ CONTROLLER: "PLAINTEXT", PLAINTEXT: "PLAINTEXT", ...PROTOCOLS })
      .map(([name, protocol]) => `${name}:${protocol}`).join(","),
    // The longer a refused client waits, the longer the tests do.
    "connection.failed.authentication.delay.ms": "100",
    ...of("TLS", tls(certificates.server)),
    ...of("MISNAMED", tls(certificates.misnamed)),
    ...of("EXPIRED", tls(certificates.expired)),
    ...of("MTLS", { ...tls(certificates.server), "ssl.client.auth": "required" }),
    ...of("LOGIN", login),
    ...of("LOGIN_TLS", { ...login, ...tls(certificates.server) }),
    ...of("SHORT", {
      "sasl.enabled.mechanisms": "SCRAM-SHA-512",
      "scram-sha-512.sasl.jaas.config": scram,
      "scram-sha-512.connections.max.reauth.ms": "3000",
    }),
    ...of("TOKEN", { ...token, "oauthbearer.connections.max.reauth.ms": "3000" }),
    ...of("TOKEN_TLS", { ...token, ...tls(certificates.server) }),
  };
}
