/**
 * The worker's own options: those at the top of the configuration, beside `connectors:`.
 *
 * @module
 */
import { type ConfigDef, option, type Values } from "../api/config_def.ts";
import { jaasOptions } from "../kafka/jaas.ts";

const kafka = "Kafka";
const security = "Security";
const worker = "Worker";
const http = "HTTP";

/** Passed on to the converters and instances that do not set them themselves. */
const passedOn = "Passed on to instances";

/** The declaration; README tables are printed from it. */
export const WORKER_OPTIONS = {
  "bootstrap.servers": option.list({
    doc: "Brokers to begin with, host:port.",
    importance: "high",
    group: kafka,
    check: (servers) => {
      const wrong = servers.find((server) => !/^(\[[0-9a-f:]+\]|[^\s:/,]+):\d{1,5}$/i.test(server));
      return servers.length === 0 ? "names no broker" : wrong ? `"${wrong}" is not host:port` : null;
    },
  }),
  "client.id": option.string({ doc: "Our name in the brokers' logs and quotas.", default: "sluice", group: kafka }),
  "security.protocol": option.oneOf(["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], {
    doc: "How to talk to the brokers.",
    default: "PLAINTEXT",
    importance: "high",
    group: security,
  }),
  "sasl.mechanism": option.oneOf(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"], {
    doc: "How to log in where the protocol has SASL.",
    default: "PLAIN",
    group: security,
  }),
  "sasl.username": option.optionalString({ doc: "The user to log in as.", group: security }),
  "sasl.password": option.secret({ doc: "The user's password.", group: security }),
  "sasl.jaas.config": option.secret({
    doc:
      "Java's form of a login, instead of sasl.username and the like: username and password; clientId, clientSecret, " +
      "scope and extension_*; awsRoleArn, awsRoleSessionName and awsProfileName.",
    group: security,
    check: (value) =>
      value === null || jaasOptions(value.reveal()) !== null ? null : 'must be as in: Module required key="value";',
  }),
  "sasl.oauthbearer.token.endpoint.url": option.optionalString({
    doc: "OAUTHBEARER: who issues tokens, by the client-credentials grant.",
    group: security,
  }),
  "sasl.oauthbearer.client.credentials.client.id": option.optionalString({
    doc: "OAUTHBEARER: who we are at the token endpoint.",
    group: security,
  }),
  "sasl.oauthbearer.client.credentials.client.secret": option.secret({
    doc: "OAUTHBEARER: our secret at the token endpoint.",
    group: security,
  }),
  "sasl.oauthbearer.scope": option.optionalString({ doc: "OAUTHBEARER: the scope to ask for.", group: security }),
  "sasl.oauthbearer.extensions": option.optionalString({
    doc:
      "OAUTHBEARER: what brokers are told beside the token, name=value, several separated by commas; Confluent Cloud " +
      "wants logicalCluster and identityPoolId.",
    group: security,
  }),
  "sasl.oauthbearer.header.urlencode": option.boolean({
    doc: "OAUTHBEARER: id and secret are URL-encoded in the request's header.",
    default: false,
    importance: "low",
    group: security,
  }),
  "ssl.truststore.location": option.optionalString({
    doc: "A PEM file of the authorities that sign the brokers' certificates; the system's by default.",
    group: security,
  }),
  "ssl.truststore.certificates": option.optionalString({
    doc: "The same as PEM text.",
    importance: "low",
    group: security,
  }),
  "ssl.truststore.type": option.oneOf(["PEM"], {
    doc: "The form of the truststore; convert another with keytool and openssl.",
    default: "PEM",
    importance: "low",
    group: security,
  }),
  "ssl.keystore.location": option.optionalString({
    doc: "A PEM file of our own certificate (mTLS), with its private key unless ssl.key.location names that.",
    group: security,
  }),
  "ssl.keystore.certificate.chain": option.optionalString({
    doc: "Our own certificate as PEM text.",
    importance: "low",
    group: security,
  }),
  "ssl.keystore.key": option.secret({
    doc: "Our certificate's private key as PEM text.",
    importance: "low",
    group: security,
  }),
  "ssl.keystore.type": option.oneOf(["PEM"], {
    doc: "The form of the keystore; convert another with keytool and openssl.",
    default: "PEM",
    importance: "low",
    group: security,
  }),
  "ssl.key.location": option.optionalString({ doc: "A PEM file of our certificate's private key.", group: security }),
  "ssl.key.password": option.secret({ doc: "The private key's password.", group: security }),
  "ssl.endpoint.identification.algorithm": option.oneOf(["https", ""], {
    doc: "Whether a broker's certificate must carry its host's name; empty: it need not.",
    default: "https",
    importance: "low",
    group: security,
  }),
  "schema.registry.url": option.list({
    doc: "The Schema Registry's addresses, tried in order.",
    default: [],
    importance: "high",
    group: passedOn,
  }),
  "key.converter": option.optionalString({ doc: "For instances that name none.", group: passedOn }),
  "value.converter": option.optionalString({ doc: "For instances that name none.", group: passedOn }),
  "header.converter": option.optionalString({ doc: "For instances that name none.", group: passedOn }),
  "http.listen": option.string({
    doc: 'Where /metrics, /health and the REST API are served, host:port; "off" switches them off.',
    default: "127.0.0.1:8083",
    group: http,
    check: (text) => text === "off" || parseListen(text) !== null ? null : 'must be host:port or "off"',
  }),
  "http.auth": option.oneOf(["none", "basic", "bearer"], {
    doc: "How clients of http.listen say who they are: by user and password, or by a token.",
    default: "none",
    group: http,
  }),
  "http.auth.users": option.map({
    doc: "basic: passwords by user, as text or as {PBKDF2}iterations$salt$hash (SHA-256; salt and hash in base64).",
    group: http,
  }),
  "http.auth.tokens": option.secret({ doc: "bearer: the tokens, separated by commas.", group: http }),
  "http.auth.file": option.optionalString({
    doc: "A file with a user:password a line (basic), or a token a line (bearer), beside those given here.",
    group: http,
  }),
  "http.auth.open.paths": option.list({
    doc: "Paths that need neither; add /metrics for scrapers that cannot log in.",
    default: ["/health", "/health/live", "/health/ready"],
    group: http,
  }),
  "http.tls.certificate": option.optionalString({
    doc: "A PEM file of the certificate, with its chain, to serve HTTPS with.",
    group: http,
  }),
  "http.tls.key": option.optionalString({ doc: "A PEM file of that certificate's private key.", group: http }),
  "http.hosts": option.list({
    doc:
      "Names beside localhost and addresses that browsers may call us by, e.g. a proxy's: sluice.example.com or with a " +
      "port. Pages of other origins may change nothing.",
    default: [],
    group: http,
  }),
  "http.insecure.acknowledged": option.boolean({
    doc:
      "Allows http.listen to reach beyond this machine with http.auth = none: whoever reaches it commands the worker.",
    default: false,
    group: http,
  }),
  "plugin.path": option.list({
    doc:
      "Folders, or beginnings of URLs, whose modules connectors that come over HTTP may name; a relative name is of the " +
      "first. Modules that are named in a file or on the command line need no leave.",
    default: [],
    group: worker,
  }),
  "log.level": option.oneOf(["debug", "info", "warn", "error"], {
    doc: "The least that is logged.",
    default: "info",
    group: worker,
  }),
  "log.format": option.oneOf(["text", "json"], {
    doc: "Lines for people or for machines.",
    default: "text",
    group: worker,
  }),
  "log.file": option.optionalString({ doc: "A file to append to instead of stderr.", group: worker }),
  "shutdown.timeout.ms": option.durationMs({
    doc: "The time that a stop has to prepare, commit and leave the group.",
    default: 30_000,
    min: 1000,
    group: worker,
  }),
  "config.storage": option.string({
    doc:
      "Where connectors that are created over HTTP are kept, and what is paused or stopped: none (they are gone when the " +
      "process ends), file:PATH, or kafka:TOPIC, a compacted topic that is created where it is missing.",
    default: "none",
    group: worker,
    check: (text) =>
      text === "none" || parseConfigStorage(text) !== null ? null : "must be none, file:PATH or kafka:TOPIC",
  }),
  "config.storage.replication.factor": option.int({
    doc: "For the topic of config.storage, where it is created.",
    default: 3,
    min: 1,
    max: 32767,
    importance: "low",
    group: worker,
  }),
  "worker.threads": option.int({
    doc: "The most tasks of all instances together; each instance has at least one. 0: as many as their tasks.max say.",
    default: 0,
    min: 0,
    group: worker,
  }),
  "worker.memory.bytes": option.bytes({
    doc:
      "What the tasks of all instances together may hold in slabs, columns, open files and uploads; divided over them " +
      "by their memory.bytes. 0: as much as their memory.bytes say.",
    default: 0,
    min: 0,
    group: worker,
  }),
  "task.restart.max": option.int({
    doc: "How often in a row a failed task or topic is started again; a commit starts the count anew. 0: never.",
    default: 10,
    min: 0,
    group: worker,
  }),
  "task.restart.backoff.ms": option.durationMs({
    doc: "The wait before the first restart; it doubles with each one in a row.",
    default: 1000,
    min: 1,
    group: worker,
  }),
  "task.restart.backoff.max.ms": option.durationMs({
    doc: "The longest wait before a restart.",
    default: 60_000,
    min: 1,
    group: worker,
  }),
} satisfies ConfigDef;

