import { assert, assertEquals, assertRejects } from "@std/assert";
import { Secret } from "../api/config_def.ts";
import { ConfigError } from "../api/errors.ts";
import { connectionOptions, kafkajsOptions } from "./client_options.ts";
import { isKafkaKey, kafkaSettings } from "./settings.ts";

const BASE = { "bootstrap.servers": "a:9092, SSL://[::1]:9093" };

Deno.test("kafkaSettings() has defaults that bound memory and skip what is not committed", async () => {
  const { consumer, producer, admin } = await kafkaSettings(BASE);
  assertEquals(consumer.bootstrap, [{ host: "a", port: 9092 }, { host: "::1", port: 9093 }]);
  assertEquals([consumer.fetchMaxBytes, consumer.readCommitted, consumer.checkCrcs], [8 << 20, true, true]);
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
    "sasl.mechanism",
    "sasl.password",
    "sasl.username",
  ]);
  assert(!error.message.includes("secret words"));
});

Deno.test("kafkaSettings() reads TLS files and credentials into data that crosses threads", async () => {
  const jaas = `org.apache.kafka.common.security.scram.ScramLoginModule required username="u" password="p\\"w";`;
  const settings = await kafkaSettings({
    ...BASE,
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.jaas.config": new Secret(jaas),
    "ssl.truststore.location": "/ca.pem",
    "ssl.keystore.location": "/me.pem",
    "ssl.key.password": new Secret("k"),
    "ssl.endpoint.identification.algorithm": "",
  }, (path) => Promise.resolve(`text of ${path}`));
  const { consumer } = structuredClone(settings);
  assertEquals(consumer.sasl, { mechanism: "SCRAM-SHA-512", username: "u", password: 'p"w' });
  const pem = "text of /me.pem";
  assertEquals(consumer.tls, {
    ca: "text of /ca.pem",
    certificate: pem,
    key: pem,
    passphrase: "k",
    verifyHostname: false,
  });
  assertEquals(connectionOptions(consumer).sasl?.mechanism, "SCRAM-SHA-512");
  assertEquals((kafkajsOptions(consumer).sasl as { mechanism: string }).mechanism, "scram-sha-512");
});

Deno.test("kafkaSettings() says which file cannot be read", async () => {
  const raw = { ...BASE, "security.protocol": "SSL", "ssl.truststore.location": "/nowhere/ca.pem" };
  await assertRejects(() => kafkaSettings(raw), ConfigError, "ssl.truststore.location = /nowhere/ca.pem");
});

Deno.test("isKafkaKey() knows Kafka's keys from a connector's", () => {
  assertEquals(["sasl.mechanism", "admin.override.x", "table.uri"].map(isKafkaKey), [true, true, false]);
});
