/**
 * The broken contract, from end to end on the real program: a producer ships version 2 of a schema in mid-stream, the policy
 * lets the table have no new columns, and what is set aside comes back once somebody has decided.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { inspectTable } from "../../connectors/delta-sink/inspect.ts";
import { DUCKDB_DELTA, runPython } from "../support/python.ts";
import { assertRows, readDeltaRs } from "../support/tables.ts";
import { type Ended, Scratch } from "./program.ts";
import { makeTopic } from "./support.ts";
import { avroEncoder, produce, register } from "./topics.ts";

const V1 = 2_000;
const V2 = 3_000;

Deno.test("a broken contract: check is red, the columns are applied, a killed replay brings back every record", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 2);
  const [broken, whole] = [await configOf(scratch, topic, "broken"), await configOf(scratch, topic, "whole")];
  const subject = `${topic}-value`;
  const call = (...args: string[]) => scratch.run(...args, "--config", broken.path).end();
  const check = async () => {
    const [text, { code, stdout }] = await Promise.all([call("schemas", "check"), call("schemas", "check", "--json")]);
    assertEquals(code, text.code);
    return { code, text: text.stdout + text.stderr, check: JSON.parse(stdout).subjects[0] };
  };

  // Version 1 runs, version 2 comes in mid-stream, and records of version 1 go on beside it.
  const one = schema(topic, 1);
  const first = avroEncoder(await register(scratch.registryUrl, subject, one), one);
  const running = scratch.start(broken.path);
  await produce(scratch.bootstrap, topic, messages(0, V1 / 2, (id) => first(record(id, 1))));
  await running.while("version 1 is written", () => rowsOf(broken.table).then((rows) => rows === V1 / 2), 60_000);
  assertEquals((await check()).code, 0);
  const two = schema(topic, 2);
  const second = avroEncoder(await register(scratch.registryUrl, subject, two), two);
  await produce(scratch.bootstrap, topic, [
    ...messages(V1, V1 + V2, (id) => second(record(id, 2))),
    ...messages(V1 / 2, V1, (id) => first(record(id, 1))),
  ]);
  await running.while("all is read", () => readOf(broken.table).then((end) => end === V1 + V2), 60_000);
  assertEquals((await running.stop()).code, 0);
  // A record of version 2 without values in what is new fits as it is.
  const lost = ids(V1, V1 + V2).filter(hasNew).length;
  assertEquals(await rowsOf(broken.table), V1 + V2 - lost);

  const red = await check();
  assertEquals(red.code, 1, red.text);
  assertEquals([red.check.standsFor, red.check.newest], [1, 2]);
  const bad = red.check.versions.at(-1);
  assertEquals([bad.version, bad.verdict, bad.added], [2, "refused", ["customer.tier: string", "note: string"]]);
  const fix = bad.fix[0] as string;
  assertEquals(fix, `deno task table schema apply ${broken.table} --subject ${subject}@2 --config ${broken.path}`);
  assert(red.text.includes(fix) && red.text.includes("red: "), red.text);

  const dlq = async (...args: string[]) => printed(await call("dlq", ...args, "--connector", scratch.name, "--json"));
  const { diffs } = await dlq("diff");
  assertEquals(diffs[0].diff.added, ["customer.tier: string", "note: string"]);
  assertEquals([diffs[0].diff.allowed, diffs[0].subject], [false, `${subject}@2`]);

  const { code, stderr } = await scratch.run(...fix.split(" ").slice(2)).end();
  assertEquals(code, 0, stderr);
  const green = await check();
  assertEquals([green.code, green.check.standsFor], [0, 2], green.text);

  const replay = ["dlq", "replay", "--connector", scratch.name, "--config", broken.path];
  const killed = scratch.run(...replay);
  const rows = await rowsOf(broken.table);
  await killed.while("its first rows are there", () => rowsOf(broken.table).then((now) => now > rows), 60_000);
  await killed.kill();
  const { before, run } = await dlq("replay");
  // Killed after its last word, there is nothing left to do.
  if (killed.stdout === "") assertEquals([before.state, before.counts.replayed, run], ["done", lost, null]);
  else assertEquals([before, run], [null, null]);

  await scratch.drain(whole.path);
  const [left, right] = [await readDeltaRs(broken.table), await readDeltaRs(whole.table)];
  assertEquals(left.types, right.types);
  assertRows(left.rows, right.rows, "id");
  assertEquals(left.rows.length, V1 + V2);
  assertEquals((await check()).code, 0);
  assertEquals((await dlq("stats")).states.open ?? 0, 0);
});

Deno.test("table ddl: DuckDB runs the statements, and has the columns and types that they say", async () => {
  await using scratch = await Scratch.make();
  const field = (name: string, type: unknown) => ({ name, type, nullable: true, metadata: {} });
  const plain = ["string", "long", "integer", "short", "byte", "float", "double", "boolean", "binary", "date"];
  const deep = {
    type: "struct",
    fields: [
      field("list", { type: "array", containsNull: true, elementType: "decimal(38,18)" }),
      field("map", { type: "map", keyType: "string", valueType: "timestamp", valueContainsNull: true }),
    ],
  };
  const fields = [
    ...plain.map((type) => field(`a ${type}`.replace(" ", "-"), type)),
    ...[field("select", "timestamp"), field("local", "timestamp_ntz"), field('quo"te`s', deep)],
  ];
  const table = `${scratch.dir}/it's a table`;
  const metaData = {
    ...{ id: "t", format: { provider: "parquet", options: {} }, partitionColumns: [], configuration: {} },
    ...{ createdTime: 0, schemaString: JSON.stringify({ type: "struct", fields }) },
  };
  const features = { readerFeatures: ["timestampNtz"], writerFeatures: ["timestampNtz"] };
  const actions = [{ protocol: { minReaderVersion: 3, minWriterVersion: 7, ...features } }, { metaData }];
  await Deno.mkdir(`${table}/_delta_log`, { recursive: true });
  await Deno.writeTextFile(
    `${table}/_delta_log/${"0".repeat(20)}.json`,
    actions.map((a) => JSON.stringify(a)).join("\n"),
  );
  const { code, stdout, stderr } = await scratch.run("table", "ddl", table, "--engine", "duckdb", "--name", 'v"iew')
    .end();
  assertEquals(code, 0, stderr);
  const lines = stdout.trimEnd().split("\n");
  assertEquals(lines.filter((line) => /^(INSTALL|LOAD) delta;$/.test(line)).length, 2);
  // The extension comes from a package here.
  const statements = lines.filter((line) => !/^(INSTALL|LOAD) /.test(line)).join("\n");
  const script = `${DUCKDB_DELTA}
import json, sys
con.execute(sys.argv[1])
print(json.dumps([[row[0], row[1]] for row in con.execute('describe "v""iew"').fetchall()]))`;
  const described: [string, string][] = JSON.parse(await runPython(script, statements));
  const said = lines.filter((line) => line.startsWith("--   ")).map((line) => line.slice(5));
  const unquoted = (type: string) => type.replaceAll(/"(\w+)"/g, "$1");
  assertEquals(
    said.map(unquoted),
    described.map(([name, type]) => unquoted(`"${name.replaceAll('"', '""')}" ${type}`)),
  );
});

/** Of a connector of the scratch's name; `whole` has version 2 from the start and no letters. */
async function configOf(scratch: Scratch, topic: string, kind: "broken" | "whole") {
  const table = `${scratch.dir}/${kind}`;
  const path = await scratch.config({
    topics: [topic],
    "value.converter": "avro",
    "table.uri": table,
    "columns.kafka": ["partition", "offset"],
    "schema.evolution": kind === "whole" ? "add" : "none",
    "commit.interval.ms": 500,
    ...kind === "broken"
      ? {
        "errors.deadletterqueue.topic.name": `${topic}-dlq`,
        "errors.deadletterqueue.topic.partitions": 4,
        "errors.budget.ratio": 1,
      }
      : {},
  });
  return { table, path };
}

