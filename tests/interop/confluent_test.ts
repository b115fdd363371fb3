/**
 * Records by Confluent's own serializers, with nested records, decimals, unions, maps, enums and references to other
 * subjects, land row by row; what nobody can read is on the dead-letter topic, whole.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { startFakeRegistry } from "../../schemas/registry_fake.ts";
import { Scratch } from "../integration/program.ts";
import { makeTopic } from "../integration/support.ts";
import { readAll } from "../integration/topics.ts";
import { runConfluent } from "../support/python.ts";
import { assertRows, type PlainRow, readDeltaRs, readDuckDb } from "../support/tables.ts";

const SCRIPT = new URL("confluent/produce.py", import.meta.url).pathname;
const COUNT = 300;

/** How the columns are called by delta-rs, where the format is more than text and numbers. */
const TYPES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  avro: { id: "long", amount: "decimal(10,2)", day: "date", at: "timestamp", choice: "struct", counts: "map" },
  "json-schema": { id: "long", amount: "double", day: "date", at: "timestamp", counts: "map", address: "struct" },
  protobuf: {
    id: "long",
    big: "decimal(20,0)",
    amount: "decimal(10,2)",
    at: "timestamp",
    counts: "map",
    rank: "integer",
  },
};

for (const [format, types] of Object.entries(TYPES)) {
  Deno.test(`${format}: what Confluent's serializer writes lands row by row, and poison on the dead-letter topic`, async () => {
    await using scratch = await Scratch.make();
    const { bootstrap, registryUrl } = scratch;
    const [topic, letters] = [await makeTopic(bootstrap, 3), await makeTopic(bootstrap, 1)];
    const printed = await runConfluent(SCRIPT, format, bootstrap, registryUrl, topic, String(COUNT), "prefix");
    const { rows, poison }: { rows: PlainRow[]; poison: string[] } = JSON.parse(printed);
    const config = await scratch.config({
      topics: [topic],
      "value.converter": format,
      "errors.deadletterqueue.topic.name": letters,
    });
    const result = await scratch.drain(config);
    assertEquals([result.rows, result.records], [COUNT, COUNT + poison.length]);

    const uri = scratch.table(topic);
    const [deltaRs, duckDb] = await Promise.all([readDeltaRs(uri), readDuckDb(uri)]);
    assertRows(deltaRs.rows, rows, "id");
    assertRows(duckDb, rows, "id");
    for (const [column, type] of Object.entries(types)) assertEquals(deltaRs.types[column], type, column);
    const dead = await readAll(bootstrap, letters);
    assertEquals(dead.map(({ value }) => value?.toHex()).toSorted(), poison.toSorted());
  });
}

Deno.test("a schema that is named by its GUID, in a header, is found; keys are named so as well", async () => {
  const registry = startFakeRegistry();
  await using scratch = await Scratch.make();
  scratch.defer(() => registry.stop());
  const { bootstrap } = scratch;
  const [topic, letters] = [await makeTopic(bootstrap, 1), await makeTopic(bootstrap, 1)];
  const printed = await runConfluent(SCRIPT, "avro", bootstrap, registry.url, topic, "20", "header");
  const { rows, poison }: { rows: PlainRow[]; poison: string[] } = JSON.parse(printed);
  const config = await scratch.config({
    topics: [topic],
    "schema.registry.url": registry.url,
    "key.converter": "avro",
    "value.converter": "avro",
    "errors.deadletterqueue.topic.name": letters,
  });
  const result = await scratch.drain(config);
  assertEquals([result.rows, result.records], [20, 20 + poison.length]);
  assertRows((await readDeltaRs(scratch.table(topic))).rows, rows, "id");
  const dead = await readAll(bootstrap, letters);
  assertEquals(dead.map(({ value }) => value?.toHex()).toSorted(), poison.toSorted());
  // The header goes with the letter: whoever replays it needs it.
  assertEquals(dead.filter(({ headers }) => "__value_schema_id" in headers).length, 1);
});
