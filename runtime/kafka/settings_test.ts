import { assert, assertEquals, assertRejects } from "@std/assert";
import { Secret } from "../api/config_def.ts";
import { ConfigError } from "../api/errors.ts";
import { connectionOptions, kafkajsOptions } from "./client_options.ts";
import { CERTIFICATE, ENCRYPTED_KEY, KEY, KEY_PASSWORD, OTHER_KEY } from "./pem_fixture.ts";
import { isKafkaKey, kafkaSettings, type RawKafkaSettings } from "./settings.ts";

const BASE = { "bootstrap.servers": "a:9092, SSL://[::1]:9093" };

Deno.test("kafkaSettings() has defaults that bound memory and skip what is not committed", async () => {
  const { consumer, producer, admin } = await kafkaSettings(BASE);
  assertEquals(consumer.bootstrap, [{ host: "a", port: 9092 }, { host: "::1", port: 9093 }]);
  assertEquals([consumer.fetchMaxBytes, consumer.readCommitted, consumer.checkCrcs], [4 << 20, true, true]);
  assertEquals([producer.compression, admin.tls, admin.sasl], ["none", null, null]);
});

Deno.test("kafkaSettings() gives an override to its client alone", async () => {
  const { consumer, producer } = await kafkaSettings({
    ...BASE,
    "client.id": "all",
    "consumer.override.client.id": "reader",
    "producer.override.compression.type": "zstd",
  });
  assertEquals([consumer.clientId, producer.clientId, producer.compression], ["reader", "all", "zstd"]);
});

Deno.test("kafkaSettings() reports every problem at once, unknown overrides included, and hides secrets", async () => {
  const error = await assertRejects(
    () =>
      kafkaSettings({
        "bootstrap.servers": "nowhere",
        "consumer.override.compression.type": "zstd",
        "producer.override.lingering": "1",
        "fetch.max.bytes": "-1",
        "isolation.level": "dirty",
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "GSSAPI",
        "sasl.jaas.config": "secret words",
      }),
    ConfigError,
  );
  assertEquals(error.problems.map(({ key }) => key).sort(), [
    "bootstrap.servers",
    "consumer.override.compression.type",
    "fetch.max.bytes",
    "isolation.level",
    "producer.override.lingering",
    "sasl.jaas.config",
    "sasl.mechanism",
    "sasl.password",
    "sasl.username",
  ]);
  assert(!error.message.includes("secret words"));
});

/** Reads settings with these files and no environment. */
function read(raw: RawKafkaSettings, files: Readonly<Record<string, string>> = {}) {
  const readFile = (path: string) =>
    path in files ? Promise.resolve(files[path]) : Promise.reject(new Deno.errors.NotFound(path));
  return kafkaSettings({ ...BASE, ...raw }, { readFile, environment: () => undefined });
}

/** What is wrong, by key. */
async function problemsOf(raw: RawKafkaSettings, files?: Readonly<Record<string, string>>): Promise<string[]> {
  const { problems } = await assertRejects(() => read(raw, files), ConfigError);
  return problems.map(({ key, why }) => `${key}: ${why}`);
}

Deno.test("kafkaSettings() reads TLS files and credentials into data that crosses threads", async () => {
  const jaas = `org.apache.kafka.common.security.scram.ScramLoginModule required username="u" password="p\\"w";`;
  const settings = await read({
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.jaas.config": new Secret(jaas),
    "ssl.truststore.location": "/ca.pem",
    "ssl.keystore.location": "/me.pem",
    "ssl.key.password": new Secret(KEY_PASSWORD),
    "ssl.endpoint.identification.algorithm": "",
  }, { "/ca.pem": CERTIFICATE, "/me.pem": `${ENCRYPTED_KEY}\n${CERTIFICATE}` });
  const { consumer } = structuredClone(settings);
  assertEquals(consumer.sasl, { mechanism: "SCRAM-SHA-512", username: "u", password: 'p"w' });
  assertEquals(consumer.tls, { ca: CERTIFICATE, certificate: CERTIFICATE, key: `${KEY}\n`, verifyHostname: false });
  assertEquals(connectionOptions(consumer).sasl?.mechanism, "SCRAM-SHA-512");
  assertEquals((kafkajsOptions(consumer).sasl as { mechanism: string }).mechanism, "scram-sha-512");
});

Deno.test("kafkaSettings() takes certificates and keys as texts, as Kafka does", async () => {
  const { admin } = await read({
    "security.protocol": "SSL",
    "ssl.truststore.certificates": CERTIFICATE,
    "ssl.keystore.certificate.chain": CERTIFICATE,
    "ssl.keystore.key": new Secret(KEY),
  });
  assertEquals(admin.tls, { ca: CERTIFICATE, certificate: CERTIFICATE, key: `${KEY}\n`, verifyHostname: true });
});

