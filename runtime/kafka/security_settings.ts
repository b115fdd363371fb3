/**
 * How to convince a broker, and how to be convinced by one: TLS and SASL, from Kafka's own keys.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { jaasOptions } from "./jaas.ts";
import type { KeyReader } from "./key_reader.ts";

/** PEM texts. */
export interface TlsSettings {
  /** Authorities that sign the brokers' certificates; null: the system's. */
  readonly ca: string | null;
  /** Ours, with those that lead to its authority. */
  readonly certificate: string | null;
  /** Ours, decrypted. */
  readonly key: string | null;
  readonly verifyHostname: boolean;
}

/** Who we are. */
export type SaslSettings = PasswordLogin | TokenLogin | AwsLogin;

/** A user and a password. */
export interface PasswordLogin {
  readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
  readonly username: string;
  readonly password: string;
}

/** A token by the client-credentials grant (RFC 6749, 4.4) of an endpoint. */
export interface TokenLogin {
  readonly mechanism: "OAUTHBEARER";
  readonly endpointUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string | null;
  /** Id and secret are URL-encoded before they become basic credentials, as the RFC has it and few endpoints want it. */
  readonly headerUrlencode: boolean;
  /** Sent to the broker with the token (RFC 7628, 3.1). */
  readonly extensions: Readonly<Record<string, string>>;
  /** PEM text of authorities that count besides the system's. */
  readonly ca: string | null;
  readonly timeoutMs: number;
}

/** A token for Amazon MSK, presigned with AWS credentials. */
export interface AwsLogin {
  readonly mechanism: "AWS_MSK_IAM";
  readonly region: string;
  readonly roleArn: string | null;
  readonly roleSessionName: string | null;
  readonly profile: string | null;
}

/** The keys that are read here, with their defaults. */
export const SECURITY_KEYS = {
  "security.protocol": "PLAINTEXT",
  "sasl.mechanism": "",
  "sasl.jaas.config": "",
  "sasl.username": "",
  "sasl.password": "",
  "sasl.oauthbearer.token.endpoint.url": "",
  "sasl.oauthbearer.client.credentials.client.id": "",
  "sasl.oauthbearer.client.credentials.client.secret": "",
  "sasl.oauthbearer.scope": "",
  "sasl.oauthbearer.extensions": "",
  "sasl.oauthbearer.header.urlencode": "false",
  "ssl.truststore.location": "",
  "ssl.truststore.certificates": "",
  "ssl.truststore.type": "PEM",
  "ssl.keystore.location": "",
  "ssl.keystore.certificate.chain": "",
  "ssl.keystore.key": "",
  "ssl.keystore.type": "PEM",
  "ssl.key.location": "",
  "ssl.key.password": "",
  "ssl.endpoint.identification.algorithm": "https",
};

/** The security of one client. */
export async function securitySettings(
  read: KeyReader,
  bootstrap: readonly { readonly host: string }[],
  timeoutMs: number,
): Promise<{ readonly tls: TlsSettings | null; readonly sasl: SaslSettings | null }> {
  const protocol = read.oneOf("security.protocol", ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]);
  const tls = protocol.endsWith("SSL") ? await tlsSettings(read) : null;
  const sasl = protocol.startsWith("SASL")
    ? saslSettings(read, { bootstrap, timeoutMs, ca: tls?.ca ?? await authorities(read) })
    : null;
  return { tls, sasl };
}

async function tlsSettings(read: KeyReader): Promise<TlsSettings> {
  for (const key of ["ssl.truststore.type", "ssl.keystore.type"]) {
    if (read.text(key) !== "PEM") read.problem(key, "only PEM files are read; convert with keytool and openssl");
  }
  const ca = await authorities(read);
  const verifyHostname = read.text("ssl.endpoint.identification.algorithm") !== "";
  return { ca, ...await identity(read), verifyHostname };
}

async function authorities(read: KeyReader): Promise<string | null> {
  const text = read.text("ssl.truststore.certificates") || await read.file("ssl.truststore.location");
  if (!text) return null;
  const key = read.text("ssl.truststore.certificates") ? "ssl.truststore.certificates" : "ssl.truststore.location";
  const certificates = pemBlocks(text, "CERTIFICATE");
  if (certificates.length === 0) read.problem(key, "holds no certificate (-----BEGIN CERTIFICATE-----)");
  for (const certificate of certificates) {
    if (!parseCertificate(certificate)) read.problem(key, "holds a certificate that cannot be read");
  }
  return text;
}

