import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  ConfigError,
  type ConverterPlugin,
  option,
  Secret,
  type SinkConnector,
  type TransformPlugin,
} from "../api/mod.ts";
import { type ConfigSource, readConfig } from "./read_config.ts";
import type { Plugins } from "./resolve_instance.ts";

const never = () => {
  throw new Error("not for these tests");
};
const registry = {
  "schema.registry.url": option.list({ doc: "Where the registry is.", default: [] }),
  "schema.registry.basic.auth.user.info": option.secret({ doc: "User and password." }),
};
const converter = (name: string, options: ConverterPlugin["options"]): ConverterPlugin => ({
  name,
  options,
  create: never,
});
const deltaSink: SinkConnector = {
  name: "delta-sink",
  version: "1",
  options: {
    "table.uri": option.string({ doc: "Where the table is." }),
    "partition.by": option.list({ doc: "Partition columns.", default: [] }),
    "topic.recreated": option.oneOf(["fail", "restart"], { doc: "What to do.", default: "fail", perTopic: false }),
  },
  check: never,
  createTask: never,
};
const insertField: TransformPlugin = {
  name: "insert-field",
  options: { "static.field": option.string({ doc: "The field's name." }) },
  sides: ["value"],
  create: never,
};
const plugins: Plugins = {
  connectors: [deltaSink],
  converters: [
    converter("avro", { ...registry, "value.schema": option.optionalString({ doc: "A schema." }) }),
    converter("json", { "json.bigint": option.boolean({ doc: "As text.", default: false }) }),
    converter("bytes", {}),
    converter("string", {}),
  ],
  transforms: [insertField],
  predicates: [{ name: "topic-name-matches", options: { pattern: option.string({ doc: "A pattern." }) } }],
};

const EXAMPLE = `
bootstrap.servers: 127.0.0.1:9092
schema.registry.url: http://127.0.0.1:8081/apis/ccompat/v7
http.listen: 127.0.0.1:8083
log.level: info
connectors:
  orders:
    connector: delta-sink
    topics: [orders, clicks]
    tasks.max: 2
    key.converter: string
    value.converter: avro
    table.uri: ./lake/\${topic}
    partition.by: [date(ts)]
    commit.interval.ms: 60000
    errors.tolerance: all
    errors.deadletterqueue.topic.name: orders-dlq
    per.topic:
      clicks: { value.converter: json, partition.by: [] }
`;

function read(text: string, source: Partial<ConfigSource> & { file?: string; files?: Record<string, string> } = {}) {
  const files: Record<string, string> = { ...source.files, [source.file ?? "sluice.yaml"]: text };
  const readTextFile = (path: string) =>
    path in files ? Promise.resolve(files[path]) : Promise.reject(new Deno.errors.NotFound(path));
  return readConfig({ path: source.file ?? "sluice.yaml", environment: {}, readTextFile, ...source }, plugins);
}

/** The problems of a configuration, as lines. */
async function problemsOf(...args: Parameters<typeof read>): Promise<string[]> {
  const error = await assertRejects(() => read(...args), ConfigError);
  return error.message.split("\n");
}

Deno.test("readConfig() reads the README's example", async () => {
  const { worker, instances: [orders] } = await read(EXAMPLE);
  assertEquals(worker["bootstrap.servers"], ["127.0.0.1:9092"]);
  assertEquals(worker["http.listen"], "127.0.0.1:8083");
  assertEquals([orders.name, orders.plugin, orders.topics], ["orders", deltaSink, ["orders", "clicks"]]);
  assertEquals(orders.values["commit.interval.ms"], 60_000);
  assertEquals(orders.values["commit.timeout.ms"], 30_000);
  assertEquals(orders.connectorConfig.values["table.uri"], "./lake/${topic}");
  assertEquals(orders.connectorConfig.forTopic("orders")["partition.by"], ["date(ts)"]);
  assertEquals(orders.connectorConfig.forTopic("clicks")["partition.by"], []);
  const { valueConverter, keyConverter } = orders.forTopic("orders");
  assertEquals([keyConverter.plugin.name, valueConverter.plugin.name], ["string", "avro"]);
  assertEquals(valueConverter.config["schema.registry.url"], ["http://127.0.0.1:8081/apis/ccompat/v7"]);
  assertEquals(orders.forTopic("clicks").valueConverter.plugin.name, "json");
});

