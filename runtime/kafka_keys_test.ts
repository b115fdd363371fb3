import { assertEquals } from "@std/assert";
import { INSTANCE_OPTIONS, type InstanceValues } from "./config/instance_options.ts";
import { parseKeys } from "./config/parse_config.ts";
import { rawKeys } from "./config/raw.ts";
import { WORKER_OPTIONS } from "./config/worker_options.ts";
import { CERTIFICATE, KEY } from "./kafka/pem_fixture.ts";
import { kafkaSettings } from "./kafka/settings.ts";
import { kafkaKeys } from "./kafka_keys.ts";

Deno.test("kafkaKeys() passes Kafka's own TLS keys on as they are, and kafkaSettings() reads them", async () => {
  const tls = {
    "security.protocol": "SSL",
    "ssl.truststore.location": "/ca.pem",
    "ssl.truststore.type": "PEM",
    "ssl.keystore.location": "/me.pem",
    "ssl.keystore.type": "PEM",
    "ssl.key.location": "/key.pem",
  };
  const worker = parseKeys(WORKER_OPTIONS, rawKeys({ "bootstrap.servers": "a:1", ...tls }, "test"), "", []);
  const declared: [string, unknown][] = Object.entries(INSTANCE_OPTIONS).map((
    [key, { default: value }],
  ) => [key, value]);
  const raw = kafkaKeys(worker, Object.fromEntries(declared) as unknown as InstanceValues);
  for (const [key, value] of Object.entries(tls)) assertEquals(raw[key], value);
  const { consumer } = await kafkaSettings(raw, {
    readFile: (path) => Promise.resolve(path === "/key.pem" ? KEY : CERTIFICATE),
  });
  assertEquals([consumer.tls!.ca, consumer.tls!.certificate, consumer.tls!.key], [
    CERTIFICATE,
    CERTIFICATE,
    `${KEY}\n`,
  ]);
});
