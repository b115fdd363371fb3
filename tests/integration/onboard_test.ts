/**
 * The way of a new user: from a subject of 30 fields to rows by addresses alone; and a plan that says beforehand what a drain
 * then does.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { runPython } from "../support/python.ts";
import { Scratch } from "./program.ts";
import { makeTopic, withAdmin } from "./support.ts";
import { avroEncoder, produce, register } from "./topics.ts";

const ROWS = 300;
const START_MS = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;

Deno.test("onboard --start goes from a subject of 30 fields to rows in a table by addresses alone", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 3);
  await fill(scratch, topic);
  const { code, stdout, stderr } = await scratch.run(
    ...["onboard", "--registry", scratch.registryUrl, "--bootstrap", scratch.bootstrap],
    ...["--subject", `${topic}-value`, "--table", scratch.table(topic), "--out", `${scratch.dir}/sluice.yaml`],
    ...["--set", "http.listen=off", "--start", "--until-caught-up"],
  ).end();
  assertEquals(code, 0, stderr + stdout);
  for (const said of ["! a union", "decimal(12,2)", "payload.parts[].sku", `${topic}: ${ROWS} records in 3`]) {
    assert(stdout.includes(said), `"${said}" is not in:\n${stdout}`);
  }
  const yaml = await Deno.readTextFile(`${scratch.dir}/sluice.yaml`);
  for (const line of ["partition.by: [date(created_at)]", `topic.name: ${topic}-dlq`, "replication.factor: 1 "]) {
    assert(yaml.includes(line), `"${line}" is not in:\n${yaml}`);
  }
  const result = JSON.parse(stdout.trim().split("\n").at(-1)!).connectors[0];
  assertEquals([result.records, result.rows, result.rejects], [ROWS, ROWS, []]);

  const read = JSON.parse(await runPython(READ, scratch.table(topic)));
  assertEquals(read, {
    rows: ROWS,
    columns: 30 + 1,
    partitions: 3,
    amounts: String((ROWS * (ROWS - 1)) / 2) + ".00",
    seven: ["7.00", "-0.000000000000000007", "sku-7", 7, "PAID", "n-7", ["a", "7"]],
  });
});

Deno.test("onboard on a terminal asks for what is missing, again where an answer is no use, and stops at Ctrl-C", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 1);
  await fill(scratch, topic);
  const main = new URL("../../runtime/cli/main.ts", import.meta.url).pathname;
  const command = [Deno.execPath(), "run", "--no-check", "-A", main, "onboard"];
  const session = async (...answers: string[]) => {
    const { code, said } = JSON.parse(await runPython(TERMINAL, scratch.dir, JSON.stringify({ answers, command })));
    return { code, said: said as string, files: [...Deno.readDirSync(scratch.dir)].map(({ name }) => name) };
  };
  const addresses = [scratch.bootstrap, scratch.registryUrl, `${topic}-value`];
  const stopped = await session(...addresses, "\x03");
  assertEquals([stopped.code, stopped.files], [1, []], stopped.said);
  const table = scratch.table(topic);
  const asked = await session(...addresses, table, "no_such_column", "country", "no");
  assertEquals([asked.code, asked.files], [0, ["sluice.yaml"]], asked.said);
  assert(asked.said.includes('there is no column "no_such_column"'), asked.said);
  const yaml = await Deno.readTextFile(`${scratch.dir}/sluice.yaml`);
  assert(yaml.includes("partition.by: [country] # as you chose") && yaml.includes(`table.uri: ${table}`), yaml);
});

Deno.test("plan writes nothing, joins nothing, and tells the rejects that a drain then has", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 2);
  await fill(scratch, topic, [
    ...Array.from({ length: 3 }, () => ({ value: Buffer.from("no frame") })),
    ...Array.from({ length: 2 }, () => ({ value: Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1]) })),
    { value: null },
  ]);
  const config = await scratch.config({
    topics: [topic],
    "value.converter": "avro",
    "partition.by": ["date(created_at)"],
    "validate.f_int.max": ROWS - 11,
    "errors.deadletterqueue.topic.name": `${topic}-dlq`,
  });
  const state = () =>
    withAdmin(scratch.bootstrap, async (admin) => ({
      groups: (await admin.listGroups()).groups.map(({ groupId }) => groupId).filter((id) => id.includes(scratch.name)),
      topics: (await admin.listTopics()).filter((name) => name.startsWith(topic)).sort(),
      files: [...Deno.readDirSync(scratch.dir)].map(({ name }) => name).sort(),
    }));
  const before = await state();
  assertEquals(before.topics, [topic]);
  const plan = async (...flags: string[]) => {
    const { code, stdout, stderr } = await scratch.run("plan", "--config", config, ...flags).end();
    return {
      code,
      stdout,
      stderr,
      topic: flags.includes("--json") ? JSON.parse(stdout).connectors[0].topics[0] : null,
    };
  };
  const first = await plan("--json");
  assertEquals([first.code, first.stderr], [0, ""]);
  assertEquals(await state(), before);
  assertEquals([first.topic.sampled, first.topic.target.before], [ROWS + 6, null]);
  assertEquals(first.topic.target.partitions.length, 3);
  assert(first.topic.expected.commitsPerHour > 0 && first.topic.bytesPerRow > 0);

  const drained = await scratch.drain(config);
  assertEquals(counts(first.topic.rejects), counts(drained.rejects));
  assertEquals(counts(first.topic.rejects).length, 4);
  assertEquals(
    first.topic.target.partitions.reduce((sum: number, { rows }: { rows: number }) => sum + rows, 0),
    drained.rows,
  );

  // The table is there; version 2 brings a column.
  const second = schema(topic, [{ name: "added", type: ["null", "string"], default: null }]);
  const encode = avroEncoder(await register(scratch.registryUrl, `${topic}-value`, second), second);
  await produce(scratch.bootstrap, topic, [{ value: encode({ ...record(1), added: { string: "new" } }) }]);
  const files = countFiles(scratch.table(topic));
  const refused = await plan("--json", "--from", "newest", "--sample", "20", "--strict");
  assertEquals(refused.code, 1);
  assertEquals([refused.topic.diff.added, refused.topic.diff.allowed], [["added: string"], false]);
  const added = await plan("--json", "--set", "schema.evolution=add");
  assertEquals([added.topic.diff.allowed, added.topic.target.added], [true, ["added"]]);
  assertEquals(countFiles(scratch.table(topic)), files);
});

/** Produces the rows, with others among them. */
async function fill(scratch: Scratch, topic: string, more: readonly { value: Buffer | null }[] = []): Promise<void> {
  const writer = schema(topic);
  const encode = avroEncoder(await register(scratch.registryUrl, `${topic}-value`, writer), writer);
  const good = Array.from({ length: ROWS }, (_, i) => ({ key: String(i), value: encode(record(i)) }));
  await produce(scratch.bootstrap, topic, [...good.slice(0, 100), ...more, ...good.slice(100)]);
}