Deno.test("readConfig() reads nested maps and dotted keys alike", async () => {
  const nested = await read(`
bootstrap: { servers: "a:1" }
connectors.orders:
  connector: delta-sink
  topics: orders
  value: { converter: json }
  table: { uri: x }
  commit: { interval: { ms: 5s } }
`);
  const dotted = await read(`
bootstrap.servers: a:1
connectors.orders.connector: delta-sink
connectors.orders.topics: orders
connectors.orders.value.converter: json
connectors: { orders.table.uri: x, orders: { commit.interval.ms: 5s } }
`);
  assertEquals(dotted.worker, nested.worker);
  assertEquals(dotted.instances[0].values, nested.instances[0].values);
  assertEquals(nested.instances[0].values["commit.interval.ms"], 5000);
});

Deno.test("readConfig() reports every problem at once, with the nearest known key", async () => {
  const problems = await problemsOf(`
boostrap.servers: 127.0.0.1:9092
log.level: inf
connectors:
  orders:
    connector: delta-sync
    topics: [orders]
    comit.interval.ms: 60s
    tasks.max: 0
    value.converter: avro
    errors.tolerance: all
`);
  assertEquals(problems, [
    'boostrap.servers: is no option; did you mean "bootstrap.servers"?',
    "bootstrap.servers: is missing; brokers to begin with, host:port",
    'log.level = inf: must be one of debug, info, warn, error; did you mean "info"?',
    'connectors.orders.connector = delta-sync: must be one of delta-sink; did you mean "delta-sink"?',
    "connectors.orders.tasks.max = 0: must be between 1 and 256",
    "connectors.orders.errors.tolerance = all: records that cannot be used would be lost: set " +
    "errors.deadletterqueue.topic.name, or errors.skip.acknowledged = true to lose them",
  ]);
  assertEquals(
    await problemsOf(EXAMPLE.replace("commit.interval", "comit.interval").replace("table.uri", "table.url")),
    [
      'connectors.orders.table.url: is no option; did you mean "table.uri"?',
      'connectors.orders.comit.interval.ms: is no option; did you mean "commit.interval.ms"?',
      "connectors.orders.table.uri: is missing; where the table is",
    ],
  );
});

Deno.test("readConfig() says where an option belongs that stands beside connectors, and refuses no key twice", async () => {
  assertEquals(await problemsOf(`tasks.max: 3\n${EXAMPLE}`), [
    "tasks.max: is no option of the worker, but one of connectors: put it below connectors.NAME",
  ]);
  const twice = await problemsOf(
    EXAMPLE.replace("    value.converter:", "    value.converter.schma: x\n    value.converter:"),
  );
  assertEquals(twice.filter((problem) => problem.includes("schma")).length, 1, twice.join());
});

Deno.test("readConfig() prefers the command line to the environment, and that to the file", async () => {
  const environment = {
    SLUICE_CONNECTORS__ORDERS__COMMIT_INTERVAL_MS: "2000",
    SLUICE_TASKS_MAX: "3",
    SLUICE_BOOTSTRAP_SERVERS: "b:1,c:2",
    SLUICE_CONNECTORS__ORDERS__PER_TOPIC__CLICKS__TABLE_URI: "elsewhere",
    SLUICE_CACHE: "/tmp",
    PATH: "/bin",
  };
  const sets = ["connectors.orders.commit.interval.ms=1000", "http.listen=off", "topics=[orders, clicks, more]"];
  const { worker, instances: [orders] } = await read(EXAMPLE, { environment, sets });
  assertEquals(orders.values["commit.interval.ms"], 1000);
  assertEquals(orders.values["tasks.max"], 3);
  assertEquals(orders.values.topics, ["orders", "clicks", "more"]);
  assertEquals(orders.forTopic("clicks").connector["table.uri"], "elsewhere");
  assertEquals(worker["bootstrap.servers"], ["b:1", "c:2"]);
  assertEquals(worker["http.listen"], "off");
});

