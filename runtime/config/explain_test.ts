import { assert, assertEquals } from "@std/assert";
import { plugins } from "../cli/parts.ts";
import { explainConfig } from "./explain.ts";
import { readConfig } from "./read_config.ts";

const YAML = `
bootstrap.servers: b:9092
schema.registry.url: http://ann:open%20sesame@registry:8081
key.converter: string
worker.threads: 1
http.auth: basic
http.auth.users: { alice: open sesame }
connectors:
  orders:
    connector.class: DeltaSinkConnector
    topics: orders
    tasks.max: 4
    value.converter: avro
    table.uri: \${env:LAKE}/orders
    commit.interval.ms: 5s
    s3.access.key.id: AKIA
    s3.secret.access.key: \${env:SECRET}
    consumer.override.sasl.password: hush
    consumer.override.fetch.max.bytes: 1000
    transforms: a
    transforms.a.type: org.x.InsertField$Value
    transforms.a.offset.field: o
    predicates: p
    predicates.p.type: TopicNameMatches
    predicates.p.pattern: x
    per.topic.orders.file.bytes.max: 1MiB
`;

async function explained() {
  const config = await readConfig({
    path: "sluice.yaml",
    sets: ["commit.interval.ms=7s"],
    environment: { SECRET: "s3cret", LAKE: "s3://lake", SLUICE_CONNECTORS__ORDERS__MEMORY_BYTES: "32MiB" },
    readTextFile: () => Promise.resolve(YAML),
  }, plugins);
  const { worker, connectors } = explainConfig(config);
  const text = JSON.stringify({ worker, connectors });
  assert(!/s3cret|hush|AKIA|sesame/.test(text), text);
  const find = (rows: typeof worker) => (key: string) => rows.find((row) => row.key === key);
  return { worker: find(worker), orders: find(connectors.orders), rows: connectors.orders };
}

Deno.test("explainConfig() says what each option is and where from", async () => {
  const { orders, worker, rows } = await explained();
  assertEquals(rows.length, new Set(rows.map(({ key }) => key)).size);
  const wanted: [key: string, value: string | null, from: string][] = [
    ["connector", "delta-sink", "sluice.yaml"],
    ["commit.interval.ms", "7s", "--set"],
    ["memory.bytes", "32MiB", "SLUICE_CONNECTORS__ORDERS__MEMORY_BYTES"],
    ["commit.timeout.ms", "30s", "default"],
    ["errors.deadletterqueue.topic.name", null, "default"],
    ["key.converter", "string", "worker"],
    ["schema.registry.url", "http://[hidden]@registry:8081", "worker"],
    ["table.uri", "${env:LAKE}/orders", "sluice.yaml"],
    ["s3.access.key.id", "[hidden]", "sluice.yaml"],
    ["s3.secret.access.key", "${env:SECRET}", "sluice.yaml"],
    ["s3.session.token", null, "default"],
    ["consumer.override.sasl.password", "[hidden]", "sluice.yaml"],
    ["consumer.override.fetch.max.bytes", "1000", "sluice.yaml"],
    ["transforms.a.type", "org.x.InsertField$Value (InsertField)", "sluice.yaml"],
    ["transforms.a.offset.field", "o", "sluice.yaml"],
    ["per.topic.orders.file.bytes.max", "1MiB", "sluice.yaml"],
  ];
  for (const [key, value, from] of wanted) {
    assertEquals([key, orders(key)?.value, orders(key)?.from], [key, value, from]);
  }
  assertEquals([orders("table.uri")?.note, orders("s3.secret.access.key")?.note], ["is s3://lake/orders", undefined]);
  assertEquals(worker("http.auth.users.alice")?.value, "[hidden]");
  assertEquals(worker("bootstrap.servers")?.value, "b:9092");
});

Deno.test("explainConfig() names what has no effect, or less than it says", async () => {
  const { orders, worker } = await explained();
  assertEquals(orders("tasks.max")?.note, "worker.threads leaves it 1");
  assertEquals(orders("predicates.p.pattern")?.note, "has no effect: no transform names the predicate p");
  assertEquals(worker("schema.registry.url")?.note, undefined);
  const config = await readConfig({
    path: null,
    connector: "file-sink",
    sets: ["bootstrap.servers=b:1", "topics=t", "file.path=/x", "value.converter=json", "schema.registry.url=http://r"],
    environment: {},
    readTextFile: () => Promise.reject(new Deno.errors.NotFound()),
  }, plugins);
  const unused = explainConfig(config).worker.find(({ key }) => key === "schema.registry.url");
  assert(unused?.note?.startsWith("has no effect"), JSON.stringify(unused));
});
