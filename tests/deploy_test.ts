import { assert, assertEquals, assertMatch } from "@std/assert";
import { loadConfig } from "../runtime/config/load.ts";
import { readYaml } from "./support/configuration.ts";

const read = (name: string) => Deno.readTextFile(new URL(`../deploy/${name}`, import.meta.url));
/** The file's values by dotted key, e.g. `services.kafka.image`. */
const compose = loadConfig(await read("compose.yaml"), "compose.yaml", () => true).worker;
const services = new Set([...compose.keys()].flatMap((key) => /^services\.([^.]+)\./.exec(key)?.[1] ?? []));
const valueOf = (service: string, key: string) => compose.get(`services.${service}.${key}`)?.value;
const listOf = (service: string, key: string) => {
  const value = valueOf(service, key);
  return Array.isArray(value) ? value.map(String) : [];
};

Deno.test("compose.yaml has Kafka, a registry and an S3 server", () => {
  assertEquals([...services], ["kafka", "registry", "s3"]);
});

Deno.test("compose.yaml pins every image to a version", () => {
  for (const service of services) assertMatch(String(valueOf(service, "image")), /^[\w./-]+:v?\d+\.\d+\.\d+[\w.]*$/);
});

Deno.test("compose.yaml binds every port to 127.0.0.1", () => {
  for (const service of services) {
    const ports = listOf(service, "ports");
    assert(ports.length > 0, `${service} has no port`);
    for (const port of ports) assertMatch(port, /^127\.0\.0\.1:\d+:\d+$/);
  }
});

Deno.test("compose.yaml has a health check for every service", () => {
  for (const service of services) {
    assert(listOf(service, "healthcheck.test").length > 1, `${service} has no health check`);
  }
});

Deno.test("deploy/sluice.yaml is accepted, and reaches the services of compose.yaml", async () => {
  const { worker, instances } = await readYaml(await read("sluice.yaml"));
  assertEquals(instances.map(({ name, topics }) => [name, topics]), [["orders", ["orders", "clicks"]]]);
  const published = [...services].flatMap((service) =>
    listOf(service, "ports").map((port) => port.replace(/:\d+$/, ""))
  );
  const addresses = [...worker["bootstrap.servers"], ...worker["schema.registry.url"].map((url) => new URL(url).host)];
  assertEquals(addresses.filter((address) => !published.includes(address)), []);
});