Deno.test("readConfig() names the source of an override that is wrong", async () => {
  const environment = { SLUICE_TASK_MAX: "3", SLUICE_CONNECTORS__ORDRES__TOPICS: "a" };
  const sets = ["connectors.order.tasks.max=1", "nonsense", "commit.interval.ms=soon"];
  assertEquals(await problemsOf(EXAMPLE, { environment, sets }), [
    "SLUICE_CONNECTORS__ORDRES__TOPICS: names no option of an instance; variables of instances begin with " +
    "SLUICE_CONNECTORS__ORDERS__",
    'connectors.order.tasks.max: names no instance that is configured (orders); did you mean "orders"? (given by --set)',
    "--set nonsense: is no override: write --set key=value",
    'connectors.orders.task.max: is no option; did you mean "tasks.max"? (given by SLUICE_TASK_MAX)',
    'connectors.orders.commit.interval.ms = soon: must be a duration such as "30s", or bare milliseconds >= 100ms ' +
    "(given by --set)",
  ]);
});

Deno.test("readConfig() resolves references and never shows what they held", async () => {
  const text = EXAMPLE.replace(
    "log.level: info",
    "sasl.mechanism: PLAIN\nlog.level: ${env:LEVEL}\nsasl.password: hunter2",
  )
    .replace("60000", "${file:/run/s.properties:interval}").replace("./lake/", "${dir:/run/lake:uri}/");
  const files = { "/run/s.properties": "interval = 5m", "/run/lake/uri": "s3://lake\n" };
  const good = text.replace("sasl.mechanism: PLAIN\n", "security.protocol: SASL_SSL\nsasl.username: me\n");
  const { worker, instances: [orders], raw } = await read(good, { files, environment: { LEVEL: "warn" } });
  assertEquals(worker["log.level"], "warn");
  assertEquals(worker["sasl.password"]?.reveal(), "hunter2");
  assert(worker["sasl.password"] instanceof Secret);
  assertEquals(orders.values["commit.interval.ms"], 300_000);
  assertEquals(orders.connectorConfig.values["table.uri"], "s3://lake/${topic}");
  structuredClone(raw);

  const bad = await problemsOf(text, {
    files: { "/run/s.properties": "interval = s3cret" },
    environment: { LEVEL: "s3cret" },
  });
  assert(!bad.join().includes("s3cret") && !bad.join().includes("hunter2"), bad.join("\n"));
  assert(bad.includes(
    "connectors.orders.table.uri: cannot resolve ${dir:/run/lake:uri}: provider dir cannot read " +
      "/run/lake/uri (NotFound)",
  ));
  assert(bad.some((line) => line.startsWith("log.level = ${env:LEVEL}: must be one of")));
  assert(
    bad.some((line) => line.startsWith("sasl.password = [hidden]: has no effect with security.protocol = PLAINTEXT")),
  );
});

Deno.test("readConfig() names the line and column of a YAML syntax error", async () => {
  const [problem] = await problemsOf("a: 1\nb: [1, 2\nc: s3cret");
  assert(/^sluice\.yaml: cannot be read: .* at line 3, column 1$/.test(problem), problem);
  const [twice] = await problemsOf("connectors:\n  o:\n    commit.interval.ms: 1\n    commit: { interval.ms: 2 }");
  assertEquals(
    twice,
    'connectors.o.commit.interval.ms: is given twice: as "commit.interval.ms" and as "commit > interval.ms"; keep one',
  );
});