/** Version 2 has a nested field and a field more. */
function schema(topic: string, version: 1 | 2) {
  const optional = (name: string) => ({ name, type: ["null", "string"], default: null });
  const name = `R_${topic.replaceAll("-", "_")}`;
  const customer = {
    type: "record",
    name: `${name}_customer`,
    fields: [{ name: "name", type: "string" }, ...version === 2 ? [optional("tier")] : []],
  };
  return {
    type: "record",
    name,
    fields: [
      { name: "id", type: "long" },
      { name: "customer", type: customer },
      { name: "tags", type: { type: "array", items: "string" } },
      ...version === 2 ? [optional("note")] : [],
    ],
  };
}

/** Whether a record of version 2 has a value that version 1 has no field for. */
function hasNew(id: number): boolean {
  return id % 10 !== 0;
}

function record(id: number, version: 1 | 2): Record<string, unknown> {
  const some = (value: string) => hasNew(id) && id % 3 > 0 ? { string: value } : null;
  return {
    id: BigInt(id),
    customer: { name: `c-${id}`, ...version === 2 ? { tier: some(`t-${id % 7}`) } : {} },
    tags: [`${id}`, "x"],
    ...version === 2 ? { note: hasNew(id) ? { string: `n-${id}` } : null } : {},
  };
}

function messages(from: number, to: number, encode: (id: number) => Parameters<typeof produce>[2][number]["value"]) {
  return ids(from, to).map((id) => ({ key: String(id), partition: id % 2, value: encode(id) }));
}

function ids(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

async function rowsOf(table: string): Promise<number> {
  return (await inspectTable(table))?.rows ?? 0;
}

/** How many records the table's offsets stand behind. */
async function readOf(table: string): Promise<number> {
  return (await inspectTable(table))?.offsets.reduce((sum, { offset }) => sum + offset, 0) ?? 0;
}

// deno-lint-ignore no-explicit-any -- what a command printed as JSON
function printed({ code, stdout, stderr }: Ended): any {
  if (code !== 0) throw new Error(`The command ended with ${code}; it said:\n${stderr}\n${stdout}`);
  return JSON.parse(stdout);
}