/** Our own certificate and its key. A PEM keystore holds both, unless the key has a place of its own. */
async function identity(read: KeyReader): Promise<Pick<TlsSettings, "certificate" | "key">> {
  const chain = read.text("ssl.keystore.certificate.chain");
  const from = chain ? "ssl.keystore.certificate.chain" : "ssl.keystore.location";
  const store = chain || await read.file("ssl.keystore.location");
  const keyText = read.text("ssl.keystore.key") || await read.file("ssl.key.location");
  const keyFrom = read.text("ssl.keystore.key")
    ? "ssl.keystore.key"
    : read.text("ssl.key.location")
    ? "ssl.key.location"
    : from;
  const none = { certificate: null, key: null };
  if (!store) {
    if (keyText) {
      read.problem(keyFrom, "has no effect without ssl.keystore.location, the certificate that it belongs to");
    }
    return none;
  }
  const certificates = pemBlocks(store, "CERTIFICATE");
  const first = certificates.length > 0 ? parseCertificate(certificates[0]) : null;
  if (!first) read.problem(from, "holds no certificate that can be read (-----BEGIN CERTIFICATE-----)");
  const [key] = pemBlocks(keyText ?? store, "(?:[A-Z]+ )?PRIVATE KEY");
  if (!key) {
    const where = keyFrom === from ? "; name its file with ssl.key.location" : "";
    read.problem(keyFrom, `holds no private key (-----BEGIN PRIVATE KEY-----)${where}`);
    return none;
  }
  const isEncrypted = /ENCRYPTED/.test(key);
  const passphrase = read.text("ssl.key.password");
  if (isEncrypted && !passphrase) {
    read.problem("ssl.key.password", `missing: the key of ${keyFrom} is encrypted`);
    return none;
  }
  try {
    const parsed = createPrivateKey({ key, ...(isEncrypted ? { passphrase } : {}) });
    if (first && !first.checkPrivateKey(parsed)) read.problem(keyFrom, `is not the key of the certificate of ${from}`);
    // Decrypted here, once: a TLS library that cannot decrypt it would go without a certificate and say nothing.
    return { certificate: certificates.join("\n"), key: String(parsed.export({ type: "pkcs8", format: "pem" })) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (isEncrypted && /decrypt/.test(why)) read.problem("ssl.key.password", `does not decrypt the key of ${keyFrom}`);
    else {
      const convert = "convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out NEW";
      read.problem(keyFrom, `holds a private key that cannot be read (${why}); ${convert}`);
    }
    return none;
  }
}

interface Around {
  readonly bootstrap: readonly { readonly host: string }[];
  readonly ca: string | null;
  readonly timeoutMs: number;
}

const MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"] as const;

function saslSettings(read: KeyReader, around: Around): SaslSettings {
  const mechanism = read.oneOf("sasl.mechanism", MECHANISMS);
  const text = read.text("sasl.jaas.config");
  const jaas = text ? jaasOptions(text) : {};
  if (!jaas) read.problem("sasl.jaas.config", 'wanted Module required key="value" ...;');
  if (mechanism === "OAUTHBEARER") return tokenLogin(read, jaas ?? {}, around);
  if (mechanism === "AWS_MSK_IAM") return awsLogin(read, jaas ?? {}, around);
  const username = required(read, "sasl.username", jaas?.username, "username");
  const password = required(read, "sasl.password", jaas?.password, "password");
  return { mechanism, username, password };
}

function tokenLogin(read: KeyReader, jaas: Readonly<Record<string, string>>, around: Around): TokenLogin {
  const url = "sasl.oauthbearer.token.endpoint.url";
  const endpointUrl = read.text(url);
  if (!/^https?:\/\/\S+$/.test(endpointUrl)) {
    read.problem(url, endpointUrl ? "is no http or https URL" : "missing; wanted the URL that issues tokens");
  }
  const credentials = "sasl.oauthbearer.client.credentials.client";
  return {
    mechanism: "OAUTHBEARER",
    endpointUrl,
    clientId: required(read, `${credentials}.id`, jaas.clientId, "clientId"),
    clientSecret: required(read, `${credentials}.secret`, jaas.clientSecret, "clientSecret"),
    scope: read.text("sasl.oauthbearer.scope") || jaas.scope || null,
    headerUrlencode: read.oneOf("sasl.oauthbearer.header.urlencode", ["true", "false"]) === "true",
    extensions: extensions(read, jaas),
    ca: around.ca,
    timeoutMs: around.timeoutMs,
  };
}

/** Names and values as RFC 7628, 3.1 has them; `extension_<name>` in JAAS. */
function extensions(read: KeyReader, jaas: Readonly<Record<string, string>>): Record<string, string> {
  const key = "sasl.oauthbearer.extensions";
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(jaas)) {
    if (name.startsWith("extension_")) found[name.slice("extension_".length)] = value;
  }
  for (const entry of read.text(key).split(",").map((part) => part.trim()).filter((part) => part !== "")) {
    const at = entry.indexOf("=");
    found[entry.slice(0, Math.max(0, at)).trim()] = entry.slice(at + 1).trim();
  }
  for (const [name, value] of Object.entries(found)) {
    if (/^[A-Za-z]+$/.test(name) && name !== "auth" && /^[\x21-\x7e \t]+$/.test(value)) continue;
    read.problem(
      key in found || read.isSet(key) ? key : "sasl.jaas.config",
      `"${name}" is no name=value: letters alone`,
    );
  }
  return found;
}

function awsLogin(read: KeyReader, jaas: Readonly<Record<string, string>>, { bootstrap }: Around): AwsLogin {
  const region = bootstrap.map(({ host }) => /\.kafka(?:-serverless)?\.([a-z0-9-]+)\.amazonaws\.com/.exec(host)?.[1])
    .find((found) => found !== undefined) ?? read.environment("AWS_REGION");
  if (!region) {
    const why = "names no broker of MSK, so the region is not known: set the environment variable AWS_REGION";
    read.problem("bootstrap.servers", why);
  }
  return {
    mechanism: "AWS_MSK_IAM",
    region: region ?? "",
    roleArn: jaas.awsRoleArn ?? null,
    roleSessionName: jaas.awsRoleSessionName ?? null,
    profile: jaas.awsProfileName ?? null,
  };
}

function required(read: KeyReader, key: string, fromJaas: string | undefined, name: string): string {
  const value = read.text(key) || fromJaas || "";
  if (!value) read.problem(key, `missing; set it, or ${name} in sasl.jaas.config`);
  return value;
}

function pemBlocks(text: string, label: string): string[] {
  return text.match(new RegExp(`-----BEGIN ${label}-----[^]*?-----END ${label}-----`, "g")) ?? [];
}

function parseCertificate(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null; // told by the caller, with its key
  }
}