Deno.test("readConfig() takes Kafka Connect's properties and JSON", async () => {
  const keys = {
    "bootstrap.servers": "a:1",
    "connector.class": "io.example.DeltaSinkConnector",
    "topics": "orders",
    "value.converter": "io.confluent.connect.avro.AvroConverter",
    "value.converter.schema.registry.url": "http://r:1",
    "key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
    "table.uri": "x",
    "transforms": "a",
    "transforms.a.type": "org.apache.kafka.connect.transforms.InsertField$Value",
    "transforms.a.static.field": "f",
  };
  const properties = "# ours\nname = orders\n" + Object.entries(keys).map(([k, v]) => `${k}=${v}`).join("\n");
  const json = JSON.stringify({ name: "orders", config: keys });
  for (const [file, text] of [["o.properties", properties], ["o.json", json]]) {
    const { worker, instances: [orders] } = await read(text, { file });
    assertEquals([orders.name, orders.plugin.name], ["orders", "delta-sink"]);
    assertEquals(worker["bootstrap.servers"], ["a:1"]);
    const { keyConverter, valueConverter, transforms } = orders.forTopic("orders");
    assertEquals([keyConverter.plugin.name, valueConverter.plugin.name], ["bytes", "avro"]);
    assertEquals(valueConverter.config["schema.registry.url"], ["http://r:1"]);
    assertEquals(transforms.map((step) => [step.alias, step.plugin.name]), [["a", "insert-field"]]);
  }
});

Deno.test("readConfig() refuses options that have no effect together", async () => {
  const problems = await problemsOf(`
bootstrap.servers: a:1
connectors:
  o:
    connector: delta-sink
    topics: [a.b, c]
    topics.regex: x
    value.converter: json
    value.schema: x
    table.uri: x
    errors.deadletterqueue.topic.name: c
    transforms: [one]
    transforms.one: { type: insert-field, static.field: f, negate: true }
    transforms.two.type: insert-field
    per.topic: { a.b: { tasks.max: 2, topic.recreated: restart }, d: { tombstones: skip } }
`);
  assertEquals(problems, [
    'connectors.o.transforms.two: has no effect: "two" is not in transforms',
    "connectors.o.transforms.one.negate: has no effect without transforms.one.predicate",
    "connectors.o.per.topic.a.b.tasks.max: holds for all topics of an instance; move it out of per.topic",
    "connectors.o.per.topic.a.b.topic.recreated: holds for all topics of an instance; move it out of per.topic",
    "connectors.o.value.schema: has no effect with the converters bytes and json: it is an option of avro",
    "connectors.o.topics.regex = x: excludes topics: keep one of the two",
    "connectors.o.errors.deadletterqueue.topic.name = c: has no effect without errors.tolerance = all: the first such " +
    "record stops the task",
  ]);
});

Deno.test("readConfig() refuses a dead-letter topic that is read, and topics that are not", async () => {
  assertEquals(await problemsOf(EXAMPLE.replace("orders-dlq", "clicks").replace("      clicks:", "      click:")), [
    "connectors.orders.errors.deadletterqueue.topic.name = clicks: is among the topics that are read: every dead letter " +
    "would come back",
    'connectors.orders.per.topic.click: has no effect: the topic is not in topics; did you mean "clicks"?',
  ]);
});

Deno.test("readConfig() picks instances by kind and name, or makes one without a file", async () => {
  assertEquals((await read(EXAMPLE, { connector: "delta-sink", name: "orders" })).instances.length, 1);
  assertEquals(await problemsOf(EXAMPLE, { name: "order" }), [
    '--name = order: no instance has this name (orders); did you mean "orders"?',
  ]);
  assertEquals(await problemsOf(EXAMPLE, { connector: "file-sink" }), [
    "--connector = file-sink: no instance is of this kind: orders is delta-sink",
  ]);
  const sets = ["bootstrap.servers=a:1", "topics=t", "value.converter=json", "table.uri=x"];
  const { instances: [made] } = await read("", { path: null, connector: "delta-sink", sets });
  assertEquals([made.name, made.topics], ["delta-sink", ["t"]]);
});

