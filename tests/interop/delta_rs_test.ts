import { assertEquals } from "@std/assert";
import { Scratch } from "../integration/program.ts";
import { makeTopic } from "../integration/support.ts";
import { json, produce } from "../integration/topics.ts";
import { runPython } from "../support/python.ts";
import { assertRows, readDeltaRs, readDuckDb } from "../support/tables.ts";

/** delta-rs appends rows {id, name, n} to a table, or makes it. */
async function appendByDeltaRs(table: string, ids: readonly number[], configuration: Record<string, string> = {}) {
  await runPython(
    `
import sys, json, pyarrow as pa, deltalake
ids, configuration = json.loads(sys.argv[2]), json.loads(sys.argv[3])
rows = pa.table({"id": pa.array(ids, pa.int64()), "name": [f"delta-rs {i}" for i in ids], "n": pa.array([i / 2 for i in ids], pa.float64())})
deltalake.write_deltalake(sys.argv[1], rows, mode="append", configuration=configuration or None)`,
    table,
    JSON.stringify(ids),
    JSON.stringify(configuration),
  );
}

const row = (id: number) => ({ id, name: `sluice ${id}`, n: id + 0.5 });

/** The rows as delta-rs and DuckDB must both show them. */
async function assertBoth(table: string, ours: readonly number[], theirs: readonly number[]): Promise<void> {
  const wanted = [
    ...ours.map((id) => ({ id: String(id), name: `sluice ${id}`, n: id + 0.5 })),
    ...theirs.map((id) => ({ id: String(id), name: `delta-rs ${id}`, n: id / 2 })),
  ];
  assertRows((await readDeltaRs(table)).rows, wanted, "id");
  assertRows(await readDuckDb(table), wanted, "id");
}

Deno.test("a table that we made is appended to by delta-rs, then extended by us, and both readers see all of it", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 2);
  const table = scratch.table(topic);
  const config = await scratch.config({ topics: [topic] });

  await produce(scratch.bootstrap, topic, [1, 2, 3].map((id) => json(row(id))));
  await scratch.drain(config);
  await appendByDeltaRs(table, [101, 102]);
  await produce(scratch.bootstrap, topic, [4, 5].map((id) => json(row(id))));
  const { rows } = await scratch.drain(config);

  assertEquals(rows, 2, "what was committed before is not read again");
  await assertBoth(table, [1, 2, 3, 4, 5], [101, 102]);
});

Deno.test("a table that delta-rs made, with a checkpoint of its own, is ingested into", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 1);
  const table = scratch.table(topic);
  await Deno.mkdir(table, { recursive: true });
  await appendByDeltaRs(table, [101]);
  await appendByDeltaRs(table, [102]);
  await runPython("import sys, deltalake; deltalake.DeltaTable(sys.argv[1]).create_checkpoint()", table);
  await appendByDeltaRs(table, [103]);

  await produce(scratch.bootstrap, topic, [1, 2].map((id) => json(row(id))));
  await scratch.drain(await scratch.config({ topics: [topic] }));

  await assertBoth(table, [1, 2], [101, 102, 103]);
});

Deno.test("checkpoints of ours are what delta-rs and DuckDB read when the commits before them are gone", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 1);
  const table = scratch.table(topic);
  const config = await scratch.config({ topics: [topic], "table.properties": { "delta.checkpointInterval": "2" } });
  const ids: number[] = [];
  for (let id = 1; id <= 5; id++) {
    ids.push(id);
    await produce(scratch.bootstrap, topic, [json(row(id))]);
    await scratch.drain(config);
  }
  const log = `${table}/_delta_log`;
  const names = [...Deno.readDirSync(log)].map(({ name }) => name).sort();
  const newest = names.filter((name) => name.endsWith(".checkpoint.parquet")).at(-1)!;
  assertEquals(newest, "00000000000000000004.checkpoint.parquet");
  for (const name of names) {
    if (name.endsWith(".json") && name !== "_last_checkpoint" && name < newest) await Deno.remove(`${log}/${name}`);
  }

  await assertBoth(table, ids, []);
  await produce(scratch.bootstrap, topic, [json(row(6))]);
  assertEquals((await scratch.drain(config)).rows, 1, "the offsets are in the checkpoint too");
  await assertBoth(table, [...ids, 6], []);
});
