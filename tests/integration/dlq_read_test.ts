/**
 * Dead letters of the real program, of five causes and with copies as a crash leaves them: looked through by `dlq`.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Message } from "kafkajs";
import { Buffer } from "node:buffer";
import { systemClock } from "../../runtime/clock.ts";
import { letterOfLine } from "../../runtime/dlq/export.ts";
import { runPython } from "../support/python.ts";
import { called } from "./dlq_commands.ts";
import { Scratch } from "./program.ts";
import { freshName, makeTopic } from "./support.ts";
import { avroEncoder, json, produce, readAll, register } from "./topics.ts";

const EACH = 400;
const COPIES = 30;

Deno.test("dlq groups, shows, compares, counts and exports letters of five causes, each letter once", async () => {
  await using scratch = await Scratch.make();
  const { topic, letters, config } = await lettersOfFiveCauses(scratch);
  const run = async (...args: string[]) => {
    const ended = await called("dlq", ...args);
    return { ...ended, json: () => JSON.parse(ended.stdout) };
  };
  const own = ["--connector", scratch.name, "--config", config];
  const bare = ["--topic", letters, "--bootstrap", scratch.bootstrap];
  const program = await scratch.run("dlq", "stats", ...own, "--json").end();
  assertEquals([program.code, JSON.parse(program.stdout).letters], [0, 5 * EACH], program.stderr);
  const [groups, text, stats] = await inTurn([
    () => run("groups", ...own, "--json"),
    () => run("groups", ...own),
    () => run("stats", ...own, "--json"),
  ]);
  assertEquals(groups.code, 0, groups.stderr);
  const found: Group[] = groups.json().groups;
  const causes = (of: readonly Group[]) =>
    of.map(({ stage, reason, fieldPath, counts }) => [stage, reason, fieldPath, counts.open]);
  assertEquals(
    causes(found).map(String).sort(),
    [
      ["TASK_PUT", "schema change needed", "note", EACH],
      ["VALIDATION", "below min", "n", EACH],
      ["VALUE_CONVERTER", "no schema id frame", null, EACH],
      ["VALUE_CONVERTER", "truncated", "id", EACH],
      ["VALUE_CONVERTER", "unknown schema id", null, EACH],
    ].map(String).sort(),
  );
  assertEquals([groups.json().letters, groups.json().copies], [5 * EACH, COPIES]);
  assertEquals(found.map(({ wouldPass }) => [wouldPass?.tried, wouldPass?.passing]), found.map(() => [20, 0]));
  for (const { id, topics } of found) {
    assertEquals(topics, { [topic]: EACH });
    assertStringIncludes(text.stdout, id);
  }
  assertStringIncludes(text.stdout, `${COPIES} more are copies`);
  assertEquals(stats.json().states, { open: 5 * EACH, replayed: 0, resolved: 0, quarantined: 0 });
  const hours: { open: number }[] = stats.json().hours;
  assertEquals(hours.reduce((sum, { open }) => sum + open, 0), 5 * EACH);

  const byReason = (reason: string) => found.find((group) => group.reason === reason)!;
  const [truncated, changed] = [byReason("truncated"), byReason("schema change needed")];
  const place = truncated.first.letter;
  const out = { lines: `${scratch.dir}/out.ndjson`, rows: `${scratch.dir}/out.parquet` };
  const [shown, compared, listed, lines, rows, bareGroups] = await inTurn([
    () => run("show", place, ...own),
    () => run("diff", "--group", changed.id.slice(0, 6), ...own),
    () => run("list", ...own, "--json", "--where", `value.id == 5 || (stage == "VALIDATION" && value.n == -7)`),
    () => run("export", "--out", out.lines, ...own),
    () => run("export", "--out", out.rows, ...own, "--group", changed.id),
    () => run("groups", ...bare, "--json"),
  ]);
  assertEquals(shown.code, 0, shown.stderr);
  assert(/\^\^ byte \d+/.test(shown.stdout), shown.stdout);
  assertStringIncludes(shown.stdout, `${topic}-value@1`);
  assertStringIncludes(shown.stdout, "would be refused again, VALUE_CONVERTER");
  assertEquals(compared.code, 0, compared.stderr);
  const apply = ["table", "schema", "apply", scratch.table(topic), "--subject", `${topic}-value@2`, "--config", config];
  assertStringIncludes(compared.stdout, "+ note: string");
  assertStringIncludes(compared.stdout, `deno task ${apply.join(" ")}`);
  assertEquals(listed.code, 0, listed.stderr);
  assertEquals(listed.json().matched, 1, listed.stdout);
  assertEquals([lines.code, rows.code], [0, 0], lines.stderr + rows.stderr);
  assertEquals(causes(bareGroups.json().groups), causes(found), "letters say as much without a configuration");

  await assertExported(scratch.bootstrap, letters, out, { decoded: 2 * EACH });
  const [applied, unknown, bareShown] = await inTurn([
    () => called(...apply),
    () => run("list", ...own, "--group", `${"f".repeat(7)}z`),
    () => run("show", byReason("below min").first.letter, ...bare, "--registry", scratch.registryUrl),
  ]);
  assertEquals(applied.code, 0, applied.stderr);
  assertEquals(unknown.code, 1);
  assertStringIncludes(unknown.stderr, "Cannot find group");
  assertStringIncludes(bareShown.stdout, '"n":-');
  const [after, all] = await inTurn([
    () => run("groups", ...own, "--json", "--group", changed.id, "--check"),
    () => run("groups", ...own),
  ]);
  assertEquals((after.json().groups as Group[]).map(({ wouldPass }) => wouldPass), [
    { tried: EACH, passing: EACH, unknown: 0 },
  ]);
  assertStringIncludes(all.stdout, "would pass now: 20 of 20 sampled");
});

/** One after the other: they share the console. */
async function inTurn<T>(calls: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  for (const call of calls) results.push(await call());
  return results;
}