Deno.test("readConfig() gives the rules and predicates of a topic", async () => {
  const { instances: [orders] } = await read(
    EXAMPLE + `
    validate: { order.id.required: true, price: { min: 0.10, max: "12345678901234567890" }, s.one.of: [a, b] }
    predicates: [p]
    predicates.p: { type: topic-name-matches, pattern: x }
    transforms: [t]
    transforms.t: { type: insert-field, static.field: f, predicate: p, negate: true }
`.replace("    validate", "    validate"),
  );
  const { rules, transforms: [step] } = orders.forTopic("orders");
  assertEquals(rules, [
    { field: "order.id", required: true },
    { field: "price", min: "0.1", max: "12345678901234567890" },
    { field: "s", oneOf: ["a", "b"] },
  ]);
  assertEquals([step.negate, step.predicate?.plugin.name, step.predicate?.config.pattern], [
    true,
    "topic-name-matches",
    "x",
  ]);
});

Deno.test("readConfig() compiles CEL rules, and says what is wrong with each", async () => {
  const rules = (text: string) => `${EXAMPLE}    validate: { ${text} }\n`;
  const { instances: [orders] } = await read(rules('eur: { cel: "value.amount > 0", message: "no amount" }'));
  assertEquals([orders.hasExpressions, orders.forTopic("orders").expressions], [true, [
    { name: "eur", expression: "value.amount > 0", message: "no amount" },
  ]]);
  const { instances: [plain] } = await read(EXAMPLE);
  assertEquals([plain.hasExpressions, plain.forTopic("orders").expressions], [false, []]);
  assertEquals(await problemsOf(rules('a.cel: "value.x >", b.cel: "amount > 0", c.cel: "value.x.startWith(1)"')), [
    "connectors.orders.validate.a.cel = value.x >: is no CEL expression: <input>:1:9: found > but expecting end of input",
    'connectors.orders.validate.b.cel = amount > 0: names "amount", and an expression has value, message, key, headers, ' +
    "topic, partition, offset, timestamp; a field of the record is value.<field>",
    'connectors.orders.validate.c.cel = value.x.startWith(1): calls "startWith", which CEL does not have; did you mean ' +
    '"startsWith"?',
  ]);
});

Deno.test("readConfig() loads a format where it is chosen and an option with a check is set, and then checks it", async () => {
  const loaded: string[] = [];
  const format = (name: string): ConverterPlugin => ({
    ...converter(name, {
      [`${name}.schema`]: option.optionalString({
        doc: "A schema.",
        check: (text) => loaded.includes(name) && text === "bad" ? "is no schema" : null,
      }),
    }),
    load: () => Promise.resolve(void loaded.push(name)),
  });
  const known = { ...plugins, converters: [format("one"), format("two"), converter("bytes", {})] };
  const check = async (lines: string) => {
    const text = `
bootstrap.servers: a:1
connectors:
  o: { connector: delta-sink, topics: [t, u], table.uri: "\${topic}", ${lines} }
`;
    const given = { path: "c.yaml", environment: {}, readTextFile: () => Promise.resolve(text) };
    const error = await readConfig(given, known).then(() => null, (error) => error);
    return error === null ? [] : (error as ConfigError).problems.map(({ key, why }) => `${key}: ${why}`);
  };
  assertEquals(await check("value.converter: one"), []);
  assertEquals(loaded, [], "nothing is checked");
  assertEquals(await check("value.converter: two, value.converter.two.schema: bad, tasks.max: x"), [
    "connectors.o.tasks.max: must be a whole number between 1 and 256",
    "connectors.o.value.converter.two.schema: is no schema",
  ]);
  assertEquals(loaded, ["two"]);
  assertEquals(await check("value.converter: two, two.schema: bad"), ["connectors.o.two.schema: is no schema"]);
  const perTopic = "value.converter: bytes, per.topic: { u: { value.converter: two, two.schema: bad } }";
  assertEquals(await check(perTopic), ["connectors.o.per.topic.u.two.schema: is no schema"]);
  assertEquals(await check("value.converter: bytes, key.converter: one, key.converter.one.schema: bad"), [
    "connectors.o.key.converter.one.schema: is no schema",
  ]);
});
