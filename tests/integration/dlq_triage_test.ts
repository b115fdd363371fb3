/**
 * The dead-letter queue worked through, from end to end: 10,000 letters of five causes are grouped, three causes are fixed by
 * different means and replayed, one replay is killed in its middle, one cause is resolved, one is left. Then table and queue
 * hold exactly what they should; delta-rs reads the tables.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Message } from "kafkajs";
import { inspectTable } from "../../connectors/delta-sink/inspect.ts";
import { exists } from "../../runtime/cli/exists.ts";
import { systemClock } from "../../runtime/clock.ts";
import { assertRows, type PlainRow, readDeltaRs } from "../support/tables.ts";
import { called, printed } from "./dlq_commands.ts";
import { Scratch } from "./program.ts";
import { freshName, makeTopic } from "./support.ts";
import { avroEncoder, produce, readAll, register } from "./topics.ts";

/** Letters by their cause. A replay commits 5,000 at a time: those of the first cause by two commits. */
const COUNTS = { newField: 6_400, unframed: 1_200, textForNumber: 1_000, truncated: 800, belowMin: 600 };
const COMMIT_LETTERS = 5_000;
const LETTERS = Object.values(COUNTS).reduce((sum, count) => sum + count, 0);
/** Records of each topic that are rows at once. */
const GOOD = 300;

Deno.test("10,000 letters of five causes: three fixed and replayed, once killed in the middle; one resolved, one left", async () => {
  await using scratch = await Scratch.make();
  const { orders, clicks, letters, config, schemaId, rows } = await lettersOfFiveCauses(scratch);
  const own = ["--connector", scratch.name, "--config", config];
  const dlq = async (...args: string[]) => printed(await called("dlq", ...args, ...own, "--json"));
  const inTable = async (topic: string) => (await inspectTable(scratch.table(topic)))!.rows;
  assertEquals([await inTable(orders), await inTable(clicks)], [2 * GOOD, GOOD], "no letter's record is a row");

  // Five groups, and no other.
  const found = await dlq("groups");
  const groups: Group[] = found.groups;
  assertEquals([found.letters, found.copies, groups.length], [LETTERS, 0, 5]);
  const open = (count: number) => ({ open: count, replayed: 0, resolved: 0, quarantined: 0 });
  assertEquals(byCause(groups), {
    "TASK_PUT: schema change needed (note)": open(COUNTS.newField),
    "VALUE_CONVERTER: no schema id frame": open(COUNTS.unframed),
    "VALUE_CONVERTER: type mismatch (ms)": open(COUNTS.textForNumber),
    "VALUE_CONVERTER: malformed json (ms)": open(COUNTS.truncated),
    "VALIDATION: below min (n)": open(COUNTS.belowMin),
  });
  assert(groups.every(({ wouldPass }) => wouldPass.passing === 0), "as they are none would pass");
  const group = (reason: string) => groups.find((each) => each.reason === reason)!.id;

  // The first: its column is added, and the letters go as they are. The replay is killed between its two commits.
  const [subject] = (await dlq("diff", "--group", group("schema change needed"))).diffs.map((d: Diff) => d.subject);
  assertEquals(subject, `${orders}-value@2`);
  const applied = await called(
    "table",
    "schema",
    "apply",
    scratch.table(orders),
    "--subject",
    subject,
    "--config",
    config,
  );
  assertEquals(applied.code, 0, applied.stderr);
  const changed = (await dlq("groups", "--group", group("schema change needed"))).groups[0] as Group;
  assertEquals(changed.wouldPass.passing, changed.wouldPass.tried, "what would be accepted now is pointed out");
  const replay = ["replay", "--group", group("schema change needed")];
  const { version } = (await inspectTable(scratch.table(orders)))!;
  const next = `${scratch.table(orders)}/_delta_log/${String(Number(version) + 1).padStart(20, "0")}.json`;
  const killed = scratch.run("dlq", ...replay, ...own);
  await asSoonAs(() => exists(next), () => killed.hasEnded);
  await killed.kill();
  assertEquals(killed.stdout, "", "it has not come to its end");
  assertEquals(await inTable(orders), 2 * GOOD + COMMIT_LETTERS, "a part is in the table");
  const { states: midway } = await dlq("stats");
  assert(midway.open >= LETTERS - COMMIT_LETTERS, `more is said to be done than is: ${JSON.stringify(midway)}`);
  const { before, run } = await dlq(...replay);
  const all = (count: number) => ({ chosen: count, replayed: count, refused: 0, quarantined: 0 });
  assertEquals([before.state, before.counts, run], ["done", all(COUNTS.newField), null]);

  // The second: bytes without a frame, decoded by the schema that their producer had.
  const frame = ["replay", "--group", group("no schema id frame"), "--schema-id", String(schemaId)];
  assertEquals((await dlq(...frame)).run.counts, all(COUNTS.unframed));

  // The third: a producer wrote numbers as text; tried first, then fixed. What is not cast keeps its digits.
  const cast = ["replay", "--reason", "type mismatch", "--cast", "ms:int64", "--set", "source.fixed=true"];
  const dry = await dlq(...cast, "--dry-run");
  assertEquals([dry.chosen, dry.passing], [COUNTS.textForNumber, COUNTS.textForNumber]);
  assertEquals(await inTable(clicks), GOOD, "a dry run writes nothing");
  assertEquals((await dlq(...cast)).run.counts, all(COUNTS.textForNumber));

  // The fourth is given up; the fifth is left.
  const given = await dlq("resolve", "--group", group("malformed json").slice(0, 5), "--note", "cut off by the proxy");
  assertEquals(given, { resolved: COUNTS.truncated });
  assertEquals(await dlq("resolve", "--undo"), { opened: COUNTS.truncated });
  assertEquals(await dlq("resolve", "--reason", "malformed json"), { resolved: COUNTS.truncated });

  const [inOrders, inClicks] = [await readDeltaRs(scratch.table(orders)), await readDeltaRs(scratch.table(clicks))];
  assertRows(inOrders.rows, rows.orders, "id");
  assertRows(inClicks.rows, rows.clicks, "id");
  const replayed = (count: number) => ({ ...open(0), replayed: count });
  const end = await dlq("groups");
  assertEquals(byCause(end.groups), {
    "TASK_PUT: schema change needed (note)": replayed(COUNTS.newField),
    "VALUE_CONVERTER: no schema id frame": replayed(COUNTS.unframed),
    "VALUE_CONVERTER: type mismatch (ms)": replayed(COUNTS.textForNumber),
    "VALUE_CONVERTER: malformed json (ms)": { ...open(0), resolved: COUNTS.truncated },
    "VALIDATION: below min (n)": open(COUNTS.belowMin),
  });
  const stats = await dlq("stats");
  const { newField, unframed, textForNumber, truncated, belowMin } = COUNTS;
  assertEquals([stats.letters, stats.copies], [LETTERS, 0]);
  assertEquals(stats.states, {
    ...{ open: belowMin, replayed: newField + unframed + textForNumber, resolved: truncated, quarantined: 0 },
  });
  assertEquals((await readAll(scratch.bootstrap, letters)).length, LETTERS, "no letter is there anew");
});

