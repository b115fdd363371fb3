import { assert, assertEquals } from "@std/assert";
import { plugins } from "../cli/parts.ts";
import { kafkaKeys } from "../kafka_keys.ts";
import { kafkaSettings } from "../kafka/settings.ts";
import { type ConfigContext, configInfos } from "./config_infos.ts";
import { configKeys } from "./config_keys.ts";
import { INSTANCE_OPTIONS } from "./instance_options.ts";
import { parseKeys } from "./parse_config.ts";
import { rawKeys } from "./raw.ts";
import { WORKER_OPTIONS } from "./worker_options.ts";

const WORKER = rawKeys({ "bootstrap.servers": "b:1", "schema.registry.url": "http://registry:8081" });
const CONTEXT: ConfigContext = {
  plugins,
  passedOn: WORKER,
  references: {
    environment: { SECRET: "s3cret" },
    readTextFile: () => Promise.reject(new Deno.errors.NotFound()),
  },
  checkClients: (values) => kafkaSettings(kafkaKeys(parseKeys(WORKER_OPTIONS, WORKER, "", []), values)),
};
const GOOD = {
  name: "orders",
  "connector.class": "DeltaSinkConnector",
  topics: "orders",
  "value.converter": "json",
  "table.uri": "s3://lake/orders",
};

async function infos(config: Record<string, string>) {
  const found = await configInfos(config, CONTEXT);
  const of = (key: string) => found.configs.find(({ value }) => value.name === key);
  const errors = Object.fromEntries(
    found.configs.filter(({ value }) => value.errors.length > 0).map(({ value }) => [value.name, value.errors]),
  );
  return { ...found, of, errors };
}

Deno.test("configInfos() finds nothing wrong with what is right, and has each key once", async () => {
  const { error_count, errors, name, groups, configs } = await infos(GOOD);
  assertEquals([error_count, errors, name], [0, {}, "DeltaSinkConnector"]);
  assert(groups.includes("Source") && groups.includes("Errors"));
  const keys = configs.map(({ value }) => value.name);
  assertEquals(keys.length, new Set(keys).size);
  assertEquals(keys.slice(0, 3), ["name", "connector.class", "topics"]);
  assert(configs.every(({ definition, value }) => definition.name === value.name && value.visible));
});

Deno.test("configInfos() describes options as Connect does", async () => {
  const { of } = await infos({ ...GOOD, "commit.interval.ms": "30s", "errors.tolerance": "none" });
  assertEquals(of("commit.interval.ms"), {
    definition: {
      name: "commit.interval.ms",
      type: "LONG",
      required: false,
      default_value: "60000",
      importance: "HIGH",
      documentation: of("commit.interval.ms")!.definition.documentation,
      group: "Commits",
      order: 1,
      width: "SHORT",
      display_name: "Commit interval ms",
      dependents: [],
    },
    value: { name: "commit.interval.ms", value: "30000", recommended_values: [], errors: [], visible: true },
  });
  assertEquals(of("errors.tolerance")!.value.recommended_values, ["none", "all"]);
  assertEquals(of("connector.class")!.definition.type, "CLASS");
  assertEquals(of("connector.class")!.value.recommended_values, ["delta-sink", "file-sink"]);
  assertEquals(of("table.uri")!.definition.required, true);
  assertEquals(of("file.bytes.max")!.value.value, String(128 * 1024 * 1024));
  assertEquals(of("topics")!.definition.type, "LIST");
  assertEquals(of("tasks.max")!.definition.type, "INT");
});

Deno.test("configInfos() says of each key what is wrong with it, unknown ones too", async () => {
  const { errors, error_count } = await infos({
    ...GOOD,
    "table.uri": "",
    "tasks.max": "x",
    "comit.interval.ms": "1s",
    "value.converter": "jsn",
    "errors.tolerance": "all",
    "consumer.override.fetch.max.byte": "1",
    "transforms": "a,b",
    "transforms.a.type": "InsertFeld",
    "transforms.c.type": "InsertField",
  });
  const wanted: Record<string, RegExp> = {
    "tasks.max": /must be a whole number/,
    "comit.interval.ms": /is no option; did you mean "commit.interval.ms"/,
    "value.converter": /must be one of .*did you mean "json"/,
    "errors.tolerance": /would be lost/,
    "transforms.a.type": /must be one of/,
    "transforms.b.type": /is missing/,
    "transforms.c": /has no effect: "c" is not in transforms/,
  };
  for (const [key, pattern] of Object.entries(wanted)) {
    assert(errors[key]?.some((why) => pattern.test(why)), `${key}: ${JSON.stringify(errors)}`);
  }
  assertEquals(error_count, Object.values(errors).flat().length);
});