function counts(rejects: readonly { stage: string; reason: string; count: number }[]): string[] {
  return rejects.map(({ stage, reason, count }) => `${count} ${stage}: ${reason}`).sort();
}

function countFiles(dir: string): number {
  return [...Deno.readDirSync(dir)].reduce(
    (sum, { name, isDirectory }) => sum + (isDirectory ? countFiles(`${dir}/${name}`) : 1),
    0,
  );
}

/** Of a schema. */
type Part = Readonly<Record<string, unknown>>;

/** 30 fields: nested ones, decimals, lists, maps, unions, enums, times. */
function schema(topic: string, more: readonly Part[] = []): { type: string; [key: string]: unknown } {
  const name = `R_${topic.replaceAll("-", "_")}`;
  const plain = ["boolean", "int", "long", "float", "double", "bytes", "string"].flatMap((type): Part[] => [
    { name: `f_${type}`, type },
    { name: `o_${type}`, type: ["null", type], default: null },
  ]);
  const logical = (name: string, type: string, logicalType: string, more = {}): Part => (
    { name, type: { type, logicalType, ...more } }
  );
  const part = {
    type: "record",
    name: `${name}_part`,
    fields: [{ name: "sku", type: "string" }, { name: "n", type: "int" }],
  };
  return {
    type: "record",
    name,
    fields: [
      ...plain,
      logical("amount", "bytes", "decimal", { precision: 12, scale: 2 }),
      logical("wide", "bytes", "decimal", { precision: 38, scale: 18 }),
      logical("created_at", "long", "timestamp-millis"),
      logical("updated_at", "long", "timestamp-micros"),
      logical("birth_date", "int", "date"),
      logical("at_time", "int", "time-millis"),
      logical("trace", "string", "uuid"),
      { name: "status", type: { type: "enum", name: `${name}_status`, symbols: ["NEW", "PAID"] } },
      { name: "hash", type: { type: "fixed", name: `${name}_hash`, size: 4 } },
      { name: "tags", type: { type: "array", items: "string" } },
      { name: "labels", type: { type: "map", values: "long" } },
      { name: "choice", type: ["null", "long", "string"], default: null },
      {
        name: "payload",
        type: {
          type: "record",
          name: `${name}_payload`,
          fields: [{ name: "parts", type: { type: "array", items: part } }],
        },
      },
      { name: "either", type: ["string", "double"] },
      { name: "note", type: ["null", "string"], default: null },
      { name: "country", type: "string" },
      ...more,
    ],
  };
}