interface Group {
  readonly id: string;
  readonly stage: string;
  readonly reason: string;
  readonly fieldPath: string | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly topics: Readonly<Record<string, number>>;
  readonly first: { readonly letter: string };
  readonly wouldPass: { readonly tried: number; readonly passing: number; readonly unknown: number } | null;
}

/** 5 * EACH letters, and copies of some of them: those that a crash would have sent twice. */
async function lettersOfFiveCauses(scratch: Scratch): Promise<{ topic: string; letters: string; config: string }> {
  const [topic, letters] = [await makeTopic(scratch.bootstrap, 2), freshName("letters")];
  const name = freshName("R").replaceAll("-", "_");
  const fields = [{ name: "id", type: "long" }, { name: "n", type: "int" }];
  const versions = [
    { type: "record", name, fields },
    { type: "record", name, fields: [...fields, { name: "note", type: ["null", "string"], default: null }] },
  ];
  const ids: number[] = [];
  for (const schema of versions) ids.push(await register(scratch.registryUrl, `${topic}-value`, schema));
  const [first, second] = versions.map((schema, i) => avroEncoder(ids[i], schema));
  const config = await scratch.config({
    topics: [topic],
    "value.converter": "avro",
    "validate.n.min": 0,
    "errors.deadletterqueue.topic.name": letters,
    "errors.budget.ratio": 1,
  });
  // Of today: retention deletes letters by the timestamps of their records.
  const startMs = systemClock.now() - 12 * 3_600_000;
  const at = (i: number): Partial<Message> => ({ key: `k${i}`, timestamp: String(startMs + i * 20_000) });
  const good = (i: number) => first({ id: BigInt(1000 + i), n: 1 });
  const unknownId = (i: number) => {
    const bytes = Buffer.from(good(i));
    bytes.writeInt32BE(987_654_321, 1);
    return bytes;
  };
  await produce(scratch.bootstrap, topic, [{ value: good(0), ...at(0) }]);
  assertEquals((await scratch.drain(config)).rows, 1, "the table has the columns of version 1");
  await produce(
    scratch.bootstrap,
    topic,
    Array.from({ length: EACH }, (_, i): Message[] => [
      { value: `no frame ${i}`, ...at(5 * i) },
      { value: unknownId(i), ...at(5 * i + 1) },
      { value: good(i).subarray(0, 6), ...at(5 * i + 2) },
      { value: first({ id: BigInt(1000 + i), n: -1 - i }), ...at(5 * i + 3) },
      { value: second({ id: BigInt(1000 + i), n: 2, note: { string: "x" } }), ...at(5 * i + 4) },
    ]).flat(),
  );
  const { rejects } = await scratch.drain(config);
  assertEquals(rejects.reduce((sum, { count }) => sum + count, 0), 5 * EACH);
  const written = await readAll(scratch.bootstrap, letters);
  await produce(
    scratch.bootstrap,
    letters,
    written.slice(-COPIES).map(({ key, value, headers, timestampMs }) => (
      { key, value: value && Buffer.from(value), headers: { ...headers }, timestamp: String(timestampMs) }
    )),
  );
  return { topic, letters, config };
}