Deno.test("configInfos() covers converters, header converter, transforms, predicates and clients", async () => {
  const { of, errors } = await infos({
    ...GOOD,
    "value.converter": "avro",
    "key.converter": "json",
    "key.converter.json.timestamp.nanos": "x",
    "consumer.override.fetch.max.byte": "1",
    "transforms": "a",
    "transforms.a.type": "InsertField",
    "transforms.a.offset.field": "o",
    "transforms.a.predicate": "p",
    "predicates": "p",
    "predicates.p.type": "TopicNameMatches",
    "predicates.p.pattern": "x.*",
    "per.topic.orders.file.bytes.max": "1MiB",
  });
  assertEquals(of("schema.registry.url")!.value.value, "http://registry:8081");
  assertEquals(of("transforms.a.type")!.definition.type, "CLASS");
  assertEquals(of("transforms.a.offset.field")!.value.value, "o");
  assertEquals(of("transforms.a.predicate")!.value.recommended_values, ["p"]);
  assertEquals(of("predicates.p.pattern")!.value.value, "x.*");
  assertEquals(of("per.topic.orders.file.bytes.max")!.definition.type, "LONG");
  assert(Object.keys(errors).includes("key.converter.json.timestamp.nanos"), JSON.stringify(errors));
  const clients = await infos({ ...GOOD, "consumer.override.fetch.max.byte": "1" });
  assertEquals(Object.keys(clients.errors), ["consumer.override.fetch.max.byte"]);
});

Deno.test("configInfos() shows no secret, and references as they are", async () => {
  const found = await infos({
    ...GOOD,
    "s3.access.key.id": "AKIA",
    "s3.secret.access.key": "${env:SECRET}",
    "s3.session.token": "${env:GONE}",
    "consumer.override.sasl.password": "hush",
  });
  assertEquals(found.of("s3.access.key.id")!.value.value, "[hidden]");
  assertEquals(found.of("s3.secret.access.key")!.value.value, "${env:SECRET}");
  assertEquals(found.errors["s3.session.token"], ["cannot resolve ${env:GONE}: provider env has no variable GONE"]);
  assertEquals(found.of("s3.access.key.id")!.definition.type, "PASSWORD");
  const text = JSON.stringify(found);
  assert(!/AKIA|s3cret|hush/.test(text), text);
});

Deno.test("configInfos() suggests something for the first of many unknown keys, and takes its time for no more", async () => {
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`topcs${i}`, "t"]));
  const { errors } = await infos({ ...GOOD, topcs: "t", ...many });
  assertEquals(Object.keys(errors).length, 5001);
  assertEquals(errors.topcs, ['is no option; did you mean "topics"?']);
  assertEquals(errors.topcs4999, ["is no option"]);
});

Deno.test("configInfos() refuses names that no URL and no group can hold", async () => {
  for (const name of [".", "..", "a/b", "a b", "x".repeat(250)]) {
    assertEquals((await infos({ ...GOOD, name })).errors.name?.length, 1, name);
  }
  for (const name of ["...", ".a", "x".repeat(249)]) {
    assertEquals((await infos({ ...GOOD, name })).error_count, 0, name);
  }
});

Deno.test("configInfos() misses name, connector and topics where they are missing", async () => {
  const { errors } = await infos({});
  for (const key of ["name", "connector.class", "topics"]) assert(errors[key]?.length > 0, JSON.stringify(errors));
});

Deno.test("configKeys() has a type of Connect's for every option", () => {
  for (const info of configKeys(INSTANCE_OPTIONS)) {
    assert(["BOOLEAN", "STRING", "INT", "LONG", "DOUBLE", "LIST", "CLASS", "PASSWORD"].includes(info.type), info.name);
    assert(info.documentation.length > 0 && info.order > 0, info.name);
  }
});
