import { assert, assertEquals, assertThrows } from "@std/assert";
import { Schema } from "apache-arrow";
import { ConfigError, FatalError, types } from "../../api/mod.ts";
import { readYaml } from "../../../tests/support/configuration.ts";
import type { SubjectMapping } from "../table_tools.ts";
import { addressesOf, splitSets, withoutCredentials } from "./addresses.ts";
import { type Draft, draftLines, type DraftTopic } from "./draft.ts";
import { EVOLUTION_NONE, proposeEvolution } from "./propose_evolution.ts";
import { partitionProblem, proposePartitions } from "./propose_partitions.ts";
import { proposeSizes } from "./propose_sizes.ts";
import { askBy } from "./questions.ts";
import { mappingText, shortType } from "./report_text.ts";
import type { ColumnStatistics } from "./statistics.ts";
import { askedSubject, subjectHint, subjectTopic, valueSubjects } from "./subjects.ts";
import { scalar, yamlText } from "./yaml.ts";

const MAPPING: SubjectMapping = {
  subject: "orders-value",
  version: 3,
  id: 1,
  converter: "avro",
  lines: [
    { path: "id", writer: "long", type: types.int64(), nullable: false, note: null, decide: false },
    { path: "a,b", writer: "x # y: z", type: types.utf8(), nullable: true, note: "a: b # c\nd", decide: true },
  ],
  columns: new Schema([types.field("id", types.int64())]),
  columnsJson: ["tree.next", "items[]", "m{}.x"],
  renames: [{ from: "first name", to: "first_name" }],
  notes: ["this is A, the schema's first message"],
  refused: null,
};

const TOPIC: DraftTopic = {
  topic: "orders",
  mapping: MAPPING,
  key: { ...MAPPING, subject: "orders-key" },
  strategy: null,
  partitions: { by: ["date(ts)"], why: "why: #1", alternatives: [{ by: "country", why: "3 values" }] },
  evolution: EVOLUTION_NONE,
  tombstones: 2,
};

const DRAFT: Draft = {
  name: "orders",
  topics: [TOPIC],
  table: "s3://lake/raw: #/${topic}",
  worker: [
    ["bootstrap.servers", "k1:9092,k2:9092"],
    ["schema.registry.url", ["http://r:8081"]],
    [
      "sasl.password",
      "${env:PASSWORD}",
    ],
    ["security.protocol", "SASL_SSL"],
    ["sasl.username", "no"],
  ],
  options: [["commit.interval.ms", "5s"]],
  unwritten: ["schema.registry.bearer.auth.token"],
  sizes: proposeSizes({ rate: null, bytesPerRow: null, kafkaPartitions: 3, tablePartitions: 1 }),
  replication: 1,
};

const environment = { PASSWORD: "secret" };

Deno.test("draftLines() and yamlText() make a configuration that is accepted and says what it was told", async () => {
  const text = yamlText(draftLines(DRAFT));
  const { worker, instances: [orders] } = await readYaml(text, { environment });
  assertEquals([worker["bootstrap.servers"], worker["sasl.username"]], [["k1:9092", "k2:9092"], "no"]);
  assertEquals(worker["sasl.password"]?.reveal(), "secret");
  const { values, connector, transforms, valueConverter } = orders.forTopic("orders");
  assertEquals([orders.name, orders.topics, valueConverter.plugin.name], ["orders", ["orders"], "avro"]);
  assertEquals([connector["table.uri"], connector["partition.by"]], ["s3://lake/raw: #/${topic}", ["date(ts)"]]);
  assertEquals(values["columns.json"], ["tree.next", "items[]", "m{}.x"]);
  assertEquals([values["commit.interval.ms"], values["errors.tolerance"]], [5000, "all"]);
  assertEquals(values["errors.deadletterqueue.topic.name"], "orders-dlq");
  assertEquals(values["errors.deadletterqueue.topic.replication.factor"], 1);
  assertEquals(transforms.length, 1);
  for (
    const said of ["# partition.by: [country]", "# key.converter: avro", "Key columns by orders-key: id", "token is"]
  ) {
    assert(text.includes(said), `"${said}" is not in:\n${text}`);
  }
});

