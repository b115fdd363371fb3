import { assert, assertEquals } from "@std/assert";
import { INSTANCE_OPTIONS, type InstanceValues } from "../runtime/config/instance_options.ts";
import { CERTIFICATE, ENCRYPTED_KEY, KEY_PASSWORD } from "../runtime/kafka/pem_fixture.ts";
import { kafkaSettings } from "../runtime/kafka/settings.ts";
import { kafkaKeys } from "../runtime/kafka_keys.ts";
import { readYaml } from "./support/configuration.ts";

const text = await Deno.readTextFile(new URL("../runtime/kafka/SECURITY.md", import.meta.url));
const examples = [...text.matchAll(/```yaml\n([^]*?)```/g)].map(([, example]) => example);
const connector =
  "connectors: { orders: { connector: file-sink, topics: [orders], value.converter: json, file.path: /tmp/orders } }\n";
const surroundings = {
  environment: { KEY_PASSWORD, CLIENT_SECRET: "hidden" },
  files: { "/run/secrets/kafka.properties": "password=hidden" },
};
const pems: Readonly<Record<string, string>> = {
  "/etc/kafka/ca.pem": CERTIFICATE,
  "/etc/kafka/client.pem": CERTIFICATE,
  "/etc/kafka/client.key": ENCRYPTED_KEY,
};

Deno.test("SECURITY.md: every example is accepted, and leads to the login that it is about", async () => {
  const declared = Object.fromEntries(Object.entries(INSTANCE_OPTIONS).map(([key, option]) => [key, option.default]));
  const found: string[] = [];
  for (const example of examples) {
    const { worker } = await readYaml(example + connector, surroundings);
    const raw = kafkaKeys(worker, declared as unknown as InstanceValues);
    const { admin } = await kafkaSettings(raw, { readFile: (path) => Promise.resolve(pems[path]) });
    assert(admin.tls !== null);
    found.push(admin.sasl?.mechanism ?? (admin.tls.key ? "mTLS" : "TLS"));
  }
  assertEquals(found, ["TLS", "mTLS", "SCRAM-SHA-512", "OAUTHBEARER", "OAUTHBEARER", "AWS_MSK_IAM"]);
});