/** The worker's parsed options. */
export type WorkerValues = Values<typeof WORKER_OPTIONS>;

/** Worker keys that serve as defaults for instances. */
export function isPassedOn(key: string): boolean {
  return /^(schema\.registry\.|(key|value|header)\.converter$|(key|value|header)\.converter\.)/.test(key);
}

/** Whether only this machine reaches it. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|::1|0*(:0*)*:0*1|::ffff:127\.\d+\.\d+\.\d+)$/i.test(hostname);
}

/** Kind and place of `config.storage`, or null where it is "none" or nothing of the kind. */
export function parseConfigStorage(text: string): { readonly kind: "file" | "kafka"; readonly at: string } | null {
  const match = /^(file|kafka):(.+)$/.exec(text);
  if (!match || (match[1] === "kafka" && !/^[A-Za-z0-9._-]{1,249}$/.test(match[2]))) return null;
  return { kind: match[1] as "file" | "kafka", at: match[2] };
}

/** Host and port of `http.listen`, or null where it is neither that nor "off". */
export function parseListen(text: string): { readonly hostname: string; readonly port: number } | null {
  const match = /^(\[[0-9a-fA-F:]+\]|[^\s:]+):(\d{1,5})$/.exec(text);
  if (!match || Number(match[2]) > 65535) return null;
  return { hostname: match[1].replace(/^\[|\]$/g, ""), port: Number(match[2]) };
}