Deno.test("draftLines() puts what differs between topics below per.topic", async () => {
  const clicks = {
    ...TOPIC,
    topic: "web.clicks",
    mapping: { ...MAPPING, converter: "protobuf", columnsJson: [], renames: [] },
    partitions: { by: [], why: "none", alternatives: [] },
  };
  const text = yamlText(draftLines({ ...DRAFT, name: "all", topics: [TOPIC, clicks] }));
  const { instances: [all] } = await readYaml(text, { environment });
  assertEquals(all.topics, ["orders", "web.clicks"]);
  assertEquals(all.forTopic("orders").connector["partition.by"], ["date(ts)"]);
  assertEquals(all.forTopic("web.clicks").connector["partition.by"], []);
  assertEquals(all.forTopic("web.clicks").valueConverter.plugin.name, "protobuf");
});

Deno.test("scalar() quotes whatever YAML would read as something else", () => {
  for (
    const text of ["true", "no", "1.50", "0x10", "2026-01-01", "a: b", "a #b", "", " a", "-1", "*a", "1_000", "null"]
  ) {
    assertEquals(scalar(text), JSON.stringify(text));
  }
  for (const text of ["./lake/${topic}", "date(ts)", "10s", "avro", "s3://b/x", "127.0.0.1:9092", "4"]) {
    assertEquals(scalar(text), text);
  }
});

Deno.test("proposePartitions() takes the time at which a thing happened, by name, nulls and spread", () => {
  const fields = [
    types.field("birth_date", types.date(), false),
    types.field("updated_at", types.timestamp(), false),
    types.field("created_at", types.timestamp(), false),
    types.field("country", types.utf8(), false),
    types.field("name", types.utf8(), false),
  ];
  const found: Record<string, ColumnStatistics> = {
    birth_date: { rows: 1000, nulls: 0, distinct: 900 },
    updated_at: { rows: 1000, nulls: 0, distinct: 3 },
    created_at: { rows: 1000, nulls: 0, distinct: 3 },
    country: { rows: 1000, nulls: 0, distinct: 4 },
    name: { rows: 1000, nulls: 0, distinct: 1000 },
  };
  const made = proposePartitions(fields, (name) => found[name], 1000);
  assertEquals([made.by, made.alternatives.map(({ by }) => by)], [["date(created_at)"], ["country"]]);
  assertEquals(proposePartitions(fields, () => null, 0).by, ["date(created_at)"]);
  assertEquals(proposePartitions([types.field("day", types.date(), false)], () => null, 0).by, ["day"]);
  const none = proposePartitions(
    [types.field("birth_date", types.date()), types.field("n", types.int64())],
    () => null,
    0,
  );
  assertEquals([none.by, none.alternatives.map(({ by }) => by)], [[], ["date(kafka.timestamp)"]]);
  const scattered = { rows: 1000, nulls: 0, distinct: 800 };
  assertEquals(proposePartitions([types.field("ts", types.timestamp())], () => scattered, 1000).by, []);
});

Deno.test("proposePartitions() takes no column that rows of the sample have not: they would be dead letters", () => {
  const fields = [types.field("ts", types.timestamp(), false), types.field("country", types.utf8())];
  const found = { rows: 400, nulls: 0, distinct: 2 };
  assertEquals(proposePartitions(fields, () => found, 400).by, ["date(ts)"]);
  for (const statistics of [() => found, () => null]) {
    const made = proposePartitions(fields, statistics, 1000);
    assertEquals([made.by, made.alternatives.map(({ by }) => by)], [[], ["date(kafka.timestamp)"]]);
  }
});