/** Every byte is in the lines; DuckDB reads the rows. */
async function assertExported(
  bootstrap: string,
  letters: string,
  out: { readonly lines: string; readonly rows: string },
  { decoded }: { decoded: number },
): Promise<void> {
  const lines = (await Deno.readTextFile(out.lines)).trimEnd().split("\n");
  const exported = new Map(
    lines.map(letterOfLine).map(({ letter }) => [`${letter.at.partition}@${letter.at.offset}`, letter]),
  );
  assertEquals(exported.size, 5 * EACH);
  for (const { partition, offset, value, key } of await readAll(bootstrap, letters)) {
    const letter = exported.get(`${partition}@${offset}`);
    if (!letter) continue; // a copy
    assertEquals(Buffer.from(letter.value!).equals(Buffer.from(value!)), true);
    assertEquals(new TextDecoder().decode(letter.key!), key);
  }
  assertEquals(lines.filter((line) => JSON.parse(line).decodedValue !== null).length, decoded);
  const query = "select count(*), min(octet_length(value)), count(distinct decodedValue), min(stage), " +
    `max(len(headers)), max(attempts) from read_parquet('${out.rows}')`;
  const read = await runPython(`import duckdb, json; print(json.dumps(duckdb.sql("""${query}""").fetchall()))`);
  const bytes = 5 + 2 + 1 + 3;
  assertEquals(JSON.parse(read), [[EACH, bytes, EACH, "TASK_PUT", 0, 1]]);
}

Deno.test("dlq reads a queue that Kafka Connect wrote, with its headers appended twice or none at all", async () => {
  await using scratch = await Scratch.make();
  const letters = await makeTopic(scratch.bootstrap, 1);
  const connect = (offset: number, stage: string) => ({
    "__connect.errors.topic": "orders",
    "__connect.errors.partition": "0",
    "__connect.errors.offset": String(offset),
    "__connect.errors.stage": stage,
    "__connect.errors.exception.class.name": "org.apache.kafka.connect.errors.DataException",
  });
  const [once, last] = [connect(1, "VALUE_CONVERTER"), connect(2, "TASK_PUT")];
  const twice = Object.fromEntries(
    Object.entries(once).map(([key, value]) => [key, [value, last[key as keyof typeof last]]]),
  );
  await produce(scratch.bootstrap, letters, [
    json({ id: 1 }, { headers: once }),
    json({ id: 2 }, { headers: twice }),
    json({ id: 3 }),
  ]);
  const flags = ["--topic", letters, "--bootstrap", scratch.bootstrap];
  const [list, show, none] = await inTurn([
    () => called("dlq", "list", ...flags, "--json", "--where", "value.id > 1"),
    () => called("dlq", "show", "0:2", ...flags),
    () => called("dlq", "stats", "--topic", freshName("gone"), "--bootstrap", scratch.bootstrap),
  ]);
  assertEquals(list.code, 0, list.stderr);
  const found: { offset: number | null; stage: string; attempts: number }[] = JSON.parse(list.stdout).letters;
  const told = found.map(({ offset, stage, attempts }) => `${offset} ${stage} ${attempts}`);
  assertEquals(told.sort(), ["2 TASK_PUT 2", "null  1"]);
  assertStringIncludes(show.stdout, '{"id":3}');
  assertEquals(none.code, 1);
  assertStringIncludes(none.stderr, "there is no topic");
});