interface Group {
  readonly id: string;
  readonly stage: string;
  readonly reason: string;
  readonly fieldPath: string | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly wouldPass: { readonly tried: number; readonly passing: number };
}

interface Diff {
  readonly subject: string;
}

function byCause(groups: readonly Group[]): Record<string, Group["counts"]> {
  return Object.fromEntries(groups.map(({ stage, reason, fieldPath, counts }) => [
    `${stage}: ${reason}${fieldPath ? ` (${fieldPath})` : ""}`,
    counts,
  ]));
}

/** Looks as often as it can: what is to happen next happens within a moment. */
async function asSoonAs(holds: () => Promise<boolean>, isOver: () => boolean): Promise<void> {
  const deadlineMs = systemClock.monotonic() + 60_000;
  while (!(await holds())) {
    if (isOver() || systemClock.monotonic() > deadlineMs) throw new Error("It did not come to that");
    await systemClock.sleep(2);
  }
}

/** Of the real program, which reads a topic of Avro and one of JSON; and the rows that there are when all is worked through. */
async function lettersOfFiveCauses(scratch: Scratch) {
  const { bootstrap, registryUrl } = scratch;
  const [orders, clicks] = [await makeTopic(bootstrap, 2), await makeTopic(bootstrap, 2)];
  const letters = freshName("letters");
  const name = freshName("R").replaceAll("-", "_");
  const fields = [{ name: "id", type: "long" }, { name: "n", type: "int" }];
  const versions = [
    { type: "record", name, fields },
    { type: "record", name, fields: [...fields, { name: "note", type: ["null", "string"], default: null }] },
  ];
  const ids: number[] = [];
  for (const schema of versions) ids.push(await register(registryUrl, `${orders}-value`, schema));
  const [first, second] = versions.map((schema, i) => avroEncoder(ids[i], schema));
  const config = await scratch.config({
    topics: [orders, clicks],
    "value.converter": "avro",
    "schema.evolution": "none",
    "columns.kafka": ["partition", "offset"],
    "errors.deadletterqueue.topic.name": letters,
    "errors.deadletterqueue.topic.partitions": 2,
    "errors.budget.ratio": 1,
    "per.topic": {
      [orders]: { "validate.n.min": 0 },
      [clicks]: { "value.converter": "json", "value.schema": CLICK },
    },
  });

  const sent = { [orders]: [] as Message[], [clicks]: [] as Message[] };
  const rows = { orders: [] as PlainRow[], clicks: [] as PlainRow[] };
  const offsets = new Map<string, number>();
  const send = (topic: string, value: Message["value"]): PlainRow => {
    const partition = sent[topic].length % 2;
    const offset = offsets.get(`${topic}-${partition}`) ?? 0;
    offsets.set(`${topic}-${partition}`, offset + 1);
    sent[topic].push({ key: `k${offset}`, partition, value });
    return { _kafka_partition: String(partition), _kafka_offset: String(offset) };
  };
  let id = 0;
  const order = (encode: (id: bigint, n: number) => Message["value"], row: PlainRow | null, n = id % 100) => {
    const at = send(orders, encode(BigInt(id), n));
    if (row !== null) rows.orders.push({ id: String(id), n: String(n), note: null, ...row, ...at });
    id++;
  };
  const click = (text: string, row: PlainRow | null) => {
    const at = send(clicks, text);
    if (row !== null) rows.clicks.push({ id: String(id), ...row, ...at });
    id++;
  };
  const flush = async () => {
    for (const topic of [orders, clicks]) await produce(bootstrap, topic, sent[topic].slice(done[topic]));
    for (const topic of [orders, clicks]) done[topic] = sent[topic].length;
    return await scratch.drain(config);
  };
  const done = { [orders]: 0, [clicks]: 0 };
  const price = () => `123456789012345.${10 + id % 90}`;
  const goodClick = () => click(`{"id":${id},"ms":5,"price":${price()}}`, { ms: "5", price: price(), source: null });
  for (let i = 0; i < GOOD; i++) {
    order((id, n) => first({ id, n }), {});
    goodClick();
  }
  await flush(); // the tables have the columns of version 1

  const left = { ...COUNTS, good: GOOD };
  const make: Readonly<Record<keyof typeof left, () => void>> = {
    newField: () => order((id, n) => second({ id, n, note: { string: `note ${id}` } }), { note: `note ${id}` }),
    // As a producer writes it that knows nothing of the registry. No id begins like a frame.
    unframed: () => order((id, n) => first({ id, n }).subarray(5), {}),
    belowMin: () => order((id, n) => first({ id, n }), null, -1 - id % 5),
    textForNumber: () =>
      click(`{"id":${id},"ms":"${id % 1000}","price":${price()}}`, {
        ...{ ms: String(id % 1000), price: price(), source: { fixed: true } },
      }),
    truncated: () => click(`{"id":${id},"ms":`, null),
    good: () => order((id, n) => second({ id, n, note: null }), {}),
  };
  const causes = Object.keys(left) as (keyof typeof left)[];
  while (causes.some((cause) => left[cause] > 0)) {
    for (const cause of causes) if (left[cause]-- > 0) make[cause]();
  }
  const { rejects } = await flush();
  assertEquals(rejects.reduce((sum, { count }) => sum + count, 0), LETTERS);
  return { orders, clicks, letters, config, schemaId: ids[0], rows };
}

const field = (name: string, type: unknown) => ({ name, type, nullable: true, metadata: {} });
const CLICK = JSON.stringify({
  type: "struct",
  fields: [
    ...[field("id", "long"), field("ms", "long"), field("price", "decimal(17,2)")],
    field("source", { type: "struct", fields: [field("fixed", "boolean")] }),
  ],
});
