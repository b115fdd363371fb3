import { assertEquals } from "@std/assert";
import { plugins } from "../cli/parts.ts";
import { readConfig } from "./read_config.ts";

const YAML = `
bootstrap.servers: b:9092
connectors:
  orders:
    connector: delta-sink
    topics: [orders, clicks]
    value.converter: avro
    schema.registry.url: http://registry:8081
    value.converter.json.timestamp.nanos: reject
    table.uri: ./lake/\${topic}
    per.topic:
      clicks: { value.converter: protobuf, partition.by: [] }
`;

Deno.test("readConfig() lets options of a command win over the file and over what single topics say", async () => {
  const sets = ["partition.by=b", "per.topic.clicks.partition.by=c", "json.timestamp.nanos=truncate"];
  const { instances: [orders] } = await readConfig({
    path: "sluice.yaml",
    options: ["value.converter=json", ...sets],
    environment: {},
    readTextFile: () => Promise.resolve(YAML),
  }, plugins);
  for (const [topic, by] of [["orders", "b"], ["clicks", "c"]]) {
    const { plugin, config } = orders.forTopic(topic).valueConverter;
    assertEquals([plugin.name, config["json.timestamp.nanos"]], ["json", "truncate"]);
    assertEquals(orders.connectorConfig.forTopic(topic)["partition.by"], [by]);
  }
});