Deno.test("proposeEvolution() lets a table grow where the sample has records that its first ones have no columns for", () => {
  const group = (reason: string, count: number) => ({ stage: "TASK_PUT" as const, reason, count, examples: [] });
  assertEquals(proposeEvolution({ rejects: [group("bad length", 9)], sampled: 100 }), EVOLUTION_NONE);
  const made = proposeEvolution({ rejects: [group("bad length", 9), group("schema change needed", 20)], sampled: 100 });
  assertEquals([made.value, made.why.includes("20 of the 100 records sampled")], ["add", true]);
  const alone = yamlText(draftLines({ ...DRAFT, topics: [{ ...TOPIC, evolution: made }] }));
  assert(/^ {4}# the table gets columns[^]*^ {4}schema.evolution: add$/m.test(alone), alone);
  const both = yamlText(draftLines({ ...DRAFT, topics: [TOPIC, { ...TOPIC, topic: "b", evolution: made }] }));
  assertEquals(both.match(/^ *schema.evolution: \w+/mg), [
    "    schema.evolution: none",
    "        schema.evolution: add",
  ]);
});

Deno.test("proposeSizes() has the defaults without records, short rounds for much, tasks up to the partitions", () => {
  const none = proposeSizes({ rate: null, bytesPerRow: null, kafkaPartitions: 0, tablePartitions: 0 });
  assertEquals([none.tasksMax.value, none.commitInterval.value, none.fileBytesMax.value], ["1", "1m", "128MiB"]);
  const of = (messagesPerSecond: number, kafkaPartitions: number) => {
    const rate = { messagesPerSecond, bytesPerSecond: messagesPerSecond * 200, over: "the last day" };
    const made = proposeSizes({ rate, bytesPerRow: 100, kafkaPartitions, tablePartitions: 1 });
    return [made.tasksMax.value, made.commitInterval.value, made.fileBytesMax.value];
  };
  assertEquals(of(5, 12), ["1", "1m", "128MiB"]);
  assertEquals(of(40_000, 12), ["1", "10s", "128MiB"]);
  assertEquals(of(200_000, 12), ["4", "10s", "128MiB"]);
  assertEquals(of(200_000, 2), ["2", "10s", "128MiB"]);
});

Deno.test("addressesOf() takes flags, then the environment, then the file, and names the flags that are missing", () => {
  const file = "bootstrap.servers: file:1\nschema.registry.url: http://file\nsasl.password: ${env:P}\n";
  assertEquals(addressesOf({ environment: {}, file, ask: null }), [
    ["bootstrap.servers", "file:1"],
    ["schema.registry.url", "http://file"],
    ["sasl.password", "${env:P}"],
  ]);
  const environment = { SLUICE_BOOTSTRAP_SERVERS: "env:1", SLUICE_SCHEMA_REGISTRY_URL: "http://env" };
  assertEquals(addressesOf({ bootstrap: "flag:1", environment, file, ask: null }), [
    ["bootstrap.servers", "flag:1"],
    ["schema.registry.url", "http://env"],
  ]);
  const error = assertThrows(() => addressesOf({ environment: {}, file: null, ask: null }), ConfigError);
  assertEquals(error.problems.map(({ key }) => key), ["--registry", "--bootstrap"]);
});

Deno.test("askBy() asks again for what is no use, takes the default for nothing, and stops where there is no answer", () => {
  const answers: (string | null)[] = ["", "foo(bar)", "  date(ts) ", "x", null];
  const said: string[] = [];
  const ask = askBy(() => answers.shift()!, (text) => said.push(text));
  const fields = [types.field("ts", types.timestamp()), types.field("n", types.int64())];
  assertEquals(ask("Where?", "here"), "here");
  assertEquals(ask("By?", "none", (text) => partitionProblem([text], fields)), "date(ts)");
  assert(said.length === 1 && said[0].includes('no column "foo(bar)"') && said[0].includes("date(ts)"), said.join());
  assertThrows(() => ask("By?", "none", (text) => partitionProblem([text], fields)), FatalError, "not answered");
  assertEquals(["n", "hour(ts)", "date(kafka.timestamp)"].map((by) => partitionProblem([by], fields)), [
    null,
    null,
    null,
  ]);
  assert(partitionProblem(["ts", "date(n)"], fields)?.includes("needs a time"));
});

Deno.test("addressesOf() and askedSubject() ask where somebody is there to answer", () => {
  const answers = ["", "nowhere", "https://r", "oders-value", "com.x.Order", "orders"];
  const ask = askBy(() => answers.shift()!, () => {});
  assertEquals(addressesOf({ environment: {}, file: null, ask }), [
    ["bootstrap.servers", "127.0.0.1:9092"],
    ["schema.registry.url", "https://r"],
  ]);
  const known = ["com.x.Order", "orders-key", "orders-value"];
  assertEquals(askedSubject(known, ask), { subject: "com.x.Order", topic: "orders" });
  assertThrows(() => askedSubject(["orders-key"], ask), FatalError);
});

Deno.test("splitSets() keeps secrets in clear out of what is written, references to them not", () => {
  const made = splitSets(
    ["sasl.password=geheim", "ssl.key.password=${env:K}", "tasks.max=2", "client.id=x"],
    (key) => key.endsWith("password"),
  );
  assertEquals(made, {
    worker: [["ssl.key.password", "${env:K}"], ["client.id", "x"]],
    options: [["tasks.max", "2"]],
    unwritten: ["sasl.password"],
  });
  assertThrows(() => splitSets(["connectors.a.b=1"], () => false), ConfigError);
  assertThrows(() => splitSets(["a"], () => false), ConfigError);
});

Deno.test("subjectHint() names the topic's subjects, else the nearest one, else what there is", () => {
  const known = ["orders-com.x.Order", "orders-key", "clicks-value", "com.x.Order"];
  const hint = (topic: string, names = known) => subjectHint(subjectTopic({ topic }), names);
  assert(
    hint("orders").includes("knows orders-com.x.Order: name one by --subject, with --topic orders"),
    hint("orders"),
  );
  assert(hint("cliks").includes("did you mean clicks-value?"), hint("cliks"));
  assert(hint("zzz").includes("it has orders-com.x.Order, orders-key, clicks-value"), hint("zzz"));
  assert(hint("zzz", []).includes("no subject at all"));
});

Deno.test("withoutCredentials() uses user and password of the registry's URL, and does not write them", () => {
  const url = (value: string) => [["schema.registry.url", value]] as const;
  assertEquals(withoutCredentials(url("https://me:a%40b:c@r:8081/x,http://you:d@s"), ["a=b"]), {
    worker: [["schema.registry.url", "https://r:8081/x,http://s"]],
    sets: ["a=b", "schema.registry.basic.auth.user.info=me:a@b:c"],
  });
  for (const same of ["http://r:8081", "http://${env:USER}:${env:PASSWORD}@r"]) {
    assertEquals(withoutCredentials(url(same), []), { worker: url(same) as never, sets: [] });
  }
});

Deno.test("subjectTopic() knows the topic by the subject's name, and asks for it where it is not in it", () => {
  assertEquals(subjectTopic({ subject: ":.ctx:orders-value" }).topic, "orders");
  assertEquals(subjectTopic({ topic: "orders" }), { subject: "orders-value", topic: "orders", strategy: null });
  assertEquals(subjectTopic({ subject: "com.x.Order", topic: "orders" }).strategy, "RecordNameStrategy");
  assertEquals(subjectTopic({ subject: "orders-com.x.Order", topic: "orders" }).strategy, "TopicRecordNameStrategy");
  for (const flags of [{}, { subject: "com.x.Order" }, { subject: "orders-key" }]) {
    assertThrows(() => subjectTopic(flags), ConfigError);
  }
  const { found, others } = valueSubjects(["a-value", "a-key", "com.x.Order"]);
  assertEquals([found.map(({ topic }) => topic), others], [["a"], ["com.x.Order"]]);
});

Deno.test("mappingText() marks what is to be decided, and shortens structs", () => {
  const text = mappingText(MAPPING, (type) => String(type));
  assert(text.includes("1 to decide") && text.includes("! a: b"), text);
  assertEquals(shortType("map<string, struct<a: array<struct<b: int>>, c: int>>"), "map<string, struct>");
  assertEquals(shortType("array<string>"), "array<string>");
});