function record(i: number): Record<string, unknown> {
  return {
    f_boolean: i % 2 === 0,
    f_int: i,
    f_long: BigInt(i),
    f_float: i,
    f_double: i / 4,
    f_bytes: Buffer.from([i % 256]),
    f_string: `s-${i}`,
    ...Object.fromEntries(
      ["boolean", "int", "long", "float", "double", "bytes", "string"].map((type) => [`o_${type}`, null]),
    ),
    amount: decimal(BigInt(i) * 100n),
    wide: decimal(BigInt(-i)),
    created_at: BigInt(START_MS + (i % 3) * DAY_MS),
    updated_at: BigInt(START_MS + i * DAY_MS) * 1000n,
    birth_date: i * 37,
    at_time: i,
    trace: crypto.randomUUID(),
    status: i % 2 === 0 ? "NEW" : "PAID",
    hash: Buffer.from([1, 2, 3, 4]),
    tags: ["a", String(i)],
    labels: { n: BigInt(i) },
    choice: i % 2 === 0 ? null : { long: BigInt(i) },
    payload: { parts: [{ sku: `sku-${i}`, n: i }] },
    either: i % 2 === 0 ? { double: i } : { string: String(i) },
    note: i % 5 === 0 ? null : { string: `n-${i}` },
    country: ["DE", "FR", "NL"][i % 3],
  };
}

/** Two's complement, big endian. */
function decimal(unscaled: bigint): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigInt64BE(unscaled);
  return out;
}

/** Runs a command on a terminal of its own, and answers each of its questions. */
const TERMINAL = `
import json, os, pty, re, sys
asked = json.loads(sys.argv[2])
pid, terminal = pty.fork()
if pid == 0:
    os.chdir(sys.argv[1])
    os.environ.pop("SLUICE_BOOTSTRAP_SERVERS", None)
    os.execv(asked["command"][0], asked["command"])
said, seen = b"", 0
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part:
        break
    said += part
    plain = re.sub(rb"\\x1b\\[[0-9;?]*[a-zA-Z]|\\r", b"", said[seen:])
    if asked["answers"] and re.search(rb"\\? \\[[^\\]\\n]*\\] *$", plain):
        seen, answer = len(said), asked["answers"].pop(0).encode()
        os.write(terminal, answer if answer == b"\\x03" else answer + b"\\n")
_, status = os.waitpid(pid, 0)
print(json.dumps({"code": os.waitstatus_to_exitcode(status), "said": said.decode(errors="replace")}))
`;

const READ = `
import sys, json, deltalake
table = deltalake.DeltaTable(sys.argv[1])
rows = table.to_pyarrow_table().to_pylist()
seven = [row for row in rows if row["f_int"] == 7][0]
print(json.dumps({
    "rows": len(rows),
    "columns": len(rows[0]),
    "partitions": len({row["created_at_date"] for row in rows}),
    "amounts": str(sum(row["amount"] for row in rows)),
    "seven": [str(seven["amount"]), format(seven["wide"], "f"), seven["payload"]["parts"][0]["sku"],
              seven["choice"]["long"], seven["status"], seven["note"], seven["tags"]],
}))
`;