Deno.test("kafkaSettings() says what is wrong with a certificate or a key before any broker is asked", async () => {
  const ssl = { "security.protocol": "SSL", "ssl.keystore.location": "/me" };
  const files = {
    "/me": CERTIFICATE,
    "/key": KEY,
    "/encrypted": ENCRYPTED_KEY,
    "/other": OTHER_KEY,
    "/jks": "\xfe\xed",
  };
  const cases: [RawKafkaSettings, string][] = [
    [
      { "ssl.truststore.location": "/jks", "ssl.key.location": "/key" },
      "ssl.truststore.location: holds no certificate",
    ],
    [{ "ssl.keystore.location": "/jks", "ssl.key.location": "/key" }, "ssl.keystore.location: holds no certificate"],
    [{}, "ssl.keystore.location: holds no private key"],
    [{ "ssl.key.location": "/other" }, "ssl.key.location: is not the key of the certificate of ssl.keystore.location"],
    [{ "ssl.key.location": "/encrypted" }, "ssl.key.password: missing"],
    [{ "ssl.key.location": "/encrypted", "ssl.key.password": new Secret("no") }, "ssl.key.password: does not decrypt"],
    [{ "ssl.keystore.location": "", "ssl.key.location": "/key" }, "ssl.key.location: has no effect without"],
    [{ "ssl.keystore.type": "JKS", "ssl.key.location": "/key" }, "ssl.keystore.type: only PEM"],
  ];
  for (const [raw, wanted] of cases) {
    const problems = await problemsOf({ ...ssl, ...raw }, files);
    assert(problems.length === 1 && problems[0].startsWith(wanted), `${problems} is not ${wanted}`);
  }
});

const TOKEN = { "security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER" };
const ENDPOINT = { "sasl.oauthbearer.token.endpoint.url": "https://idp.example/token" };

Deno.test("kafkaSettings() reads OAUTHBEARER from keys or from JAAS, extensions included", async () => {
  const module = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule";
  const fromJaas = await read({
    ...TOKEN,
    ...ENDPOINT,
    "sasl.jaas.config": new Secret(
      `${module} required clientId="c" clientSecret="s=;" scope="a b" extension_logicalCluster="lkc-1" ` +
        `extension_identityPoolId='pool-2';`,
    ),
  });
  const fromKeys = await read({
    ...TOKEN,
    ...ENDPOINT,
    "sasl.oauthbearer.client.credentials.client.id": "c",
    "sasl.oauthbearer.client.credentials.client.secret": new Secret("s=;"),
    "sasl.oauthbearer.scope": "a b",
    "sasl.oauthbearer.extensions": "logicalCluster=lkc-1, identityPoolId=pool-2",
  });
  assertEquals(fromJaas.admin.sasl, fromKeys.admin.sasl);
  assertEquals(fromKeys.admin.sasl, {
    mechanism: "OAUTHBEARER",
    endpointUrl: "https://idp.example/token",
    clientId: "c",
    clientSecret: "s=;",
    scope: "a b",
    headerUrlencode: false,
    extensions: { logicalCluster: "lkc-1", identityPoolId: "pool-2" },
    ca: null,
    timeoutMs: 30_000,
  });
  const sent = connectionOptions(fromKeys.admin).sasl;
  assertEquals(sent?.oauthBearerExtensions, { logicalCluster: "lkc-1", identityPoolId: "pool-2" });
});

Deno.test("kafkaSettings() names what OAUTHBEARER lacks, and never shows a secret", async () => {
  const keys = (problems: readonly string[]) => problems.map((text) => text.split(": ")[0]);
  assertEquals(keys(await problemsOf(TOKEN)), [
    "sasl.oauthbearer.token.endpoint.url",
    "sasl.oauthbearer.client.credentials.client.id",
    "sasl.oauthbearer.client.credentials.client.secret",
  ]);
  const extensions = { "sasl.oauthbearer.extensions": "auth=x,logical-cluster=1,ok=1,nothing" };
  const client = "sasl.oauthbearer.client.credentials.client";
  assertEquals(
    keys(
      await problemsOf({ ...TOKEN, ...ENDPOINT, ...extensions, [`${client}.id`]: "c", [`${client}.secret`]: "hush" }),
    ),
    ["sasl.oauthbearer.extensions", "sasl.oauthbearer.extensions", "sasl.oauthbearer.extensions"],
  );
  const error = await assertRejects(() => read({ ...TOKEN, "sasl.jaas.config": "clientSecret=hush" }), ConfigError);
  assert(!error.message.includes("hush"), error.message);
});

Deno.test("kafkaSettings() takes the region of AWS_MSK_IAM from the brokers' names, else from the environment", async () => {
  const iam = { "security.protocol": "SASL_SSL", "sasl.mechanism": "AWS_MSK_IAM" };
  const none = { roleArn: null, roleSessionName: null, profile: null };
  const bootstrap = { "bootstrap.servers": "b-1.orders.abcde.c3.kafka.eu-central-1.amazonaws.com:9098" };
  const role = new Secret(`software.amazon.msk.auth.iam.IAMLoginModule required awsRoleArn="arn:aws:iam::1:role/r";`);
  assertEquals((await read({ ...iam, ...bootstrap })).admin.sasl, {
    mechanism: "AWS_MSK_IAM",
    region: "eu-central-1",
    ...none,
  });
  const outside = { environment: (name: string) => name === "AWS_REGION" ? "us-east-2" : undefined };
  const { admin } = await kafkaSettings({ ...BASE, ...iam, "sasl.jaas.config": role }, outside);
  assertEquals(admin.sasl, {
    ...{ mechanism: "AWS_MSK_IAM", region: "us-east-2" },
    ...{ ...none, roleArn: "arn:aws:iam::1:role/r" },
  });
  assert((await problemsOf(iam))[0].includes("AWS_REGION"));
});

Deno.test("kafkaSettings() says which file cannot be read", async () => {
  const raw = { ...BASE, "security.protocol": "SSL", "ssl.truststore.location": "/nowhere/ca.pem" };
  await assertRejects(() => kafkaSettings(raw), ConfigError, "ssl.truststore.location = /nowhere/ca.pem");
});

Deno.test("isKafkaKey() knows Kafka's keys from a connector's", () => {
  assertEquals(["sasl.mechanism", "admin.override.x", "table.uri"].map(isKafkaKey), [true, true, false]);
});
